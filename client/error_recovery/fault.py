"""Building one fault of the wire from what a caller says.

Texts are cut to the limits of the wire (proto/error_recovery/v1/fault.proto) and `shortened` tells so; names of types and
severities are the lower-case words of the wire's enums, and a wrong one raises ValueError naming the valid ones.
"""

from __future__ import annotations

import functools
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from error_recovery.disclosure import Disclosure
from error_recovery.error_type import error_type_of
from error_recovery.exception import MESSAGE_BYTES, NAME_BYTES, wire_exception
from error_recovery.text import fitted, printed
from error_recovery.v1 import fault_pb2

if TYPE_CHECKING:
    from typing_extensions import Unpack

SOURCE = "client/python"
ERROR_TYPES: dict[str, fault_pb2.ErrorType.ValueType] = {
    name.removeprefix("ERROR_TYPE_").lower(): number for name, number in fault_pb2.ErrorType.items() if number
}
SEVERITIES: dict[str, fault_pb2.Severity.ValueType] = {
    name.removeprefix("SEVERITY_").lower(): number for name, number in fault_pb2.Severity.items() if number
}

ATTRIBUTES = 64
ATTRIBUTE_KEY_BYTES = 64
ATTRIBUTE_VALUE_BYTES = 1024
FAULT_ID_BYTES = 64
RELATED_ERRORS = 16
COUNT_LIMIT = (1 << 32) - 1
_BY_DEFAULT = Disclosure()


class FaultFields(TypedDict, total=False):
    """What a caller may say about a fault besides its message. All are optional."""

    type: str  # "network", "database", ...: one of ERROR_TYPES; without it "unknown", or guessed from the exception
    severity: str  # "info", "low", "medium", "high", "critical"; without it the operator's rule decides
    component: str
    operation: str
    node: str  # default: this host's name
    environment: str
    hardware_id: str
    attributes: Mapping[str, object]  # values are turned into text
    target: str  # id of the target concerned, where the caller knows it
    fingerprint: str  # explicit grouping key
    fault_id: str  # default: a random one
    retry_count: int
    retry_success: bool
    affected_tasks: int
    related_error_ids: Sequence[str]


_CONTEXT = ("component", "operation", "node", "environment", "hardware_id")
_COUNTS = ("retry_count", "affected_tasks")


def fault_from_message(
    message: str, disclosure: Disclosure = _BY_DEFAULT, /, **fields: Unpack[FaultFields]
) -> fault_pb2.Fault:
    """A fault told in a sentence. Raises ValueError for an unknown type or severity, TypeError for an unknown field."""
    return _fault(message, None, fields, disclosure)


def fault_from_exception(
    exc: BaseException, message: str = "", disclosure: Disclosure = _BY_DEFAULT, /, **fields: Unpack[FaultFields]
) -> fault_pb2.Fault:
    """A fault told by an exception, with its stack trace. Its type is guessed (error_type.py) where none is given.

    Raises ValueError for an unknown type or severity, TypeError for an unknown field or something that is no exception.
    """
    if not isinstance(exc, BaseException):
        raise TypeError(f"{type(exc).__name__} is not an exception: use report() for a message")
    return _fault(message, exc, fields, disclosure)


def check_fields(fields: FaultFields) -> None:
    """Raises ValueError for an unknown type, severity or count, TypeError for an unknown field: where they are written, not when
    something has failed."""
    _fault("", None, fields, _BY_DEFAULT)


def _fault(message: str, exc: BaseException | None, fields: FaultFields, disclosure: Disclosure) -> fault_pb2.Fault:
    _check_names(fields)
    fault = fault_pb2.Fault(
        fault_id=fitted(fields.get("fault_id") or uuid.uuid4().hex, FAULT_ID_BYTES)[0],
        type=_type_number(fields.get("type"), exc),
        severity=_severity_number(fields.get("severity")),
        fingerprint=fitted(fields.get("fingerprint", ""), NAME_BYTES)[0],
        target=fitted(fields.get("target", ""), NAME_BYTES)[0],
        occurred_at_unix_ns=time.time_ns(),
        retry_success=bool(fields.get("retry_success", False)),
        related_error_ids=[fitted(each, NAME_BYTES)[0] for each in fields.get("related_error_ids", ())][
            :RELATED_ERRORS
        ],
        source=SOURCE,
    )
    for name in _COUNTS:
        setattr(fault, name, _count(name, fields.get(name, 0)))
    fault.message, cut = fitted(disclosure.cleaned(printed(message)), MESSAGE_BYTES)
    cut |= _fill_context(fault.context, fields, disclosure)
    if exc is not None:
        wire, exception_cut = wire_exception(exc, disclosure)
        fault.exception.CopyFrom(wire)
        cut |= exception_cut
    fault.shortened = cut
    return fault


def _check_names(fields: FaultFields) -> None:
    unknown = sorted(fields.keys() - FaultFields.__annotations__.keys())
    if unknown:
        raise TypeError(f"unknown field {unknown[0]!r}: a fault has {', '.join(FaultFields.__annotations__)}")


def _type_number(name: str | None, exc: BaseException | None) -> fault_pb2.ErrorType.ValueType:
    if name is None:
        name = "unknown" if exc is None else error_type_of(exc)
    if name not in ERROR_TYPES:
        raise ValueError(f"type {name!r} is not known: use one of {', '.join(ERROR_TYPES)}")
    return ERROR_TYPES[name]


def _severity_number(name: str | None) -> fault_pb2.Severity.ValueType:
    if name is None:
        return fault_pb2.SEVERITY_UNSPECIFIED
    if name not in SEVERITIES:
        raise ValueError(f"severity {name!r} is not known: use one of {', '.join(SEVERITIES)}")
    return SEVERITIES[name]


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} {value!r} is not a count: use a whole number from 0")
    return min(value, COUNT_LIMIT)


def _fill_context(context: fault_pb2.Context, fields: FaultFields, disclosure: Disclosure) -> bool:
    """Fills `context`; True when something had to be cut."""
    cut = False
    for name in _CONTEXT:
        text, text_cut = fitted(printed(fields.get(name) or (_host_name() if name == "node" else "")), NAME_BYTES)
        setattr(context, name, text)
        cut |= text_cut
    attributes = fields.get("attributes") or {}
    for position, (key, value) in enumerate(attributes.items()):
        if position == ATTRIBUTES:
            return True
        key_text, key_cut = fitted(printed(key), ATTRIBUTE_KEY_BYTES)
        value_text, value_cut = fitted(disclosure.cleaned_value(key_text, printed(value)), ATTRIBUTE_VALUE_BYTES)
        context.attributes[key_text] = value_text
        cut |= key_cut or value_cut
    return cut


@functools.cache
def _host_name() -> str:
    return socket.gethostname()
