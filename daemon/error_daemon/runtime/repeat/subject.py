"""What is tested: the rule, its target, and the fault that the rule is for.

The rule is the one that is named, or the first in mode auto that what is named fits (where there is none, the first in any mode: it is said
what it would do). Without a word it is the only one in mode auto. A strategy must stand in its ladder: nothing is run in a test that
could not be run without one.

The fault is made from the rule's `when`, and must come to that rule: one that an earlier rule would take is refused, and says by which. It
has a fingerprint of its own, so that no real error is touched, and it is the same in each pass but for the attribute that numbers it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from error_daemon.core.engine import Engine
from error_daemon.core.ladder import Ladders
from error_daemon.errors import NotFound, Refused
from error_daemon.ingest.decode import decode
from error_daemon.ingest.marks import PASS, marks
from error_daemon.model import Definitions, ErrorType, Fault, Mode, Probe, RepeatWish, Rule, Strategy, Target
from error_daemon.runtime.repeat.sample import text_for
from error_recovery.v1 import fault_pb2

_SOURCE = "error-cli test"


@dataclass(frozen=True, slots=True)
class Subject:
    rule: Rule
    target: Target
    strategy: str  # the only one that is run; empty: the ladder
    ladder: Mapping[int, tuple[str, ...]]  # what may be run, by level
    fault: fault_pb2.Fault

    def payload(self, number: int, at: float) -> bytes:
        """The fault of a pass."""
        fault = fault_pb2.Fault()
        fault.CopyFrom(self.fault)
        fault.occurred_at_unix_ns = int(at * 1e9)
        fault.context.attributes.update(marks(number, self.strategy))
        return fault.SerializeToString()

    def said(self) -> str:
        """The fault, for people."""
        fault = self.fault
        name = ErrorType.UNKNOWN.value if not fault.type else list(ErrorType)[fault.type - 1].value
        parts = [f"type {name}", *(f"{key} {value}" for key, value in _fields(fault) if value)]
        return f"{fault.message or fault.exception.type} ({', '.join(parts)})"

    def why_not(self) -> str:
        """Why testing it would prove nothing: the rule may not act. Empty where it may."""
        rule = self.rule
        if rule.mode is Mode.AUTO:
            return ""
        level, names = next(iter(self.ladder.items()))
        would = f"would run {' or '.join(names)} at level {level} on {self.target.id}"
        asks = " when a person has said yes" if rule.mode is Mode.APPROVE else " if it might"
        return (
            f"rule {rule.id} has mode {rule.mode.value}: it {would}{asks}, so nothing can be proven. "
            f"mode: auto can be tested"
        )


@dataclass(frozen=True, slots=True)
class Basis:
    """What a test rests on: two that are equal are of the same recovery, whatever else is defined."""

    definitions: Definitions = field(compare=False)
    subject: Subject
    probes: tuple[Probe, ...]
    strategies: tuple[Strategy, ...]


def basis_of(engine: Engine, wish: RepeatWish, now: float) -> Basis:
    """By the definitions that are in force. As subject_of."""
    definitions = engine.definitions
    subject = subject_of(definitions, engine, wish, now)
    names = [*(name for some in subject.ladder.values() for name in some), subject.rule.isolate]
    return Basis(
        definitions,
        subject,
        tuple(definitions.probes[name] for name in subject.target.probes),
        tuple(definitions.strategies[name] for name in names if name),
    )


def subject_of(definitions: Definitions, engine: Engine, wish: RepeatWish, now: float) -> Subject:
    """Raises NotFound for a name that is not defined, Refused where nothing can be tested, with the reason."""
    for name, known, what in (
        (wish.target, definitions.targets, "target"),
        (wish.rule, {rule.id: rule for rule in definitions.rules}, "rule"),
        (wish.strategy, definitions.strategies, "strategy"),
    ):
        if name and name not in known:
            raise NotFound(f"no {what} {name!r} is defined: there are {', '.join(sorted(known)) or 'none'}")
    rule = _rule(definitions, wish)
    target = _target(definitions, rule, wish)
    error_type, ladder = _ladder(definitions, rule, target, wish.strategy)
    subject = Subject(rule, target, wish.strategy, ladder, _fault(definitions, rule, target, error_type))
    fault = decode(subject.payload(0, now), now)
    _check(engine, subject, fault)
    return subject


# --- the rule


def _rule(definitions: Definitions, wish: RepeatWish) -> Rule:
    fitting = [rule for rule in definitions.rules if not _misfit(rule, wish)]
    acting = [rule for rule in fitting if rule.mode is Mode.AUTO]
    if not any((wish.rule, wish.target, wish.strategy)) and len(acting) != 1:
        some = ", ".join(rule.id for rule in acting) or "none"
        raise Refused(f"say what is to be tested with --target, --rule or --strategy: rules in mode auto: {some}")
    if not fitting:
        one = next((rule for rule in definitions.rules if rule.id == wish.rule), None)
        why = _misfit(one, wish) if one else f"no rule is for {_wanted(wish)}"
        raise Refused(why)
    return (acting or fitting)[0]


def _wanted(wish: RepeatWish) -> str:
    named = (("target", wish.target), ("strategy", wish.strategy))
    return " and ".join(f"{what} {name}" for what, name in named if name)


def _misfit(rule: Rule, wish: RepeatWish) -> str:
    """Why the rule is not what is meant; empty where it is."""
    if wish.rule not in ("", rule.id):
        return f"rule {rule.id} is not {wish.rule}"
    if wish.target and rule.target not in (None, wish.target):
        return f"rule {rule.id} is for target {rule.target}, not {wish.target}"
    if wish.target and rule.target is None and not _fits(rule.when.target, wish.target):
        return f"rule {rule.id} is not for faults that name target {wish.target}"
    if wish.strategy and wish.strategy not in {name for names in rule.ladder.values() for name in names}:
        return f"{wish.strategy} does not stand in the ladder of rule {rule.id}"
    return ""


# --- its target


def _target(definitions: Definitions, rule: Rule, wish: RepeatWish) -> Target:
    name = wish.target or rule.target
    if name is None:
        fitting = [each for each in definitions.targets if _fits(rule.when.target, each)]
        if len(fitting) != 1:
            raise Refused(f"rule {rule.id} takes the target that the fault names: say which with --target")
        name = fitting[0]
    return definitions.targets[name]


def _ladder(
    definitions: Definitions, rule: Rule, target: Target, strategy: str
) -> tuple[ErrorType, Mapping[int, tuple[str, ...]]]:
    """The first type of error that the rule is for and that something in its ladder helps with, and what that is."""
    ladders = Ladders(definitions.strategies)
    for kind in ErrorType:
        if rule.when.types and kind not in rule.when.types:
            continue
        offered = ladders.offer(rule, kind, target, strategy)
        if offered:
            return kind, {level: tuple(one.id for one in strategies) for level, strategies in offered.items()}
    what = strategy or "no strategy of its ladder"
    raise Refused(
        f"rule {rule.id}: {what} {'does not fit' if strategy else 'fits'} target {target.id} of kind {target.kind}"
    )


# --- the fault


def _fault(definitions: Definitions, rule: Rule, target: Target, error_type: ErrorType) -> fault_pb2.Fault:
    when = rule.when
    names_target = rule.target is None or when.target is not None
    named = _named_target(definitions, rule, target) if names_target else ""
    fault = fault_pb2.Fault(
        type=fault_pb2.ErrorType.ValueType(list(ErrorType).index(error_type) + 1),
        severity=fault_pb2.Severity.ValueType(when.min_severity or 0),
        message=_text(rule, "message", when.message, f"test of the recovery of {target.id}"),
        context=fault_pb2.Context(
            component=_text(rule, "component", when.component, target.id),
            operation=_text(rule, "operation", when.operation, ""),
            node=_text(rule, "node", when.node, socket.gethostname()),
            environment=_text(rule, "environment", when.environment, ""),
            attributes={key: _text(rule, f"attribute {key}", glob, "") for key, glob in when.attributes.items()},
        ),
        target=named,
        fingerprint=f"{PASS}:{rule.id}:{target.id}",
        source=_text(rule, "source", when.source, _SOURCE),
    )
    if when.exception is not None:
        fault.exception.type = _text(rule, "exception", when.exception, "")
    return fault


def _named_target(definitions: Definitions, rule: Rule, target: Target) -> str:
    fitting: Iterator[str] = (name for name in (target.id, *definitions.targets) if _fits(rule.when.target, name))
    name = next(fitting, None)
    if name is None:
        raise Refused(f"rule {rule.id} is for faults that name a target, and no defined target fits its `when`")
    return name


def _fits(pattern: re.Pattern[str] | None, name: str) -> bool:
    return pattern is None or pattern.fullmatch(name) is not None


def _text(rule: Rule, what: str, pattern: re.Pattern[str] | None, likely: str) -> str:
    text = text_for(pattern, likely)
    if text is None:
        raise Refused(f"no {what} could be found that the `when` of rule {rule.id} matches: a glob would be plainer")
    return text


def _check(engine: Engine, subject: Subject, fault: Fault) -> None:
    found = engine.classify(fault).rule
    if found is None or found.id != subject.rule.id:
        taken = f"rule {found.id}, which stands before it, takes" if found else "no rule takes"
        raise Refused(f"{taken} a fault that rule {subject.rule.id} is for: {subject.said()}")


def _fields(fault: fault_pb2.Fault) -> Iterator[tuple[str, str]]:
    context = fault.context
    yield "component", context.component
    yield "operation", context.operation
    yield "environment", context.environment
    yield "exception", fault.exception.type
    yield "target", fault.target
    yield "source", fault.source
    yield from sorted(context.attributes.items())
