"""What must hold whenever an attempt is started, and when it is judged.

an attempt id is used once, in all lives of the daemon
the ring says "running" before anybody runs
nothing acts where it may only observe, nor without the approval that it needs
one attempt per target, from its start to its verdict
a target whose attempt was lost, or cut off by the end of the daemon, is probed before the next one; of a group, every one
what runs stands on the rule's ladder, at that level, and is given a time within the strategy's bounds
at one level a transient fault is tried at most five times, any other once
success is what probes saw: at least one ok, and none that is not
"""

from __future__ import annotations

from error_daemon.core import effects as fx
from error_daemon.model import (
    ISOLATION,
    AttemptOrder,
    AttemptRecord,
    Outcome,
    OutcomeKind,
    ReadingValue,
    ResponseClass,
    SlotState,
    Verdict,
)
from tests.simulation.scene import Broken, Scene

MOST_AT_A_LEVEL = 5
MOST_ISOLATIONS = 4  # of which the daemon died of all but the last


class AttemptPromises:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.started = 0
        self._used: set[str] = set()
        self._state: dict[str, SlotState] = {}  # what the ring says of an error's ticket
        self._owner: dict[str, str] = {}  # target → the attempt that has no verdict yet
        self._orders: dict[str, AttemptOrder] = {}  # those without a verdict, by id
        self._doubt: dict[str, float] = {}  # target → since when it must be looked at before anything is done
        self._asked: dict[str, tuple[str, float]] = {}  # round → its target, and when
        self._tries: dict[str, tuple[int, int]] = {}  # error → level, attempts there
        self._class: dict[str, ResponseClass] = {}

    # --- what happens

    def marked(self, effect: fx.MarkSlot) -> None:
        error_id = self._scene.ring.kept[effect.slot].fingerprint.error_id
        self._state[error_id] = effect.progress.state
        if effect.progress.state is SlotState.ENDED:
            self._tries.pop(error_id, None)

    def fault(self, error_id: str, response_class: ResponseClass) -> None:
        if self._class.get(error_id) is not ResponseClass.TRANSIENT:  # where they differ, the most that any allows
            self._class[error_id] = response_class

    def start(self, order: AttemptOrder) -> None:
        self._check_order(order)
        self._check_target(order)
        self._check_tries(order)
        self.started += 1
        self._used.add(order.attempt_id)
        self._orders[order.attempt_id] = order
        self._owner |= dict.fromkeys(_targets(order), order.attempt_id)

    def asked(self, effect: fx.StartProbes) -> None:
        self._asked[effect.order.round_id] = effect.order.target.id, self._scene.t

    def fed(self, event: fx.Event) -> None:
        if isinstance(event, fx.ProbesEnded):
            self._seen(*self._asked.pop(event.round_id))
        elif isinstance(event, fx.AttemptEnded) and event.outcome.kind is OutcomeKind.LOST:
            order = self._orders[event.outcome.attempt_id]
            self._doubt |= dict.fromkeys(_targets(order), self._scene.t)
        elif isinstance(event, fx.AttemptEnded) and event.outcome.looked_at:
            self._looked(event.outcome)

    def _looked(self, outcome: Outcome) -> None:
        """Its worker looks, or has looked."""
        look = self._orders[outcome.attempt_id].look
        assert look is not None, "who looks along was told at what"
        if outcome.readings is None:
            self._asked[look.round_id] = look.target.id, self._scene.t
        else:
            self._seen(look.target.id, self._scene.t)

    def _seen(self, target: str, asked_at: float) -> None:
        if asked_at >= self._doubt.get(target, asked_at):
            self._doubt.pop(target, None)

    def judged(self, record: AttemptRecord) -> None:
        if record.stability_score >= 0.0:
            return  # the second time, when its stability is known
        if self._orders.pop(record.attempt_id, None) is None:
            raise Broken("one verdict for each attempt", f"{record.attempt_id} was judged twice, or never started")
        self._owner = {target: attempt for target, attempt in self._owner.items() if attempt != record.attempt_id}
        seen = {reading.value for reading in record.readings}
        well = ReadingValue.OK in seen and ReadingValue.NOT_OK not in seen
        if (record.success or record.verdict is Verdict.RECOVERED) and not well:
            raise Broken("success is what probes saw", f"{record.attempt_id} saw {sorted(seen)}")

    def was_reset(self, error_id: str) -> None:
        self._tries.pop(error_id, None)

    def reloaded(self, changed: set[str]) -> None:
        """A ticket may be of another class now, or begin anew on another target."""
        for error_id in [error_id for error_id, name in self._scene.component_of.items() if name in changed]:
            self._tries.pop(error_id, None)
            self._class[error_id] = ResponseClass.TRANSIENT

    def died(self) -> None:
        """Doubt outlives it in the ring: in what was running, and in tickets that had not looked yet."""
        scene = self._scene
        running = {
            kept.fingerprint.error_id for kept in scene.ring.kept.values() if kept.progress.state is SlotState.RUNNING
        }
        doubtful = {target for error_id in running if (target := self._target_of(error_id))}
        self._doubt = {target: at for target, at in self._doubt.items() if target in doubtful}
        orders = [run.order for run in scene.workers.running.values()]
        self._doubt |= {o.target.id: scene.t for o in orders if o.target.id == self._target_of(o.error_id)}
        self._owner, self._orders, self._asked = {}, {}, {}

    def _target_of(self, error_id: str) -> str:
        """As far as the ring and the definitions tell: where they lead elsewhere now, nobody knows what was running."""
        patient = self._scene.patient_of[error_id]
        return patient.rule_target(self._scene.house) if patient else ""

    # --- what must hold

    def _check_order(self, order: AttemptOrder) -> None:
        if order.attempt_id in self._used:
            raise Broken("an attempt id is used once", order.attempt_id)
        if self._state.get(order.error_id) is not SlotState.RUNNING:
            raise Broken("the ring knows before anybody runs", f"{order.attempt_id}: {self._state.get(order.error_id)}")
        patient = self._scene.patient_of[order.error_id]
        if patient is None or patient.mode == "observe":
            raise Broken("nothing acts where it may only observe", order.attempt_id)
        offered = patient.ladder.get(order.level, ()) if order.level != ISOLATION else (patient.isolate,)
        if order.strategy.id not in offered:
            raise Broken("what runs is on the ladder", f"{order.strategy.id} at level {order.level} of {patient.id}")
        if not order.strategy.timeout_min_s <= order.timeout_s <= order.strategy.timeout_max_s:
            raise Broken("a timeout is within its bounds", f"{order.strategy.id}: {order.timeout_s}")

    def _check_target(self, order: AttemptOrder) -> None:
        for target in _targets(order):
            if target in self._owner:
                raise Broken("one attempt per target", f"{order.attempt_id} beside {self._owner[target]} on {target}")
        if order.target.id in self._doubt:
            raise Broken("what was lost is looked at first", f"{order.attempt_id} on {order.target.id}")

    def _check_tries(self, order: AttemptOrder) -> None:
        level, tries = self._tries.get(order.error_id, (0, 0))
        tries = tries + 1 if level == order.level else 1
        most = MOST_AT_A_LEVEL if self._class[order.error_id] is ResponseClass.TRANSIENT else 1
        most = MOST_ISOLATIONS if order.level == ISOLATION else most
        if tries > most:
            raise Broken("so many attempts at a level", f"{order.attempt_id}: {tries} at level {order.level} of {most}")
        self._tries[order.error_id] = order.level, tries


def _targets(order: AttemptOrder) -> tuple[str, ...]:
    """All that the attempt acts on."""
    return tuple(dict.fromkeys((order.target.id, *(member.id for member in order.group))))
