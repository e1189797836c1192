"""How fast, and how many at once: the throttle and the capacity, counted anew.

An operation is an attempt, or a look at a target before one. Never more of them begin in any one second than the throttle allows; those
that are not critical have nine tenths among them, and in a slow start, after a brake has let go, less: from a tenth of that to the whole.
All of the capacity but an eighth is for them.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from error_daemon.core.policy import Policy
from error_daemon.model import AttemptOrder, ProbeOrder
from tests.simulation.scene import Broken, Scene

SECOND = 1.0
_ORDINARY_SHARE = 0.9
_FIRST_SHARE = 0.1
_CRITICAL_PLACES = 8  # one in so many


class Pace:
    def __init__(self, scene: Scene, policy: Policy) -> None:
        self._scene, self._policy = scene, policy
        self._eased_at: float | None = None
        self._begun: deque[float] = deque()
        self._ordinary: deque[float] = deque()
        self._looks: set[str] = set()  # tickets whose target is being looked at, before anything is done or after it

    def eased(self, now: float) -> None:
        """A brake has let go."""
        self._eased_at = now

    def died(self) -> None:
        self._begun.clear()
        self._ordinary.clear()
        self._looks.clear()

    # --- operations

    def attempt(self, order: AttemptOrder) -> None:
        critical = is_critical(order)
        running = [run.order for run in self._scene.workers.running.values()]
        ordinary = sum(not is_critical(other) for other in running)
        if len(running) >= self._policy.capacity or (not critical and ordinary >= self._ordinary_places()):
            raise Broken(
                "never above capacity", f"{order.attempt_id} beside {len(running)}, {ordinary} of them ordinary"
            )
        self._count(order.attempt_id, is_ordinary=not critical)
        self._looks.add(order.attempt_id.rpartition("-")[0])  # what follows is the look at what it did

    def look(self, order: ProbeOrder) -> None:
        """A round of probes. The first of a look that no attempt led to is an operation; whose is not known here."""
        ticket = order.round_id.rpartition("-")[0]
        if ticket not in self._looks:
            self._looks.add(ticket)
            self._count(order.round_id, is_ordinary=False)

    def concluded(self, ticket_prefix: str) -> None:
        """The looks of an error's ticket have an end."""
        self._looks = {ticket for ticket in self._looks if not ticket.startswith(ticket_prefix)}

    def _count(self, what: str, *, is_ordinary: bool) -> None:
        now = self._scene.now()
        self._forget(now)
        self._begun.append(now)
        if len(self._begun) > self._policy.throttle_per_s:
            raise Broken("never more than the throttle allows", f"{what}: {len(self._begun)} in a second")
        if is_ordinary:
            self._ordinary.append(now)
            if len(self._ordinary) > self.budget(now):
                raise Broken(
                    "never more than the throttle allows", f"{what}: {len(self._ordinary)} ordinary in a second"
                )

    # --- what it is

    def budget(self, now: float) -> int:
        """Operations a second for all but critical errors."""
        share, slow_s = 1.0, self._policy.slow_start_s
        if self._eased_at is not None and now < self._eased_at + slow_s:
            share = _FIRST_SHARE + (1.0 - _FIRST_SHARE) * (now - self._eased_at) / slow_s
        return max(1, ceil(self._policy.throttle_per_s * _ORDINARY_SHARE * share))

    def may_hold(self, now: float, busy: int) -> bool:
        """`busy`: attempts that run, and looks before one."""
        self._forget(now)
        is_full = busy >= self._ordinary_places()
        return is_full or len(self._begun) >= min(self._policy.throttle_per_s, self.budget(now))

    def _ordinary_places(self) -> int:
        return self._policy.capacity - self._policy.capacity // _CRITICAL_PLACES

    def _forget(self, now: float) -> None:
        for begun in (self._begun, self._ordinary):
            while begun and begun[0] + SECOND <= now:
                begun.popleft()


def is_critical(order: AttemptOrder) -> bool:
    return order.environment["ER_SEVERITY"] == "critical"
