"""
The table of the REST API: which method of gRPC answers at which path.

A path's parts in braces are fields of the request; GET takes the others from the query, POST from a body of JSON. A method that streams is
Server-Sent Events (events.py). To add a method that gRPC has: one line here, or its reason in NOT_HERE; then `make openapi`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PART = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`method`: "package.Service/Method", and so what access/methods.py has. `says`: what it does, in a sentence."""

    verb: str  # GET: it changes nothing; POST
    path: str
    method: str
    says: str
    status: int = 200  # of an answer

    @property
    def in_path(self) -> tuple[str, ...]:
        """The fields that stand in the path."""
        return tuple(_PART.findall(self.path))


_RECOVERY = "error_recovery.v1.RecoveryService/"
_VIEWS = "error_recovery.v1.ViewService/"
_WORKFLOW = "error_recovery.v1.WorkflowService/"
_HOOKS = "error_recovery.v1.HookService/"
_RUN = "/api/workflow-runs/{run_id}"
_AUDIT = "error_recovery.v1.AuditService/"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/api/status", _RECOVERY + "GetStatus", "The daemon at a glance."),
    Endpoint("GET", "/api/errors", _RECOVERY + "ListErrors", "Errors, the newest fault first, page by page."),
    Endpoint("GET", "/api/errors/{error_id}", _RECOVERY + "GetError", "One error with its attempts and decisions."),
    Endpoint(
        "POST", "/api/errors/{error_id}/resolve", _RECOVERY + "ResolveError", "A person says that an error is gone."
    ),
    Endpoint("GET", "/api/approvals", _RECOVERY + "ListApprovals", "What waits for a person's yes or no."),
    Endpoint("POST", "/api/errors/{error_id}/approve", _RECOVERY + "Approve", "Yes to what is proposed for an error."),
    Endpoint("POST", "/api/errors/{error_id}/deny", _RECOVERY + "Deny", "No to what is proposed for an error."),
    Endpoint("GET", "/api/explain/{id}", _RECOVERY + "Explain", "Why something was decided, in sentences."),
    Endpoint("GET", "/api/events", _RECOVERY + "Watch", "What happens, as it happens."),
    Endpoint("GET", "/api/recovery/metrics", _RECOVERY + "GetMetrics", "How well recovery works; what was learned."),
    Endpoint("GET", "/api/recovery/history", _RECOVERY + "ListHistory", "Attempts, the newest first, page by page."),
    Endpoint(
        "POST",
        "/api/recovery/reset",
        _RECOVERY + "Reset",
        "An error back to its first level, or what was learned forgotten.",
    ),
    Endpoint("POST", "/api/recovery/flush", _RECOVERY + "Flush", "Purge pending tickets: of one error, or all."),
    Endpoint("POST", "/api/recovery/reload", _RECOVERY + "Reload", "Read the definitions again."),
    Endpoint("GET", "/api/brakes", _RECOVERY + "ListBrakes", "Every brake as it is at this moment."),
    Endpoint("POST", "/api/breakers/reset", _RECOVERY + "ResetBreaker", "Close a breaker at once."),
    Endpoint("POST", "/api/pause", _RECOVERY + "Pause", "Begin nothing, at all or on one target."),
    Endpoint("POST", "/api/resume", _RECOVERY + "Resume", "Let go what was paused."),
    Endpoint("GET", "/api/diagnostics", _RECOVERY + "Diagnose", "How the daemon and its host are, and how to mend it."),
    Endpoint(
        "GET",
        "/api/now",
        _VIEWS + "GetNow",
        "What is broken by root cause, what is being done, what waits for a person.",
    ),
    Endpoint("GET", "/api/targets", _VIEWS + "ListTargets", "How each target is, and what it depends on."),
    Endpoint(
        "GET",
        "/api/recovery/scores",
        _VIEWS + "ListScores",
        "Scores of strategies as time went by, with their uncertainty.",
    ),
    Endpoint(
        "GET",
        "/api/recovery/layers",
        _VIEWS + "GetLayers",
        "Times to detect and to recover of each layer, against their goals.",
    ),
    Endpoint("GET", "/api/host", _VIEWS + "GetHost", "The host as its sensors see it."),
    Endpoint("GET", "/api/workflows", _WORKFLOW + "ListWorkflows", "The workflows that are defined."),
    Endpoint("GET", "/api/workflows/find", _WORKFLOW + "FindWorkflows", "Those that fit an error, or a few words."),
    Endpoint("POST", "/api/workflows/{workflow_id}/start", _WORKFLOW + "StartWorkflow", "Start a run, or join it."),
    Endpoint("GET", "/api/workflow-runs", _WORKFLOW + "ListRuns", "Runs of workflows, the newest first."),
    Endpoint("GET", _RUN, _WORKFLOW + "GetRun", "One run, with all that happened to it."),
    Endpoint("POST", _RUN + "/complete", _WORKFLOW + "CompleteStep", "A step is done: the daemon looks whether it is."),
    Endpoint("POST", _RUN + "/back", _WORKFLOW + "StepBack", "To the step before."),
    Endpoint("POST", _RUN + "/abort", _WORKFLOW + "AbortWorkflow", "Give a run up."),
    Endpoint("GET", "/api/hooks", _HOOKS + "ListHooks", "Who is told of what happens, and whether that works."),
    Endpoint(
        "POST", "/api/hooks/{hook_id}/test", _HOOKS + "SendTest", "Send a test to a hook, and see whether it arrives."
    ),
    Endpoint("GET", "/api/deliveries", _HOOKS + "ListDeliveries", "What was sent, what waits, and what was given up."),
    Endpoint("POST", "/api/deliveries/redeliver", _HOOKS + "Redeliver", "Send again what was given up or waits."),
    Endpoint(
        "GET", "/api/audit", _AUDIT + "ListAudit", "What people and the daemon did, the newest first, page by page."
    ),
    Endpoint("GET", "/api/audit/head", _AUDIT + "GetAuditHead", "Where the chain of acts has come to."),
    Endpoint("GET", "/api/audit/entries/{sequence}", _AUDIT + "GetAuditEntry", "One act, before and after."),
    Endpoint("POST", "/api/audit/verify", _AUDIT + "VerifyAudit", "Is every act as it was written, and in its place?"),
    Endpoint("GET", "/api/caller", "error_recovery.v1.CallerService/GetCaller", "Who you are here, and your roles."),
)

_FAULTS = "error_recovery.v1.FaultService/"
_REPORTING = "who has only HTTP reports by what it speaks already (docs/integrations.md)"

NOT_HERE: Mapping[str, str] = {
    **{_FAULTS + name: _REPORTING for name in ("Report", "ReportBatch", "StreamReports")},
    "error_recovery.v1.HandlerService/Attach": "an application and the daemon talk both ways",
    _RECOVERY
    + "Replay": "it takes a directory of files and minutes; hanging up ends it, as people expect of a command",
    _RECOVERY + "TestRecovery": "hanging up ends it, and it waits for its caller to break something",
    _RECOVERY + "ContinueTest": "as TestRecovery",
}
"""Methods that the API does not have, and why."""
