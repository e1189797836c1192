"""An event listener of supervisord: programs that end, and should not have, are reported to error_daemon.

It needs nothing but Python and error-cli. An event that could not be reported is given back, and comes again: while the daemon is away
supervisord keeps as many as `buffer_size` says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

ERROR_CLI = os.environ.get("ERROR_CLI", "/usr/local/bin/error-cli")
AGAIN_S = 1.0


def fields_of(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (pair.partition(":") for pair in text.split())}


def message_of(event: str, said: dict[str, str]) -> str:
    """Empty where nothing is wrong."""
    if event == "PROCESS_STATE_FATAL":
        return f"{said['processname']} is given up: it does not stay up when it is started"
    if event == "PROCESS_STATE_EXITED" and said.get("expected") == "0":
        return f"{said['processname']} has ended, and should not have"
    return ""


def report(event: str, said: dict[str, str]) -> bool:
    message = message_of(event, said)
    if not message:
        return True
    command = [ERROR_CLI, "report", "--type=system", "--component=" + said["processname"], "--operation=run"]
    command += [f"--attribute=supervisor.{name}={text}" for name, text in sorted(said.items())]
    ended = subprocess.run(
        [*command, "--attribute=supervisor.event=" + event, "--", message], stdout=subprocess.DEVNULL, check=False
    )
    return ended.returncode == 0


def main() -> None:
    while True:
        print("READY", flush=True)
        head = fields_of(sys.stdin.readline())
        if not head:
            return
        said = fields_of(sys.stdin.read(int(head["len"])))
        if report(head["eventname"], said):
            print("RESULT 2\nOK", end="", flush=True)
        else:
            time.sleep(AGAIN_S)
            print("RESULT 4\nFAIL", end="", flush=True)


if __name__ == "__main__":
    main()
