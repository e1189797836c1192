"""What waits for one hook, in order, and what became of what was sent. Pure: the time, chance and ids come in.

    put ──► waiting ──► on its way ──► sent
               ▲             ├──► waits again, longer each time (schedule.py)
               │             └──► dead: given up, kept for a person to see and to send again
               └── redeliver ──────┘

**Pace.** A token bucket (`burst`, `every_s`) says when one may go. While it is empty, what has not been tried yet gathers, and goes as
one digest with the next token: the first ones of a storm arrive one by one, the rest together. Nothing that was sent once is folded any
more: it keeps its id and its body.

**Bounds.** At most 1,000 wait; when they are that many, the untried are folded at once. Only where nothing can be folded the oldest is
given up. Dead ones are kept up to 1,000, sent ones up to 100: the newest.

**Order.** As it happened, as long as nothing fails. What failed waits, and what comes later may overtake it. When one gets through after
failures, all that wait are due at once, the oldest first.

Call `take` when something may be due, `ended` when that is known, and write down what `drain` gives after either and after `put`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from error_daemon.buckets import Buckets
from error_daemon.errors import NotFound
from error_daemon.hooks.digest import digest
from error_daemon.hooks.events import CLEARED, OVER, TELLING
from error_daemon.hooks.payload import Origin
from error_daemon.hooks.schedule import LONGEST_ASKED_S, wait_s
from error_daemon.hooks.sending import Sent
from error_daemon.model.hook import Delivery, Hook, HookEvent, HookView

MOST_WAITING = 1_000
MOST_DEAD = 1_000
MOST_SENT = 100
MOST_TOLD = 10_000
_COALESCED = "error.state"


@dataclass(slots=True)
class Changes:
    """What to write down: deliveries that are new or have changed, ids of those to forget, errors of which the hook was told or is done."""

    kept: dict[str, Delivery] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    told: dict[str, bool] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.kept or self.gone or self.told)


class Outbox:
    def __init__(
        self,
        hook: Hook,
        origin: Origin,
        new_id: Callable[[], str],
        chance: Callable[[], float],
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """`new_id()`: of a delivery, never given before. `chance()`: 0 to 1."""
        self._most_waiting = most_waiting
        self._origin, self._new_id, self._chance = origin, new_id, chance
        self._waiting: dict[str, Delivery] = {}  # in the order of their events
        self._dead: dict[str, Delivery] = {}
        self._sent: dict[str, Delivery] = {}
        self._told: dict[str, None] = {}  # errors, in the order in which it heard of them
        self._states: dict[str, str] = {}  # error → its untried delivery of a change of state
        self._changes = Changes()
        self._on_way = ""
        self._is_pacing = False
        self._paced_until = 0.0
        self._held_until = 0.0
        self._is_disabled = False
        self._is_failing = False
        self._detail = ""
        self._sent_count = self._failed_count = self._folded_count = 0
        self._last_sent_at = 0.0
        self.redefine(hook)

    def redefine(self, hook: Hook) -> None:
        """Other words of the operator for the same hook. What waits stays, what is on its way is due again."""
        self.hook = hook
        self._bucket = Buckets(1 / hook.every_s, hook.burst)
        self._on_way = ""
        self.enable()

    def enable(self) -> None:
        """Let it try again, whatever it was told."""
        self._is_disabled, self._held_until, self._paced_until = False, 0.0, 0.0

    def restore(self, deliveries: Iterable[Delivery], told: Iterable[str]) -> None:
        """As they were written down, in their order. What was on its way may have arrived: it is sent again."""
        places = {"waiting": self._waiting, "dead": self._dead, "sent": self._sent}
        for one in deliveries:
            places[one.state][one.delivery_id] = one
        self._told = dict.fromkeys(told)

    # --- in

    def was_told(self, error_id: str) -> bool:
        return error_id in self._told

    def put(self, event: HookEvent, now: float) -> None:
        self._note_told(event)
        replaced = self._states.get(event.error_id) if event.type == _COALESCED else None
        if replaced is not None and replaced != self._on_way:
            self._keep(replace(self._waiting[replaced], event=event))
            return
        if len(self._waiting) >= self._most_waiting:
            self._make_room(now)
        delivery = Delivery(self._new_id(), self.hook.id, event, due_at=now)
        if event.type == _COALESCED:
            self._states[event.error_id] = delivery.delivery_id
        self._keep(delivery)

    def _note_told(self, event: HookEvent) -> None:
        if event.type in TELLING and event.error_id not in self._told:
            self._told[event.error_id] = None
            self._changes.told[event.error_id] = True
            if len(self._told) > MOST_TOLD:
                self._forget_told(next(iter(self._told)))
        elif event.type == CLEARED:
            self._forget_told(event.error_id)

    def _forget_told(self, error_id: str) -> None:
        if error_id in self._told:
            del self._told[error_id]
            self._changes.told[error_id] = False

    def _make_room(self, now: float) -> None:
        if self._fold(now) is None:
            oldest = next(one for one in self._waiting.values() if one.delivery_id != self._on_way)
            self._give_up(oldest, f"{self._most_waiting:,} others waited, and no more are kept", now)

    # --- out

    def take(self, now: float) -> Delivery | None:
        """What is to be sent now, once that is written down; it is on its way until `ended`. None: nothing is, before `wake_at()`."""
        if self._on_way or self._is_disabled or now < max(self._held_until, self._paced_until):
            return None
        due = self._first_due(now)
        if due is None:
            return None
        grant = self._bucket.take("", 1, now)
        if not grant.granted:
            self._is_pacing, self._paced_until = True, now + grant.retry_after_s
            return None
        if self._is_pacing:
            folded = self._fold(now)
            if folded is not None and due.delivery_id not in self._waiting:
                due = folded
            self._is_pacing = any(self._is_untried(one) for one in self._waiting.values() if one is not due)
        due = replace(due, attempts=due.attempts + 1)
        self._keep(due)
        self._on_way = due.delivery_id
        self._states.pop(due.event.error_id, None)
        return due

    def wake_at(self) -> float | None:
        """When something may be due; None: not before something happens."""
        if self._on_way or self._is_disabled or not self._waiting:
            return None
        return max(self._held_until, self._paced_until, min(one.due_at for one in self._waiting.values()))

    def _first_due(self, now: float) -> Delivery | None:
        return next((one for one in self._waiting.values() if one.due_at <= now), None)

    def _is_untried(self, one: Delivery) -> bool:
        """It may go in a digest: nobody has seen its id."""
        is_new = one.attempts == 0 and not one.ended_at
        # what ends an incident of PagerDuty's ends just that one
        return is_new and not (self.hook.kind == "pagerduty" and one.event.type in OVER)

    def _fold(self, now: float) -> Delivery | None:
        """One digest in the place of all that is untried; None where that is not worth it."""
        untried = [one for one in self._waiting.values() if self._is_untried(one)]
        if len(untried) < 2:
            return None
        folded = digest(untried, self._origin, max(one.event.at for one in untried))
        events = sum(one.events for one in untried)
        for one in untried:
            self._drop(one)
        self._folded_count += sum(one.events for one in untried if one.events == 1)
        delivery = Delivery(self._new_id(), self.hook.id, folded, due_at=now, events=events)
        self._keep(delivery)
        return delivery

    # --- what became of it

    def ended(self, delivery_id: str, sent: Sent, now: float) -> Delivery | None:
        """How the attempt went that `take` began. The delivery as it is now; None where it was dropped meanwhile."""
        self._on_way = ""
        delivery = self._waiting.get(delivery_id)
        if delivery is None:
            return None
        delivery = replace(delivery, detail=sent.detail)
        if sent.is_done:
            return self._got_through(delivery, now)
        self._failed_count += 1
        self._is_failing, self._detail, self._is_disabled = True, sent.detail, sent.is_gone
        if sent.retry_after_s:
            self._held_until = now + min(sent.retry_after_s, LONGEST_ASKED_S)
        wait = wait_s(self.hook.retries, delivery.attempts, self._chance(), sent.retry_after_s)
        if wait is None or sent.is_final or sent.is_gone:
            return self._give_up(delivery, sent.detail, now)
        delivery = replace(delivery, due_at=now + wait)
        self._keep(delivery)
        return delivery

    def _got_through(self, delivery: Delivery, now: float) -> Delivery:
        delivery = replace(delivery, state="sent", ended_at=now)
        self._end(delivery, self._sent, MOST_SENT)
        self._sent_count += 1
        self._last_sent_at = now
        if self._is_failing:
            self._is_failing, self._detail = False, ""
            for one in self._waiting.values():
                if one.due_at > now:
                    self._keep(replace(one, due_at=now))
        return delivery

    def _give_up(self, delivery: Delivery, why: str, now: float) -> Delivery:
        delivery = replace(delivery, state="dead", ended_at=now, detail=why)
        self._end(delivery, self._dead, MOST_DEAD)
        return delivery

    def _end(self, delivery: Delivery, place: dict[str, Delivery], most: int) -> None:
        self._waiting.pop(delivery.delivery_id, None)
        self._forget_state(delivery)
        place[delivery.delivery_id] = delivery
        self._changes.kept[delivery.delivery_id] = delivery
        if len(place) > most:
            self._drop(next(iter(place.values())))

    def _keep(self, delivery: Delivery) -> None:
        self._waiting[delivery.delivery_id] = delivery
        self._changes.kept[delivery.delivery_id] = delivery

    def _drop(self, delivery: Delivery) -> None:
        for place in (self._waiting, self._dead, self._sent):
            place.pop(delivery.delivery_id, None)
        self._forget_state(delivery)
        self._changes.kept.pop(delivery.delivery_id, None)
        self._changes.gone.add(delivery.delivery_id)

    def _forget_state(self, delivery: Delivery) -> None:
        """It does not wait any more, so none may take its place."""
        if self._states.get(delivery.event.error_id) == delivery.delivery_id:
            del self._states[delivery.event.error_id]

    # --- people

    def redeliver(self, delivery_id: str, now: float) -> int:
        """Send again what was given up ("": all of it), or what waits, at once, by the same ids. How many. Raises NotFound."""
        again = [one for one in (*self._dead.values(), *self._waiting.values()) if delivery_id in ("", one.delivery_id)]
        if delivery_id and not again:
            raise NotFound(f"no delivery {delivery_id} of the hook {self.hook.id} waits or was given up")
        self.enable()
        for one in again:
            if self._dead.pop(one.delivery_id, None):
                self._keep(replace(one, state="waiting", attempts=0, due_at=now))
            elif one.delivery_id != self._on_way:
                self._keep(replace(one, due_at=now))
        return len(again)

    def proven(self, sent: Sent, now: float) -> None:
        """A person has sent a test, beside the deliveries. Where it arrived the hook is well."""
        if sent.is_done:
            self.enable()
            self._is_failing, self._detail = False, ""
            for one in self._waiting.values():
                self._keep(replace(one, due_at=min(one.due_at, now)))
        else:
            self._is_failing, self._detail = True, sent.detail

    # --- what is known

    def deliveries(self) -> list[Delivery]:
        """All that are known, the oldest event first."""
        known = (*self._waiting.values(), *self._dead.values(), *self._sent.values())
        return sorted(known, key=lambda one: (one.event.at, one.delivery_id))

    def view(self, now: float) -> HookView:
        until = self.wake_at() or 0.0
        return HookView(
            hook=self.hook,
            state=self._state(now),
            waiting=len(self._waiting),
            sent=self._sent_count,
            failed=self._failed_count,
            dead=len(self._dead),
            folded=self._folded_count,
            detail=self._detail,
            last_sent_at=self._last_sent_at,
            until=until if until > now else 0.0,
        )

    def _state(self, now: float) -> str:
        if self._is_disabled:
            return "disabled"
        if now < self._held_until:
            return "held"
        return "failing" if self._is_failing else "ready"

    def drain(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        return changes

    def everything(self) -> Changes:
        """All there is to write down, for a copy that has missed something."""
        return Changes({one.delivery_id: one for one in self.deliveries()}, told=dict.fromkeys(self._told, True))
