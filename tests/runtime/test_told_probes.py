"""Probes that go by what was told, beside those that look: one round, one reading for each, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from error_daemon.model import Json, ObserveOrder, Observer, Probe, ProbeOrder, Reading, ReadingValue, Since, Target
from error_daemon.runtime.told_probes import ToldProbes
from tests.execute.rig import Answers, WallClock, attempt
from tests.fakes.scripted_executor import ScriptedExecutor

TARGET = Target("shop", "application", {}, variables={"port": "80"})
LOOKS = Probe("looks", "tcp", {"host": "h"})
TOLD = Probe("told", "alert", {"labels": {"target": "${target}", "port": "${port}"}})
SINCE = Since(1.0, 2.0)


@dataclass
class Hearsay:
    """A ports.Hearing that says what it is set to."""

    value: ReadingValue = ReadingValue.OK
    asked: list[tuple[Mapping[str, Json], str, Since]] = field(default_factory=list)

    def read(self, params: Mapping[str, Json], target: Target, since: Since) -> tuple[ReadingValue, str]:
        self.asked.append((params, target.id, since))
        return self.value, "somebody said so"


@dataclass
class Told:
    looks: ToldProbes
    behind: ScriptedExecutor
    hearsay: Hearsay
    answers: Answers

    async def round(self, *probes: Probe) -> dict[str, Reading]:
        self.looks.start_probes(ProbeOrder("r", TARGET, probes, SINCE))
        assert self.answers.counts == {}, "never from within the call"
        return await self.answers.round("r")


def told(body: Callable[[Told], Awaitable[None]]) -> None:
    async def test() -> None:
        answers, hearsay, clock = Answers(), Hearsay(), WallClock()
        looks = ToldProbes({"alert": hearsay}, clock, answers.on_readings)
        behind = ScriptedExecutor(clock, on_outcome=answers.on_outcome, on_readings=looks.readings)
        looks.join(behind)
        await looks.start()
        await body(Told(looks, behind, hearsay, answers))
        await looks.stop()

    asyncio.run(test())


def test_the_readings_of_both_sorts_come_together_in_their_order() -> None:
    async def test(one: Told) -> None:
        again = Probe("again", "tcp", {})
        readings = await one.round(LOOKS, TOLD, again)
        assert list(readings) == ["looks", "told", "again"]
        assert readings["told"].detail == "somebody said so"
        assert [probe.id for order in one.behind.rounds for probe in order.probes] == ["looks", "again"]
        assert one.answers.counts == {"r": 1}

    told(test)


def test_a_round_of_told_probes_alone_needs_no_worker() -> None:
    async def test(one: Told) -> None:
        one.hearsay.value = ReadingValue.NOT_OK
        readings = await one.round(TOLD)
        assert readings["told"].value is ReadingValue.NOT_OK
        assert one.behind.rounds == []

    told(test)


def test_params_are_filled_and_the_times_of_the_look_are_known() -> None:
    async def test(one: Told) -> None:
        await one.round(TOLD)
        assert one.hearsay.asked == [({"labels": {"target": "shop", "port": "80"}}, "shop", SINCE)]

    told(test)


def test_it_is_read_when_the_round_ends() -> None:
    async def test(one: Told) -> None:
        one.looks.start_probes(ProbeOrder("r", TARGET, (LOOKS, TOLD)))
        one.hearsay.value = ReadingValue.NOT_OK
        assert (await one.answers.round("r"))["told"].value is ReadingValue.NOT_OK

    told(test)


def test_what_cannot_be_read_is_unknown() -> None:
    async def test(one: Told) -> None:
        reading = (await one.round(Probe("told", "alert", {"labels": {"x": "${missing}"}})))["told"]
        assert reading.value is ReadingValue.UNKNOWN
        assert "no variable 'missing'" in reading.detail

    told(test)


def test_a_lost_worker_costs_the_told_nothing() -> None:
    async def test(one: Told) -> None:
        one.looks.start_probes(ProbeOrder("r", TARGET, (LOOKS, TOLD)))
        one.behind.lose_everything()
        readings = await one.answers.round("r")
        assert (readings["looks"].value, readings["told"].value) == (ReadingValue.UNKNOWN, ReadingValue.OK)

    told(test)


def test_observations_have_what_was_told_at_its_place() -> None:
    async def test(one: Told) -> None:
        order = ObserveOrder("r", TARGET, (Observer("sees", "exec", {}),), (TOLD, LOOKS))
        seen = await one.looks.observe(order)
        assert [each.observer for each in seen] == ["sees", "probe told", "probe looks"]
        assert seen[1].facts == {"reading": "ok"}
        assert one.hearsay.asked[0][2] == Since()

    told(test)


def test_attempts_go_to_the_executor_behind_it() -> None:
    async def test(one: Told) -> None:
        order = attempt("retry")
        one.looks.start_attempt(order)
        assert one.behind.attempts == [order]
        await one.answers.outcome(order.attempt_id)

    told(test)


def test_the_look_after_an_attempt_is_begun_by_its_worker_only_where_it_can_see_all() -> None:
    async def test(one: Told) -> None:
        sighted, told_of = (
            replace(attempt("retry"), look=ProbeOrder("l", TARGET, look)) for look in ((LOOKS,), (LOOKS, TOLD))
        )
        one.looks.start_attempt(sighted)
        one.looks.start_attempt(told_of)
        assert [order.look for order in one.behind.attempts] == [sighted.look, None]

    told(test)


@pytest.mark.parametrize("is_run_by_another", [False, True])
@pytest.mark.parametrize("is_of_a_group", [False, True])
def test_it_is_known_when_a_target_was_last_acted_on_whoever_did_it(
    is_run_by_another: bool, is_of_a_group: bool
) -> None:
    async def test(one: Told) -> None:
        order = replace(attempt("retry"), target=TARGET)
        if is_of_a_group:
            order = replace(attempt("retry"), group=(TARGET,))
        before = WallClock().now()
        (one.looks.noting(lambda _order: None) if is_run_by_another else one.looks.start_attempt)(order)
        one.looks.start_probes(ProbeOrder("r", TARGET, (TOLD,), SINCE))
        await one.answers.round("r")
        [(_, _, since)] = one.hearsay.asked
        assert (since.opened_at, since.acted_at) == (SINCE.opened_at, SINCE.acted_at)
        assert since.touched_at == pytest.approx(before, abs=5.0)

    told(test)
