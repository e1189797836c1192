"""The look that a worker begins when an attempt has ended: soon seen, seen later, and cut off."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

from error_daemon.execute.orders import OrderWriter
from error_daemon.model import OutcomeKind, Probe, ProbeOrder, ReadingValue
from tests.execute.rig import PoolRig, attempt, is_gone, pid_written_to, probe_round, shell, with_pool


def _script(text: str, timeout_s: float = 20.0) -> Probe:
    return Probe("slow", "exec", {"command": ["/bin/sh", "-c", text]}, timeout_s)


def test_a_look_that_takes_longer_follows_under_the_id_of_its_round(tmp_path: Path) -> None:
    word = tmp_path / "word"

    async def body(rig: PoolRig) -> None:
        look = probe_round(_script(f"while [ ! -e {word} ]; do sleep 0.01; done"))
        outcome = await rig.run(replace(attempt("retry"), look=look))
        assert (outcome.kind, outcome.readings) == (OutcomeKind.COMPLETED, None)
        assert outcome.looked_at > 0
        word.touch()
        readings = await rig.answers.round(look.round_id)
        assert readings["slow"].value is ReadingValue.OK

    with_pool(body)


def test_a_look_whose_worker_is_lost_has_seen_nothing_and_its_programs_end(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        look = probe_round(_script(f"echo $$ > {tmp_path}/pid; exec sleep 1000"))
        outcome = await rig.run(replace(attempt("retry"), look=look))
        program = await pid_written_to(tmp_path / "pid")
        os.kill(rig.pool.pids()[0], signal.SIGKILL)
        readings = await rig.answers.round(look.round_id)
        assert (outcome.kind, readings["slow"].value) == (OutcomeKind.COMPLETED, ReadingValue.UNKNOWN)
        await is_gone(program)

    with_pool(body)


def test_a_worker_that_is_lost_before_it_told_of_the_end_leaves_nothing_of_its_look_running(tmp_path: Path) -> None:
    """Stopped in the moment in which it looks: nobody was told of the program that does."""
    script = f"echo $$ > {tmp_path}/pid; kill -STOP $PPID; exec sleep 1000"

    async def body(rig: PoolRig) -> None:
        order = replace(attempt("retry"), look=probe_round(_script(script)))
        rig.executor.start_attempt(order)
        program = await pid_written_to(tmp_path / "pid")
        os.kill(rig.pool.pids()[0], signal.SIGKILL)
        outcome = await rig.answers.outcome(order.attempt_id)
        assert outcome.kind in (OutcomeKind.LOST, OutcomeKind.COMPLETED)  # it may have told just before
        await is_gone(program)

    with_pool(body)


def test_an_attempt_that_timed_out_is_looked_at_too(tmp_path: Path) -> None:
    async def body(rig: PoolRig) -> None:
        look = probe_round(Probe("there", "file", {"path": str(tmp_path)}))
        order = replace(shell("exec sleep 1000", timeout_s=0.1), look=look)
        outcome = await rig.run(order)
        assert outcome.kind is OutcomeKind.TIMED_OUT
        assert await rig.seen(order, outcome) == [("there", ReadingValue.OK)]
        assert outcome.looked_at >= outcome.started_at + outcome.execution_time_s

    with_pool(body)


def test_a_look_without_probes_sees_nothing() -> None:
    async def body(rig: PoolRig) -> None:
        order = replace(attempt("retry"), look=probe_round())
        assert await rig.seen(order, await rig.run(order)) == []

    with_pool(body)


def test_the_same_order_is_written_the_same_from_what_is_remembered() -> None:
    writer = OrderWriter()
    probe = Probe("there", "file", {"path": "/" + "x" * 20_000})  # its length takes three bytes
    order = attempt("retry", {"operation": {"kind": "exec"}})
    order = replace(order, look=ProbeOrder("r1", order.target, (probe, probe)))
    first = writer.attempt(order)
    assert writer.attempt(order) == first == OrderWriter().attempt(order)
