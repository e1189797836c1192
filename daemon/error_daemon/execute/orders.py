"""Orders as frames for a worker, and a worker's frames as values of the model.

Here the variables in the params of probes and strategies are filled (model/variables.py): a worker gets plain texts. Those of targets,
and of their observers, were filled when they were loaded, and what was filled is not looked at again.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from error_daemon.errors import PermanentError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.framing import encode
from error_daemon.model import (
    AttemptOrder,
    Json,
    Observation,
    ObserveOrder,
    Observer,
    Outcome,
    OutcomeKind,
    Probe,
    ProbeOrder,
    Reading,
    ReadingValue,
    Strategy,
    Target,
    Usage,
)
from error_daemon.model.variables import MAX_VALUE_CHARACTERS, fill, fill_from_fault, has_variables, varies_with_fault
from error_daemon.ports import Clock

_TEXTS_KEPT = 1024
_ATTEMPT, _PROBES = (frames.ToWorker.DESCRIPTOR.fields_by_name[name].number for name in ("attempt", "probes"))
_LOOK = frames.RunAttempt.DESCRIPTOR.fields_by_name["look"].number
_ROUND_ID, _LOOKS = (frames.RunProbes.DESCRIPTOR.fields_by_name[name].number for name in ("round_id", "probes"))


class OrderWriter:
    """Remembers the JSON of parameters by the identity of the mapping, and of the target that they are filled for: definitions are
    frozen, and orders recur. What of an order is the same each time is remembered as bytes: parts of a message that stand one behind the
    other are one message (protobuf's encoding, "last one wins")."""

    def __init__(self) -> None:
        self._texts: dict[tuple[int, int], tuple[Mapping[str, Json], Target | None, str]] = {}
        self._varying: dict[int, tuple[Mapping[str, Json], bool]] = {}
        self._parts: dict[tuple[int, int], tuple[Strategy | Probe, Target, bytes]] = {}

    def attempt(self, order: AttemptOrder) -> bytes:
        """The order as a frame. Raises PermanentError if it can't be sent, because of its size or its parameters."""
        with _refused():
            run = frames.RunAttempt()  # filled in place: half the time of one that is made and copied
            run.attempt_id = order.attempt_id
            run.timeout_s = order.timeout_s
            run.environment = marshal.dumps({name: _clean(value) for name, value in order.environment.items()})
            if order.group:
                run.group.extend([self._member(order, target) for target in order.group])
            parts = run.SerializeToString() + self._what(order)
            if order.look is not None:
                parts += _part(_LOOK, self._round(order.look))
            return encode(_part(_ATTEMPT, parts))

    def probes(self, order: ProbeOrder) -> bytes:
        """As `attempt`."""
        with _refused():
            return encode(_part(_PROBES, self._round(order)))

    def observers(self, order: ObserveOrder) -> bytes:
        """As `attempt`."""
        with _refused():
            observe = frames.Observe(
                round_id=order.round_id,
                observers=[self._observer(observer, order.target) for observer in order.observers],
                probes=[self._look(probe, order.target) for probe in order.probes],
            )
            return encode(frames.ToWorker(observe=observe).SerializeToString())

    def _what(self, order: AttemptOrder) -> bytes:
        """The strategy and its target."""
        strategy, target = order.strategy, order.target
        kept = self._parts.get((id(strategy), id(target)))
        if kept is not None:
            return kept[2]
        if self._varies(strategy.params) and varies_with_fault(strategy.params):
            params_json = json.dumps(fill_from_fault(strategy.params, _variables(target), order.variables))
            return self._run(strategy, target, params_json)
        return self._keep(strategy, target, self._run(strategy, target, self._text(strategy.params, target)))

    def _run(self, strategy: Strategy, target: Target, params_json: str) -> bytes:
        target_json = self._text(target.params)
        run = frames.RunAttempt(kind=strategy.kind, params_json=params_json, target_json=target_json)
        return run.SerializeToString()

    def _round(self, order: ProbeOrder) -> bytes:
        """A RunProbes."""
        target = order.target
        looks = [self._look_part(probe, target) for probe in order.probes]
        return _part(_ROUND_ID, order.round_id.encode()) + b"".join(looks)

    def _look_part(self, probe: Probe, target: Target) -> bytes:
        kept = self._parts.get((id(probe), id(target)))
        if kept is not None:
            return kept[2]
        return self._keep(probe, target, _part(_LOOKS, self._look(probe, target).SerializeToString()))

    def _keep(self, what: Strategy | Probe, target: Target, part: bytes) -> bytes:
        if len(self._parts) >= _TEXTS_KEPT:
            self._parts.clear()
        self._parts[id(what), id(target)] = (
            what,
            target,
            part,
        )  # both are kept, so that their ids can't become others'
        return part

    def _member(self, order: AttemptOrder, target: Target) -> frames.Member:
        missing = [name for name in target.probes if name not in order.probes]
        if missing:
            raise ValueError(f"{target.id} of the group has probes that the order lacks: {', '.join(missing)}")
        looks = [self._look(order.probes[name], target) for name in target.probes]
        return frames.Member(
            target=target.id,
            kind=target.kind,
            params_json=self._text(target.params),
            probes=looks,
            depends_on=target.depends_on,
        )

    def _observer(self, observer: Observer, target: Target) -> frames.ProbeOrder:
        return frames.ProbeOrder(
            probe=observer.id,
            kind=observer.kind,
            params_json=self._text(observer.params),
            timeout_s=observer.timeout_s,
            target_json=self._text(target.params),
        )

    def _look(self, probe: Probe, target: Target) -> frames.ProbeOrder:
        return frames.ProbeOrder(
            probe=probe.id,
            kind=probe.kind,
            params_json=self._text(probe.params, target),
            timeout_s=probe.timeout_s,
            target_json=self._text(target.params),
        )

    def _text(self, params: Mapping[str, Json], target: Target | None = None) -> str:
        """As JSON, filled for `target`."""
        filled_for = target if target is not None and self._varies(params) else None
        key = (id(params), id(filled_for))
        kept = self._texts.get(key)
        if kept is None:
            if len(self._texts) >= _TEXTS_KEPT:
                self._texts.clear()
            text = json.dumps(dict(params) if filled_for is None else fill(params, _variables(filled_for)))
            # the mapping and the target are kept with their text, so that their ids can't become others'
            kept = self._texts[key] = (params, filled_for, text)
        return kept[2]

    def _varies(self, params: Mapping[str, Json]) -> bool:
        kept = self._varying.get(id(params))
        if kept is None:
            if len(self._varying) >= _TEXTS_KEPT:
                self._varying.clear()
            kept = self._varying[id(params)] = (params, has_variables(params))
        return kept[1]


def _part(number: int, content: bytes) -> bytes:
    """A field of a message, as protobuf writes what has a length: number and kind, the length by sevens of bits, the content."""
    size, tag = len(content), number << 3 | 2
    if size <= 0x7F:
        return bytes((tag, size)) + content
    head = bytearray((tag,))
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content


def _variables(target: Target) -> dict[str, str]:
    return {"target": target.id, **target.variables}


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise PermanentError(f"the order can't be written for a worker: {error}") from error


def _clean(value: str) -> str:
    """A fault's text must not be able to keep its own recovery from running: no half characters, no endless ones."""
    if value.isascii() and len(value) <= MAX_VALUE_CHARACTERS:
        return value
    return value[:MAX_VALUE_CHARACTERS].encode("utf-8", "replace").decode()


def outcome_of(ended: frames.AttemptEnded, clock: Clock) -> Outcome:
    started_s, looked_s = ended.started_at_monotonic_s, ended.looked_at_monotonic_s
    return Outcome(
        attempt_id=ended.attempt_id,
        kind=OutcomeKind(ended.outcome),
        detail=ended.detail,
        started_at=clock.from_monotonic(started_s) if started_s else 0.0,
        execution_time_s=ended.execution_time_s,
        withheld_s=ended.withheld_s,
        before=_usage(ended.before),
        after=_usage(ended.after),
        affected_tasks=ended.affected_tasks,
        recovered_tasks=ended.recovered_tasks,
        looked_at=clock.from_monotonic(looked_s) if looked_s else 0.0,
        readings=readings_of(ended.seen, clock) if ended.HasField("seen") else None,
    )


def readings_of(ended: frames.ProbesEnded, clock: Clock) -> tuple[Reading, ...]:
    now = clock.now()
    return tuple(
        [
            Reading(reading.probe, ReadingValue(reading.value), reading.detail, now, reading.duration_s)
            for reading in ended.readings
        ]
    )


def unseen(probes: Sequence[str], detail: str, clock: Clock) -> list[Reading]:
    """The readings of a round whose worker was lost."""
    now = clock.now()
    return [Reading(probe, ReadingValue.UNKNOWN, detail, now) for probe in probes]


def observations_of(observed: frames.Observed) -> list[Observation]:
    return [Observation(one.observer, dict(one.facts), dict(one.others), one.problem) for one in observed.observations]


def unobserved(order: ObserveOrder, problem: str) -> list[Observation]:
    """The observations of a round whose worker was lost."""
    names = (*(observer.id for observer in order.observers), *(f"probe {probe.id}" for probe in order.probes))
    return [Observation(name, problem=problem) for name in names]


def _usage(usage: frames.Usage) -> Usage:
    return Usage(usage.cpu_percent, usage.memory_percent)
