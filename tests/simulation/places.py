"""The places of the bulkheads, counted anew: who has one from the start of its attempt to its verdict.

A ticket takes a place of the first bulkhead whose conditions all fit; where that has none left, of the one to fall back on, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence

from error_daemon.model import AttemptOrder, Bulkhead, Priority
from tests.simulation.driven import bulkhead_of
from tests.simulation.scene import Broken, Scene


class Places:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._inside: dict[tuple[str, str], set[str]] = {}  # bulkhead and tenant → attempts
        self.reloaded()

    def reloaded(self) -> None:
        """There are others now; who has a place keeps it."""
        self._bulkheads: Sequence[Bulkhead] = tuple(map(bulkhead_of, self._scene.house.bulkheads))
        self._by_id = {bulkhead.id: bulkhead for bulkhead in self._bulkheads}

    def enter(self, order: AttemptOrder, level: int, priority: Priority) -> None:
        tenant = self._scene.tenant_of.get(order.error_id, "")
        fitting = (each for each in self._bulkheads if _fits(each, order.error_id, self._scene, level, priority))
        bulkhead = next(fitting, None)
        if bulkhead is None:
            return
        place: Bulkhead | None = bulkhead
        key = (bulkhead.id, tenant if bulkhead.per_tenant else "")
        while place is not None:
            inside = self._inside.setdefault(key, set())
            if len(inside) < place.max_concurrency:
                inside.add(order.attempt_id)
                return
            place = self._by_id.get(place.fallback)
            key = (place.id, tenant if place.per_tenant else "") if place else key
        raise Broken("never more in a bulkhead than it has places", f"{order.attempt_id}: {key}, {self._inside}")

    def leave(self, attempt_id: str) -> None:
        for inside in self._inside.values():
            inside.discard(attempt_id)

    def empty(self) -> None:
        self._inside = {}


def _fits(bulkhead: Bulkhead, error_id: str, scene: Scene, level: int, priority: Priority) -> bool:
    patient = scene.patient_of[error_id]
    return (
        (not bulkhead.levels or level in bulkhead.levels)
        and (not bulkhead.priorities or priority in bulkhead.priorities)
        and (not bulkhead.rules or (patient is not None and patient.id in bulkhead.rules))
        and (bulkhead.tenant is None or bulkhead.tenant.fullmatch(scene.tenant_of.get(error_id, "")) is not None)
    )
