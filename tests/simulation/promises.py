"""All promises together: told of everything that goes in and comes out, they raise Broken at the first that does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from error_daemon.core import effects as fx
from error_daemon.model import AttemptRecord
from tests.simulation.accounts import AccountPromises
from tests.simulation.attempts import AttemptPromises
from tests.simulation.brakes import BrakePromises
from tests.simulation.driven import Driven, policy_of
from tests.simulation.ends import EndPromises
from tests.simulation.scene import Scene
from tests.simulation.waiting import WaitingPromises

_LOOK_EVERY = 10  # batches of effects


class Promises:
    def __init__(self, scene: Scene) -> None:
        self._scene, policy = scene, policy_of(scene.house)
        self.attempts = AttemptPromises(scene)
        self.accounts = AccountPromises(scene)
        self.brakes = BrakePromises(scene, policy)
        self.ends = EndPromises(scene)
        self.waiting = WaitingPromises(scene, policy, self.brakes)
        self._batches = 0
        self._hear: dict[type[Any], Callable[[Any], None]] = {
            fx.MarkSlot: self._marked,
            fx.ReleaseSlot: self.accounts.released,
            fx.StartAttempt: self._started,
            fx.StartProbes: self._asked,
            fx.SaveAttempt: lambda effect: self._judged(effect.record),
            fx.SaveScore: self.accounts.learned,
            fx.SaveDecision: lambda effect: self.brakes.decided(effect.decision),
            fx.SaveError: lambda effect: self.brakes.saved(effect.view),
            fx.SaveTicket: lambda effect: self.ends.ended(effect.record),
            fx.Escalate: lambda effect: self.ends.told(effect.escalation),
        }

    # --- what happens

    def fed(self, event: fx.Event) -> None:
        """Before it is fed."""
        now = self._scene.now()
        self.attempts.fed(event)
        self.brakes.fed(now)
        if isinstance(event, fx.FailurePredicted):
            self.brakes.foretold(event, now)

    def effect(self, effect: fx.Effect) -> None:
        """Before it is carried out."""
        hear = self._hear.get(type(effect))
        if hear is not None:
            hear(effect)

    def _marked(self, effect: fx.MarkSlot) -> None:
        self.accounts.marked(effect)
        self.attempts.marked(effect)
        self.brakes.marked(effect)

    def _started(self, effect: fx.StartAttempt) -> None:
        self.attempts.start(effect.order)
        self.brakes.start(effect.order)

    def _asked(self, effect: fx.StartProbes) -> None:
        self.attempts.asked(effect)
        self.brakes.pace.look(effect.order)

    def _judged(self, record: AttemptRecord) -> None:
        self.accounts.judged(record)
        self.attempts.judged(record)
        self.brakes.judged(record)

    def drained(self, daemon: Driven, now: float) -> None:
        """All effects of one event are carried out."""
        self.accounts.drained()
        self.brakes.drained(daemon, now)
        self._batches += 1
        if self._batches % _LOOK_EVERY == 0:
            self.waiting.look(daemon, now)

    def reloaded(self, changed: set[str], now: float) -> None:
        """Other definitions are about to be told. `changed`: the targets of which they say something else."""
        self.attempts.reloaded(changed)
        self.brakes.reloaded(changed)
        self.ends.reloaded(now)
        self.waiting.reloaded()

    # --- the daemon's end and beginning

    def died(self) -> None:
        for promises in (self.attempts, self.accounts, self.brakes, self.ends):
            promises.died()

    def starts(self, now: float) -> None:
        """Before anything is restored."""
        self.brakes.recall(now)
        self.ends.restored(now)

    def restored(self, daemon: Driven, now: float) -> None:
        self.accounts.restored(daemon)
        self.brakes.restored(daemon, now)
        self.waiting.look(daemon, now)

    def quiet(self, daemon: Driven) -> None:
        self.waiting.quiet(daemon)
        self.accounts.quiet()
