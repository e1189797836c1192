"""What the daemon is doing, and what holds it back, as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from error_daemon.model import BrakeView, Json
from error_recovery.v1 import recovery_pb2

_LETS_ALL_THROUGH = "closed"


def status_message(
    facts: Mapping[str, Json], brakes: Iterable[BrakeView], approvals_waiting: int
) -> recovery_pb2.GetStatusResponse:
    """`facts` has the fields of GetStatusResponse; nested ones as mappings. Of the brakes those are in it that hold or slow something."""
    plain = {name: value for name, value in facts.items() if name not in ("rings", "store", "lag", "log")}
    return recovery_pb2.GetStatusResponse(
        **plain,
        rings=[recovery_pb2.RingUse(**ring) for ring in facts["rings"]],
        store=recovery_pb2.StoreState(**facts["store"]),
        lag=recovery_pb2.LagFigures(**facts["lag"]),
        log=_log_message(facts["log"]),
        brakes=[brake_message(brake) for brake in brakes if brake.state != _LETS_ALL_THROUGH],
        approvals_waiting=approvals_waiting,
    )


def _log_message(log: Mapping[str, Json]) -> recovery_pb2.LogState:
    plain = {name: value for name, value in log.items() if name != "outlets"}
    return recovery_pb2.LogState(**plain, outlets=[recovery_pb2.LogOutlet(**outlet) for outlet in log["outlets"]])


def brake_message(view: BrakeView) -> recovery_pb2.Brake:
    return recovery_pb2.Brake(
        brake=view.brake,
        subject=view.subject,
        state=view.state,
        reason=view.reason,
        until=view.until,
        waiting=view.waiting,
        figures=dict(view.figures),
    )
