"""Real-time priority, where this host lets us have it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.execute.rig import PoolRig, shell, with_pool

_TAKES = "from error_daemon.execute.realtime import take_priority; print(take_priority({}))"


def _may() -> bool:
    ran = subprocess.run([sys.executable, "-c", _TAKES.format(5)], capture_output=True, text=True, check=True)
    return not ran.stdout.strip()


@pytest.mark.skipif(not _may(), reason="this user may not have real-time priority")
def test_workers_have_the_priority_and_what_they_start_is_ordinary() -> None:
    async def body(rig: PoolRig) -> None:
        (worker,) = rig.pool.pids()
        assert os.sched_getscheduler(worker) == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        outcome = await rig.run(shell("cut -d' ' -f41 /proc/$$/stat"))  # its policy; SCHED_OTHER is 0
        assert outcome.detail.split()[-1] == "0"

    with_pool(body, realtime_priority=5)


def test_who_may_not_have_it_is_told_how_to_mend_that() -> None:
    forbidden = "import resource; resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0)); " + _TAKES.format(5)
    ran = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", sys.executable, "-c", forbidden]
        if os.geteuid() == 0
        else [sys.executable, "-c", forbidden],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "LimitRTPRIO=5 and RestrictRealtime=no" in ran.stdout, ran.stderr


def test_none_is_asked_for_by_default() -> None:
    ran = subprocess.run([sys.executable, "-c", _TAKES.format(0)], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"
