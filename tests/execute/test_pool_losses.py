"""Workers that die, hang or never start: their orders are answered, their programs ended, they are replaced."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from error_daemon.model import OutcomeKind, Probe, ReadingValue
from tests.execute.rig import PoolRig, attempt, is_gone, pid_written_to, probe_round, shell, with_pool
from tests.waiting import soon


def commands() -> str:
    return subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout


def _leaves_pids(folder: Path) -> str:
    """A program with a child of its own; both ignore SIGTERM. Their pids go to `folder`."""
    return (
        f"trap '' TERM; sleep 1000 & echo $! >{folder}/child.new; mv {folder}/child.new {folder}/child; "
        f"echo $$ >{folder}/program.new; mv {folder}/program.new {folder}/program; while :; do wait; done"
    )


@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGKILL, "killed by SIGKILL"), (signal.SIGSTOP, "hung: not a word in 1 s")]
)
def test_a_worker_that_dies_or_stops_is_replaced_and_its_orders_are_answered(
    tmp_path: Path, number: signal.Signals, words: str
) -> None:
    async def body(rig: PoolRig) -> None:
        (worker,) = rig.pool.pids()
        order = shell(_leaves_pids(tmp_path))
        rig.pool.start_attempt(order)
        program, child = await pid_written_to(tmp_path / "program"), await pid_written_to(tmp_path / "child")
        round_ = probe_round(Probe("slow", "exec", {"command": ["sleep", f"1000.{worker}"]}, timeout_s=1000.0))
        rig.pool.start_probes(round_)
        os.kill(worker, number)

        outcome = await rig.answers.outcome(order.attempt_id)
        assert outcome.kind is OutcomeKind.LOST
        assert words in outcome.detail
        reading = (await rig.answers.round(round_.round_id))["slow"]
        assert reading.value is ReadingValue.UNKNOWN
        assert words in reading.detail
        await is_gone(program)
        await is_gone(child)
        await is_gone(worker)
        # nor that which the worker had no time to tell of
        await soon("the probe's program is left", lambda: f"sleep 1000.{worker}" not in commands())

        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED
        assert rig.pool.pids() != [worker]
        assert len(rig.answers.losses) == 1
        assert set(rig.answers.counts.values()) == {1}

    with_pool(body, heartbeat_s=0.1, hung_after_s=1.0)


def test_an_answer_given_before_death_counts(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        order = shell("kill -9 $PPID; exit 0")  # the worker dies while this runs
        assert (await rig.run(order)).kind is OutcomeKind.LOST
        orders = [attempt("retry") for _ in range(20)]
        for order in orders:
            rig.pool.start_attempt(order)
        await rig.answers.outcome(orders[0].attempt_id)
        os.kill(rig.pool.pids()[0], signal.SIGKILL)
        await rig.answers.until(lambda: all(o.attempt_id in rig.answers.outcomes for o in orders))
        assert {rig.answers.counts[o.attempt_id] for o in orders} == {1}

    with_pool(body)


def test_orders_given_while_no_worker_is_ready_wait_for_one() -> None:
    async def body(rig: PoolRig) -> None:
        os.kill(rig.pool.pids()[0], signal.SIGKILL)
        await rig.answers.until(lambda: bool(rig.answers.losses))
        assert rig.pool.alive == 0
        order, round_ = attempt("retry"), probe_round(Probe("p", "exec", {"command": ["true"]}))
        rig.pool.start_attempt(order)
        rig.pool.start_probes(round_)
        assert (await rig.answers.outcome(order.attempt_id)).kind is OutcomeKind.COMPLETED
        assert (await rig.answers.round(round_.round_id))["p"].value is ReadingValue.OK
        assert rig.pool.alive == 1

    with_pool(body)


def test_two_hundred_attempts_at_once_through_two_workers_are_all_answered_once() -> None:
    async def body(rig: PoolRig) -> None:
        orders = [attempt("exec", {"command": ["true"]}) for _ in range(200)]
        for order in orders:
            rig.pool.start_attempt(order)
        await rig.answers.until(lambda: len(rig.answers.counts) == 200)
        assert {outcome.kind for outcome in rig.answers.outcomes.values()} == {OutcomeKind.COMPLETED}
        assert rig.answers.counts == {order.attempt_id: 1 for order in orders}

    with_pool(body, workers=2)


def test_no_worker_runs_more_attempts_than_it_has_room_for(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        # each program counts those that run beside it, itself included
        script = f"mkdir {tmp_path}/$$; ls {tmp_path} | wc -l; sleep 0.02; rmdir {tmp_path}/$$"
        orders = [shell(script) for _ in range(20)]
        for order in orders:
            rig.pool.start_attempt(order)
        await rig.answers.until(lambda: len(rig.answers.counts) == 20)
        seen = [int(rig.answers.outcomes[order.attempt_id].detail.split(": ")[1]) for order in orders]
        assert max(seen) <= 3

    with_pool(body, room=3)


def test_the_first_free_worker_is_used_so_that_it_stays_hot() -> None:
    async def body(rig: PoolRig) -> None:
        hot = rig.pool.pids()[0]
        for _ in range(5):
            outcome = await rig.run(shell("echo $PPID"))
            assert outcome.detail == f"exit code 0: {hot}"

    with_pool(body, workers=3)


def test_workers_that_keep_dying_are_replaced_later_and_later() -> None:
    async def body(rig: PoolRig) -> None:
        for losses in range(1, 4):
            await soon("no replacement came", lambda: rig.pool.alive == 1)
            os.kill(rig.pool.pids()[0], signal.SIGKILL)
            await rig.answers.until(lambda count=losses: len(rig.answers.losses) == count)  # type: ignore[misc]
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED

    with_pool(body)


_STUBBORN = """
import asyncio

from error_daemon.execute.strategies.contract import Result

class Stubborn:
    async def run(self, context):
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass

class Blocking:
    async def run(self, context):
        import time
        time.sleep(1000)

class Broken:
    async def run(self, context):
        raise LookupError("no such thing")

class Nothing:
    async def run(self, context):
        return None

class Negative:
    async def run(self, context):
        return Result(affected_tasks=-1)

class Odd:
    async def run(self, context):
        return Result(kind="fine")

class Half:
    async def run(self, context):
        return Result(detail="half \\ud800 a character")

class Leaving:
    async def run(self, context):
        raise SystemExit(3)

class Cancelled:
    async def run(self, context):
        raise asyncio.CancelledError

class Unspeakable:
    async def run(self, context):
        class Silent(Exception):
            def __str__(self):
                raise RuntimeError("no words")
        raise Silent

class Counting:
    async def run(self, context):
        return Result(detail=context.environment["ER_MESSAGE"], affected_tasks=5, recovered_tasks=3)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as somebody else would install it, found by workers through PYTHONPATH."""
    (tmp_path / "site_plugin.py").write_text(_STUBBORN)
    metadata = tmp_path / "site_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: site-plugin\nVersion: 1.0\n")
    names = re.findall(r"^class (\w+)", _STUBBORN, re.MULTILINE)
    entries = "\n".join(f"{name.lower()} = site_plugin:{name}" for name in names)
    (metadata / "entry_points.txt").write_text(f"[error_recovery.strategies]\n{entries}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.usefixtures("plugin")
def test_a_strategy_of_another_package_runs_like_one_of_ours() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("counting", environment={"ER_MESSAGE": "hello"}))
        assert (outcome.kind, outcome.detail) == (OutcomeKind.COMPLETED, "hello")
        assert (outcome.affected_tasks, outcome.recovered_tasks) == (5, 3)
        outcome = await rig.run(attempt("broken"))
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.detail == "the strategy raised LookupError: no such thing"

    with_pool(body)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("kind", "outcome", "words"),
    [
        ("nothing", OutcomeKind.FAILED, "the strategy returned NoneType, not a Result"),
        ("negative", OutcomeKind.FAILED, "affected_tasks=-1"),
        ("odd", OutcomeKind.FAILED, "kind='fine'"),
        ("half", OutcomeKind.COMPLETED, "half ? a character"),
        ("leaving", OutcomeKind.FAILED, "the strategy raised SystemExit: 3"),
        ("cancelled", OutcomeKind.FAILED, "the strategy cancelled itself"),
        ("unspeakable", OutcomeKind.FAILED, "how it ended cannot be told"),
    ],
)
def test_whatever_a_strategy_of_another_package_returns_is_an_outcome_and_costs_no_worker(
    kind: str, outcome: OutcomeKind, words: str
) -> None:
    async def body(rig: PoolRig) -> None:
        ended = await rig.run(attempt(kind, timeout_s=5.0))
        assert ended.kind is outcome
        assert words in ended.detail
        assert rig.answers.losses == []

    with_pool(body)


@pytest.mark.usefixtures("plugin")
def test_a_strategy_that_swallows_its_deadline_costs_its_worker_and_no_more() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("stubborn", timeout_s=0.1))
        assert outcome.kind is OutcomeKind.LOST
        assert "2 s after its deadline" in outcome.detail
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED

    with_pool(body, heartbeat_s=0.1)


@pytest.mark.usefixtures("plugin")
def test_a_strategy_that_blocks_the_loop_costs_its_worker_and_no_more() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("blocking"))
        assert outcome.kind is OutcomeKind.LOST
        assert "hung" in outcome.detail
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED

    with_pool(body, heartbeat_s=0.1, hung_after_s=1.0)


def test_a_bug_of_whoever_is_told_costs_no_worker_no_answer_and_no_place() -> None:
    async def body(rig: PoolRig) -> None:
        bugs: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context["message"]))
        [worker] = rig.pool.pids()
        ended, killed, beside = attempt("retry"), shell("kill -9 $PPID"), shell("sleep 1000")
        rig.answers.break_on |= {ended.attempt_id, killed.attempt_id}
        await rig.run(ended)
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED
        assert (rig.pool.pids(), rig.answers.losses) == ([worker], [])
        rig.pool.start_attempt(beside)
        rig.pool.start_attempt(killed)
        assert (await rig.answers.outcome(beside.attempt_id)).kind is OutcomeKind.LOST
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED
        assert bugs == ["what a worker answered could not be taken", "the loss of a worker could not be taken"]

    with_pool(body)


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        workers = rig.pool.pids()
        rig.pool.start_attempt(shell(_leaves_pids(tmp_path)))
        program, child = await pid_written_to(tmp_path / "program"), await pid_written_to(tmp_path / "child")
        await rig.pool.stop()
        for pid in (*workers, program, child):
            await is_gone(pid)
        assert rig.pool.pids() == []
        assert rig.answers.losses == []

    with_pool(body, workers=2)


def test_a_fault_with_broken_text_is_recovered_all_the_same() -> None:
    async def body(rig: PoolRig) -> None:
        environment = {"ER_MESSAGE": "half \ud800 a character", "ER_STACK": "x" * (1 << 21)}
        outcome = await rig.run(shell('echo "$ER_MESSAGE"', environment=environment))
        assert (outcome.kind, outcome.detail) == (OutcomeKind.COMPLETED, "exit code 0: half ? a character")

    with_pool(body)


def test_an_order_that_cannot_be_written_is_refused_and_the_pool_goes_on() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("exec", {"command": [object()]}))
        assert outcome.kind is OutcomeKind.REFUSED
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED

    with_pool(body)


def test_an_order_too_large_for_a_frame_is_refused() -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("exec", {"command": ["true", "x" * (1 << 20)]}))
        assert outcome.kind is OutcomeKind.REFUSED
        assert "at most 1048576" in outcome.detail
        round_ = probe_round(Probe("p", "exec", {"command": ["true", "x" * (1 << 20)]}))
        assert (await rig.look(round_))["p"].value is ReadingValue.UNKNOWN

    with_pool(body)
