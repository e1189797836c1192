"""Faults: what kind of thing went wrong, how bad it is, how it is to be answered, and what makes two equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum, IntEnum

from error_daemon.model.value import value


class ErrorType(str, Enum):
    """What kind of thing went wrong (B1). The numbers of the wire enum are the positions here, from 1."""

    UNKNOWN = "unknown"
    NETWORK = "network"
    RESOURCE = "resource"
    HARDWARE = "hardware"
    SYSTEM = "system"
    DATABASE = "database"
    WORKER = "worker"
    COORDINATOR = "coordinator"
    TASK = "task"
    CONFIGURATION = "configuration"
    AUTHENTICATION = "authentication"
    SECURITY = "security"
    DATA = "data"
    TIMEOUT = "timeout"


class Severity(IntEnum):
    """How bad it is (B1). The numbers are those of the wire."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Priority(IntEnum):
    """Which ring a fault waits in, and who goes first. Lower goes first."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


PRIORITY_OF = {
    Severity.CRITICAL: Priority.CRITICAL,
    Severity.HIGH: Priority.HIGH,
    Severity.MEDIUM: Priority.NORMAL,
    Severity.LOW: Priority.LOW,
    Severity.INFO: Priority.LOW,
}


class ResponseClass(str, Enum):
    """How a fault is to be answered (B3)."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CASCADING = "cascading"
    CRITICAL = "critical"


class RecoveryClass(str, Enum):
    """How quickly and how surely an error should be recovered (C9): within RECOVERY_TARGETS[class]."""

    IMMEDIATE = "immediate"
    GRADUAL = "gradual"
    EMERGENCY = "emergency"


RECOVERY_TARGETS = {  # C9: seconds, and the share that should succeed
    RecoveryClass.IMMEDIATE: (1.0, 0.95),
    RecoveryClass.GRADUAL: (30.0, 0.90),
    RecoveryClass.EMERGENCY: (5.0, 0.99),
}


class Mode(str, Enum):
    """What a rule may do (E2). `observe` decides and records, and acts on nothing; `approve` acts when a person has said yes."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


@value
class Fault:
    """One report of one thing gone wrong: the part of it that decisions need. The whole of it is in the ring."""

    type: ErrorType
    message: str = ""
    severity: Severity | None = None  # None: the rule decides
    component: str = ""
    operation: str = ""
    node: str = ""
    environment: str = ""
    hardware_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)  # shared with other faults of the same place
    exception_type: str = ""
    exception_message: str = ""
    frames: tuple[str, ...] = ()  # in-application frames as "module:function", innermost last, at most five
    explicit_fingerprint: str = ""
    target: str = ""
    occurred_at: float = 0.0
    received_at: float = 0.0
    retry_success: bool = False
    count: int = 1
    affected_tasks: int = 0
    related_error_ids: tuple[str, ...] = ()
    source: str = ""
    fault_id: str = ""

    @property
    def tenant(self) -> str:
        """Whose work it hit: the attribute `tenant`."""
        return self.attributes.get("tenant", "")


@value
class Fingerprint:
    """What makes faults equal. `because` names the parts for people: "grouped because ..."."""

    digest: bytes  # 16 bytes
    because: tuple[str, ...]

    @property
    def error_id(self) -> str:
        """16 hexadecimal digits. The same fault has the same id on every host, before and after a restart."""
        return self.digest[:8].hex()
