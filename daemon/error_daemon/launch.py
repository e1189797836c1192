"""The program `error_daemon`, as it is installed: first the start-up self-check (installed.py), then everything else.

Nothing with a native part is imported before the check has said that it is what was installed. A daemon that is ended by SIGABRT, as a
watchdog does it, or by a fault in native code, leaves the stacks of all its threads on standard error.
"""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path

from error_daemon import installed

EX_CONFIG = 78
_MEND = "install it again (make install, or the package). If this is right as it is: {}/bin/python -m error_daemon.installed --record"


def main() -> int:
    faulthandler.enable()
    if not is_as_installed(Path(sys.prefix)):
        return EX_CONFIG
    from error_daemon.__main__ import main as serve

    return serve()


def is_as_installed(prefix: Path) -> bool:
    """False when what would run is not what was installed. Says every difference on standard error."""
    try:
        recorded = installed.read_record(prefix)
        found = installed.differences(prefix, recorded) if recorded is not None else []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{prefix / 'installed.json'} cannot be read: {error!r}"
        found = [installed.Difference(problem, is_fatal=True)]
    for difference in found:
        print(f"error_daemon: {difference.says}", file=sys.stderr)
    if found:
        print(f"error_daemon: {_MEND.format(prefix)}", file=sys.stderr)
    return not any(difference.is_fatal for difference in found)


if __name__ == "__main__":
    sys.exit(main())
