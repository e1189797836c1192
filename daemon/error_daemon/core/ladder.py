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


def serving(
    rule: Rule, level: int, strategies: Mapping[str, Strategy], error_type: ErrorType, target: Target
) -> tuple[Strategy, ...]:
    """The strategies of a level that fit this type of error and kind of target, in the operator's order."""
    return tuple(
        strategy
        for strategy in (strategies[name] for name in rule.ladder.get(level, ()))
        if (not strategy.error_types or error_type in strategy.error_types)
        and (not strategy.target_kinds or target.kind in strategy.target_kinds)
    )


def levels(rule: Rule, strategies: Mapping[str, Strategy], error_type: ErrorType, target: Target) -> tuple[int, ...]:
    """The levels that have something to try, in order."""
    return tuple(level for level in LEVELS if serving(rule, level, strategies, error_type, target))


def entry(available: tuple[int, ...], rule: Rule, severity: Severity) -> int | None:
    """Where a new ticket starts. A critical error whose entry level is above all there is starts at the highest."""
    floor = rule.entry_level if severity is Severity.CRITICAL else 1
    return next((level for level in available if level >= floor), available[-1] if available else None)


def above(available: tuple[int, ...], level: int) -> int | None:
    """The next level up, or None when the ladder is exhausted."""
    return next((candidate for candidate in available if candidate > level), None)
