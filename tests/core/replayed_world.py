"""Histories for the tests of replay: recorded from the simulated world, or written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from error_daemon.core import effects as fx
from error_daemon.core.fingerprint import fingerprint
from error_daemon.core.replay import History
from error_daemon.model import (
    AttemptRecord,
    Decision,
    ErrorType,
    Fault,
    LearnedTimeout,
    Reading,
    ReadingValue,
    Score,
    TicketRecord,
    Verdict,
)
from tests.core.metric_records import attempt, ticket
from tests.core.world import PROBE_S, World


class ToldWorld(World):
    """A world that also remembers its faults and how long its probes take."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.faults: list[Fault] = []

    def report(self, one: Fault, breaks: bool = True) -> str:
        one = replace(one, received_at=self.now)
        self.faults.append(one)
        return super().report(one, breaks)

    def feed(self, event: fx.Event) -> None:
        if isinstance(event, fx.ProbesEnded):
            timed = tuple(replace(reading, duration_s=PROBE_S) for reading in event.readings)
            event = fx.ProbesEnded(event.round_id, timed)
        super().feed(event)

    def history(self) -> History:
        """As the record has it: of each row what was written last."""
        decisions = {one.decision.decision_id: one.decision for one in self.log if isinstance(one, fx.SaveDecision)}
        tickets = [one.record for one in self.log if isinstance(one, fx.SaveTicket)]
        return History(self.faults, list(decisions.values()), list(self.records.values()), tickets)

    def learned(self) -> tuple[list[Score], list[LearnedTimeout]]:
        scores = {(s.score.error_type, s.score.strategy_id): s.score for s in self.log if isinstance(s, fx.SaveScore)}
        timeouts = {
            (one.timeout.error_type, one.timeout.strategy_id): one.timeout
            for one in self.log
            if isinstance(one, fx.SaveTimeout)
        }
        return list(scores.values()), list(timeouts.values())


class Written:
    """A history that is written by hand: the tickets of a fault of `component`, whose target has its name."""

    def __init__(self, component: str = "web", **more: Any) -> None:
        self.fault = Fault(ErrorType.NETWORK, "down", component=component, received_at=100.0, **more)
        self.error_id = fingerprint(self.fault).error_id
        self.faults: list[Fault] = [self.fault]
        self.decisions: list[Decision] = []
        self.attempts: list[AttemptRecord] = []
        self.tickets: list[TicketRecord] = []

    def ticket(
        self, opened_at: float = 100.0, ended_at: float = 101.0, ended_as: str = "recovered", **more: Any
    ) -> None:
        self.tickets.append(
            ticket(
                opened_at,
                ended_at,
                ended_as,
                **(
                    {
                        "ticket_id": f"{self.error_id}-t{len(self.tickets)}",
                        "error_id": self.error_id,
                        "error_type": ErrorType.NETWORK,
                        "target": self.fault.component,
                        "component": self.fault.component,
                        "rule": self.fault.component,
                    }
                    | more
                ),
            )
        )

    def attempt(self, strategy_id: str = "fix1", at: float = 100.0, takes_s: float = 0.5, **more: Any) -> None:
        """Of the last ticket: decided at `at`, seen to have helped 2 ms after it ended."""
        number = sum(one.attempt_id.startswith(self.tickets[-1].ticket_id) for one in self.attempts) + 1
        attempt_id = f"{self.tickets[-1].ticket_id}-{number}"
        level = more.pop("level", 1)
        decided = {"at": at} | more.pop("decision", {})
        self.decisions.append(self.decision(strategy_id, level=level, attempt_id=attempt_id, **decided))
        verdict = more.get("verdict", Verdict.RECOVERED)
        value = {Verdict.RECOVERED: ReadingValue.OK, Verdict.UNKNOWN: ReadingValue.UNKNOWN}.get(
            verdict, ReadingValue.NOT_OK
        )
        ended_at = more.pop("ended_at", at + takes_s + 0.002)
        given: dict[str, Any] = {
            "attempt_id": attempt_id,
            "decision_id": f"{attempt_id}-d",
            "error_id": self.error_id,
            "strategy_id": strategy_id,
            "target": self.fault.component,
            "level": level,
            "error_type": ErrorType.NETWORK,
            "started_at": at,
            "execution_time_s": takes_s,
            "readings": tuple(Reading(probe, value, at=ended_at, duration_s=0.002) for probe in ("port", "health")),
        }
        self.attempts.append(attempt(ended_at, verdict is Verdict.RECOVERED, **(given | more)))

    def decision(self, strategy_id: str, at: float, level: int = 1, attempt_id: str = "", **more: Any) -> Decision:
        given: dict[str, Any] = {
            "decision_id": f"{attempt_id or self.error_id}-d",
            "error_id": self.error_id,
            "at": at,
            "level": level,
            "strategy_id": strategy_id,
            "target": self.fault.component,
            "mode": "auto" if attempt_id else "observe",
            "reason": "",
            "explored": False,
            "timeout_s": 30.0,
            "candidates": (),
            "brakes": (),
            "attempt_id": attempt_id,
            "error_type": ErrorType.NETWORK,
            "rule": self.fault.component,
            "levels": (1, 2, 3),
        }
        return Decision(**(given | more))

    def history(self, **more: Any) -> History:
        return History(self.faults, self.decisions, self.attempts, self.tickets, **more)


def score(strategy_id: str, helped: float, attempts: float, takes_s: float = 0.5) -> Score:
    """What was learned of a strategy for network errors."""
    figures = {"weight": attempts, "successes": helped, "time_s": takes_s * attempts, "samples": attempts}
    metrics = figures | {"helped": helped, "impact": 0.0, "tasks": attempts, "at": 100.0}
    return Score(ErrorType.NETWORK, strategy_id, 0.5, int(attempts), 100.0, metrics)
