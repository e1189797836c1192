"""The simulated world: a daemon in it that takes faults, decides, acts, commits, dies and starts again, on a virtual clock.

Three clocks: `agenda.t` is the true time; `wall` what the host's clock says, which people set; `now` the daemon's steady clock, which takes
the wall's time when the daemon starts and then runs by itself. The daemon may die between any two effects, and between the ring
and the engine. What it then knows is what the ring and the committed record say. Senders keep what they could not deliver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from error_daemon.core import effects as fx
from error_daemon.model import ErrorView, Fault
from tests.simulation.agenda import Agenda
from tests.simulation.dice import Dice
from tests.simulation.driven import Driven
from tests.simulation.keeping import HEARD_S, Record, Ring
from tests.simulation.people import People
from tests.simulation.promises import Promises
from tests.simulation.reloading import reloaded
from tests.simulation.restoring import restoring
from tests.simulation.scenario import Input, Scenario
from tests.simulation.scene import Broken, Scene
from tests.simulation.strays import stray
from tests.simulation.targets import Targets
from tests.simulation.workers import Workers

EPOCH = 1_700_000_000.0
QUIET_S = 3000.0
_MOST_STEPS = 200_000
_LATEST_WAKE_S = 0.3


class PowerCut(Exception):
    """The daemon ends here."""


class World:
    def __init__(self, scenario: Scenario) -> None:
        house, self._scenario = scenario.house, scenario
        dice, self._agenda = Dice(scenario.seed), Agenda()
        self._wall_offset_s = self._offset_s = EPOCH
        self._now = 0.0
        self._is_up = False
        self._fuse: int | None = None  # effects until the power is cut
        self._down_s = 1.0
        self._spool: list[Fault] = []
        targets = Targets(house, dice, self._agenda, self._report, self._wall)
        workers = Workers(house, dice, self._agenda, targets, self._answer, self.now)
        patients = {patient.id: patient for patient in house.patients}
        self.scene = Scene(
            house,
            dice,
            self._agenda,
            Ring(house.slots),
            Record(self._agenda, dice),
            targets,
            workers,
            patients,
            self.now,
        )
        self.promises = Promises(self.scene)
        self._people = People(self.scene, self.promises)
        self.lives: list[Driven] = []
        self.events = self.effects = self.faults = self.refused = self._wakes = 0
        self._carry: dict[type[Any], Callable[[Any], None]] = {
            fx.StartAttempt: lambda effect: workers.start(effect.order),
            fx.StartProbes: lambda effect: workers.look(effect.order),
            fx.MarkSlot: self._mark,
            fx.SaveError: self._write,
            fx.SaveScore: self._write,
            fx.SaveTimeout: self._write,
            fx.SaveAttempt: self._write,
        }
        self._inputs: dict[str, Callable[[Input], None]] = {
            "break": lambda what: targets.fall_ill(what["target"], what["illness"]),
            "heal": lambda what: targets.heal(what["target"]),
            "report": self._stray,
            "kill": lambda what: workers.kill(what["worker"] % house.workers),
            "crash": self._light_the_fuse,
            "set_clock": lambda what: self._move_wall(what["by_s"]),
            "commit": self._set_lag,
            "probes": self._set_probes,
            "drift": lambda what: targets.drift(what["target"], what["illness"], what["strategy"], what["rate"]),
            "person": self._person,
            "predict": self._predict,
            "reload": self._reload,
        }

    # --- the whole

    def run(self) -> None:
        """Everything that the scenario has, and then quiet. Raises Broken."""
        self._start()
        for what in self._scenario.inputs:
            self._agenda.at(what["at"], self._input, what)
        self._advance(self._scenario.lasts_s)
        self._quiet()

    def _quiet(self) -> None:
        """Everything gets well and stays so; then nothing may be left."""
        self._fuse = None
        self.scene.targets.quiet()
        self._set_lag({"lag_s": 0.1})
        self._advance(self._scenario.lasts_s + 2 * self._down_s)
        self._people.quiet(self.daemon, self.now())
        self._carry_out()
        self._advance(self._scenario.lasts_s + QUIET_S)
        self._feed(fx.TimePassed())
        self.promises.quiet(self.daemon)

    def _advance(self, until: float) -> None:
        agenda = self._agenda
        for _ in range(_MOST_STEPS):
            wake = self.daemon.next_wake() if self._is_up else None
            wake_t = until if wake is None else wake - self._offset_s
            if min(agenda.next_at(), wake_t) >= until:
                break
            try:
                if agenda.next_at() <= wake_t:
                    agenda.happen()
                else:
                    self._woken(wake_t, wake or 0.0)
            except PowerCut:
                self._die()
        else:
            raise Broken("the world comes to rest", f"not within {_MOST_STEPS} steps")
        agenda.t = until

    def _woken(self, wake_t: float, wake: float) -> None:
        """Now and then the daemon is late: its loop was busy."""
        self._wakes += 1
        scene = self.scene
        late_s = 0.0
        if scene.dice.happens(scene.house.late_wake_rate, "late", self._wakes):
            late_s = scene.dice.between(0.0, _LATEST_WAKE_S, "how late", self._wakes)
        self._agenda.t = max(self._agenda.t, wake_t + late_s)
        self._now = max(self._now, wake)
        self._feed(fx.TimePassed())

    # --- clocks

    def now(self) -> float:
        self._now = max(self._now, self._agenda.t + self._offset_s)
        return self._now

    def _wall(self) -> float:
        return self._agenda.t + self._wall_offset_s

    def _move_wall(self, by_s: float) -> None:
        self._wall_offset_s += by_s

    # --- the daemon

    @property
    def daemon(self) -> Driven:
        return self.lives[-1]

    def _start(self) -> None:
        scene = self.scene
        scene.life += 1
        self._offset_s, self._now = self._wall_offset_s, self._agenda.t + self._wall_offset_s
        daemon = Driven(scene.house)
        self.lives.append(daemon)
        self._is_up = True
        self.promises.starts(self.now())
        for _ in restoring(daemon, scene):
            self._carry_out()
        self.promises.restored(daemon, self.now())
        spool, self._spool = self._spool, []
        for number, fault in enumerate(spool):
            self._agenda.after(0.01 * number, self._report, fault)

    def _die(self) -> None:
        scene = self.scene
        self._is_up, self._fuse = False, None
        self.promises.died()
        scene.workers.end()
        scene.record.cut(scene.life)
        self._agenda.after(self._down_s, self._start)

    def _burn(self) -> None:
        if self._fuse is not None:
            self._fuse -= 1
            if self._fuse <= 0:
                raise PowerCut

    # --- events

    def _answer(self, event: fx.Event) -> None:
        if self._is_up:
            self._feed(event)

    def _feed(self, event: fx.Event) -> None:
        self.events += 1
        self.promises.fed(event)
        self.daemon.feed(event, self.now())
        self._carry_out()

    def _carry_out(self) -> None:
        for effect in self.daemon.drain():
            self.effects += 1
            self.promises.effect(effect)
            carry = self._carry.get(type(effect))
            if carry is not None:
                carry(effect)
            if not isinstance(
                effect, fx.Notify
            ):  # what is only shown changes nothing, and whether anybody looks must not either
                self._burn()
        self.promises.drained(self.daemon, self.now())

    def _mark(self, effect: fx.MarkSlot) -> None:
        self.scene.ring.kept[effect.slot].progress = effect.progress

    # --- faults

    def _stray(self, what: Input) -> None:
        self._report(stray(what, self._wall()))

    def _report(self, fault: Fault) -> None:
        if not self._is_up:
            self._spool.append(fault)
            return
        try:
            self._take(replace(fault, received_at=self.now()))
        except PowerCut:
            self._spool.append(fault)  # it was not acknowledged
            raise

    def _take(self, fault: Fault) -> None:
        """As the intake does: into the ring, then to the engine."""
        daemon, ring, now = self.daemon, self.scene.ring, self.now()
        fingerprint = daemon.fingerprint(fault)
        slot = daemon.slot_of(fingerprint)
        classification = daemon.classify(fault) if daemon.must_be_classified(fingerprint, now) else None
        if slot is not None:
            if slot not in ring.kept:
                raise Broken("the engine knows which slots are held", f"{fault.component}: {slot}")
            ring.add(slot, fault)
        else:
            classification = classification or daemon.classify(fault)
            slot = ring.put(classification.priority, fingerprint, fault)
            if slot is None:
                self.refused += 1
                return
        self.faults += 1
        self.scene.component_of.setdefault(fingerprint.error_id, fault.component)
        self.scene.patient_of.setdefault(fingerprint.error_id, self.scene.patients.get(fault.component))
        self.scene.tenant_of.setdefault(fingerprint.error_id, fault.tenant)
        self.promises.attempts.fault(fingerprint.error_id, daemon.classify(fault).response_class)
        self._burn()
        self._feed(fx.FaultArrived(fault, fingerprint, slot, classification))

    # --- the record

    def _write(self, row: Any) -> None:
        if self.scene.record.write(row):
            self._arrange_commit()

    def _arrange_commit(self) -> None:
        lag_s = self.scene.record.lag_s
        assert lag_s is not None, "a record that stalls arranges nothing"
        self._agenda.after(lag_s, self._commit, self.scene.life)

    def _commit(self, life: int) -> None:
        record = self.scene.record
        if life != self.scene.life or not self._is_up:
            return
        if record.lag_s is None:
            record.is_due = False
            return
        views = record.commit()
        if views:
            self._agenda.after(HEARD_S, self._heard, life, views)

    def _heard(self, life: int, views: list[ErrorView]) -> None:
        if life != self.scene.life or not self._is_up:
            return
        for view in views:
            self.events += 1
            self.daemon.feed(fx.ErrorsRecorded((view,)), self.now())
        self._carry_out()

    # --- inputs

    def _input(self, what: Input) -> None:
        if not self.scene.targets.is_quiet:
            self._inputs[what["do"]](what)

    def _light_the_fuse(self, what: Input) -> None:
        if self._is_up:
            self._down_s = what["down_s"]
            self._fuse = what["after"]
            if self._fuse <= 0:
                raise PowerCut

    def _set_lag(self, what: Input) -> None:
        record = self.scene.record
        record.lag_s = what["lag_s"]
        if self._is_up and record.arrange():
            self._arrange_commit()

    def _set_probes(self, what: Input) -> None:
        quality = {name: what[name] for name in ("lies", "cries", "blind", "takes_s") if name in what}
        self.scene.targets.probes(what["target"], **quality)

    def _person(self, what: Input) -> None:
        if self._is_up:
            self._people.act(self.daemon, what, self.now())
            self._carry_out()

    def _reload(self, what: Input) -> None:
        """One that is down reads them when it starts."""
        changed = self.scene.move_in(reloaded(self._scenario.house, what))
        self.promises.reloaded(changed, self.now())
        if self._is_up:
            self.daemon.redefine(self.scene.house, self.now())
            self._carry_out()

    def _predict(self, what: Input) -> None:
        if self._is_up:
            until = self.now() + what["for_s"]
            self._feed(fx.FailurePredicted(what["target"], what["probability"], "a forecast", until))
