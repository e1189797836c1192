"""What a diagnosis found, as messages."""

from __future__ import annotations

from error_daemon.model import Diagnostic
from error_recovery.v1 import recovery_pb2


def diagnostic_message(found: Diagnostic) -> recovery_pb2.Diagnostic:
    return recovery_pb2.Diagnostic(
        area=found.area,
        name=found.name,
        standing=found.standing.value,
        says=found.says,
        mend=found.mend,
        figures=dict(found.figures),
    )
