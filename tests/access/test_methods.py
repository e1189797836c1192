"""The table of methods and roles is total: nothing is served that it does not have."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from error_daemon.access.methods import EVERYBODY, ROLES
from error_daemon.model.access import Role
from error_recovery.v1 import (
    audit_pb2,
    caller_pb2,
    fault_pb2,
    handler_pb2,
    hook_pb2,
    recovery_pb2,
    view_pb2,
    workflow_pb2,
)

OTLP = (logs_service_pb2, trace_service_pb2, metrics_service_pb2)
FILES = (
    *OTLP,
    audit_pb2,
    caller_pb2,
    fault_pb2,
    handler_pb2,
    hook_pb2,
    recovery_pb2,
    view_pb2,
    workflow_pb2,
    health_pb2,
    reflection_pb2,
)
ANY = frozenset(Role)
OF_NEWER_GRPC = {"grpc.health.v1.Health/List"}


def services() -> list[ServiceDescriptor]:
    return [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]


def test_every_method_of_every_service_is_in_the_table_and_no_other_is() -> None:
    served = {f"{service.full_name}/{method.name}" for service in services() for method in service.methods}
    assert {path for path in ROLES if not path.startswith(("http/", "syslog"))} - OF_NEWER_GRPC == served


def test_an_operator_may_call_everything() -> None:
    assert [path for path, roles in ROLES.items() if roles is not EVERYBODY and Role.OPERATOR not in roles] == []


def test_a_reporter_may_report_and_nothing_else_of_ours() -> None:
    assert [path for path, roles in ROLES.items() if Role.REPORTER in roles and roles != ANY] == [
        "error_recovery.v1.FaultService/Report",
        "error_recovery.v1.FaultService/ReportBatch",
        "error_recovery.v1.FaultService/StreamReports",
        "opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "http/sentry",
        "http/otlp",
        "http/alerts",
        "syslog",
    ]


def test_only_health_and_what_says_nothing_of_the_host_is_for_everybody() -> None:
    for_everybody = {path for path, roles in ROLES.items() if roles is EVERYBODY}
    others = {path for path in for_everybody if not path.startswith("grpc.health.v1.Health/")}
    assert others == {"http/dashboard", "http/health", "http/openapi"}


def test_whoever_has_a_role_may_hear_who_they_are_and_what_there_is() -> None:
    assert {path.partition("/")[2] for path, roles in ROLES.items() if roles == ANY} == {
        "GetCaller",
        "ServerReflectionInfo",
    }


@pytest.mark.parametrize("role", [Role.REPORTER, Role.APPLICATION, Role.AUDITOR])
def test_nobody_but_an_operator_may_steer(role: Role) -> None:
    seeing = ("Get", "List", "Watch", "Explain", "Replay", "Diagnose")
    steering = [path for path in ROLES if ".RecoveryService/" in path and not path.partition("/")[2].startswith(seeing)]
    assert len(steering) == 11
    assert [path for path in steering if role in ROLES[path]] == []
