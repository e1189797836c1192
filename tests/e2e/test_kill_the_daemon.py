"""kill -9 of the daemon, at dozens of random moments under load: nothing acknowledged is lost, and nothing is run twice unseen."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import grpc
import pytest

from tests.e2e.daemon_process import SH, DaemonProcess, a_fault, journal, journal_scripts, running
from tests.waiting import eventually

TARGETS = [f"t{number}" for number in range(8)]
KILLS = 10  # of each of three daemons


def definitions(scripts: dict[str, Path]) -> str:
    targets = "".join(f"  {name}: {{kind: service, probes: [look-{name}]}}\n" for name in TARGETS)
    probes = "".join(f"  look-{name}: {{kind: exec, command: [{SH}, {scripts['look']}, {name}]}}\n" for name in TARGETS)
    return f"""
version: 1
targets:
{targets}
probes:
{probes}
strategies:
  look-again: {{kind: retry}}
  heal: {{kind: exec, command: [{SH}, {scripts["heal"]}], timeout: 10s, max_attempts: 3, backoff: {{base: 20ms}}}}
rules:
  - id: heal-it
    when: {{component: test}}
    mode: auto
    response_class: transient
    ladder: {{1: [look-again], 3: [heal], 4: [heal], 5: [heal]}}
    verify: {{within: 20ms}}
    stability_window: 1h
"""


class Load(threading.Thread):
    """Breaks targets and reports it, one fault after the other, until stopped. Knows what was acknowledged."""

    def __init__(self, daemon: DaemonProcess, directory: Path, first: int, seed: int) -> None:
        super().__init__()
        self._daemon = daemon
        self._directory = directory
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self.number = first
        self.acknowledged: list[str] = []

    def run(self) -> None:
        broken: set[str] = set()  # each target is broken once, so that no recovery is undone again and again
        while not self._stopped.is_set():
            target = self._random.choice(TARGETS)
            if target not in broken:
                broken.add(target)
                (self._directory / "well" / target).unlink(missing_ok=True)
            self.number += 1
            try:
                receipt = self._daemon.report(a_fault(f"broken {target}", target=target, fingerprint=f"f{self.number}"))
            except grpc.RpcError:
                return  # the daemon is gone; what was in flight was not acknowledged
            self.acknowledged.append(receipt.error_id)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_no_acknowledged_fault_is_lost_and_none_is_attempted_twice_unseen(tmp_path: Path, seed: int) -> None:
    scripts = journal_scripts(tmp_path)
    daemon = DaemonProcess(tmp_path / "daemon", definitions(dict(scripts)))
    moments = random.Random(seed)
    acknowledged: list[str] = []
    number = 0
    for kill in range(KILLS):
        with running(daemon):
            load = Load(daemon, tmp_path, number, seed + kill)
            load.start()
            time.sleep(moments.uniform(0.0, 0.4))  # the moment of the kill is what is random here
            daemon.kill()
            load.stop()
            acknowledged += load.acknowledged
            number = load.number
    with running(daemon):
        eventually("all tickets have ended", lambda: daemon.status().tickets_open == 0)
        assert {daemon.error(error_id).state for error_id in acknowledged} <= {"watching"}
        daemon.wait_until_recorded()
        assert daemon.stop() == 0

    assert len(acknowledged) > KILLS
    recorded = dict(daemon.record("SELECT error_id, recovered_at > 0 FROM errors"))
    assert all(recorded.get(error_id) for error_id in acknowledged)
    _check_attempts_are_apart(journal(tmp_path))


def _check_attempts_are_apart(lines: list[list[str]]) -> None:
    """Between two attempts on a target it was probed."""
    seen: dict[str, str] = {}
    for what, target, *_ in lines:
        assert not (what == "A" and seen.get(target) == "A"), f"{target} was attempted twice, with no probe in between"
        seen[target] = what
    assert set(seen) == set(TARGETS)
