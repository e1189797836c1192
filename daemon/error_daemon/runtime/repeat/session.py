"""A test as it runs: pass after pass, through the same intake as every fault.

A pass: nobody is busy with the target → the fault → the error's end → nobody is busy with it → the state, twice the same → the error is
called resolved, so that the next pass is no relapse of it. The engine is told that it is a test (effects.FaultArrived): it passes the same
brakes, but is not flapping for coming right after a recovery, and teaches nothing.

While a test runs, the daemon does not itself report the death of the target's process or the failure of its unit: the test says what
happens to it. After the test it looks again. One test runs on a target at a time. Where the caller is gone, what waits is let go, and what
runs comes to its end. A reload that changes what is tested ends the test: before it and after it, it would not be the same recovery.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from error_daemon.core.engine import Engine
from error_daemon.errors import NotFound, Refused, TransientError
from error_daemon.ingest.decode import decode
from error_daemon.middle import Intake
from error_daemon.model import (
    ErrorView,
    RepeatEnd,
    RepeatPass,
    RepeatPlan,
    RepeatStep,
    RepeatWish,
    Triggered,
)
from error_daemon.ports import Clock, Executor
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.repeat.looking import Looking
from error_daemon.runtime.repeat.one_pass import ENDED, Seen, in_short
from error_daemon.runtime.repeat.subject import Basis, basis_of
from error_daemon.runtime.repeat.verdict import end_of
from error_daemon.runtime.watchers import Watcher, Watchers

ANSWER_WITHIN_S = 600.0  # a person's word that a pass may begin
_MOST_TESTS = 4
_STOPPED_FOR_S = 5.0
_REPLACED = "a reload has changed what is tested, and the test has ended"


@dataclass(slots=True)
class _Session:
    plan: RepeatPlan
    error_id: str
    basis: Basis
    passes: list[RepeatPass] = field(default_factory=list)
    may_begin: int = 0  # the highest number that the caller has said yes to
    told: asyncio.Event = field(default_factory=asyncio.Event)


class RepeatTests:
    """`hush(target, is_hushed)`: the sensors are silent about it, or speak again."""

    def __init__(
        self,
        loop: RecoveryLoop,
        clock: Clock,
        executor: Executor,
        watchers: Watchers,
        *,
        intake: Intake,
        hush: Callable[[str, bool], None],
    ) -> None:
        self._loop = loop
        self._engine: Engine = loop.engine
        self._clock = clock
        self._looking = Looking(executor, clock)
        self._watchers = watchers
        self._intake = intake
        self._hush = hush
        self._sessions: dict[str, _Session] = {}
        self._numbers = count(1)
        self._is_closed = False

    def close(self) -> None:
        """The daemon is about to stop: every test ends. Before the watchers are closed."""
        self._is_closed = True
        for session in self._sessions.values():
            session.told.set()

    def go_on(self, test_id: str, number: int) -> None:
        """See middle.Control.continue_test."""
        session = self._sessions.get(test_id)
        if session is None:
            raise NotFound(f"no test {test_id!r} is running")
        session.may_begin = max(session.may_begin, number)
        session.told.set()

    async def run(self, wish: RepeatWish) -> AsyncGenerator[RepeatStep, None]:
        """See middle.Control.test."""
        session = self._session(wish)
        plan = session.plan
        yield RepeatStep("planned", 0.0, plan=plan)
        if plan.why_not:
            yield RepeatStep("nothing is proven", 1.0, end=RepeatEnd("unproven", (plan.why_not,)))
            return
        with self._open(session):
            last = wish.repeat + (wish.triggers > 0)
            for number in range(1, last + 1):
                ratio = (number - 1) / last
                if number == 1 or wish.breaks:
                    yield RepeatStep(f"waits for the word to begin pass {number}", ratio, awaits=number)
                    await self._allowed(session, number)
                is_burst = number > wish.repeat
                text = f"{wish.triggers} equal faults at once" if is_burst else f"pass {number} of {wish.repeat}"
                yield RepeatStep(text, ratio)
                done, tickets = await self._pass(session, number, wish.triggers if is_burst else 1)
                triggered = Triggered(wish.triggers, tickets, done) if is_burst else None
                yield RepeatStep(text, number / last, passed=None if is_burst else done, triggered=triggered)
                if not done.is_recovered:
                    break
            yield RepeatStep("done", 1.0, end=end_of(plan.ladder, session.passes, triggered))

    # --- begun and ended

    def _session(self, wish: RepeatWish) -> _Session:
        basis = self._basis(wish)
        subject = basis.subject
        rule, target = subject.rule, subject.target
        fault = decode(subject.payload(0, self._clock.now()), self._clock.now())
        plan = RepeatPlan(
            test_id=f"test-{next(self._numbers)}-{target.id}",
            wish=wish,
            rule=rule.id,
            mode=rule.mode.value,
            target=target.id,
            ladder=subject.ladder,
            fault=subject.said(),
            observers=(*(one.id for one in target.observers), *(f"probe {name}" for name in target.probes)),
            why_not=subject.why_not(),
        )
        return _Session(plan, self._engine.fingerprint(fault).error_id, basis)

    def _basis(self, wish: RepeatWish) -> Basis:
        return basis_of(self._engine, wish, self._clock.now())

    @contextmanager
    def _open(self, session: _Session) -> Iterator[None]:
        target = session.plan.target
        if any(other.plan.target == target for other in self._sessions.values()):
            raise Refused(f"a recovery of {target} is being tested already")
        if len(self._sessions) >= _MOST_TESTS:
            raise Refused(f"{_MOST_TESTS} tests are running already")
        self._check_free(target)
        self._sessions[session.plan.test_id] = session
        self._hush(target, True)
        try:
            yield
        finally:
            del self._sessions[session.plan.test_id]
            self._settle(session)
            self._hush(target, False)

    def _check_free(self, target: str) -> None:
        busy = self._engine.busy_with(target)
        if busy:
            raise Refused(f"{target} is being recovered ({', '.join(busy)}): test it when that has ended")

    async def _allowed(self, session: _Session, number: int) -> None:
        while session.may_begin < number:
            self._check_open()
            session.told.clear()
            try:
                await asyncio.wait_for(session.told.wait(), ANSWER_WITHIN_S)
            except asyncio.TimeoutError:
                raise Refused(f"nobody said within {ANSWER_WITHIN_S:g} s that pass {number} may begin") from None
        self._check_open()

    def _check_open(self) -> None:
        if self._is_closed:
            raise TransientError("the daemon is about to stop, and has ended the test", _STOPPED_FOR_S)

    def _check_same(self, session: _Session) -> None:
        """Raises Refused if a reload has changed what is tested."""
        if self._engine.definitions is session.basis.definitions:
            return
        try:
            anew = self._basis(session.plan.wish)
        except (NotFound, Refused) as error:
            raise Refused(f"{_REPLACED}: {error}") from None
        if anew != session.basis:
            raise Refused(f"{_REPLACED}: begin it again")
        session.basis = anew

    # --- one pass

    async def _pass(self, session: _Session, number: int, faults: int) -> tuple[RepeatPass, int]:
        """The pass, and how many tickets its faults opened."""
        seen = await self._seen(session, number, faults)
        self._check_same(session)
        steady = self._looking.steady(session.plan.test_id, session.basis) if seen.is_recovered else None
        state, unsteady = await steady if steady else ((), ())
        done = seen.passed(state, unsteady, session.passes[0].observations if session.passes else state)
        session.passes.append(done if number == 1 else in_short(done))
        self._settle(session)
        return done, seen.tickets

    async def _seen(self, session: _Session, number: int, faults: int) -> Seen:
        """The faults, and what came of them until the error has ended and nobody is busy with its target."""
        target, wish = session.basis.subject.target, session.plan.wish
        within_s = wish.timeout_s
        with self._watchers.begin(
            lambda notice: notice.error is not None and notice.error.target == target.id
        ) as watcher:
            await self._until(watcher, lambda: not self._engine.busy_with(target.id), self._clock.now() + within_s)
            self._check_free(target.id)
            self._check_same(session)
            self._settle(session)
            was_well = wish.breaks and await self._looking.is_still_well(session.plan.test_id, session.basis)
            began_at = self._clock.now()
            ends_at = began_at + within_s
            payload = session.basis.subject.payload(number, began_at)
            taken = [self._intake.take(payload, is_test=True) for _ in range(faults)]
            await self._until(watcher, lambda: self._view(session).state in ENDED, ends_at)
            view, duration_s = self._view(session), self._clock.now() - began_at
            await self._until(watcher, lambda: not self._engine.busy_with(target.id), ends_at)
            notices, tickets = watcher.take(), sum(opened for _, opened in taken)
        return Seen(number, view, notices, began_at, duration_s, within_s, was_well, tickets)

    async def _until(self, watcher: Watcher, is_so: Callable[[], bool], ends_at: float) -> None:
        """Returns when it is so, or the time is up."""
        while not is_so() and (left_s := ends_at - self._clock.now()) > 0:
            self._check_open()
            watcher.arrived.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(watcher.arrived.wait(), left_s)

    def _view(self, session: _Session) -> ErrorView:
        return self._engine.view(session.error_id)

    def _settle(self, session: _Session) -> None:
        """The error is over, by a person's word: the next pass is no relapse. What runs comes to its end."""
        with suppress(NotFound, Refused):
            self._engine.resolve(session.error_id, "a test of its recovery", self._clock.now())
            self._loop.carry_out()
