"""Whether what runs is what was installed (A21): every native module read and compared, and not only its size and time as at a start."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from error_daemon import __version__, installed
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area, some

CURRENT = Path("/opt/error-recovery/current")
_AREA = Area("installation")
_AGAIN = "sudo make install (or the package) again; if it is right so: {}/bin/python -m error_daemon.installed --record"


def installation(prefix: Path = Path(sys.prefix), current: Path = CURRENT) -> list[Diagnostic]:
    return [version(prefix, current.resolve() if current.exists() else None), libraries(prefix)]


def version(prefix: Path, current: Path | None) -> Diagnostic:
    """`current`: the release in force on this host."""
    runs = f"error-recovery {__version__} on Python {platform.python_version()}"
    in_force = current is not None and prefix.resolve() != current and prefix.resolve().parent == current.parent
    if in_force and current is not None:
        says = f"{runs} runs from {prefix.name}, and {current.name} is installed"
        return _AREA.notice("version", says, "systemctl restart error-recovery")
    return _AREA.good("version", f"{runs}, from {prefix}")


def libraries(prefix: Path) -> Diagnostic:
    try:
        recorded = installed.read_record(prefix)
        found = installed.differences(prefix, recorded, reads_all=True) if recorded is not None else []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _AREA.bad("libraries", f"what was installed can't be read: {error!r}", _AGAIN.format(prefix))
    if recorded is None:
        return _AREA.unavailable("libraries", "nothing was recorded when it was installed: this is a checkout")
    if not found:
        modules = some(len(recorded["files"]), "native module")
        library = f"{recorded['c_library']['name']} {recorded['c_library']['version']}"
        return _AREA.good("libraries", f"{modules} and {library} are those that were installed")
    says = "; ".join(difference.says for difference in found)
    if any(difference.is_fatal for difference in found):
        return _AREA.bad("libraries", f"{says}: it would not start again", _AGAIN.format(prefix))
    return _AREA.notice("libraries", says, f"if all works: {prefix}/bin/python -m error_daemon.installed --record")
