"""A wrong command line, told with its mend: what was probably meant, what may stand there, how it is written, where the help is.

error-cli: --type: there is no 'netw'
  did you mean 'network'?
  see: error-cli report --help
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

import click

from error_cli.command import NoSuchCommand, walk
from error_cli.lines import note

_CUTOFF = 0.55
_EXTRA = "unexpected extra argument"


def show_usage(wrong: click.UsageError) -> None:
    """Print the sentences on standard error."""
    ctx = wrong.ctx
    note(f"error-cli: {_sentence(wrong)}")
    for mend in _mends(wrong):
        note(f"  {mend}")
    if ctx is not None:
        note(f"  see: {ctx.command_path} --help")


def likely(word: str, words: Iterable[str]) -> str:
    """Which of `words` was probably meant by `word`; "" where none is near."""
    by_lower = {one.lower(): one for one in words}
    lower = word.lower()
    begins = [one for one in by_lower if len(lower) > 1 and one.startswith(lower)]
    near = begins or get_close_matches(lower, by_lower, n=1, cutoff=_CUTOFF)
    return by_lower[near[0]] if near else ""


def _sentence(wrong: click.UsageError) -> str:
    """What is wrong."""
    if isinstance(wrong, click.NoSuchOption):
        return f"there is no option {_typed_option(wrong.option_name)!r}"
    if isinstance(wrong, click.MissingParameter) and wrong.param is not None:
        return f"{_hint(wrong.param)} is missing"
    if isinstance(wrong, click.BadParameter) and wrong.param is not None:
        choices, value = _choices(wrong.param), _value(wrong)
        if isinstance(wrong.param.type, click.IntRange):
            return f"{_hint(wrong.param)}: {wrong.message.partition(' is not')[0]} is not {_range(wrong.param.type)}"
        said = f"there is no {value!r}" if choices and value else wrong.message.rstrip(".")
        return f"{_hint(wrong.param)}: {said}"
    if _EXTRA in wrong.message:
        return f"there is more than it takes: {wrong.message.partition('(')[2].rstrip('). ')}"
    if isinstance(wrong, click.BadOptionUsage):
        return wrong.message.rstrip(".").replace("Option ", "").replace("requires an argument", "needs a value")
    return wrong.format_message().rstrip(".")


def _mends(wrong: click.UsageError) -> Iterator[str]:
    if isinstance(wrong, NoSuchCommand):
        yield from _command_mends(wrong)
    elif isinstance(wrong, click.NoSuchOption):
        yield from _option_mends(wrong)
    elif isinstance(wrong, click.BadOptionUsage):
        yield from _usage_mends(wrong)
    elif isinstance(wrong, click.BadParameter) and wrong.param is not None:
        yield from _value_mends(wrong, wrong.param)
    elif _EXTRA in wrong.message:
        yield "a text of several words stands in quotes; otherwise leave it out"
        yield from _example(wrong.ctx)


def _command_mends(wrong: NoSuchCommand) -> Iterator[str]:
    assert wrong.ctx is not None
    here = wrong.ctx.command_path
    assert isinstance(wrong.ctx.command, click.Group)
    near = likely(wrong.name, wrong.ctx.command.list_commands(wrong.ctx))
    elsewhere = [" ".join(path) for path, _ in walk(wrong.ctx.find_root().command) if path[1:] == (wrong.name,)]
    if elsewhere:
        yield f"did you mean {_or(f'error-cli {path}' for path in elsewhere)}?"
    elif near:
        yield f"did you mean '{here} {near}'?"


def _option_mends(wrong: click.NoSuchOption) -> Iterator[str]:
    """An option of this command that is near, else the commands that have just this one."""
    assert wrong.ctx is not None
    typed = _typed_option(wrong.option_name)
    options = _long_options(wrong.ctx.command)
    near = likely(typed, options) if typed.startswith("--") else likely(f"-{typed}", options)
    root = wrong.ctx.find_root().command
    owners = [" ".join(path) for path, command in walk(root) if typed in _long_options(command)]
    if owners:
        yield f"{typed} stands behind a command that has it: {', '.join(owners)}"
    elif near:
        yield f"did you mean {near!r}?"


def _usage_mends(wrong: click.BadOptionUsage) -> Iterator[str]:
    if wrong.ctx is None:
        return
    for param in wrong.ctx.command.get_params(wrong.ctx):
        if wrong.option_name in param.opts:
            choices = _choices(param)
            if isinstance(param, click.Option) and param.is_flag:
                yield f"write {wrong.option_name} alone"
            elif choices:
                yield f"write {wrong.option_name} and one of: {', '.join(choices)}"
            else:
                yield f"write {wrong.option_name} {param.make_metavar(wrong.ctx)}"


def _value_mends(wrong: click.BadParameter, param: click.Parameter) -> Iterator[str]:
    choices = _choices(param)
    if not choices:
        yield from _example(wrong.ctx)
        return
    value = _value(wrong)
    near = likely(value, choices) if value else ""
    if near:
        yield f"did you mean {near!r}?"
    yield f"one of: {', '.join(choices)}"


def _example(ctx: click.Context | None) -> Iterator[str]:
    """The first example in the command's help."""
    epilog = (ctx.command.epilog or "") if ctx is not None else ""
    found = [line.strip() for line in re.sub(r" \\\n +", " ", epilog).splitlines() if "error-cli" in line]
    if found:
        yield f"as in: {found[0]}"


def _range(numbers: click.IntRange) -> str:
    least = "" if numbers.min is None else f" from {numbers.min:,}"
    most = "" if numbers.max is None else f" to {numbers.max:,}"
    return f"a whole number{least}{most}"


def _value(wrong: click.BadParameter) -> str:
    """What stood there; click keeps it in its sentence only, quoted."""
    quoted = wrong.message.partition(" is not one of")[0]
    return quoted[1:-1] if quoted != wrong.message else ""


def _typed_option(name: str) -> str:
    """The option as it was typed: of `-json` click names `-j`."""
    if name.startswith("--"):
        return name
    return next((arg for arg in sys.argv[1:] if arg.startswith(name) and len(arg) > len(name) + 1), name)


def _choices(param: click.Parameter) -> tuple[str, ...]:
    return tuple(map(str, param.type.choices)) if isinstance(param.type, click.Choice) else ()


def _hint(param: click.Parameter) -> str:
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name.rstrip(".").strip("[]")


def _long_options(command: click.Command) -> list[str]:
    return [opt for param in command.get_params(click.Context(command)) for opt in param.opts if opt.startswith("--")]


def _or(words: Iterable[str]) -> str:
    return " or ".join(f"'{word}'" for word in words)
