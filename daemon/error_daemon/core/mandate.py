"""What the definitions say of one ticket: by which rule, on which target, seen by which probes, with what to try at each level.

A ticket has the mandate that it was opened with until the definitions are replaced and it is given another (renewal.py). What runs is
seen to its end by the mandate it was begun with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from error_daemon.core.ladder import Ladders
from error_daemon.model import Definitions, ErrorType, Fault, Mode, Probe, Rule, Strategy, Target


@dataclass(frozen=True, slots=True)
class Mandate:
    rule: Rule
    target: Target
    probes: tuple[Probe, ...]  # of the target
    offer: Mapping[int, tuple[Strategy, ...]]  # the levels that have something to try, in their order
    isolate: Strategy | None = None
    levels: tuple[int, ...] = field(init=False)  # of the offer

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.offer))

    @property
    def acts(self) -> bool:
        """Whether something may come of it: at once, or when a person has approved."""
        return self.rule.mode is not Mode.OBSERVE


class Mandates:
    """Those of one set of definitions. Each is worked out once: there are as many as rules, targets and types of error that meet."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self.ladders = Ladders(definitions.strategies)
        self._known: dict[tuple[str, ErrorType, str, str], Mandate] = {}

    def of(self, rule: Rule | None, fault: Fault, only: str = "") -> Mandate | str:
        """Or why nothing can be done for the fault. `only`: of all strategies this one, wherever its ladder has it; nothing is isolated
        first, because that is another."""
        if rule is None:
            return "no rule matches it"
        target_id = rule.target or fault.target
        key = (rule.id, fault.type, target_id, only)
        known = self._known.get(key)
        if known is not None and known.rule is rule:  # and not one of the same name, of earlier definitions
            return known
        found = self._found(rule, fault.type, target_id, only)
        if isinstance(found, Mandate):
            self._known[key] = found
        return found

    def _found(self, rule: Rule, error_type: ErrorType, target_id: str, only: str) -> Mandate | str:
        definitions = self._definitions
        target = definitions.targets.get(target_id)
        if target is None:
            missing = f"target {target_id!r} is not defined" if target_id else "neither it nor the fault names a target"
            return f"rule {rule.id}: {missing}"
        offer = self.ladders.offer(rule, error_type, target, only)
        if not offer:
            return f"rule {rule.id}: no strategy of its ladder fits a {error_type.value} error of {target.id}"
        probes = tuple(definitions.probes[name] for name in target.probes)
        isolate = definitions.strategies[rule.isolate] if rule.isolate and not only else None
        return Mandate(rule, target, probes, offer, isolate)
