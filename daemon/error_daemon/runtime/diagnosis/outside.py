"""What can be seen of a daemon that does not answer: the program behind `error-cli diagnose` when nobody is there.

`python -m error_daemon.runtime.diagnosis.outside --address ADDRESS [--config FILE]` prints one JSON document with `diagnostics`. What the
caller may not see is said to be so: as root one sees more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from error_daemon.definitions.configuration import DEFAULT_PATH, load_settings
from error_daemon.definitions.examine import Against, examine_places
from error_daemon.definitions.host.host import this_host
from error_daemon.errors import ConfigError, ErrorRecoveryError
from error_daemon.model import Diagnostic
from error_daemon.rpc.plain import plain
from error_daemon.runtime.diagnosis import definitions
from error_daemon.runtime.diagnosis.area import Area, some
from error_daemon.runtime.diagnosis.host import host
from error_daemon.runtime.diagnosis.installation import installation
from error_daemon.runtime.diagnosis.permissions import permissions
from error_daemon.runtime.diagnosis.store import disk_of, judge_disk
from error_daemon.runtime.environment import as_the_unit
from error_daemon.settings import Settings
from error_daemon.tuning.knobs import Run, run
from error_daemon.tuning.limits import UNIT

_DAEMON, _UNIT, _FILES = Area("daemon"), Area("unit"), Area("definitions")
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "MainPID", "StatusText")
_JOURNAL = "journalctl -u error-recovery -n 50"
_WRONG_CONFIGURATION = "78"
_MANY_RESTARTS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m error_daemon.runtime.diagnosis.outside", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:50051")
    parser.add_argument("--config", type=Path)
    asked = parser.parse_args(arguments)
    print(json.dumps({"diagnostics": plain(seen_from_outside(asked.address, asked.config))}))
    return 0


def seen_from_outside(address: str, config: Path | None, command: Run = run) -> list[Diagnostic]:
    found = [judge_unit(unit_state(command))]
    try:
        settings: Settings | None = load_settings(config, as_the_unit(os.environ))
    except ConfigError as wrong:
        settings = None
        says = f"{some(len(wrong.problems), 'error')}: {wrong.problems[0]}"
        found.append(_DAEMON.bad("settings", says, "mend them: the daemon does not start with them"))
    found.append(judge_listening(address, settings.listen if settings else address, listeners(address)))
    if settings is not None:
        found += _by(settings, config)
    return [*found, *installation(), *host()]


def _by(settings: Settings, config: Path | None) -> Iterator[Diagnostic]:
    """What the settings lead to."""
    state, against = Path(settings.state_dir), Against(host=this_host(os.environ))
    yield judge_owner(state / "faults.ring", lock_owner(state / "faults.ring"))
    try:
        yield from definitions.files(examine_places([Path(settings.definitions_dir)], against).problems)
    except ErrorRecoveryError as error:
        yield _FILES.bad("files", str(error), "error-cli validate")
    yield from judge_disk(disk_of(state))
    yield from permissions(settings, config or DEFAULT_PATH)


# --- the unit


def unit_state(command: Run) -> Mapping[str, str] | str:
    """Its properties, or why systemd can't be asked."""
    try:
        said = command(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", UNIT])
    except OSError as error:
        return f"systemd can't be asked: {error.strerror or error}"
    return dict(line.partition("=")[::2] for line in said.splitlines())


def judge_unit(state: Mapping[str, str] | str) -> Diagnostic:
    if isinstance(state, str):
        return _UNIT.unavailable("state", state)
    active, times = state.get("ActiveState", ""), int(state.get("NRestarts") or 0)
    restarted = f", restarted {some(times, 'time')}" if times else ""
    if state.get("LoadState") == "not-found":
        return _UNIT.notice(
            "state", f"systemd does not know {UNIT}", "sudo make install, or start error_daemon by hand"
        )
    if active == "active":
        says = f"active, pid {state.get('MainPID')}{restarted}; it says: {state.get('StatusText') or 'nothing'}"
        return _UNIT.notice("state", says, "another --address? or it hangs: its watchdog then restarts it")
    if active == "failed" and state.get("ExecMainStatus") == _WRONG_CONFIGURATION:
        says = "failed with 78: settings, definitions or the installation are wrong, and a person has to mend them"
        return _UNIT.bad("state", says, f"{_JOURNAL} says what; mend it, then systemctl start error-recovery")
    if active == "failed":
        says = f"failed: {state.get('Result')}, exit code {state.get('ExecMainStatus')}{restarted}"
        return _UNIT.bad("state", says, f"{_JOURNAL} says why")
    if active in ("activating", "deactivating", "reloading"):
        says = f"{active} ({state.get('SubState')}){restarted}"
        if times > _MANY_RESTARTS:
            return _UNIT.bad("state", f"{says}: it does not stay up", f"{_JOURNAL} says why")
        return _UNIT.notice("state", says, "wait a moment, and ask again")
    return _UNIT.bad(
        "state", f"{active or 'unknown'}: it was stopped, or never started", "sudo systemctl start error-recovery"
    )


# --- who is there


def judge_listening(asked: str, configured: str, found: Sequence[str] | None) -> Diagnostic:
    """`found`: who listens at `asked`; None where that can't be seen."""
    if asked != configured and not found:
        says = f"nobody listens at {asked}, and by the settings the daemon listens at {configured}"
        return _DAEMON.bad("address", says, f"error-cli --address {configured} diagnose")
    if found is None:
        return _DAEMON.unavailable("address", f"who listens at {asked} can't be seen", "ask again as root")
    if not found:
        return _DAEMON.bad(
            "address", f"nobody listens at {asked}", "start the daemon: sudo systemctl start error-recovery"
        )
    return _DAEMON.notice(
        "address", f"{', '.join(found)} listens at {asked}", "is that the daemon? Then it is busy, or hangs"
    )


def listeners(address: str) -> list[str] | None:
    if address.startswith("unix:"):
        return _socket_listeners(Path(re.sub("^unix:(//)?", "", address)))
    port = int(address.rpartition(":")[2])
    try:
        sockets = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    pids = [one.pid for one in sockets if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port]
    return sorted({_named(pid) for pid in pids})


def _socket_listeners(path: Path) -> list[str] | None:
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return []
        held = f" {path}\n" in Path("/proc/net/unix").read_text()
    except PermissionError:
        return None
    except OSError:
        return []
    return ["somebody"] if held else []


def judge_owner(ring: Path, owner: int | None) -> Diagnostic:
    if owner is None:
        return _DAEMON.good("ring", f"no process has {ring} locked: none runs on it")
    return _DAEMON.notice(
        "ring", f"{_named(owner)} has {ring} locked: a daemon runs", "it may listen elsewhere, or hang"
    )


def lock_owner(path: Path) -> int | None:
    """The process that has a file locked, as /proc/locks has it."""
    try:
        status = path.stat()
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        locks = Path("/proc/locks").read_text()
    except OSError:
        return None
    match = re.search(rf"FLOCK\s+ADVISORY\s+WRITE\s+(\d+)\s+{device}\s", locks)
    return int(match[1]) if match else None


def _named(pid: int | None) -> str:
    if pid is None:
        return "a process of another user's"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


if __name__ == "__main__":
    sys.exit(main())
