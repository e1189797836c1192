"""
From an entry of the journal to the fault that it tells of. Pure: texts in, a fault out.

    MESSAGE_ID    what systemd says by it                          here
    ------------  -----------------------------------------------  -----------------------------------------------------
    d9b373ed...   a unit has failed, with its result               a failure, as error-recovery-report@.service words it:
                                                                   where both tell of it, they tell of one error
    fe6faa94...   the kernel's OOM killer has killed a process     out of memory
                  of a unit
    fc2e22bc...   a process dumped core                            a core dump, with its stack
    98e32220...   the main process of a unit has ended             no fault, but what ended it belongs to the failure that
                                                                   follows it
"""

from __future__ import annotations

import signal
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from error_daemon.ingest.fitted import fitted
from error_daemon.ingest.journal.entry import Entry, number
from error_daemon.ingest.journal.stack import frames_of, split
from error_daemon.ingest.journal.unit_names import steady
from error_daemon.ingest.sent_at import believable
from error_recovery.v1 import fault_pb2

SOURCE = "journal"
_FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
_OUT_OF_MEMORY = "fe6faa94e7774663a0da52717891d8ef"
_DUMPED = "fc2e22bc6ee647b6b90729ab34a250b1"
_ENDED = "98e322203f7a4ed290d09fe03c09fe15"
MESSAGE_IDS = (_FAILED, _OUT_OF_MEMORY, _DUMPED, _ENDED)

_MOST_ENDS = 256
_NO_SERVICE = (".scope", ".slice")  # of a unit: it says where a process was, and not what it is


class Kind(Enum):
    FAILURE = "unit"
    OUT_OF_MEMORY = "oom-kill"
    CORE_DUMP = "core-dump"


@dataclass(frozen=True, slots=True)
class Told:
    """`unit`: its whole name; empty where a process belongs to none."""

    kind: Kind
    unit: str
    fault: fault_pb2.Fault
    attributes: tuple[tuple[str, str], ...]

    def payload(self, target: str = "") -> bytes:
        """The fault, of this target where it is known; at most once. Out of memory: the sensor group-memory sees that of a target, too, and
        groups it so."""
        self.fault.target = target
        if target and self.kind is Kind.OUT_OF_MEMORY:
            self.fault.fingerprint = f"{self.kind.value}:{target}"
        return fitted(self.fault, self.attributes)


class Teller:
    """Fed with entries in their order. It remembers how the main processes of units have ended, of the last few."""

    def __init__(self) -> None:
        self._ends: OrderedDict[str, tuple[str, str]] = OrderedDict()  # invocation → EXIT_CODE, EXIT_STATUS

    def feed(self, entry: Entry, now: float) -> Told | None:
        """None for what is no fault. `now`: seconds since 1970."""
        if not entry.is_of_the_system:
            return None
        kind = entry["MESSAGE_ID"]
        if kind == _FAILED and entry["UNIT"]:
            return self._failed(entry, now)
        if kind == _OUT_OF_MEMORY and entry["UNIT"]:
            return _out_of_memory(entry, now)
        if kind == _DUMPED:
            return _dumped(entry, now)
        if kind == _ENDED and entry["INVOCATION_ID"]:
            self._ends[entry["INVOCATION_ID"]] = entry["EXIT_CODE"], entry["EXIT_STATUS"]
            if len(self._ends) > _MOST_ENDS:
                self._ends.popitem(last=False)
        return None

    def _failed(self, entry: Entry, now: float) -> Told:
        unit, result = entry["UNIT"], entry["UNIT_RESULT"] or "not known"
        code, status = self._ends.pop(entry["INVOCATION_ID"], ("", ""))
        ended = f" ({code} {status})" if code else ""
        name = _signal_name(status) if code in ("killed", "dumped") else ""
        attributes = (
            ("unit", unit),
            ("result", result),
            ("exit_code", code),
            ("exit_status", status),
            ("signal", name),
            ("invocation_id", entry["INVOCATION_ID"]),
        )
        fault = _fault(entry, steady(unit), Kind.FAILURE, now)
        fault.type = fault_pb2.ERROR_TYPE_SYSTEM
        fault.message = f"{unit} has failed: {result}{ended}"
        return Told(Kind.FAILURE, unit, fault, _there(attributes))


def _out_of_memory(entry: Entry, now: float) -> Told:
    unit = entry["UNIT"]
    fault = _fault(entry, steady(unit), Kind.OUT_OF_MEMORY, now)
    fault.type = fault_pb2.ERROR_TYPE_RESOURCE
    fault.severity = fault_pb2.SEVERITY_HIGH
    fault.message = f"out of memory: the kernel killed a process of {steady(unit)}"
    attributes = (("unit", unit), ("result", Kind.OUT_OF_MEMORY.value), ("invocation_id", entry["INVOCATION_ID"]))
    return Told(Kind.OUT_OF_MEMORY, unit, fault, _there(attributes))


def _dumped(entry: Entry, now: float) -> Told:
    unit, program = entry["COREDUMP_UNIT"], entry["COREDUMP_EXE"]
    name = entry["COREDUMP_SIGNAL_NAME"] or _signal_name(entry["COREDUMP_SIGNAL"]) or "a signal"
    called = entry["COREDUMP_COMM"] or program.rpartition("/")[2] or "a process"
    first, stacks = split(entry["MESSAGE"])
    stacks = entry["COREDUMP_STACKTRACE"] or stacks
    fault = _fault(entry, _component(unit, called), Kind.CORE_DUMP, now)
    fault.type = fault_pb2.ERROR_TYPE_SYSTEM
    fault.message = f"{called} dumped core: {name}"
    fault.exception.type = name
    fault.exception.message = first
    fault.exception.stack_trace = stacks
    fault.exception.frames.extend(frames_of(stacks, program))
    if crashed_at_us := number(entry["COREDUMP_TIMESTAMP"]):
        fault.occurred_at_unix_ns = believable(crashed_at_us * 1000, now)
    attributes = (
        ("unit", unit),
        ("result", Kind.CORE_DUMP.value),
        ("signal", name),
        ("exe", program),
        ("pid", entry["COREDUMP_PID"]),
        ("uid", entry["COREDUMP_UID"]),
        ("user_unit", entry["COREDUMP_USER_UNIT"]),
        ("core", entry["COREDUMP_FILENAME"]),
        ("truncated", entry["COREDUMP_TRUNCATED"]),
    )
    return Told(Kind.CORE_DUMP, unit, fault, _there(attributes))


def _component(unit: str, called: str) -> str:
    """The program's name where the unit is a login, a user's systemd, or none at all."""
    return called if not unit or unit.endswith(_NO_SERVICE) or unit.startswith("user@") else steady(unit)


def _fault(entry: Entry, component: str, kind: Kind, now: float) -> fault_pb2.Fault:
    return fault_pb2.Fault(
        context=fault_pb2.Context(component=component, operation=kind.value, node=entry["_HOSTNAME"]),
        occurred_at_unix_ns=believable(entry.at_us * 1000, now),
        source=SOURCE,
    )


def _there(attributes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in attributes if text)


def _signal_name(text: str) -> str:
    """Of a signal's number; empty for what is none."""
    try:
        return signal.Signals(number(text)).name
    except ValueError:
        return ""
