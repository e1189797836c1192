"""The five levels (B6): 1 basic retry · 2 retry with extended parameters · 3 component restart or reset · 4 system-component
recovery · 5 full system recovery.

An error enters at level 1; a critical one where its rule says. A level that fails escalates to the next one that has a
strategy for it; a level without one is skipped; above the last the ladder is exhausted. Success resets it. An error that comes back
while its stability window is open was not held by the level that "worked": it re-enters at the level after that one, or at the same
one when there is none above.
"""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.model import LEVELS, ErrorType, Rule, Severity, Strategy, Target


class Ladders:
    """What each level of a rule's ladder offers. Each answer is worked out once."""

    def __init__(self, strategies: Mapping[str, Strategy]) -> None:
        self._strategies = strategies
        self._known: dict[tuple[str, ErrorType, str, str], dict[int, tuple[Strategy, ...]]] = {}

    def offer(
        self, rule: Rule, error_type: ErrorType, target: Target, only: str = ""
    ) -> Mapping[int, tuple[Strategy, ...]]:
        """The levels that have something to try, in order, and for each the strategies that fit this type of error and kind of
        target, in the operator's order. `only`: of all strategies this one."""
        key = (rule.id, error_type, target.kind, only)
        known = self._known.get(key)
        if known is None:
            serving = ((level, self._serving(rule, level, error_type, target)) for level in LEVELS)
            fitting = ((level, tuple(one for one in some if only in ("", one.id))) for level, some in serving)
            known = self._known[key] = {level: strategies for level, strategies in fitting if strategies}
        return known

    def _serving(self, rule: Rule, level: int, error_type: ErrorType, target: Target) -> tuple[Strategy, ...]:
        return tuple(
            strategy
            for strategy in (self._strategies[name] for name in rule.ladder.get(level, ()))
            if (not strategy.error_types or error_type in strategy.error_types)
            and (not strategy.target_kinds or target.kind in strategy.target_kinds)
        )


def entry(available: tuple[int, ...], rule: Rule, severity: Severity) -> int:
    """Where a new ticket starts, with at least one level. A critical error whose entry level is above all there is starts at the
    highest."""
    if severity is not Severity.CRITICAL:
        return available[0]
    return next((level for level in available if level >= rule.entry_level), available[-1])


def above(available: tuple[int, ...], level: int) -> int | None:
    """The next level up, or None when the ladder is exhausted."""
    return next((candidate for candidate in available if candidate > level), None)
