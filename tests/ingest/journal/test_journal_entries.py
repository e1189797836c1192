"""Entries of the journal as faults: of real ones, of forged ones, of anything."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.decode import decode
from error_daemon.ingest.journal.entry import FIELDS, entry_of
from error_daemon.ingest.journal.faults import Kind, Teller, Told
from error_daemon.ingest.journal.stack import frames_of
from error_daemon.ingest.journal.unit_names import steady
from error_recovery.v1 import fault_pb2
from tests.ingest.journal.entries import FROM_SYSTEMD, NOW, STACKS, dumped, ended, failed, out_of_memory


def told(*entries: Mapping[str, object]) -> Told:
    """Of the last one."""
    teller = Teller()
    said = [teller.feed(entry, NOW) for each in entries if (entry := entry_of(json.dumps(each).encode()))]
    assert said[-1] is not None
    return said[-1]


def fault_of(*entries: Mapping[str, object], target: str = "") -> fault_pb2.Fault:
    return fault_pb2.Fault.FromString(told(*entries).payload(target))


def test_a_failure_has_how_its_main_process_ended() -> None:
    fault = fault_of(ended(), failed())
    assert fault.message == "shop.service has failed: exit-code (exited 7)"
    assert (fault.source, fault.type, fault.severity) == ("journal", fault_pb2.ERROR_TYPE_SYSTEM, 0)
    assert (fault.context.component, fault.context.operation, fault.context.node) == ("shop.service", "unit", "box")
    assert fault.occurred_at_unix_ns == 1795372181505530_000
    assert dict(fault.context.attributes) == {
        "unit": "shop.service", "result": "exit-code", "exit_code": "exited", "exit_status": "7", "invocation_id": "f124",
    }  # fmt: skip


def test_a_failure_by_a_signal_names_it() -> None:
    fault = fault_of(ended(code="killed", status="11"), failed(result="signal"))
    assert fault.message == "shop.service has failed: signal (killed 11)"
    assert fault.context.attributes["signal"] == "SIGSEGV"


def test_a_failure_does_not_take_the_end_of_another_run() -> None:
    assert fault_of(ended(invocation="other"), failed()).message == "shop.service has failed: exit-code"


def test_a_core_dump_is_the_exception_that_its_signal_is_with_the_stack_of_the_thread_that_crashed() -> None:
    fault = fault_of(dumped())
    assert fault.message == "shop dumped core: SIGABRT"
    assert (fault.exception.type, fault.exception.message) == ("SIGABRT", "Process 82 (shop) of user 33 dumped core.")
    assert fault.exception.stack_trace.startswith("Stack trace of thread 83:")
    assert [(frame.function, frame.in_application) for frame in fault.exception.frames] == [
        ("", False),
        ("std::vector<int, std::allocator<int> >::at(unsigned long) const", True),
        ("", True),
        ("deep", True),
        ("__GI_abort", False),
        ("__pthread_kill_implementation", False),
    ]
    assert fault.occurred_at_unix_ns == 1795372180000000_000
    attributes = fault.context.attributes
    assert (attributes["exe"], attributes["signal"], attributes["unit"]) == (
        "/usr/local/bin/shop",
        "SIGABRT",
        "shop.service",
    )


@pytest.mark.parametrize("unit", ["", "session-3.scope", "user@1000.service"])
def test_a_core_dump_of_no_service_is_of_its_program(unit: str) -> None:
    assert fault_of(dumped(unit)).context.component == "shop"


def test_a_core_dump_of_an_older_systemd_has_its_signal_by_number_and_its_stack_in_a_field_of_its_own() -> None:
    fault = fault_of(
        dumped(COREDUMP_SIGNAL_NAME="", MESSAGE="Process 82 (shop) dumped core.", COREDUMP_STACKTRACE=STACKS)
    )
    assert fault.exception.type == "SIGABRT"
    assert len(fault.exception.frames) == 6


def test_out_of_memory_is_of_the_error_that_the_sensor_of_control_groups_reports_of_a_target() -> None:
    fault = fault_of(out_of_memory("shop@5-1-0.service"), target="shop")
    assert fault.message == "out of memory: the kernel killed a process of shop@*.service"
    assert (fault.type, fault.severity) == (fault_pb2.ERROR_TYPE_RESOURCE, fault_pb2.SEVERITY_HIGH)
    assert (fault.target, fault.fingerprint) == ("shop", "oom-kill:shop")
    assert fault.context.attributes["unit"] == "shop@5-1-0.service"


@pytest.mark.parametrize("entry", [failed(), out_of_memory(), dumped()])
def test_what_an_ordinary_user_writes_is_no_word_of_systemd(entry: dict[str, str]) -> None:
    forged = entry_of(json.dumps({**entry, "_UID": "1000", "_SYSTEMD_UNIT": "user@1000.service"}).encode())
    assert forged is not None
    assert Teller().feed(forged, NOW) is None


def test_units_of_users_own_systemds_are_not_told_of() -> None:
    entry = entry_of(json.dumps({**failed(), "UNIT": None, "USER_UNIT": "mine.service", "_UID": "0"}).encode())
    assert entry is not None
    assert Teller().feed(entry, NOW) is None


@pytest.mark.parametrize(
    ("unit", "component"),
    [
        ("nginx.service", "nginx.service"),
        ("postgresql@15-main.service", "postgresql@15-main.service"),
        ("getty@tty1.service", "getty@tty1.service"),
        ("nightly@5-10.0.0.1:22-10.0.0.9:41222.service", "nightly@*.service"),
        ("nightly@5-[fe80::1]:22-[fe80::2]:41222.service", "nightly@*.service"),
        ("nightly@5-1234-0.service", "nightly@*.service"),
        ("run-u12.service", "run-*.service"),
        ("run-p12-i13.service", "run-*.service"),
        ("run-r4bf2a9c04bf2a9c04bf2a9c04bf2a9c0.scope", "run-*.scope"),
        ("session-c1.scope", "session-*.scope"),
        ("run-lock.mount", "run-lock.mount"),
    ],
)
def test_a_unit_is_named_without_what_is_new_with_each_start(unit: str, component: str) -> None:
    assert steady(unit) == component


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([104, 195, 164, 255], "hä\ufffd"),
        (["first", "second"], "first"),
        ([[104, 105], "second"], "hi"),
        (None, ""),
        (7, ""),
        ([300], ""),
        ([[[1]]], ""),
        ({"a": 1}, ""),
    ],
)
def test_a_value_is_read_in_each_way_in_which_journalctl_writes_one(value: object, text: str) -> None:
    entry = entry_of(json.dumps({"MESSAGE": value}).encode())
    assert entry is not None
    assert entry["MESSAGE"] == text


@pytest.mark.parametrize("line", [b"", b"-- No entries --", b"[1]", b'"a"', b"{" * 100_000, b'{"a": 1', b"\xff\xfe"])
def test_what_is_no_entry_is_none(line: bytes) -> None:
    assert entry_of(line) is None


@pytest.mark.parametrize("cursor", ["", "garbage", "s=1;i=2 --system", "s=8a;i=2\n", "s=" + "a" * 500 + ";i=1", 7])
def test_a_cursor_that_is_none_is_not_kept(cursor: object) -> None:
    entry = entry_of(json.dumps({"__CURSOR": cursor}).encode())
    assert entry is not None
    assert not entry.cursor


_TEXTS = st.one_of(st.text(max_size=40), st.text("0123456789-", max_size=25), st.just(STACKS), st.just("\ud800"))
_VALUES = st.one_of(_TEXTS, st.none(), st.lists(st.integers(-1, 300), max_size=9), st.lists(_TEXTS, max_size=2))
_REAL = st.sampled_from([failed(), out_of_memory(), dumped(), ended()])


@given(_REAL, st.dictionaries(st.sampled_from(FIELDS), _VALUES, max_size=6))
def test_whatever_fields_an_entry_has_it_is_a_fault_that_can_be_taken_or_none(
    real: dict[str, str], others: dict[str, object]
) -> None:
    entry = entry_of(json.dumps({**real, **others}).encode())
    assert entry is not None
    said = Teller().feed(entry, NOW)
    if said is not None:
        fault = decode(said.payload(), NOW)
        assert fault.source == "journal"
        assert said.kind in Kind


@given(st.binary(max_size=200))
def test_whatever_bytes_a_line_has_nothing_breaks(line: bytes) -> None:
    if (entry := entry_of(line)) is not None:
        Teller().feed(entry, NOW)


@given(st.text(max_size=300), st.text(max_size=20))
def test_whatever_a_stack_says_nothing_breaks(text: str, program: str) -> None:
    frames_of(f"Stack trace of thread 1:\n{text}", program)


def test_a_stack_of_absurd_length_takes_no_absurd_time() -> None:
    assert not frames_of("Stack trace of thread 1:\n" + "#0 0x1 " + "a (" * 300_000, "a")
    assert len(frames_of("Stack trace of thread 1:\n" + "#0 0x1 f (m + 0x1)\n" * 50_000, "m")) < 10_000


def test_only_the_ends_of_the_last_few_units_are_remembered() -> None:
    teller = Teller()
    for number in range(1000):
        entry = entry_of(json.dumps(ended(invocation=f"{number:x}")).encode())
        assert entry is not None
        assert teller.feed(entry, NOW) is None
    first, last = (entry_of(json.dumps(failed(invocation=f"{number:x}")).encode()) for number in (0, 999))
    assert first is not None
    assert last is not None
    said = teller.feed(first, NOW), teller.feed(last, NOW)
    assert [each.fault.message for each in said if each] == [
        "shop.service has failed: exit-code",
        "shop.service has failed: exit-code (exited 7)",
    ]


def test_an_entry_without_a_unit_is_no_failure() -> None:
    entry = entry_of(json.dumps({**FROM_SYSTEMD, "MESSAGE_ID": failed()["MESSAGE_ID"]}).encode())
    assert entry is not None
    assert Teller().feed(entry, NOW) is None
