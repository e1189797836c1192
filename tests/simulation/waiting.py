"""No ticket waits for ever. Looked at every few events, by what the engine shows of its tickets.

every ticket says why it is where it is
an attempting one has an attempt that runs; one that is looked at has probes under way, or a time when they go out again
one that waits names what it waits for, and that is so: a pause, a breaker that is open, a target that another has, a root that is
    being recovered ...
where it says until when, that is not past, and not further off than that brake can hold it
in the end, when all is well and quiet, none is left
"""

from __future__ import annotations

from math import inf

from error_daemon.core.policy import Policy
from error_daemon.model import ErrorView, State
from tests.simulation.brakes import BrakePromises
from tests.simulation.driven import Driven
from tests.simulation.house import GROUP
from tests.simulation.scene import Broken, Scene
from tests.simulation.shadow_breaker import LONGEST, MOST_FORETOLD_S

_LATE_S = 1e-6
_HAS_TARGET = (State.ATTEMPTING, State.VERIFYING, State.PROBING)
_WAITS = (State.QUEUED, State.PARKED)


class WaitingPromises:
    def __init__(self, scene: Scene, policy: Policy, brakes: BrakePromises) -> None:
        self._scene, self._brakes = scene, brakes
        self._longest = {
            "pause": inf,
            "global breaker": LONGEST * policy.global_limits.open_s,
            "throttle": 1.0,
            "target breaker": max(policy.target_limits.open_s, MOST_FORETOLD_S),
            "flap suppression": max(policy.flap_longest_s, policy.flap_threshold_s),
            "backoff": 5.0,
            "approval": 0.0,
            "bulkhead": 0.0,
        }
        self.reloaded()

    def reloaded(self) -> None:
        """What waits already may wait as long as it was told before."""
        house, longest = self._scene.house, self._longest
        longest["approval"] = max((longest["approval"], *(each.approval_expires_s for each in house.patients)))
        timeouts_s = (float(each.get("timeout_s", 60.0)) for each in house.bulkheads)
        longest["bulkhead"] = max((longest["bulkhead"], *timeouts_s))

    def look(self, daemon: Driven, now: float) -> None:
        tickets = daemon.tickets()
        taken = {view.target for view in tickets if view.state in _HAS_TARGET}
        groups = {
            member.id for run in self._scene.workers.running.values() for member in (run.order.target, *run.order.group)
        }
        busy = sum(view.state in (State.ATTEMPTING, State.PROBING) for view in tickets)
        running = {run.order.error_id for run in self._scene.workers.running.values()}
        wake = daemon.next_wake()
        for view in tickets:
            if not view.reason:
                raise Broken("a ticket says why it waits", _text(view))
            if view.state is State.ATTEMPTING and view.error_id not in running:
                raise Broken("an attempting ticket has an attempt", _text(view))
            if view.state in (State.VERIFYING, State.PROBING) and wake is None and not self._scene.workers.rounds:
                raise Broken("a look goes on", _text(view))
            if view.state in _WAITS:
                self._check_time(view, now, wake)
                if view.state is State.QUEUED and not self._brakes.holds_all(now, busy):
                    self._check_brake(view, tickets, taken | groups, now)

    def _check_time(self, view: ErrorView, now: float, wake: float | None) -> None:
        until = view.parked_until
        if view.state is State.PARKED and not until:
            raise Broken("a parked ticket says until when", _text(view))
        is_past = until <= now  # one that is queued then waits on for the one that was called first
        if (view.state is State.PARKED and until < now - _LATE_S) or (until and not is_past and wake is None):
            raise Broken("a ticket says until when, and that is not past", f"{_text(view)}; now {now}, wakes {wake}")
        if until > now + self._longest.get(view.held_by, 0.0) + _LATE_S:
            raise Broken("no brake holds for longer than it can", f"{_text(view)}; now {now}")

    def _check_brake(self, view: ErrorView, tickets: list[ErrorView], taken: set[str], now: float) -> None:
        by, brakes = view.held_by, self._brakes
        if not by:
            raise Broken("a ticket that waits says for what", _text(view))
        on_roots = {other.target for other in tickets} & self._scene.roots(view.target)
        gathering = any(self._may_gather(other) for other in tickets)  # a group that has a part of what it needs
        is_so = (
            view.target in taken
            or gathering
            or brakes.is_paused(view.target, now)
            or brakes.may_be_open(view.target, now)
            or (by == "root" and bool(on_roots))
            or by == "bulkhead"
        )
        if not is_so:
            raise Broken("what a ticket waits for is so", f"{_text(view)}; now {now}")

    def _may_gather(self, view: ErrorView) -> bool:
        patient = self._scene.patient_of.get(view.error_id)
        return (
            view.state is State.QUEUED
            and patient is not None
            and any(GROUP in each for each in patient.ladder.values())
        )

    def quiet(self, daemon: Driven) -> None:
        if not daemon.is_at_rest():
            raise Broken("in the end nothing waits", "; ".join(map(_text, daemon.tickets()[:5])) or "not at rest")


def _text(view: ErrorView) -> str:
    held = f", held by {view.held_by}" if view.held_by else ""
    return f"{view.error_id} of {view.component} is {view.state.value} until {view.parked_until}{held}: {view.reason!r}"
