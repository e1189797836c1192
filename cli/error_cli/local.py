"""Programs of the daemon's that error-cli runs here, on this host, without asking a daemon: they answer with one JSON document.

error-cli never imports the daemon, so that it stays what it is everywhere, a user of the gRPC API. What needs the daemon's own knowledge
(what definitions may say, what a host should be like) is a program in `error_daemon.runtime`, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from error_cli.failure import Exit, Failure

# As `python -m` would, but what lies in the working directory never stands for a module of ours, and Ctrl-C just ends it.
_PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); sys.path[:] = [path for path in sys.path if path]; "
    "from error_daemon.runtime.{module} import main; sys.exit(main())"
)
_USAGE = 2  # it has said why in its document


def run_here(module: str, arguments: Sequence[str], what: str, given: bytes = b"") -> dict[str, Any]:
    """What `error_daemon.runtime.MODULE` says. `what`: its name in a sentence, for when it has none. `given`: its standard input."""
    command = [sys.executable, "-c", _PROGRAM.format(module=module), *arguments]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, _USAGE) or not done.stdout:
        raise Failure(Exit.LATER, f"{what} ended with {done.returncode}: standard error has why")
    told: dict[str, Any] = json.loads(done.stdout)
    return told
