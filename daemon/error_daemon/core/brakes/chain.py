"""The brakes, from the outermost in, as a ticket passes them each time it comes up:

    pause switch          pause.py            the whole queue, or one target
    global breaker        global_breaker.py   the whole queue
    throttle              throttle.py         the whole queue
    capacity              here                the whole queue: so many attempts at once; an eighth is kept for critical errors
    bulkhead              bulkhead.py         a class of tickets
    breaker per target    target_breaker.py   one target
    root                  dispatch.py         a target that it depends on has a ticket: that goes first
    one attempt a target  possession.py
    flap suppression      flap.py             one error
    approval              approval.py         one decision, in mode approve

A brake that holds the whole queue is asked once for its head. The others say for one ticket what it waits for and until when.
None loses one.
"""

from __future__ import annotations

from collections.abc import Container

from error_daemon.core.brakes import approval
from error_daemon.core.brakes.bulkhead import Bulkheads
from error_daemon.core.brakes.flap import FlapSuppression
from error_daemon.core.brakes.global_breaker import GlobalBreaker
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.brakes.pause import ALL, Pause, PauseSwitch
from error_daemon.core.brakes.target_breaker import TargetBreakers
from error_daemon.core.brakes.throttle import Throttle
from error_daemon.core.policy import Policy
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import ISOLATION, PRIORITY_OF, AttemptRecord, BrakeView, Definitions, Priority, Verdict

CAPACITY = "capacity"
_RESERVE = 8  # one place in so many is kept for critical errors


def is_critical(error: Error) -> bool:
    """Which lane it waits in, and whose reserves are its own."""
    return PRIORITY_OF[error.severity] is Priority.CRITICAL


def target_gate(target: str) -> str:
    return f"target:{target}"


class Brakes:
    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        self.pause = PauseSwitch()
        self.global_breaker = GlobalBreaker(policy.global_limits)
        self.throttle = Throttle(policy.throttle_per_s, policy.slow_start_s)
        self.bulkheads = Bulkheads(definitions.bulkheads)
        self.targets = TargetBreakers(policy.target_limits)
        self.flap = FlapSuppression(policy.flap_threshold_s, policy.flap_longest_s)
        self._capacity = policy.capacity
        self._defined: Container[str] = definitions.targets

    def redefine(self, definitions: Definitions) -> list[Pause]:
        """What each knows it keeps, but for targets that are gone. The pauses of those; they are in force no more."""
        self.bulkheads.redefine(definitions.bulkheads)
        self.targets.keep(definitions.targets)
        self._defined = definitions.targets
        return self.pause.keep(definitions.targets)

    # --- the whole queue

    def outer(self, is_critical: bool, running: int, ordinary: int, now: float) -> Hold | None:
        """`running`: attempts, and looks before them; `ordinary`: those of them that are not for critical errors."""
        return (
            self.pause.hold(ALL)
            or self.global_breaker.hold(now)
            or self.throttle.hold(is_critical, now)
            or self._full(is_critical, running, ordinary)
        )

    def _full(self, is_critical: bool, running: int, ordinary: int) -> Hold | None:
        places = self._capacity
        if running < places and not is_critical:
            places, running = places - places // _RESERVE, ordinary
        return Hold(CAPACITY, f"all {places} places for attempts are taken") if running >= places else None

    # --- one ticket

    def before_target(self, error: Error, ticket: Ticket, now: float) -> Hold | None:
        """What holds it before it asks for its target."""
        target = ticket.target.id
        gate = target_gate(target)
        return (
            self.pause.hold(target, gate)
            or self.bulkheads.hold(error, ticket, now)
            or self.targets.hold(target, now, gate)
        )

    def after_target(self, error: Error, ticket: Ticket, now: float) -> Hold | None:
        """What holds it although its target is free."""
        return self.flap.hold(error, now) or approval.hold(ticket)

    def given_up(self, error: Error, ticket: Ticket, now: float) -> str:
        """Why a person is needed instead of waiting; empty where none is, or where its target is paused."""
        if self.pause.on(ticket.target.id):
            return ""
        if approval.gives_up(ticket, now):
            return approval.unanswered(ticket)
        return self.bulkheads.is_given_up(error, ticket, now)

    def looks(self, error: Error, ticket: Ticket, now: float) -> None:
        """Its target is looked at. It keeps the place that is free, lest it wait for ever behind those that need not look."""
        self.throttle.started(now, is_critical=is_critical(error))
        self.bulkheads.enter(error, ticket, now)

    def started(self, error: Error, ticket: Ticket, attempt_id: str, now: float) -> None:
        self.global_breaker.started(attempt_id, now)
        self.throttle.started(now, is_critical=is_critical(error))
        self.bulkheads.enter(error, ticket, now)
        self.bulkheads.stop_waiting(error)

    def verified(self, record: AttemptRecord, now: float) -> None:
        """An attempt has its verdict. That of an isolation says nothing; nor does that of a test, which ends by itself where it does not
        recover: that a level of its ladder fails in each pass opens no breaker. What a person did is no sign for what the daemon may do."""
        is_meant = record.level != ISOLATION and not record.is_test and not record.is_by_hand
        is_telling = record.verdict is not Verdict.UNKNOWN and is_meant
        success = record.verdict is Verdict.RECOVERED if is_telling else None
        self.ended(record.target, record.attempt_id, success, is_last=record.is_last, now=now)

    def ended(self, target: str, attempt_id: str, success: bool | None, *, is_last: bool, now: float) -> None:
        """A verdict. None: it says nothing. `is_last`: the level is not tried again. Of a target that is gone nothing is kept."""
        if self.global_breaker.ended(attempt_id, success, now):
            self.throttle.ease_in(now)
        if success is not None and (success or is_last) and target in self._defined:
            self.targets.ended(target, success, now)

    def restore(self, record: AttemptRecord, now: float) -> None:
        """An attempt from before a restart: its verdict counts as it did then. Nothing was later than `now`, whatever the clock
        was meanwhile."""
        self.global_breaker.started(record.attempt_id, min(record.started_at, now))
        self.verified(record, min(record.ended_at, now))

    # --- for people

    def say(self, error: Error, ticket: Ticket, now: float) -> tuple[str, ...]:
        """What each said to a ticket that was let through, outermost first."""
        flapping = f"flapping, calm for {self.flap.calm_s(error.flaps):g} s" if error.flapping else "not flapping"
        return (
            "pause: off",
            self.global_breaker.says(now),
            self.throttle.says(now),
            self.bulkheads.says(error, ticket, now),
            self.targets.says(ticket.target.id, now),
            f"root: {'waited for ' + error.root if error.root else 'nothing that it depends on is failing'}",
            f"one attempt per target: {ticket.target.id} is free",
            f"flap suppression: {flapping}",
        )

    def views(self, now: float, *, only_tripped: bool = False) -> list[BrakeView]:
        """`only_tripped`: of the breakers of targets only those that are not closed, which costs little for all others."""
        return [
            *self.pause.views(),
            self.global_breaker.view(now),
            self.throttle.view(now),
            *self.bulkheads.views(),
            *self.targets.views(now, only_tripped=only_tripped),
        ]

    def states(self, now: float) -> list[tuple[str, str, str]]:
        """(brake, subject, state) of all but the closed breakers of targets."""
        return [(view.brake, view.subject, view.state) for view in self.views(now, only_tripped=True)]
