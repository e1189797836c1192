"""What must hold of the ring and the record.

a slot is marked and released only while it is held; it goes only when the committed record accounts for all of its faults
after a restart no fault that the ring took is lost, and none is counted twice
what is learned follows from a verdict: never from unknown, never from what was lost or refused
in the end every fault is accounted for in the record, and every slot is released
"""

from __future__ import annotations

from collections import Counter

from error_daemon.core import effects as fx
from error_daemon.model import AttemptRecord, ErrorType, OutcomeKind, Verdict
from tests.simulation.driven import Driven
from tests.simulation.scene import Broken, Scene

_TEACHES_NOTHING = (OutcomeKind.LOST, OutcomeKind.REFUSED)


class AccountPromises:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._lessons: Counter[tuple[ErrorType, str]] = Counter()  # of this batch of effects
        self._learned: Counter[tuple[ErrorType, str]] = Counter()

    def marked(self, effect: fx.MarkSlot) -> None:
        if effect.slot not in self._scene.ring.kept:
            raise Broken("a slot is marked while it is held", repr(effect))

    def released(self, effect: fx.ReleaseSlot) -> None:
        ring = self._scene.ring
        if effect.slot not in ring.kept:
            raise Broken("a slot is released once", repr(effect))
        kept = ring.release(effect.slot)
        error_id = kept.fingerprint.error_id
        view = self._scene.record.errors.get(error_id)
        others = [(slot, other) for slot, other in ring.kept.items() if other.fingerprint.error_id == error_id]
        if view is None:
            raise Broken("a slot goes when the record accounts for it", f"{error_id} is not in the record")
        counted = {view.slot_sequence: view.slot_count}
        unrecorded = sum(other.count - counted.get(slot.sequence, 0) for slot, other in others)
        if view.count + unrecorded != ring.taken[error_id]:
            how = f"{error_id}: {view.count} recorded, {unrecorded} in the ring, {ring.taken[error_id]} taken"
            raise Broken("a slot goes when the record accounts for it", how)

    def judged(self, record: AttemptRecord) -> None:
        key = record.error_type, record.strategy_id
        if record.stability_score >= 0.0:
            self._lessons[key] += record.success
        elif record.verdict is not Verdict.UNKNOWN and record.outcome not in _TEACHES_NOTHING:
            self._lessons[key] += 1

    def learned(self, effect: fx.SaveScore) -> None:
        self._learned[effect.score.error_type, effect.score.strategy_id] += 1

    def drained(self) -> None:
        if self._learned:
            more = self._learned - self._lessons
            if more:
                raise Broken("unknown is never learned from", f"{dict(more)} learned, nothing to learn it from")
            self._learned.clear()
        if self._lessons:
            self._lessons.clear()

    def died(self) -> None:
        self._learned.clear()
        self._lessons.clear()

    def restored(self, daemon: Driven) -> None:
        for error_id, taken in self._scene.ring.taken.items():
            count = daemon.view(error_id).count
            if count != taken:
                raise Broken("no fault is lost or counted twice", f"{error_id}: {count} after a restart, {taken} taken")

    def quiet(self) -> None:
        ring, record = self._scene.ring, self._scene.record
        if ring.kept:
            left = [(slot, kept.fingerprint.error_id, kept.progress) for slot, kept in ring.kept.items()]
            raise Broken("in the end every slot is released", repr(left[:5]))
        for error_id, taken in ring.taken.items():
            view = record.errors.get(error_id)
            if view is None or view.count != taken:
                how = f"{error_id}: {view.count if view else 'nothing'} recorded, {taken} taken"
                raise Broken("in the end every fault is accounted for", how)
