"""What hooks and workflows mean together. Both are for a version to come: who defines one is warned that nothing calls it yet.

- No two hooks, no two workflows, and no two steps of a workflow have the same id.
- The probe of a step is there.
- A hook that has a secret sends it to nobody who listens on the way: its URL is https, or leads to this host.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from error_daemon.definitions.checks.names import twice, unknown
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.document import WorkflowEntry
from error_daemon.errors import Problem

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_hooks(directory: Directory) -> Iterator[Problem]:
    yield from twice(directory.hooks, "hooks")
    for hook in directory.hooks:
        yield hook.warning(f"the hook {quoted(hook.value.id)} is checked, and not called yet", at=("id",))
        url = urlsplit(hook.value.url)
        if hook.value.secret_file is not None and url.scheme == "http" and url.hostname not in _LOOPBACK:
            message = f"what is sent to {quoted(hook.value.url)} can be read and repeated on its way"
            yield hook.warning(message, "take https://", ("url",))


def check_workflows(directory: Directory) -> Iterator[Problem]:
    yield from twice(directory.workflows, "workflows")
    for workflow in directory.workflows:
        message = f"the workflow {quoted(workflow.value.id)} is checked, and not called yet"
        yield workflow.warning(message, at=("id",))
        yield from _check_steps(directory, workflow)


def _check_steps(directory: Directory, workflow: Written[WorkflowEntry]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(workflow.value.steps):
        if step.id in seen:
            message = f"two steps of {quoted(workflow.value.id)} are called {quoted(step.id)}"
            yield workflow.problem(message, "", ("steps", index, "id"))
        seen.add(step.id)
        if step.probe is not None and (problem := unknown(directory, "probes", step.probe)):
            yield workflow.problem(*problem, ("steps", index, "probe"))
