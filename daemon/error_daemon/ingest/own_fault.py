"""The fault that a sensor of the daemon's own reports of a target that should run and does not."""

from __future__ import annotations

from error_recovery.v1 import fault_pb2


def not_running(target_id: str, message: str, *, source: str, fingerprint: str, at: float) -> bytes:
    """`at` is in seconds since the epoch."""
    fault = fault_pb2.Fault(
        type=fault_pb2.ERROR_TYPE_SYSTEM,
        message=message,
        context=fault_pb2.Context(component=target_id, operation="run"),
        target=target_id,
        fingerprint=f"{fingerprint}:{target_id}",
        occurred_at_unix_ns=int(at * 1e9),
        source=source,
    )
    return fault.SerializeToString()
