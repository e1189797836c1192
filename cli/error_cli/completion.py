"""`error-cli completion`: the script that teaches a shell to complete error-cli."""

from __future__ import annotations

import json

import click

from error_cli.command import Command, examples
from error_cli.completing import SHELLS, script
from error_cli.documents import document_text
from error_cli.wishes import Wishes, wishing


@click.command(
    cls=Command,
    epilog=examples(
        'eval "$(error-cli completion bash)"    # in ~/.bashrc',
        'eval "$(error-cli completion zsh)"     # in ~/.zshrc, behind compinit',
        "error-cli completion fish | source     # in ~/.config/fish/config.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
@wishing
def command(wishes: Wishes, ctx: click.Context, shell: str) -> None:
    """Print what teaches a shell to complete error-cli.

    It completes commands, options and their values, and from a running daemon error ids, components, targets, strategies
    and rules.
    """
    text = script(ctx.find_root().command, shell, "error-cli")
    if wishes.for_programs:
        document_text(json.dumps({"shell": shell, "script": text}))
    else:
        click.echo(text, nl=False)
