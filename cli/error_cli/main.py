"""The program `error-cli`. failure.py has its exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys

import click

from error_cli.command import Root, examples
from error_cli.failure import EXIT_CODES, Exit, Failure
from error_cli.wishes import Wishes, wishing


@click.group(
    cls=Root,
    names=(
        "status",
        "top",
        "targets",
        "diagnose",
        "report",
        "errors",
        "explain",
        "history",
        "audit",
        "metrics",
        "scores",
        "host",
        "brakes",
        "pause",
        "resume",
        "hooks",
        "approvals",
        "approve",
        "deny",
        "workflows",
        "reset",
        "flush",
        "replay",
        "test",
        "validate",
        "reload",
        "tune",
        "completion",
    ),
    shared={"approve": "answer", "deny": "answer"},
    aliases={"breakers": "brakes"},
    epilog=examples(
        "error-cli status",
        "error-cli errors list --status failed",
        "error-cli explain 3f2a9c0d",
        "error-cli help pause                    # each command has examples",
        'eval "$(error-cli completion bash)"     # zsh and fish likewise',
    )
    + "\n\n"
    + EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="error-recovery", prog_name="error-cli", message="%(prog)s %(version)s")
@wishing
def cli(wishes: Wishes) -> None:
    """Ask and steer the recovery daemon of this host.

    Error ids may be shortened to any prefix that names one error. Tables are for people, --output json or yaml for programs.
    """


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `error-cli history | head` ends as every Unix tool does
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without µ or → is no reason to fail
    if "_ERROR_CLI_COMPLETE" in os.environ:
        from error_cli.completing import register

        register()
    try:
        code = cli.main(prog_name="error-cli", standalone_mode=False)
    except Failure as failure:
        failure.show()
        code = failure.code
    except click.Abort:
        code = Exit.INTERRUPTED
    except click.ClickException as wrong:
        _show(wrong)
        code = Exit.USAGE
    sys.exit(code if isinstance(code, int) else Exit.DONE)


def _show(wrong: click.ClickException) -> None:
    from error_cli.usage import show_usage

    is_help = (
        type(wrong).__name__ == "NoArgsIsHelpError"
    )  # a group without a command; older versions of click don't have it
    if isinstance(wrong, click.UsageError) and not is_help:
        show_usage(wrong)
    else:
        wrong.show()


if __name__ == "__main__":
    main()
