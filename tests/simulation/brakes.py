"""What must hold of the brakes whenever an attempt is started.

nothing is begun while all acting is paused, nor on a target while that is (of a group: on none of them)
never more at once than there is capacity for, nor in any second than the throttle allows (pace.py)
a bulkhead has no more inside than it has places (places.py)
nothing is begun while the global breaker is open, one at a time while it is half-open; nothing on a target whose breaker is open
in mode approve every attempt has the approval of a person, who saw that very strategy and level
an error that came back within the flap threshold of its recovery is left alone until that has passed
a symptom is left alone while what its target depends on is being recovered
"""

from __future__ import annotations

from error_daemon.core import effects as fx
from error_daemon.core.policy import Policy
from error_daemon.model import (
    ISOLATION,
    PRIORITY_OF,
    AttemptOrder,
    AttemptRecord,
    Decision,
    ErrorView,
    Severity,
    SlotState,
    State,
    Verdict,
)
from tests.simulation.driven import EVERYTHING, Driven
from tests.simulation.pace import Pace
from tests.simulation.places import Places
from tests.simulation.scene import Broken, Scene
from tests.simulation.shadow_breaker import ShadowGlobal, ShadowTarget

REMEMBERED_S = 300.0  # how far back a daemon that starts asks for attempts


class BrakePromises:
    def __init__(self, scene: Scene, policy: Policy) -> None:
        self._scene, self._policy = scene, policy
        self._places = Places(scene)
        self.pace = Pace(scene, policy)
        self.whole = ShadowGlobal(policy.global_limits)
        self.targets: dict[str, ShadowTarget] = {}
        self._blurred: set[str] = set()  # targets of which the shadow does not know: a person reset a ladder meanwhile
        self._pending: dict[str, AttemptRecord] = {}  # by error: whether its level has ended is not known yet
        self._level: dict[str, int] = {}  # of an error's ticket, as the ring has it
        self._proposed: dict[str, tuple[str, int]] = {}
        self._approved: dict[str, tuple[str, int]] = {}
        self._recovered_at: dict[str, float] = {}
        self._begun: list[AttemptOrder] = []  # in this batch of effects

    # --- an attempt is started

    def start(self, order: AttemptOrder) -> None:
        now, severity = self._scene.now(), Severity[order.environment["ER_SEVERITY"].upper()]
        for target in (EVERYTHING, order.target.id, *(member.id for member in order.group)):
            if self.is_paused(target, now):
                raise Broken("nothing is begun while it is paused", f"{order.attempt_id} on {target or 'anything'}")
        self.pace.attempt(order)
        self._places.enter(order, self._level.get(order.error_id, order.level), PRIORITY_OF[severity])
        self._check_breakers(order, now)
        self._check_approval(order)
        if now < self._recovered_at.get(order.error_id, -self._policy.flap_threshold_s) + self._policy.flap_threshold_s:
            raise Broken("what flaps is left alone for a time", f"{order.attempt_id}, {self._recovered_at}")
        self._begun.append(order)

    def _check_breakers(self, order: AttemptOrder, now: float) -> None:
        if self.whole.is_open(now):
            raise Broken("nothing while the global breaker is open", f"{order.attempt_id}; until {self.whole.until}")
        if self.whole.is_half_open(now) and self.whole.trial:
            raise Broken("one at a time while it is half-open", f"{order.attempt_id} beside {self.whole.trial}")
        self.whole.started(order.attempt_id, now)
        if self.is_tripped(order.target.id, now):
            how = f"{order.attempt_id} on {order.target.id}; until {self.targets[order.target.id].until}, now {now}"
            raise Broken("nothing on a target whose breaker is open", how)

    def _check_approval(self, order: AttemptOrder) -> None:
        patient = self._scene.patient_of[order.error_id]
        if patient is None or patient.mode != "approve":
            return
        if self._approved.pop(order.error_id, None) != (order.strategy.id, order.level):
            raise Broken("nothing acts without its approval", f"{order.attempt_id}: {order.strategy.id}, {order.level}")

    # --- what the brakes are, as far as it can be known

    def is_paused(self, target: str, now: float) -> bool:
        pause = self._scene.pauses.get(target)
        return pause is not None and (not pause.until or now < pause.until)

    def is_tripped(self, target: str, now: float) -> bool:
        known = self.targets.get(target)
        return known is not None and target not in self._blurred and known.is_open(now)

    def may_be_open(self, target: str, now: float) -> bool:
        known = self.targets.get(target)
        return target in self._blurred or (known is not None and known.is_open(now))

    def holds_all(self, now: float, busy: int) -> bool:
        """Whether something may hold the whole queue. `busy`: attempts that run, and looks before one."""
        return self.is_paused(EVERYTHING, now) or self.whole.opened or self.pace.may_hold(now, busy)

    # --- what happens

    def fed(self, now: float) -> None:
        """Pauses whose time is up end."""
        for target, pause in list(self._scene.pauses.items()):
            if pause.until and pause.until <= now:
                del self._scene.pauses[target]
                self.pace.eased(now)

    def marked(self, effect: fx.MarkSlot) -> None:
        error_id, progress = self._scene.ring.kept[effect.slot].fingerprint.error_id, effect.progress
        if progress.state is not SlotState.RUNNING:
            self.pace.concluded(error_id)
        if progress.state is SlotState.ENDED:
            self._approved.pop(error_id, None)
        record = self._pending.pop(error_id, None)
        if record is not None and (progress.state is SlotState.ENDED or progress.level != record.level):
            self._level_ended(record, helped=False)
        self._level[error_id] = progress.level

    def judged(self, record: AttemptRecord) -> None:
        if record.stability_score >= 0.0:
            return
        self._places.leave(record.attempt_id)
        is_telling = record.verdict is not Verdict.UNKNOWN and record.level != ISOLATION
        helped = record.verdict is Verdict.RECOVERED if is_telling else None
        if self.whole.judged(record.attempt_id, helped, record.ended_at):
            self.pace.eased(record.ended_at)
        if helped:
            self._level_ended(record, helped=True)
        elif helped is not None:
            self._pending[record.error_id] = record

    def _level_ended(self, record: AttemptRecord, *, helped: bool) -> None:
        """Of a target that is gone meanwhile nothing is kept."""
        if record.target in self._scene.patients:
            self._of(record.target).level_ended(helped, record.ended_at)

    def decided(self, decision: Decision) -> None:
        self._proposed[decision.error_id] = decision.strategy_id, decision.level

    def saved(self, view: ErrorView) -> None:
        if view.state is State.WATCHING:
            self._recovered_at[view.error_id] = view.recovered_at

    def foretold(self, event: fx.FailurePredicted, now: float) -> None:
        self._of(event.target).foretold(event.until, now)

    def drained(self, daemon: Driven, now: float) -> None:
        if self._begun:
            self._check_roots(daemon)
            self._begun.clear()
        if self.whole.is_unsure:
            self._adopt_whole(daemon, now)
        for target, known in self.targets.items():
            if known.is_unsure:
                said = {view.subject: view for view in daemon.brakes(now) if view.brake == "target breaker"}
                known.adopt(
                    target in said and said[target].state == "open", said[target].until if target in said else 0.0
                )

    def _adopt_whole(self, daemon: Driven, now: float) -> None:
        said = next(view for view in daemon.brakes(now) if view.brake == "global breaker")
        if self.whole.is_unsure and said.state == "closed":
            self.whole.reset()
        else:
            self.whole.adopt(said.state, said.until)

    def restored(self, daemon: Driven, now: float) -> None:
        self._adopt_whole(daemon, now)

    def _check_roots(self, daemon: Driven) -> None:
        being_recovered = {view.target for view in daemon.tickets()}
        for order in self._begun:
            roots = self._scene.roots(order.target.id) & being_recovered
            if roots:
                raise Broken("a symptom waits for its root", f"{order.attempt_id} on {order.target.id}, before {roots}")

    def reloaded(self, changed: set[str]) -> None:
        """Brakes keep what they know, but of targets that are gone."""
        defined = self._scene.patients
        self._places.reloaded()
        self._blurred |= changed  # a level may have ended there, or not, by the new definitions
        self.targets = {target: known for target, known in self.targets.items() if target in defined}
        for target in [target for target in self._scene.pauses if target != EVERYTHING and target not in defined]:
            del self._scene.pauses[target]

    # --- people

    def approved(self, error_id: str) -> None:
        self._approved[error_id] = self._proposed[error_id]

    def settled(self, error_id: str) -> None:
        """A person resolved it or reset its ladder: whatever it was, it is not flapping."""
        self._recovered_at.pop(error_id, None)
        self._approved.pop(error_id, None)
        view = self._scene.patient_of.get(error_id)
        if view is not None:
            self._blurred.add(view.id)

    def breaker_reset(self, target: str, now: float) -> None:
        if target == EVERYTHING:
            self.whole.reset()
            self.pace.eased(now)
        else:
            self.targets.pop(target, None)

    # --- the daemon's end and beginning

    def died(self) -> None:
        self.pace.died()
        self._places.empty()
        self._pending, self._approved, self._proposed, self._begun = {}, {}, {}, []
        self.targets, self.whole = {}, ShadowGlobal(self._policy.global_limits)
        self._blurred = set()

    def recall(self, now: float) -> None:
        """A daemon starts: what the breakers knew, and how long ago was what."""
        self.pace.eased(now)
        views = self._scene.record.errors.values()
        self._recovered_at = {view.error_id: min(view.recovered_at, now) for view in views if view.recovered_at}
        records = self._scene.record.attempts_since(now - REMEMBERED_S)
        began = [(min(each.started_at, now), 0, each) for each in records]  # the clock may have been set back meanwhile
        ended = [(min(each.ended_at, now), 1, each) for each in records]
        for at, is_end, record in sorted(began + ended, key=lambda event: event[:2]):
            if not is_end:
                self.whole.started(record.attempt_id, at)
                continue
            is_telling = record.verdict is not Verdict.UNKNOWN and record.level != ISOLATION
            helped = record.verdict is Verdict.RECOVERED if is_telling else None
            self.whole.judged(record.attempt_id, helped, at)
            if helped is not None and (helped or record.is_last):
                self._of(record.target).level_ended(helped, at)

    def _of(self, target: str) -> ShadowTarget:
        return self.targets.setdefault(target, ShadowTarget(self._policy.target_limits))
