"""A test as it runs, over a real engine and ring: pass after pass, what it waits for, and what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from error_daemon.errors import NotFound, Refused, TransientError
from error_daemon.model import (
    AttemptOrder,
    Mode,
    Observation,
    ObserveOrder,
    Probe,
    ProbeOrder,
    ReadingValue,
    RepeatPass,
    RepeatStep,
    RepeatWish,
    State,
    Strategy,
    Target,
)
from error_daemon.runtime.repeat import RepeatTests
from tests.runtime.joined import HOUSE, Joined, web_fault

PATIENCE_S = 20.0
WISH = RepeatWish(rule="web", repeat=3, triggers=4)


class Bench:
    """The runtime with a target that is recovered at once. `state(looks)`: what the observers see at that look."""

    def __init__(self, directory: Path) -> None:
        self.joined = Joined(directory)
        self.hushed: list[tuple[str, bool]] = []
        self.looks = 0
        self.is_well = True
        self.state: Callable[[int], str] = lambda looks: "same"
        executor = self.joined.executor
        executor.on_attempt = self.end
        executor.on_probes = lambda order: self.joined.see(
            order, ReadingValue.OK if self.is_well else ReadingValue.NOT_OK
        )
        executor.on_observe = self._observe
        self.tests = RepeatTests(
            self.joined.loop,
            self.joined.clock,
            executor,
            self.joined.watchers,
            intake=self.joined.intake,
            hush=lambda target, is_hushed: self.hushed.append((target, is_hushed)),
        )

    def end(self, order: AttemptOrder) -> None:
        """A moment later, as a worker does."""
        asyncio.get_running_loop().call_soon(self.joined.end, order)

    def _observe(self, order: ObserveOrder) -> Sequence[Observation]:
        self.joined.clock.at += 0.5
        self.looks += 1
        reading = "ok" if self.is_well else "not_ok"
        return [Observation("part", {"fact": self.state(self.looks)}), Observation("probe port", {"reading": reading})]

    async def run(
        self, wish: RepeatWish, on_step: Callable[[RepeatStep], None] = lambda step: None
    ) -> list[RepeatStep]:
        """All steps; whatever it waits for is said at once."""
        steps: list[RepeatStep] = []
        async with aclosing(self.tests.run(wish)) as running:
            async for step in running:
                steps.append(step)
                on_step(step)
                if step.awaits:
                    assert steps[0].plan
                    self.tests.go_on(steps[0].plan.test_id, step.awaits)
        return steps


def on_bench(directory: Path, body: Callable[[Bench], Awaitable[None]]) -> None:
    async def go() -> None:
        bench = Bench(directory)
        try:
            await asyncio.wait_for(body(bench), PATIENCE_S)
        finally:
            bench.joined.close()

    asyncio.run(go())


def passes(steps: Sequence[RepeatStep]) -> list[RepeatPass]:
    return [step.passed for step in steps if step.passed]


def verdict(steps: Sequence[RepeatStep]) -> str:
    assert steps[-1].end
    return steps[-1].end.verdict


def test_the_same_fault_is_recovered_pass_after_pass_and_at_last_many_times_at_once(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        steps = await bench.run(WISH)
        assert verdict(steps) == "idempotent", steps[-1]
        assert [(one.number, one.state, len(one.attempts)) for one in passes(steps)] == [
            (number, "watching", 1) for number in (1, 2, 3)
        ]
        [triggered] = [step.triggered for step in steps if step.triggered]
        assert (triggered.faults, triggered.tickets, triggered.is_one) == (4, 1, True)
        assert len(bench.joined.executor.attempts) == 4
        [view], _ = bench.joined.engine.newest(10, lambda error: True)
        assert (view.state, view.count, view.error_id) == (State.RESOLVED, 7, passes(steps)[0].error_id)
        assert bench.hushed == [("web", True), ("web", False)]

    on_bench(tmp_path, body)


def test_a_state_that_is_another_one_after_a_later_pass_deviates(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.state = lambda looks: f"row {looks // 3}"
        steps = await bench.run(WISH)
        assert verdict(steps) == "deviated"
        first, second, _ = passes(steps)
        assert first.differences == ()
        [difference] = second.differences
        assert (difference.observer, difference.fact, difference.first) == ("part", "fact", "row 0")

    on_bench(tmp_path, body)


def test_a_state_counts_when_two_looks_have_seen_the_same(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.state = lambda looks: "starting" if looks == 1 else "up"
        assert verdict(await bench.run(WISH)) == "idempotent"

    on_bench(tmp_path, body)


def test_what_never_comes_to_rest_proves_nothing(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.state = str
        steps = await bench.run(RepeatWish(rule="web", repeat=1, triggers=0))
        assert verdict(steps) == "unproven"
        assert all(difference.is_unsteady for difference in passes(steps)[0].differences)

    on_bench(tmp_path, body)


def test_a_pass_that_does_not_recover_is_the_last(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        def see_late(order: ProbeOrder) -> None:
            bench.joined.clock.at += 10.0
            bench.joined.see(order, ReadingValue.NOT_OK)

        bench.joined.executor.on_probes = see_late
        steps = await bench.run(WISH)
        assert verdict(steps) == "not_recovered"
        [only] = passes(steps)
        assert (only.state, only.is_recovered, only.observations) == ("failed", False, ())

    on_bench(tmp_path, body)


def test_a_pass_that_takes_too_long_is_let_go_and_says_what_held_it(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.joined.executor.on_attempt = lambda order: setattr(bench.joined.clock, "at", bench.joined.clock.at + 99.0)
        steps = await bench.run(WISH)
        [only] = passes(steps)
        assert only.reason.startswith("not over within 60 s")
        assert verdict(steps) == "not_recovered"

    on_bench(tmp_path, body)


def test_a_rule_that_may_not_act_says_what_it_would_do_and_proves_nothing(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        plan, end = await bench.run(RepeatWish(rule="seen"))
        assert plan.plan
        assert plan.plan.why_not.startswith("rule seen has mode observe: it would run fix at level 1 on web")
        assert end.end
        assert (end.end.verdict, bench.joined.executor.attempts, bench.hushed) == ("unproven", [], [])

    on_bench(tmp_path, body)


def test_where_the_caller_breaks_it_each_pass_waits_for_the_word_and_until_a_probe_sees_it(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        broken_looks = 0

        def mend(order: AttemptOrder) -> None:
            bench.is_well = True
            bench.end(order)

        def on_step(step: RepeatStep) -> None:
            nonlocal broken_looks
            if step.awaits and step.awaits != 2:  # before the second pass it breaks nothing
                bench.is_well, broken_looks = False, bench.looks

        bench.joined.executor.on_attempt = mend
        steps = await bench.run(RepeatWish(rule="web", repeat=2, triggers=2, breaks=True), on_step)
        assert [step.awaits for step in steps if step.awaits] == [1, 2, 3]
        assert [one.was_well for one in passes(steps)] == [False, True]
        assert verdict(steps) == "idempotent"

    on_bench(tmp_path, body)


def redefined(bench: Bench, **more: object) -> Callable[[RepeatStep], None]:
    """A reload while the first pass has the word."""

    def on_step(step: RepeatStep) -> None:
        if step.awaits == 1:
            bench.joined.engine.redefine(replace(HOUSE, **more), bench.joined.clock.now())  # type: ignore[arg-type]
            bench.joined.loop.carry_out()

    return on_step


def test_a_reload_that_does_not_concern_what_is_tested_leaves_the_test_alone(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        more = {**HOUSE.targets, "other": Target("other", "host")}
        assert verdict(await bench.run(WISH, redefined(bench, targets=more))) == "idempotent"

    on_bench(tmp_path, body)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"strategies": {"fix": Strategy("fix", "exec", params={"command": ["other"]})}}, "begin it again"),
        ({"probes": {"port": Probe("port", "tcp", {"port": 2})}}, "begin it again"),
        ({"rules": HOUSE.rules[1:]}, "no rule 'web' is defined"),
        ({"rules": (replace(HOUSE.rules[0], mode=Mode.OBSERVE),)}, "begin it again"),
    ],
)
def test_a_reload_that_changes_what_is_tested_ends_the_test(more: dict[str, object], why: str, tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        with pytest.raises(Refused, match=f"a reload has changed what is tested.*{why}"):
            await bench.run(WISH, redefined(bench, **more))
        assert bench.joined.executor.attempts == []
        assert bench.hushed[-1] == ("web", False)

    on_bench(tmp_path, body)


def test_a_reload_in_the_middle_of_a_pass_ends_it_when_what_runs_has_ended(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        def also(order: AttemptOrder) -> None:
            probes = {"port": Probe("port", "tcp", {"port": 2})}
            bench.joined.engine.redefine(replace(HOUSE, probes=probes), bench.joined.clock.now())
            bench.end(order)

        bench.joined.executor.on_attempt = also
        with pytest.raises(Refused, match="a reload has changed what is tested"):
            await bench.run(WISH)
        assert len(bench.joined.executor.attempts) == 1
        assert bench.joined.engine.busy_with("web") == []

    on_bench(tmp_path, body)


def test_nothing_is_begun_before_the_word_and_a_caller_who_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        running = bench.tests.run(WISH)
        assert (await running.__anext__()).plan
        assert (await running.__anext__()).awaits == 1
        assert bench.joined.executor.attempts == []
        with pytest.raises(Refused, match="is being tested already"):
            await bench.run(WISH)
        await running.aclose()
        assert bench.hushed == [("web", True), ("web", False)]
        assert bench.joined.engine.errors_known() == 0
        assert verdict(await bench.run(WISH)) == "idempotent"

    on_bench(tmp_path, body)


def test_a_caller_who_goes_in_the_middle_of_a_pass_takes_the_waiting_ticket_along(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.joined.engine.finish()  # nothing is begun any more: the ticket waits
        with bench.joined.watchers.begin(lambda notice: True) as watcher:
            running = asyncio.ensure_future(bench.run(WISH))
            await watcher.arrived.wait()
        assert bench.joined.engine.busy_with("web")
        running.cancel()
        await asyncio.wait({running})
        assert bench.joined.engine.busy_with("web") == []
        assert bench.hushed[-1] == ("web", False)

    on_bench(tmp_path, body)


def test_a_target_that_is_being_recovered_is_not_tested(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.joined.executor.on_attempt = lambda order: None
        error_id, _ = bench.joined.intake.take(web_fault())
        with pytest.raises(Refused, match=f"web is being recovered \\({error_id}\\)"):
            await bench.run(WISH)
        with pytest.raises(NotFound, match="no test 'test-9' is running"):
            bench.tests.go_on("test-9", 1)

    on_bench(tmp_path, body)


def test_another_error_of_the_target_is_waited_for_and_told(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        others: list[str] = []

        def also(order: AttemptOrder) -> None:
            if not others:
                others.append(bench.joined.intake.take(web_fault())[0])
            bench.end(order)

        bench.joined.executor.on_attempt = also
        steps = await bench.run(WISH)
        first, second, _ = passes(steps)
        assert (first.others, second.others) == (tuple(others), ())
        assert bench.joined.engine.busy_with("web") == []

    on_bench(tmp_path, body)


def test_a_daemon_that_is_about_to_stop_ends_its_tests_wherever_they_are(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        running = bench.tests.run(WISH)
        assert (await running.__anext__()).plan
        assert (await running.__anext__()).awaits == 1
        waits = asyncio.ensure_future(running.__anext__())
        await asyncio.sleep(0)
        bench.tests.close()
        with pytest.raises(TransientError, match="about to stop"):
            await waits
        assert bench.hushed == [("web", True), ("web", False)]

    on_bench(tmp_path, body)


def test_a_pass_that_is_under_way_ends_with_the_daemon_too(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        bench.joined.executor.on_attempt = lambda order: None
        with bench.joined.watchers.begin(lambda notice: True) as watcher:
            running = asyncio.ensure_future(bench.run(WISH))
            await watcher.arrived.wait()
        bench.tests.close()
        bench.joined.watchers.close()
        with pytest.raises(TransientError, match="about to stop"):
            await running

    on_bench(tmp_path, body)
