"""What workflows mean together.

- No two workflows, and no two steps of one, have the same id.
- The probe of a step, and the target that it looks at, are there; so is the workflow of a strategy of kind guided.
- The probe of a step looks: what one of kind alert goes by is told in its own time, and a person who has just done a step waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.checks.names import twice, unknown
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.document import WorkflowEntry
from error_daemon.definitions.shapes.probes import AlertProbe
from error_daemon.definitions.shapes.strategies import GuidedStrategy
from error_daemon.errors import Problem


def check_workflows(directory: Directory) -> Iterator[Problem]:
    yield from twice(directory.workflows, "workflows")
    for workflow in directory.workflows:
        target = workflow.value.target
        if target is not None and (problem := unknown(directory, "targets", target)):
            yield workflow.problem(*problem, ("target",))
        yield from _check_steps(directory, workflow)
    for strategy in directory.strategies.values():
        if isinstance(strategy.value, GuidedStrategy) and (
            problem := unknown(directory, "workflows", strategy.value.workflow)
        ):
            yield strategy.problem(*problem, ("workflow",))


def _check_steps(directory: Directory, workflow: Written[WorkflowEntry]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(workflow.value.steps):
        if step.id in seen:
            message = f"two steps of {quoted(workflow.value.id)} are called {quoted(step.id)}"
            yield workflow.problem(message, "", ("steps", index, "id"))
        seen.add(step.id)
        if step.probe is None:
            continue
        probe = directory.probes.get(step.probe)
        if problem := unknown(directory, "probes", step.probe):
            yield workflow.problem(*problem, ("steps", index, "probe"))
        elif probe and isinstance(probe.value, AlertProbe):
            message = f"{quoted(step.probe)} is told of a target in its own time, and a person who has done a step waits for it"
            yield workflow.problem(message, "take a probe that looks", ("steps", index, "probe"))
