"""The engine of a replay: it decides from what was known when the recorded decision was made.

What a recorded decision knew, its replay knows: the posteriors of its candidates, the timeout, and the state of the generator
where the candidates are the same. So neither what was learned since, nor the draws of other tickets, make a difference between
then and now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from error_daemon.core.engine import Engine
from error_daemon.core.experience import Known, known_of
from error_daemon.core.learning import Learning
from error_daemon.core.policy import Policy
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import Decision, Definitions, ErrorType, Fingerprint, LearnedTimeout, Score


class _Learning(Learning):
    """Nobody records what it has learned."""

    def score(self, error_type: ErrorType, strategy_id: str, now: float) -> Score:
        return Score(error_type, strategy_id, 0.0, 0, now, {})


class RecallingEngine(Engine):
    """With what a replay must know of it."""

    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        super().__init__(definitions, policy)
        self._board.learning = _Learning(policy.half_life_s)

    def ticket_of(self, error_id: str) -> tuple[Error, Ticket] | None:
        error = self._board.by_id(error_id)
        return (error, error.ticket) if error and error.ticket else None

    def error_of(self, fingerprint: Fingerprint) -> Error | None:
        return self._board.errors.get(fingerprint.digest)

    def recall_with(self, recorded: Callable[[Error, Ticket], Decision | None]) -> None:
        """`recorded`: the decision in the record that this one is a replay of."""

        def recall(error: Error, ticket: Ticket) -> Mapping[str, Known]:
            decision = recorded(error, ticket)
            if decision is None:
                return {}
            self._recall_timeout(decision, ticket)
            offered = ticket.mandate.offer[ticket.level]
            are_same = [one.id for one in offered] == [one.strategy_id for one in decision.candidates]
            if are_same and decision.rng_state:
                self._board.rng.state = int(decision.rng_state, 16)
            return {one.strategy_id: known_of(one) for one in decision.candidates}

        self._board.recall = recall

    def _recall_timeout(self, decision: Decision, ticket: Ticket) -> None:
        strategy = self._board.definitions.strategies.get(decision.strategy_id)
        if strategy and decision.timeout_basis != self._board.timeouts.basis(ticket.error_type, strategy):
            learned = LearnedTimeout(ticket.error_type, strategy.id, decision.timeout_s, decision.at)
            self._board.timeouts.restore(learned)
