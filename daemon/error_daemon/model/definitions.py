"""What the operator wrote, checked: rules, targets, strategies, probes, bulkheads, workflows, hooks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from error_daemon.model.approval import Unanswered
from error_daemon.model.fault import ErrorType, Mode, Priority, RecoveryClass, ResponseClass, Severity
from error_daemon.model.hook import Hook

Json = Any  # what json.dumps takes

LEVELS = (1, 2, 3, 4, 5)  # requirement B6: 1 basic retry ... 5 full system recovery
GUIDED = "guided"  # the kind of strategies that lead a person (D3, USER_GUIDED)
ISOLATION = 0  # the level of a cascading error's isolation, before its ladder (B3)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between attempts at one level: base_s · factor^n up to cap_s, each drawn from (0, that] ("full jitter",
    AWS Architecture Blog, "Exponential Backoff And Jitter", 2015)."""

    base_s: float = 0.1
    factor: float = 2.0
    cap_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A way to look at a target. `params` belong to the kind (execute/probes/); their texts may have variables (variables.py)."""

    id: str
    kind: str
    params: Mapping[str, Json] = field(default_factory=dict)
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Observer:
    """A way to look at a part of a target's state, for tests of its recovery. `params` belong to the kind (execute/observers/)."""

    id: str  # unique within its target
    kind: str
    params: Mapping[str, Json] = field(default_factory=dict)
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """The thing to be recovered. `variables` are what the params of probes and strategies get from it, beside `target`, its id. Its own
    params are filled."""

    id: str
    kind: str  # process | service | host | ...
    params: Mapping[str, Json] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()  # targets that must be well for this one to be
    weight: float = 1.0  # what it is worth to the business, beside an ordinary target's 1 (C7)
    variables: Mapping[str, str] = field(default_factory=dict)
    observers: tuple[Observer, ...] = ()  # of its state: what must be the same after each recovery (A13)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A named way to recover. `params` belong to the kind (execute/strategies/); their texts may have variables.

    `max_attempts` is how often it may be tried at one level for a transient fault (at most 5, B3); for any other
    response class it is tried once a level. Timeouts are learned between `timeout_min_s` and `timeout_max_s`; `timeout_s`
    holds until something was learned."""

    id: str
    kind: str
    name: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)
    timeout_s: float = 30.0
    timeout_min_s: float = 0.1
    timeout_max_s: float = 240.0
    max_attempts: int = 1
    backoff: Backoff = Backoff()
    error_types: frozenset[ErrorType] = frozenset()  # empty: any
    target_kinds: frozenset[str] = frozenset()  # empty: any

    @property
    def is_by_hand(self) -> bool:
        """A person does it, step by step. It takes hours, and no room."""
        return self.kind == GUIDED


@dataclass(frozen=True, slots=True)
class Verification:
    """How success is established. A target counts as recovered when its probes said so for `hold_s`; as persisting when
    they did not within `within_s`; when nothing can be seen for `patience_s`, a person is needed."""

    hold_s: float = 0.0
    within_s: float = 5.0
    patience_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Condition:
    """Which faults a rule is for. Every part that is set must match; patterns match the whole text."""

    types: frozenset[ErrorType] = frozenset()
    min_severity: Severity | None = None
    component: re.Pattern[str] | None = None
    operation: re.Pattern[str] | None = None
    node: re.Pattern[str] | None = None
    environment: re.Pattern[str] | None = None
    exception: re.Pattern[str] | None = None
    message: re.Pattern[str] | None = None
    source: re.Pattern[str] | None = None
    target: re.Pattern[str] | None = None
    attributes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which faults go to which target, ladder and mode. `target` None: the one that the fault names."""

    id: str
    when: Condition
    ladder: Mapping[int, tuple[str, ...]]  # level 1 to 5 → strategy ids; absent levels are skipped
    target: str | None = None
    mode: Mode = Mode.OBSERVE
    severity: Severity | None = None  # for faults that carry none
    response_class: ResponseClass | None = None  # None: by type
    entry_level: int = 1  # where critical errors enter; all others enter at 1
    verification: Verification = Verification()
    stability_window_s: float = 300.0
    recovery_class: RecoveryClass | None = None  # None: emergency for critical, immediate for transient, else gradual
    isolate: str | None = None  # the strategy that keeps a cascading error from spreading; run once, before the ladder
    approval_expires_s: float = 3600.0  # mode approve: how long a person has to answer
    approval_then: Unanswered = Unanswered.FAIL  # and what is done when nobody has
    approval_remind_s: float = 0.0  # how often they are reminded; 0: never


@dataclass(frozen=True, slots=True)
class Bulkhead:
    """A share of what may run at once, for a class of tickets (C13). The first whose conditions all fit has the ticket.

    Above `max_concurrency` its tickets wait, at most `queue_size` of them and none longer than `timeout_s`. `fallback` says what
    becomes of the others: "wait" (stay, nothing is given up), "fail" (a person is needed), or the id of another bulkhead."""

    id: str
    max_concurrency: int
    queue_size: int = 1000
    timeout_s: float = 60.0
    fallback: str = "wait"
    levels: frozenset[int] = frozenset()  # the class of operation: ladder levels; empty: any
    priorities: frozenset[Priority] = frozenset()  # empty: any
    rules: frozenset[str] = frozenset()  # rule ids; empty: any
    tenant: re.Pattern[str] | None = None  # None: any
    per_tenant: bool = False  # a share of this size for each tenant


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """What a person does, and how it is seen that it was done. `probe` None: the person's word is taken for it."""

    id: str
    instructions: str
    expected: str = ""
    probe: str | None = None
    hints: tuple[str, ...] = ()
    takes_s: float = 0.0  # about how long; 0: nobody knows


@dataclass(frozen=True, slots=True)
class Workflow:
    """Steps that lead a person through what no strategy can do (D6). `target`: what its probes look at; None: that of the error."""

    id: str
    when: Condition  # the errors that it is for
    steps: tuple[WorkflowStep, ...]
    name: str = ""
    description: str = ""
    target: str | None = None
    expires_s: float = 7 * 86400.0  # a run at which nobody does anything for so long has expired


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything an operator defined, whole and consistent: every name used is defined. Rules are in their order."""

    rules: tuple[Rule, ...] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    bulkheads: tuple[Bulkhead, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    hooks: tuple[Hook, ...] = ()
