"""Who may read and write what the daemon goes by. Who writes the definitions has commands run as its user; who reads a file with a
secret has the secret (A22: the daemon does not start with such a file, and a diagnosis sees those that came later)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area, some
from error_daemon.runtime.environment import FILE as ENVIRONMENT
from error_daemon.settings import Settings

_AREA = Area("permissions")
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Mode:
    """`what`: program (who writes it has commands run), state (of the daemon's own), or socket."""

    path: str
    what: str
    bits: int
    group: int


def permissions(settings: Settings, config: Path) -> list[Diagnostic]:
    return judge_modes(modes(settings, config))


def judge_modes(found: Iterable[Mode]) -> list[Diagnostic]:
    by_what: dict[str, list[Mode]] = {"program": [], "state": [], "socket": []}
    for mode in found:
        by_what[mode.what].append(mode)
    return [*_programs(by_what["program"]), *_state(by_what["state"]), *_socket(by_what["socket"])]


def _programs(found: list[Mode]) -> Iterator[Diagnostic]:
    anybody = [mode for mode in found if mode.bits & stat.S_IWOTH and not mode.bits & stat.S_ISVTX]
    group = [mode for mode in found if mode.bits & stat.S_IWGRP and mode.group and mode not in anybody]
    if anybody:
        says = f"anybody on this host can write {_paths(anybody)}, and so have commands run"
        yield _AREA.bad("configuration", says, f"chmod o-w {_paths(anybody)}")
    if group:
        says = f"a group may write {_paths(group)}, and so have commands run"
        yield _AREA.notice("configuration", says, f"chmod g-w {_paths(group)}, unless that is meant")
    if found and not anybody and not group:
        yield _AREA.good("configuration", f"of {some(len(found), 'path')} none can be written by others")


def _state(found: list[Mode]) -> Iterator[Diagnostic]:
    for mode in found:
        if mode.bits & (stat.S_IWOTH | stat.S_IWGRP):
            yield _AREA.bad(
                "state", f"others can write in {mode.path}, where faults and the record are", f"chmod 750 {mode.path}"
            )
        elif mode.bits & stat.S_IROTH:
            says = f"anybody can look into {mode.path}: what faults say, and the record"
            yield _AREA.notice("state", says, f"chmod 750 {mode.path}")
        else:
            yield _AREA.good("state", f"{mode.path} has mode {mode.bits & 0o777:o}")


def _socket(found: list[Mode]) -> Iterator[Diagnostic]:
    for mode in found:
        if mode.bits & stat.S_IWOTH:
            says = f"anybody on this host may report and steer through {mode.path}"
            yield _AREA.notice("socket", says, f"chmod 660 {mode.path}; its group says who may")
        else:
            yield _AREA.good("socket", f"{mode.path} has mode {mode.bits & 0o777:o}")


def _paths(found: list[Mode]) -> str:
    shown = " ".join(mode.path for mode in found[:_MOST_SHOWN])
    return shown if len(found) <= _MOST_SHOWN else f"{shown} (and {len(found) - _MOST_SHOWN} more)"


def modes(settings: Settings, config: Path) -> list[Mode]:
    """Of what is there, and may be looked at."""
    definitions = Path(settings.definitions_dir)
    files = sorted(definitions.rglob("*.y*ml")) if definitions.is_dir() else []
    asked = [(path, "program") for path in (config, Path(ENVIRONMENT), definitions, *files)]
    asked.append((Path(settings.state_dir), "state"))
    if settings.listen.startswith("unix:"):
        asked.append((Path(settings.listen[len("unix:") :]), "socket"))
    return [mode for path, what in asked if (mode := _mode(path, what)) is not None]


def _mode(path: Path, what: str) -> Mode | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Mode(str(path), what, stat.S_IMODE(status.st_mode), status.st_gid)
