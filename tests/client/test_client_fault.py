from __future__ import annotations

import errno
import json
import re
import socket
import sqlite3
from concurrent import futures

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_recovery.error_type import error_type_of
from error_recovery.exception import is_application_file, qualified_name
from error_recovery.fault import ERROR_TYPES, SEVERITIES, fault_from_exception, fault_from_message
from error_recovery.text import fitted, fitted_in_the_middle, printed
from error_recovery.v1 import fault_pb2


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _raised(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:  # noqa: BLE001
        return caught


def test_a_message_becomes_a_fault_with_everything_said() -> None:
    fault = fault_from_message(
        "disk is slow",
        type="hardware",
        severity="critical",
        component="shop",
        operation="write",
        node="n1",
        environment="test",
        hardware_id="sda",
        attributes={"queue": 12, "ratio": 0.5},
        target="disk-sda",
        fingerprint="slow-disk",
        fault_id="f1",
        retry_count=3,
        retry_success=True,
        affected_tasks=7,
        related_error_ids=["a" * 16],
    )
    assert fault.type == fault_pb2.ERROR_TYPE_HARDWARE
    assert fault.severity == fault_pb2.SEVERITY_CRITICAL
    assert (fault.context.component, fault.context.operation, fault.context.node) == ("shop", "write", "n1")
    assert (fault.context.environment, fault.context.hardware_id) == ("test", "sda")
    assert dict(fault.context.attributes) == {"queue": "12", "ratio": "0.5"}
    assert (fault.target, fault.fingerprint, fault.fault_id) == ("disk-sda", "slow-disk", "f1")
    assert (fault.retry_count, fault.retry_success, fault.affected_tasks) == (3, True, 7)
    assert list(fault.related_error_ids) == ["a" * 16]
    assert fault.source == "client/python"
    assert fault.occurred_at_unix_ns > 0
    assert not fault.shortened


def test_what_is_not_said_has_sensible_defaults() -> None:
    fault = fault_from_message("x")
    assert fault.type == fault_pb2.ERROR_TYPE_UNKNOWN
    assert fault.severity == fault_pb2.SEVERITY_UNSPECIFIED
    assert fault.context.node == socket.gethostname()
    assert fault.fault_id


def test_a_wrong_type_or_severity_names_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"type 'netwrk' is not known: use one of unknown, network, .*timeout"):
        fault_from_message("x", type="netwrk")
    with pytest.raises(ValueError, match="severity 'fatal' is not known: use one of info, low, medium, high, critical"):
        fault_from_message("x", severity="fatal")


def test_an_unknown_field_or_a_wrong_count_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="unknown field 'tgt'"):
        fault_from_message("x", tgt="shop")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="retry_count -1 is not a count"):
        fault_from_message("x", retry_count=-1)
    with pytest.raises(TypeError, match="str is not an exception"):
        fault_from_exception("x")  # type: ignore[arg-type]


def test_all_types_and_severities_of_the_wire_have_a_name() -> None:
    assert set(ERROR_TYPES.values()) == set(fault_pb2.ErrorType.values()) - {0}
    assert set(SEVERITIES.values()) == set(fault_pb2.Severity.values()) - {0}


def test_texts_are_cut_to_the_limits_of_the_wire_and_the_fault_says_so() -> None:
    fault = fault_from_message("é" * 9000, component="c" * 300, attributes={f"k{i}": "v" * 2000 for i in range(70)})
    assert len(fault.message.encode()) == 4096
    assert len(fault.context.component) == 256
    assert len(fault.context.attributes) == 64
    assert max(map(len, fault.context.attributes.values())) == 1024
    assert fault.shortened


def test_values_that_cannot_be_printed_or_encoded_are_reported_all_the_same() -> None:
    fault = fault_from_message("lone \ud800 half", attributes={"bad": _Unprintable()})
    assert fault.message == "lone ? half"
    assert fault.context.attributes["bad"] == "<_Unprintable that cannot be printed: RuntimeError>"
    assert fault_from_exception(_raised(_Unprintable())).exception.type.endswith("_Unprintable")


def test_an_exception_carries_its_type_message_trace_and_frames() -> None:
    def inner() -> None:
        json.loads("{")

    try:
        inner()
    except ValueError as exc:
        fault = fault_from_exception(exc, "cannot read the order")
    assert fault.message == "cannot read the order"
    assert fault.type == fault_pb2.ERROR_TYPE_DATA
    assert fault.exception.type == "json.decoder.JSONDecodeError"
    assert fault.exception.message.startswith("Expecting property name")
    assert fault.exception.stack_trace.startswith("Traceback (most recent call last):")
    ours = [frame.function for frame in fault.exception.frames if frame.in_application]
    theirs = [frame.module for frame in fault.exception.frames if not frame.in_application]
    assert ours == ["test_an_exception_carries_its_type_message_trace_and_frames", "inner"]
    assert set(theirs) == {"json", "json.decoder"}
    assert fault.exception.frames[0].line > 0


def test_the_cause_of_an_exception_is_in_its_trace() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as first:
            raise RuntimeError("second") from first
    except RuntimeError as exc:
        trace = fault_from_exception(exc).exception.stack_trace
    assert trace.index("KeyError: 'first'") < trace.index("RuntimeError: second")


def test_a_long_trace_is_cut_in_its_middle_and_a_deep_stack_keeps_both_ends() -> None:
    def dive(depth: int) -> None:
        if depth == 0:
            raise ValueError("at the bottom " + "x" * 20_000)
        dive(depth - 1)

    try:
        dive(200)
    except ValueError as exc:
        fault = fault_from_exception(exc)
    assert fault.shortened
    assert len(fault.exception.stack_trace.encode()) <= 16 << 10
    assert fault.exception.stack_trace.startswith("Traceback")
    assert "xxx\nSource of dive (" in fault.exception.stack_trace
    assert len(fault.exception.frames) == 64
    assert fault.exception.frames[0].function.startswith("test_a_long_trace")
    assert fault.exception.frames[-1].function == "dive"


def test_only_code_outside_of_library_folders_is_the_applications_own() -> None:
    assert is_application_file(__file__, __name__)
    assert not is_application_file(json.__file__, "json")
    assert not is_application_file(pytest.__file__, "pytest")
    assert not is_application_file("/srv/shop/lib/python3/dist-packages/x.py", "x")
    assert is_application_file("<string>", "__main__")
    assert not is_application_file("<frozen importlib._bootstrap>", "importlib._bootstrap")


class _OtherTimeout(Exception):
    pass


@pytest.mark.parametrize(
    ("exc", "name"),
    [
        (ConnectionRefusedError(), "network"),
        (socket.gaierror(), "network"),
        (OSError(errno.EHOSTUNREACH, "no route"), "network"),
        (TimeoutError(), "timeout"),
        (futures.TimeoutError(), "timeout"),
        (_OtherTimeout(), "timeout"),
        (MemoryError(), "resource"),
        (OSError(errno.ENOSPC, "full"), "resource"),
        (OSError(errno.EMFILE, "too many files"), "resource"),
        (PermissionError(), "security"),
        (OSError(errno.EIO, "bad sector"), "hardware"),
        (FileNotFoundError(), "system"),
        (sqlite3.OperationalError("locked"), "database"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "data"),
        (ModuleNotFoundError("x"), "configuration"),
        (futures.BrokenExecutor(), "worker"),
        (KeyError("x"), "unknown"),
    ],
    ids=lambda value: qualified_name(type(value)) if isinstance(value, BaseException) else str(value),
)
def test_the_type_of_an_exception_is_guessed(exc: BaseException, name: str) -> None:
    assert error_type_of(exc) == name
    assert fault_from_exception(exc).type == ERROR_TYPES[name]


def test_a_type_that_is_said_is_not_guessed() -> None:
    assert fault_from_exception(TimeoutError(), type="worker").type == fault_pb2.ERROR_TYPE_WORKER


@settings(deadline=None)
@given(st.text(), st.integers(8, 40))
def test_a_fitted_text_is_valid_and_within_its_bytes(text: str, limit_bytes: int) -> None:
    for fit in (fitted, fitted_in_the_middle):
        cut, was_cut = fit(text, limit_bytes)
        assert len(cut.encode()) <= limit_bytes
        assert was_cut or cut == re.sub("[\ud800-\udfff]", "?", text)


def test_any_value_can_be_printed() -> None:
    assert printed(_Unprintable()) == "<_Unprintable that cannot be printed: RuntimeError>"
    assert printed(12) == "12"
