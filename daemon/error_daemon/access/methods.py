"""Which method is for whom: one table, total. A test compares it with every service in the descriptor pool, so that a method that is
added and not given to anybody is noticed, and until then nobody may call it.

reporter      reports faults, and nothing else
application   as reporter, and attaches recovery handlers of its own. That is more than reporting: an attempt of a strategy of kind
              `handler` is run by whoever is attached under the application's name, sees the fault, and says how it went
auditor       sees everything (with the stack traces of faults), may replay the record, and changes nothing
operator      everything

Health is for everybody who may connect: load balancers and kubelets have no role, and learn a few words. So are the files of the dashboard,
which are the same on every host: a browser has no token before there is a page that asks for one. Reflection says what services there
are, and GetCaller who one is: for whoever has any role.
"""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.model.access import Role

_REPORT = frozenset({Role.REPORTER, Role.APPLICATION, Role.OPERATOR})
_ATTACH = frozenset({Role.APPLICATION, Role.OPERATOR})
_SEE = frozenset({Role.AUDITOR, Role.OPERATOR})
_STEER = frozenset({Role.OPERATOR})
_ANY_ROLE = frozenset(Role)
EVERYBODY: frozenset[Role] = frozenset()
"""No role is asked for."""

_FAULTS = "error_recovery.v1.FaultService"
_HANDLERS = "error_recovery.v1.HandlerService"
_RECOVERY = "error_recovery.v1.RecoveryService"
_CALLER = "error_recovery.v1.CallerService"
_VIEWS = "error_recovery.v1.ViewService"
_WORKFLOWS = "error_recovery.v1.WorkflowService"
_HOOKS = "error_recovery.v1.HookService"
_AUDIT = "error_recovery.v1.AuditService"
_OTLP = "opentelemetry.proto.collector"
_SEEING = (
    "GetStatus",
    "ListErrors",
    "GetError",
    "Watch",
    "Explain",
    "ListHistory",
    "GetMetrics",
    "ListBrakes",
    "ListApprovals",
    "Replay",
    "Diagnose",
)
_STEERING = (
    "ResolveError",
    "Reset",
    "Flush",
    "ResetBreaker",
    "Pause",
    "Resume",
    "Approve",
    "Deny",
    "Reload",
    "TestRecovery",
    "ContinueTest",
)
_VIEWING = ("GetNow", "ListTargets", "ListScores", "GetLayers", "GetHost")

_REPORTING = (
    *(f"{_FAULTS}/{name}" for name in ("Report", "ReportBatch", "StreamReports")),
    *(
        f"{_OTLP}.{name}/Export"
        for name in ("logs.v1.LogsService", "trace.v1.TraceService", "metrics.v1.MetricsService")
    ),
    "http/sentry",
    "http/otlp",
    "http/alerts",
    "syslog",
)

ROLES: Mapping[str, frozenset[Role]] = {
    **dict.fromkeys(_REPORTING, _REPORT),
    f"{_HANDLERS}/Attach": _ATTACH,
    **{f"{_RECOVERY}/{name}": _SEE for name in _SEEING},
    **{f"{_VIEWS}/{name}": _SEE for name in _VIEWING},
    **{f"{_RECOVERY}/{name}": _STEER for name in _STEERING},
    **{f"{_WORKFLOWS}/{name}": _SEE for name in ("ListWorkflows", "FindWorkflows", "GetRun", "ListRuns")},
    **{f"{_AUDIT}/{name}": _SEE for name in ("ListAudit", "GetAuditEntry", "GetAuditHead", "VerifyAudit")},
    **{f"{_WORKFLOWS}/{name}": _STEER for name in ("StartWorkflow", "CompleteStep", "StepBack", "AbortWorkflow")},
    **{f"{_HOOKS}/{name}": _SEE for name in ("ListHooks", "ListDeliveries")},
    **{f"{_HOOKS}/{name}": _STEER for name in ("Redeliver", "SendTest")},
    **{f"grpc.health.v1.Health/{name}": EVERYBODY for name in ("Check", "List", "Watch")},
    "http/dashboard": EVERYBODY,
    f"{_CALLER}/GetCaller": _ANY_ROLE,
    "http/health": EVERYBODY,
    "http/openapi": EVERYBODY,
    "http/metrics": _SEE,
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _ANY_ROLE,
}
"""`service/method`, or the `action` of a route of HTTP → who may call it."""

ACTING = frozenset(method for method, roles in ROLES.items() if roles == _STEER)
"""With these people act: what they did is on the disk before they are answered (runtime/audit/answering.py)."""

SPENT_AS_FAULTS = frozenset(_REPORTING)
"""What they cost is known when their faults are counted."""
