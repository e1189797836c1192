"""What every executor keeps: the real pool, the scripted fake, and what answers for the told beside it pass one suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
import uvloop

from error_daemon.model import AttemptOrder, Observer, OutcomeKind, Probe, ReadingValue
from error_daemon.ports import OnReadings
from error_daemon.runtime.told_probes import ToldProbes
from tests.execute.rig import Answers, Rig, WallClock, attempt, observe_round, probe_round, shell, with_pool
from tests.fakes.scripted_executor import ScriptedExecutor

T = TypeVar("T")
Run = Callable[[Callable[[Rig], Awaitable[None]]], None]

_QUICK = Probe("there", "file", {"path": "/"})
_TRUE = Probe("looks", "exec", {"command": ["true"]})


def _on_the_pool(body: Callable[[Rig], Awaitable[None]]) -> None:
    with_pool(body, workers=2, room=4)


def _scripted(answers: Answers, on_readings: OnReadings) -> ScriptedExecutor:
    def outcome(order: AttemptOrder) -> OutcomeKind | None:
        command = order.strategy.params.get("command", [""])
        by_command = {"false": OutcomeKind.FAILED, "sleep": None}
        by_kind = {"no_such_kind": OutcomeKind.REFUSED}
        return by_kind.get(order.strategy.kind) or by_command.get(command[0], OutcomeKind.COMPLETED)

    return ScriptedExecutor(WallClock(), on_outcome=answers.on_outcome, on_readings=on_readings, outcome=outcome)


def _on_the_fake(body: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        answers = Answers()
        fake = _scripted(answers, answers.on_readings)
        await fake.start()
        await body(Rig(fake, answers))
        await fake.stop()

    uvloop.run(main())


def _beside_the_told(body: Callable[[Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        answers = Answers()
        looks = ToldProbes({}, WallClock(), answers.on_readings)
        looks.join(_scripted(answers, looks.readings))
        await looks.start()
        await body(Rig(looks, answers))
        await looks.stop()

    uvloop.run(main())


@pytest.fixture(params=[_on_the_pool, _on_the_fake, _beside_the_told], ids=["pool", "fake", "told"])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


def test_every_order_is_answered_exactly_once(run: Run) -> None:
    async def body(rig: Rig) -> None:
        orders = [attempt("retry") for _ in range(50)]
        rounds = [probe_round(_TRUE) for _ in range(10)]
        for order in orders:
            rig.executor.start_attempt(order)
        for round_ in rounds:
            rig.executor.start_probes(round_)
        names = {order.attempt_id for order in orders} | {round_.round_id for round_ in rounds}
        await rig.answers.until(lambda: rig.answers.counts.keys() >= names)
        await rig.executor.stop()  # nothing more comes, not even now
        assert rig.answers.counts == dict.fromkeys(names, 1)

    run(body)


def test_outcomes_say_how_the_attempt_ended(run: Run) -> None:
    async def body(rig: Rig) -> None:
        assert (await rig.run(attempt("retry"))).kind is OutcomeKind.COMPLETED
        assert (await rig.run(attempt("exec", {"command": ["true"]}))).kind is OutcomeKind.COMPLETED
        assert (await rig.run(attempt("exec", {"command": ["false"]}))).kind is OutcomeKind.FAILED
        assert (await rig.run(attempt("no_such_kind"))).kind is OutcomeKind.REFUSED

    run(body)


def test_what_was_started_has_a_time_of_start_on_the_daemons_clock(run: Run) -> None:
    async def body(rig: Rig) -> None:
        before = WallClock().now()
        outcome = await rig.run(attempt("retry"))
        assert before - 0.1 <= outcome.started_at <= WallClock().now() + 0.1

    run(body)


def test_no_answer_comes_from_within_the_call_that_gives_the_order(run: Run) -> None:
    async def body(rig: Rig) -> None:
        order = attempt("retry")
        round_ = probe_round(_TRUE)
        rig.executor.start_attempt(order)
        rig.executor.start_probes(round_)
        assert rig.answers.counts == {}
        await rig.answers.outcome(order.attempt_id)
        await rig.answers.round(round_.round_id)

    run(body)


def test_a_round_has_one_reading_for_each_probe_in_order(run: Run) -> None:
    async def body(rig: Rig) -> None:
        names = ["first", "second", "third"]
        order = probe_round(*(Probe(name, "exec", {"command": ["true"]}) for name in names))
        readings = await rig.look(order)
        assert list(readings) == names
        assert {reading.value for reading in readings.values()} == {ReadingValue.OK}

    run(body)


def test_what_still_runs_when_it_stops_is_lost(run: Run) -> None:
    async def body(rig: Rig) -> None:
        order = attempt("exec", {"command": ["sleep", "1000"]})
        rig.executor.start_attempt(order)
        await rig.executor.stop()
        outcome = rig.answers.outcomes[order.attempt_id]
        assert outcome.kind is OutcomeKind.LOST
        assert "the daemon stops" in outcome.detail
        assert rig.answers.counts == {order.attempt_id: 1}

    run(body)


def test_stopping_twice_is_the_same_as_once(run: Run) -> None:
    async def body(rig: Rig) -> None:
        await rig.run(shell("exit 0"))
        await rig.executor.stop()
        await rig.executor.stop()
        assert set(rig.answers.counts.values()) == {1}

    run(body)


def test_the_look_of_an_attempt_that_was_run_follows_from_its_end(run: Run) -> None:
    async def body(rig: Rig) -> None:
        for command, kind in (("true", OutcomeKind.COMPLETED), ("false", OutcomeKind.FAILED)):
            before = WallClock().now()
            order = replace(attempt("exec", {"command": [command]}), look=probe_round(_QUICK))
            outcome = await rig.run(order)
            assert outcome.kind is kind
            assert before <= outcome.looked_at <= WallClock().now()
            assert await rig.seen(order, outcome) == [("there", ReadingValue.OK)]

    run(body)


def test_nobody_looks_where_nothing_was_run(run: Run) -> None:
    async def body(rig: Rig) -> None:
        outcome = await rig.run(replace(attempt("no_such_kind"), look=probe_round(_QUICK)))
        assert (outcome.kind, outcome.looked_at, outcome.readings) == (OutcomeKind.REFUSED, 0.0, None)

    run(body)


def test_the_observations_of_a_round_come_in_its_order_the_probes_last(run: Run) -> None:
    async def body(rig: Rig) -> None:
        observers = [Observer(name, "exec", {"command": ["true"]}) for name in ("first", "second")]
        seen = await rig.observe(observe_round(*observers, probes=[_TRUE]))
        assert list(seen) == ["first", "second", "probe looks"]
        assert seen["probe looks"].facts == {"reading": "ok"}
        assert all(one.facts and not one.problem for one in seen.values())

    run(body)
