"""What all commands share: the options --address, --timeout, --tls-..., --token-file, --output and --json, before or after the
command's name, and their help;
and what several of them ask for: the time that a question is about.

Commands live in modules of their own, imported when they are needed; neither grpc nor yaml is imported before a command runs.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click

from error_cli.documents import FORMATS, choose
from error_cli.failure import Exit
from error_cli.known import complete_known
from error_cli.phrase import instant_option, seconds_option
from error_cli.wishes import DEFAULT_ADDRESS, DEFAULT_TIMEOUT_S, Wishes

_EXAMPLE_WIDTH = 74  # click indents it by 4
_BREAKS = re.compile(r" (?=--|-a |\| )")
F = TypeVar("F", bound=Callable[..., Any])


def examples(*lines: str) -> str:
    """An epilog that click leaves as it is. Lines that 80 columns would not hold go on behind a backslash, before an option or a pipe."""
    return "\b\nExamples:\n" + "\n".join(f"  {one}" for line in lines for one in _typed(line))


def _typed(example: str) -> Iterator[str]:
    indent = ""
    while len(indent + example) > _EXAMPLE_WIDTH:
        breaks = [found.start() for found in _BREAKS.finditer(example) if found.start() < _EXAMPLE_WIDTH - len(indent)]
        if not breaks:
            break
        yield f"{indent}{example[: breaks[-1]]} \\"
        indent, example = "    ", example[breaks[-1] + 1 :]
    yield indent + example


def period(command: F) -> F:
    """The options --since and --until: the time that a question about the record is about."""
    since = click.option(
        "--since",
        type=instant_option,
        default="24h",
        show_default=True,
        metavar="WHEN",
        help="1h, 7d, a time such as 2026-03-01 03:00, or all.",
    )
    until = click.option("--until", type=instant_option, metavar="WHEN", help="Likewise; without it till now.")
    return since(until(command))


def _utf8(argument: str) -> str:
    """An argument as it can be sent: what in it is not UTF-8 is replaced, as Python has it as halves of characters."""
    return os.fsencode(argument).decode("utf-8", "replace")


def address_option(text: str) -> str:
    """`host:port` or `unix:/path`."""
    host, colon, port = text.rpartition(":")
    if text != _utf8(text):
        raise click.BadParameter(f"{_utf8(text)!r} is not UTF-8")
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    if not host or not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{text!r} is neither host:port, as in {DEFAULT_ADDRESS}, nor unix:/path")
    return text


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command under `command`, itself included, with the words that are typed for it."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from walk(inner, (*path, name))


class NoSuchCommand(click.UsageError):
    def __init__(self, name: str, ctx: click.Context) -> None:
        super().__init__(f"there is no command {name!r}", ctx)
        self.name = name


class Telling(click.Command):
    """A command of which a wrong command line is told with its mend: the parser leaves out of its errors which command it was."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            wrong.ctx = wrong.ctx or ctx
            raise


class Command(Telling):
    """A command that takes the shared options too, and whose ids and targets the shell can complete."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        complete_known(self.params)
        for param in self.params:
            if isinstance(param.type, click.IntRange) and param.metavar is None:
                param.metavar = "NUMBER"  # click's INTEGER RANGE looks like two words to type
        self.params.extend(_shared_options(outermost=False))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names_files = any(isinstance(param.type, click.Path) for param in self.params)  # these are bytes, and stay so
        return super().parse_args(ctx, args if names_files else list(map(_utf8, args)))


class Named(Telling, click.Group):
    """A group that says which command it does not have, for usage.py to find what was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and name[:1].isalnum() and not ctx.resilient_parsing:
            raise NoSuchCommand(name, ctx)
        return super().resolve_command(ctx, args)


class Group(Named):
    """A group that takes the shared options, as its commands do."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options(outermost=False))


class Root(Named):
    """The group of all commands: each is the object `command` of the module with its name.

    `shared` are those that stand in one module with others, each as the object with its name; `aliases` are other names, which
    help leaves out."""

    def __init__(
        self, *args: Any, names: Sequence[str], shared: Mapping[str, str], aliases: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.names = tuple(names)
        self.shared = dict(shared)
        self.aliases = dict(aliases)
        self.params.extend(_shared_options(outermost=True))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                sys.stderr.write("\n")  # what follows does not belong behind the ^C
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "help":  # `error-cli help errors show` is what many type
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
            args = [*args[1:], "--help"]
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.aliases.get(cmd_name, cmd_name)
        if name not in self.names:
            return None
        module, attribute = (self.shared[name], name) if name in self.shared else (name, "command")
        command = getattr(importlib.import_module(f"error_cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command


def _shared_options(outermost: bool) -> list[click.Option]:
    """The environment is read by the outermost group only, so that it never overrides what stands on the command line."""
    address = f" [env ERROR_RECOVERY_ADDRESS, else {DEFAULT_ADDRESS}]" if outermost else ""
    timeout = f" [{DEFAULT_TIMEOUT_S:.0f}]" if outermost else ""
    stream = " Of a stream: one document, or one line of JSON, for each message." if outermost else ""
    return [
        click.Option(
            ["--address"],
            type=address_option,
            metavar="HOST:PORT",
            envvar="ERROR_RECOVERY_ADDRESS" if outermost else None,
            callback=_keep,
            expose_value=False,
            help=f"Where the daemon listens; unix:/path works too.{address}",
        ),
        click.Option(
            ["--timeout", "asked_timeout_s"],
            type=seconds_option,
            metavar="SECONDS",
            callback=_keep,
            expose_value=False,
            help=f"How long to wait for an answer.{timeout}",
        ),
        *_security_options(outermost),
        click.Option(
            ["--output", "-o"],
            type=click.Choice(FORMATS),
            callback=_keep,
            expose_value=False,
            help=f"Tables are for people, JSON and YAML for programs.{stream}",
        ),
        click.Option(
            ["--json", "output"],
            is_flag=True,
            flag_value="json",
            callback=_keep,
            expose_value=False,
            help="Short for --output json.",
        ),
    ]


_SECURITY = (
    ("tls_ca", "FILE", "Over TLS: who may vouch for the daemon, PEM; or: system."),
    ("tls_cert", "FILE", "Your certificate, PEM, where the daemon asks for one."),
    ("tls_key", "FILE", "Its key, if that is not in the same file."),
    ("tls_name", "NAME", "The name in the daemon's certificate, if it is not that of the address."),
    ("token_file", "FILE", "A file with your token."),
)


def _security_options(outermost: bool) -> list[click.Option]:
    """Shown by the outermost group only: they are of a setup, and not of a question."""
    return [
        click.Option(
            [f"--{name.replace('_', '-')}"],
            metavar=metavar,
            envvar=f"ERROR_RECOVERY_{name.upper()}" if outermost else None,
            callback=_keep,
            expose_value=False,
            hidden=not outermost,
            help=f"{text} [env ERROR_RECOVERY_{name.upper()}]",
        )
        for name, metavar, text in _SECURITY
    ]


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    wishes = ctx.ensure_object(Wishes)
    if value and param.name:
        setattr(wishes, param.name, value)
        if param.name == "output":
            choose(ctx, wishes.output)
