"""What all commands share: the options --address, --timeout and --json, before or after the command's name, and their help; and
what several of them ask for: the time that a question is about.

Commands live in modules of their own, imported when they are needed; neither grpc nor rich is imported before a command runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from error_cli.failure import EXIT_CODES, Exit
from error_cli.phrase import instant_option, seconds_option

DEFAULT_ADDRESS = "127.0.0.1:50051"
DEFAULT_TIMEOUT_S = 5.0
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Wishes:
    """What was asked for beside the command itself."""

    address: str = DEFAULT_ADDRESS
    timeout_s: float = DEFAULT_TIMEOUT_S
    json: bool = False


wishing = click.make_pass_decorator(Wishes, ensure=True)


def examples(*lines: str) -> str:
    """An epilog that click leaves as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


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


def address_option(text: str) -> str:
    """`host:port` or `unix:/path`."""
    host, colon, port = text.rpartition(":")
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    if not host or not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{text!r} is neither host:port, as in {DEFAULT_ADDRESS}, nor unix:/path")
    return text


class Command(click.Command):
    """A command that takes the shared options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options(outermost=False))


class Guessing(click.Group):
    """A group that says what was probably meant by a command that it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and name[:1].isalnum() and not ctx.resilient_parsing:
            likely = get_close_matches(name, self.list_commands(ctx), n=1, cutoff=0.5)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {likely[0]!r}?" if likely else ""))
        return super().resolve_command(ctx, args)


class Group(Guessing):
    """A group that takes the shared options, as its commands do."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options(outermost=False))


class Root(Guessing):
    """The group of all commands: each is the object `command` of the module with its name.

    `shared` are those that stand in one module with others, each as the object with its name; `aliases` are other names, which
    help leaves out."""

    def __init__(
        self, *args: Any, names: Sequence[str], shared: Mapping[str, str], aliases: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, epilog=EXIT_CODES, **kwargs)
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
    json = ": one document, or one line for each message of a stream" if outermost else ""
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
            ["--timeout", "timeout_s"],
            type=seconds_option,
            metavar="SECONDS",
            callback=_keep,
            expose_value=False,
            help=f"How long to wait for an answer.{timeout}",
        ),
        click.Option(["--json"], is_flag=True, callback=_keep, expose_value=False, help=f"Print JSON{json}."),
    ]


def _keep(ctx: click.Context, param: click.Parameter, value: object) -> None:
    wishes = ctx.ensure_object(Wishes)
    if value and param.name:
        setattr(wishes, param.name, value)
