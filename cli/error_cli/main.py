"""The program `error-cli`. failure.py has its exit codes."""

from __future__ import annotations

import io
import signal
import sys

import click

from error_cli.command import Root, Wishes, wishing
from error_cli.failure import Exit, Failure


@click.group(
    cls=Root,
    names=(
        "status",
        "report",
        "errors",
        "explain",
        "history",
        "metrics",
        "brakes",
        "pause",
        "resume",
        "approvals",
        "approve",
        "deny",
        "reset",
        "flush",
        "replay",
    ),
    shared={"approve": "answer", "deny": "answer"},
    aliases={"breakers": "brakes"},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="error-recovery", prog_name="error-cli", message="%(prog)s %(version)s")
@wishing
def cli(wishes: Wishes) -> None:
    """Ask and steer the recovery daemon of this host.

    Error ids may be shortened to any prefix that names one error. Tables are for people, --json is for programs.

    \b
    Shell completion, for bash (zsh and fish likewise):
      eval "$(_ERROR_CLI_COMPLETE=bash_source error-cli)"
    """


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `error-cli history | head` ends as every Unix tool does
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without µ or → is no reason to fail
    try:
        code = cli.main(prog_name="error-cli", standalone_mode=False)
    except Failure as failure:
        failure.show()
        code = failure.code
    except click.Abort:
        code = Exit.INTERRUPTED
    except click.ClickException as wrong:
        wrong.show()
        code = Exit.USAGE
    sys.exit(code if isinstance(code, int) else Exit.DONE)


if __name__ == "__main__":
    main()
