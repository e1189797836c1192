"""Workers that die or hang: they are replaced, and what they were doing is unknown, probed, and only then decided on."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.daemon_process import DaemonProcess, a_fault, journal, journal_scripts, one_target, running
from tests.waiting import eventually

RULE = "{id: heal-it, when: {component: test}, target: t, mode: auto, ladder: {1: [heal-slowly], 3: [heal]}, verify: {within: 50ms}}"


def definitions(scripts: Mapping[str, Path]) -> str:
    return one_target(scripts, [RULE], ("heal-slowly", "heal"))


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_worker_is_replaced_and_its_attempt_is_probed_before_the_next(
    tmp_path: Path, blow: signal.Signals
) -> None:
    scripts = journal_scripts(tmp_path)
    daemon = DaemonProcess(tmp_path / "daemon", definitions(scripts))
    with running(daemon):
        before = {worker.pid for worker in daemon.workers()}
        error_id = daemon.report(a_fault()).error_id
        eventually("the slow attempt runs", lambda: journal(tmp_path))
        [struck] = [worker for worker in daemon.workers() if worker.children()]
        [program] = struck.children()
        struck.send_signal(blow)

        daemon.wait_for_state(error_id, "watching")
        eventually("the worker is replaced", lambda: daemon.status().workers == len(before))
        assert daemon.status().workers_lost == 1
        assert struck.pid not in {worker.pid for worker in daemon.workers()}
        eventually("the program of the lost attempt is gone", lambda: not program.is_running())
        daemon.wait_until_recorded()
        lost, healed = daemon.history(error_id)
        assert daemon.stop() == 0

    assert (lost.outcome, lost.verdict, lost.strategy_id) == ("lost", "persisting", "heal-slowly")
    assert (healed.outcome, healed.verdict, healed.success) == ("completed", "recovered", True)
    assert _probed_between(journal(tmp_path))
    assert daemon.record("SELECT strategy_id FROM strategy_scores") == [("heal",)], "a lost attempt teaches nothing"


def _probed_between(lines: list[list[str]]) -> bool:
    kinds = [line[0] for line in lines]
    first = kinds.index("A")
    return "P" in kinds[first + 1 : kinds.index("A", first + 1)]
