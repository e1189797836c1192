"""How a shell asks error-cli what could stand where the cursor is, beyond what click does for it.

click's scripts call `error-cli` with _ERROR_CLI_COMPLETE=SHELL_complete and the words in the environment. Three things are added:

- bash splits `--type=net` into three words at the `=`; the middle one is no value of --type.
- zsh and fish keep it whole, and replace the whole of it by what is offered: so the offer begins with `--type=` too.
- click's script for fish ends a description at its first comma.
"""

from __future__ import annotations

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

VARIABLE = "_ERROR_CLI_COMPLETE"


class _Whole(ShellComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        option, equals, _ = incomplete.partition("=")
        offered = super().get_completions(args, incomplete)
        if not equals or not option.startswith("--"):
            return offered
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in offered]


class _Bash(_Whole, BashComplete):
    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [arg for arg in args if arg != "="], incomplete


class _Zsh(_Whole, ZshComplete):
    pass


class _Fish(_Whole, FishComplete):
    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
SHELLS = tuple(_SHELLS)


def register() -> None:
    """Before click answers a shell."""
    for name, shell in _SHELLS.items():
        add_completion_class(shell, name)


def script(root: click.Command, shell: str, program: str) -> str:
    """What the shell reads to have completion. (click's own `source` starts a bash to see its version.)"""
    completer = _SHELLS[shell](root, {}, program, VARIABLE)
    return completer.source_template % completer.source_vars()
