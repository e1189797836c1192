"""What a definitions file may say: its shape. The JSON Schema for editors comes from here, so every field is described.

A file has sections, each of them optional: targets, probes, strategies and ladders by name, and rules and bulkheads in
the order in which they are tried, workflows and hooks. The kind of an entry decides which keys it has
(targets.py, probes.py, strategies.py, hooks.py). Other files are read with it by `include`, and `defaults` says what its entries share
(files/). What entries mean together (names, kinds that fit, times in order) is the business of checks/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from error_daemon.definitions.shapes.defaulted import defaulted
from error_daemon.definitions.shapes.entry import Entry, models_by_kind
from error_daemon.definitions.shapes.fields import (
    ErrorTypes,
    FilledText,
    Glob,
    Includes,
    LevelKeys,
    Levels,
    Name,
    NameOrLevels,
    Names,
    Priorities,
    SeverityName,
    StarredNames,
    Text,
)
from error_daemon.definitions.shapes.hooks import HookEntry
from error_daemon.definitions.shapes.patterns import Pattern
from error_daemon.definitions.shapes.probes import ProbeEntry
from error_daemon.definitions.shapes.strategies import StrategyEntry
from error_daemon.definitions.shapes.targets import TargetEntry
from error_daemon.model import Mode, RecoveryClass, ResponseClass, Unanswered
from error_daemon.setting_values import Duration


class WhenEntry(Entry):
    """Which faults a rule is for. Every part that is written must match; globs (* ? [...]) match the whole text."""

    type: ErrorTypes = Field(default=frozenset(), description="Types of errors; absent: any.")
    min_severity: SeverityName | None = Field(default=None, description="Faults of at least this severity.")
    component: Glob | None = Field(default=None, description="Glob for the component.")
    operation: Glob | None = Field(default=None, description="Glob for the operation.")
    node: Glob | None = Field(default=None, description="Glob for the host or instance.")
    environment: Glob | None = Field(default=None, description="Glob for the environment, as in production.")
    exception: Glob | None = Field(default=None, description="Glob for the qualified type of the exception.")
    message: Pattern | None = Field(
        default=None, description="Glob for the message, or a regular expression as {regex: ...}."
    )
    source: Glob | None = Field(default=None, description="Glob for who reports, as in client/python.")
    target: Glob | None = Field(default=None, description="Glob for the target that the fault names.")
    attributes: dict[FilledText, Glob] = Field(default={}, description="Globs for free attributes, by their names.")


class VerifyEntry(Entry):
    """How success is established: by what probes see."""

    hold: Duration = Field(default=0.0, description="The probes must see it good for this long without a break.")
    within: Duration = Field(default=5.0, description="If they do not see it good within this, the attempt failed.")
    patience: Duration = Field(default=30.0, description="If nothing can be seen for this long, a person is needed.")


class ApprovalEntry(Entry):
    """How a person is asked, in mode approve."""

    expires: Duration = Field(default=3600.0, gt=0, description="How long a person has to answer.")
    then: Unanswered = Field(
        default=Unanswered.FAIL,
        description="What is done when nobody has. fail: nothing, and a person is told. run: what was proposed, because nobody has said "
        "no. ask_again: a person is told, and asked again.",
    )
    remind: Duration | None = Field(
        default=None, gt=0, description="How often those who listen are told again that it waits; absent: never."
    )


class RuleEntry(Entry):
    """Which faults go to which target and ladder. The first rule that matches a fault decides."""

    id: Name = Field(description="Its name: what decisions and error-cli call it.")
    when: WhenEntry = Field(description="Which faults it is for; {} is all of them.")
    target: Name | None = Field(default=None, description="What to recover; absent: the target that the fault names.")
    ladder: NameOrLevels = Field(description="Name of a ladder, or its levels 1 to 5 with their strategies.")
    mode: Mode = Field(
        default=Mode.OBSERVE,
        description="observe: decide and record only. approve: recover when a person has said yes. auto: recover.",
    )
    approval: ApprovalEntry | None = Field(default=None, description="How a person is asked. Only with mode approve.")
    severity: SeverityName | None = Field(default=None, description="Severity of faults that carry none.")
    response_class: ResponseClass | None = Field(default=None, description="How to answer; absent: by the type.")
    recovery_class: RecoveryClass | None = Field(
        default=None,
        description="How soon and how surely it should be recovered. immediate: 1 s, 95 %. gradual: 30 s, 90 %. "
        "emergency: 5 s, 99 %. Absent: emergency for critical errors, immediate for transient ones, else gradual.",
    )
    isolate: Name | None = Field(
        default=None,
        description="Name of the strategy that keeps the error from spreading: run once, before the ladder. "
        "Only with response_class cascading.",
    )
    entry_level: int = Field(default=1, ge=1, le=5, description="Level at which critical errors enter.")
    stability_window: Duration = Field(
        default=300.0, description="An error back within this was not recovered for good."
    )
    verify: VerifyEntry = Field(default=VerifyEntry(), description="How success is established.")


class ShareEntry(Entry):
    """Which tickets a bulkhead is for. Every part that is written must fit."""

    levels: LevelKeys = Field(default=frozenset(), description="Levels of the ladder, 1 to 5; absent: any.")
    priorities: Priorities = Field(default=frozenset(), description="Priorities of the error; absent: any.")
    rules: Names = Field(default=(), description="Names of the rules that opened the ticket; absent: any.")
    tenant: Pattern | None = Field(
        default=None,
        description="Glob for the fault's attribute `tenant`, or a regular expression as {regex: ...}; absent: any.",
    )


class BulkheadEntry(Entry):
    """A share of what may run at once. The first whose `when` fits a ticket has it."""

    id: Name = Field(description="Its name: what `fallback` and error-cli call it.")
    max_concurrency: int = Field(ge=1, le=65536, description="Attempts that may run at once.")
    queue_size: int = Field(default=1000, ge=0, le=1_000_000, description="Tickets that may wait for it.")
    timeout: Duration = Field(default=60.0, gt=0, description="How long a ticket may wait for it.")
    fallback: Name = Field(
        default="wait",
        description="What becomes of tickets that it has no room for. wait: they stay, none is given up. fail: a person "
        "is needed. Else the id of another bulkhead.",
    )
    when: ShareEntry = Field(default=ShareEntry(), description="Which tickets it is for; absent: all of them.")
    per_tenant: bool = Field(default=False, description="Whether each tenant has a share of this size.")


class StepEntry(Entry):
    """What a person does in one step of a workflow, and how it is seen that it was done."""

    id: Name = Field(description="Its name, once in its workflow.")
    instructions: FilledText = Field(description="What to do, in words. Lines stay lines (write it as |).")
    expected: Text = Field(default="", description="What is to be seen when it is done.")
    probe: Name | None = Field(
        default=None,
        description="Name of the probe that sees it: the daemon asks it when a person says that the step is done, and only `ok` "
        "leads on. Absent: the person's word is taken for it.",
    )
    hints: tuple[FilledText, ...] = Field(default=(), description="What may help when it is not done yet.")
    takes: Duration = Field(default=0.0, description="About how long it takes.")


class WorkflowEntry(Entry):
    """Steps that lead a person through a recovery which no strategy can do."""

    id: Name = Field(description="Its name: what strategies of kind guided and error-cli call it.")
    name: Text = Field(default="", description="For people.")
    description: Text = Field(
        default="", description="What it is good for. Who looks for a workflow in plain words finds it by these."
    )
    for_: WhenEntry = Field(alias="for", description="Which faults it is for; {} is all of them.")
    target: Name | None = Field(
        default=None, description="The target that its probes look at; absent: that of the error."
    )
    expires: Duration = Field(
        default=604_800.0, gt=0, description="A run at which nobody does anything for so long has expired."
    )
    steps: tuple[StepEntry, ...] = Field(min_length=1, description="The steps, in their order.")


_IN_FAMILIES = dict.fromkeys(("probes", "depends_on"), StarredNames)  # where a family takes it, * is its instance

if TYPE_CHECKING:

    class TargetDefaults(Entry): ...

    class ProbeDefaults(Entry): ...

    class StrategyDefaults(Entry): ...

    class RuleDefaults(Entry): ...

    class BulkheadDefaults(Entry): ...

else:
    TargetDefaults = defaulted("TargetDefaults", models_by_kind(TargetEntry).values(), **_IN_FAMILIES)
    ProbeDefaults = defaulted("ProbeDefaults", models_by_kind(ProbeEntry).values())
    StrategyDefaults = defaulted("StrategyDefaults", models_by_kind(StrategyEntry).values())
    RuleDefaults = defaulted("RuleDefaults", [RuleEntry])
    BulkheadDefaults = defaulted("BulkheadDefaults", [BulkheadEntry])


class DefaultsEntry(Entry):
    """What the entries of this file have that do not write it themselves. An entry takes the keys that its kind has."""

    targets: TargetDefaults = Field(default=TargetDefaults(), description="What targets have, unless they write it.")
    probes: ProbeDefaults = Field(default=ProbeDefaults(), description="What probes have, unless they write it.")
    strategies: StrategyDefaults = Field(
        default=StrategyDefaults(), description="What strategies have, unless they write it."
    )
    rules: RuleDefaults = Field(default=RuleDefaults(), description="What rules have, unless they write it.")
    bulkheads: BulkheadDefaults = Field(
        default=BulkheadDefaults(), description="What bulkheads have, unless they write it."
    )


class Document(Entry):
    """One definitions file."""

    version: Literal["1"] = Field(description="Version of this format: 1.")
    include: Includes = Field(
        default=(), description="Other files to read with this one: paths and globs, from the directory of this file."
    )
    defaults: DefaultsEntry = Field(default=DefaultsEntry(), description="What the entries of this file share.")
    targets: dict[Name, TargetEntry] = Field(default={}, description="Things to be recovered, by name.")
    probes: dict[Name, ProbeEntry] = Field(default={}, description="Ways to look at targets, by name.")
    strategies: dict[Name, StrategyEntry] = Field(default={}, description="Ways to recover, by name.")
    ladders: dict[Name, Levels] = Field(default={}, description="Shared ladders: level 1 to 5 → names of strategies.")
    rules: list[RuleEntry] = Field(
        default=[], description="Which faults go where, in the order in which they are tried."
    )
    bulkheads: list[BulkheadEntry] = Field(
        default=[], description="Shares of what may run at once, in the order in which they are tried."
    )
    hooks: list[HookEntry] = Field(default=[], description="Who is told of what happens.")
    workflows: list[WorkflowEntry] = Field(default=[], description="Steps that lead a person.")
