"""
What became of one ticket, as a trace.

    recovery TARGET                        from the fault's receipt to the end of the ticket
    ├── wait                               for its turn, or for the brake that `error_recovery.held_by` names
    ├── look                               a round of probes before anything was done
    │   └── probe NAME
    ├── decide                             what was chosen, and why
    ├── attempt STRATEGY                   the strategy's own time, with outcome and verdict
    ├── verify                             a round of probes after an attempt
    │   └── probe NAME
    └── escalation                         a person was told

An attempt that did not help, and a recovery that failed, have the status ERROR. A probe that sees that something is not well has not
failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from error_daemon.model import AttemptRecord, Decision, Escalation, Reading, TicketRecord, Verdict
from error_daemon.redact import redacted_text
from error_daemon.runtime.exporting.spans import Context, Span, span_id

_MOST_SPANS = 200
_LEAST_WAIT_S = 0.001  # shorter ones, of which nobody can say what for, are none
_TEXT_CHARACTERS = 500
_P = "error_recovery."
Attributes = dict[str, str | int | float | bool]


@dataclass(slots=True)
class Story:
    """`parent`: where in its sender's trace the fault was; None: this is a trace of its own."""

    ticket_id: str
    trace_id: bytes
    parent: Context | None
    link: Context | None
    begun_at: float
    attributes: Attributes
    spans: list[Span] = field(default_factory=list)
    left_out: int = 0
    held_by: str = ""
    held_because: str = ""
    _waits_since: float = 0.0  # 0: it does not wait
    _has_acted: bool = False  # an attempt has ended, so what is looked at from now on is what came of it
    _rounds: dict[str, float] = field(default_factory=dict)  # of probes: when each began
    _number: int = 0

    def __post_init__(self) -> None:
        self._waits_since = self.begun_at

    @property
    def waits(self) -> bool:
        return bool(self._waits_since)

    def held(self, by: str, because: str, at: float) -> None:
        """While it waits: what for. Another brake is another wait."""
        if self.waits and by != self.held_by:
            if self.held_by:
                self._wait_ends(at)
                self._waits_since = at
            self.held_by, self.held_because = by, because

    def begins(self, at: float) -> None:
        """Something is done: an attempt, or a look."""
        if self.waits:
            self._wait_ends(at)

    def decided(self, decision: Decision) -> None:
        attributes: Attributes = {
            f"{_P}decision_id": decision.decision_id,
            f"{_P}strategy": decision.strategy_id,
            f"{_P}level": decision.level,
            f"{_P}mode": decision.mode,
            f"{_P}reason": decision.reason,
            f"{_P}explored": decision.explored,
        }
        self._add("decide", decision.at, decision.at, attributes)

    def attempt_ends(self) -> None:
        self._has_acted = True

    def round_begins(self, round_id: str, at: float) -> None:
        self.begins(at)
        self._rounds[round_id] = at

    def round_ends(self, round_id: str, readings: Sequence[Reading], at: float) -> None:
        begun_at = self._rounds.pop(round_id, None)
        if begun_at is None:
            return
        parent_id = self._add("verify" if self._has_acted else "look", begun_at, at, {})
        for reading in readings:
            self._add(
                f"probe {reading.probe}",
                max(begun_at, reading.at - reading.duration_s),
                reading.at or at,
                {
                    f"{_P}probe": reading.probe,
                    f"{_P}reading": reading.value.value,
                    f"{_P}detail": _text(reading.detail),
                },
                parent_id=parent_id,
            )

    def attempted(self, record: AttemptRecord) -> None:
        """It has its verdict; what follows waits for its turn again."""
        attributes: Attributes = {
            f"{_P}attempt_id": record.attempt_id,
            f"{_P}strategy": record.strategy_id,
            f"{_P}target": record.target,
            f"{_P}level": record.level,
            f"{_P}outcome": record.outcome.value,
            f"{_P}verdict": record.verdict.value,
            f"{_P}lag_s": record.lag_s,
        }
        ended_at = min(record.started_at + record.execution_time_s, record.ended_at)
        has_failed = record.verdict in (Verdict.PERSISTING, Verdict.WORSE)
        says = _text(record.detail) if has_failed else ""
        name = f"attempt {record.strategy_id}"
        self._add(
            name, record.started_at, max(record.started_at, ended_at), attributes, has_failed=has_failed, says=says
        )
        self._waits_since, self.held_by, self.held_because, self._has_acted = record.ended_at, "", "", False

    def escalated(self, escalation: Escalation) -> None:
        attributes: Attributes = {
            f"{_P}cause": escalation.cause,
            f"{_P}reason": _text(escalation.text),
        }
        self._add("escalation", escalation.at, escalation.at, attributes)

    def ended(self, record: TicketRecord) -> list[Span]:
        """All of it. What it waited for when it ended belongs to it only where nothing was done after the last verdict."""
        if self.waits and record.ended_as != "recovered":
            self._wait_ends(record.ended_at)
        has_failed = record.ended_as == "failed"
        first = Span(
            f"recovery {record.target}",
            Context(self.trace_id, span_id(self.ticket_id, 0)),
            self.parent.span_id if self.parent else b"",
            self.begun_at,
            record.ended_at,
            {
                **self.attributes,
                f"{_P}ended_as": record.ended_as,
                f"{_P}attempts": record.attempts,
                f"{_P}reason": _text(record.reason),
                f"{_P}spans_left_out": self.left_out,
            },
            has_failed,
            _text(record.reason) if has_failed else "",
            (self.link,) if self.link else (),
        )
        return [first, *self.spans]

    def _wait_ends(self, at: float) -> None:
        since, self._waits_since = self._waits_since, 0.0
        if not self.held_by and at - since < _LEAST_WAIT_S:
            return
        attributes: Attributes = {f"{_P}held_by": self.held_by, f"{_P}reason": _text(self.held_because)}
        self._add("wait", since, max(since, at), attributes if self.held_by else {})

    def _add(
        self,
        name: str,
        begun_at: float,
        ended_at: float,
        attributes: Attributes,
        *,
        parent_id: bytes = b"",
        has_failed: bool = False,
        says: str = "",
    ) -> bytes:
        """Its id."""
        self._number += 1
        own_id = span_id(self.ticket_id, self._number)
        if len(self.spans) >= _MOST_SPANS:
            self.left_out += 1
            return own_id
        context = Context(self.trace_id, own_id)
        parent_id = parent_id or span_id(self.ticket_id, 0)
        self.spans.append(Span(name, context, parent_id, begun_at, ended_at, attributes, has_failed, says))
        return own_id


def _text(text: str) -> str:
    """Without secrets, as in the log, and not too long."""
    return redacted_text(text)[:_TEXT_CHARACTERS]
