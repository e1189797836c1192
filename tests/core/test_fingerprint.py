from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.fingerprint import Fingerprinter, fingerprint, template
from error_daemon.model import ErrorType, Fault
from tests.core.world import fault

# Each line is one fault of the real world, in variants that must fold. No two lines may fold.
SHAPES: tuple[tuple[str, ...], ...] = (
    ("connection to 10.0.0.1:5432 refused", "connection to 192.168.17.250:5433 refused"),
    ("connection to 10.0.0.1:5432 timed out after 30 s", "connection to 10.0.0.2:5432 timed out after 5 s"),
    ("HTTP 404 for /items/17", "HTTP 404 for /items/99812"),
    ("HTTP 503 for /items/17", "HTTP 503 for /items/99812"),
    ("HTTP/1.1 500 after 12 ms", "HTTP/1.1 500 after 1234.5 ms"),
    ("HTTP/1.1 502 after 12 ms", "HTTP/1.1 502 after 3 ms"),
    ("upstream status 404 in 3 tries", "upstream status 404 in 10 tries"),
    ("upstream status 503 in 3 tries", "upstream status 503 in 10 tries"),
    (
        "status=429 request 550e8400-e29b-41d4-a716-446655440000",
        "status=429 request 6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
    ),
    (
        "status=401 request 550e8400-e29b-41d4-a716-446655440000",
        "status=401 request 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ),
    ("worker 17 exited with code 1", "worker 4 exited with code 1"),
    ("worker 17 exited with code 137", "worker 4 exited with code 137"),
    ("worker 17 returned code -11", "worker 181 returned code -11"),
    ("worker 17 returned code -5", "worker 181 returned code -5"),
    ("child 4711 killed by signal 9", "child 12 killed by signal 9"),
    ("child 4711 killed by signal 11", "child 12 killed by signal 11"),
    ("[Errno 111] connect 10.1.1.1", "[Errno 111] connect 10.1.1.2"),
    ("[Errno 113] connect 10.1.1.1", "[Errno 113] connect 10.1.1.2"),
    ("open failed: errno=13 on fd 5", "open failed: errno=13 on fd 1021"),
    ("open failed: errno=24 on fd 5", "open failed: errno=24 on fd 1021"),
    ("device error code: 0x80004005 at sector 12", "device error code: 0x80004005 at sector 77"),
    ("device error code: 0x80070002 at sector 12", "device error code: 0x80070002 at sector 77"),
    ("segfault at 0x7ffd1234 in libc", "segfault at 0xdeadBEEF in libc"),
    ("segfault at 0x7ffd1234 in libm", "segfault at 0x0 in libm"),
    ("disk /dev/sda is 97 % full", "disk /dev/sda is 100 % full"),
    ("disk /dev/sdb is 97 % full", "disk /dev/sdb is 99.5 % full"),
    ("out of memory: killed process 123 (postgres)", "out of memory: killed process 9876543 (postgres)"),
    ("out of memory: killed process 123 (redis)", "out of memory: killed process 12345678 (redis)"),
    ("read 9999999 bytes of 10000000", "read 10000000 bytes of 99999999999"),
    ("job a1b2c3d4e5f6 failed", "job 0123456789abcdef failed", "job 12345678 failed"),
    ("job a1b2c3d4e5f6 was cancelled", "job 99887766aa was cancelled"),
    (
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709 is bad",
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12 is bad",
    ),
    ("backup of 2026-01-02T03:04:05Z is missing", "backup of 2025-12-31 23:59:59.123+02:00 is missing"),
    ("backup of 2026-01-02 is damaged", "backup of 2025-11-30 is damaged"),
    ("cannot decode utf8 at byte 12", "cannot decode utf8 at byte 9"),
    ("cannot decode utf16 at byte 12", "cannot decode utf16 at byte 9"),
    ("sha256 mismatch in block 5", "sha256 mismatch in block 15"),
    ("sha224 mismatch in block 5", "sha224 mismatch in block 15"),
    ("queue db_1 has 5000 waiting", "queue db_1 has 6 waiting"),
    ("queue db_2 has 5000 waiting", "queue db_2 has 6 waiting"),
    ("deadlock detected: transaction 815 waits for 4711", "deadlock detected: transaction 1 waits for 2"),
    ("deadlock resolved: transaction 815", "deadlock resolved: transaction 3"),
    ("certificate expires in 3 days", "certificate expires in 12 days"),
    ("certificate expired 3 days ago", "certificate expired 12 days ago"),
    ("temperature 93.5 C on sensor 3", "temperature 101 C on sensor 0"),
    ("fan stopped on sensor 3", "fan stopped on sensor 0"),
    ("replication lag 31 s", "replication lag 1.5 s"),
    ("replication stopped",),
    ("no such table: users",),
    ("no such table: orders",),
    ("login of user 17 refused", "login of user 2024 refused"),
    ("token of user 17 expired", "token of user 2024 expired"),
    ("facade cannot be loaded",),
    ("decade cannot be loaded",),
    ("",),
)


def test_variants_of_a_fault_fold_and_different_faults_do_not() -> None:
    assert len(SHAPES) >= 50
    seen: dict[bytes, str] = {}
    for variants in SHAPES:
        digests = {fingerprint(fault(message=text)).digest for text in variants}
        assert len(digests) == 1, [template(text) for text in variants]
        digest = digests.pop()
        assert digest not in seen, f"{variants[0]!r} folds with {seen[digest]!r}"
        seen[digest] = variants[0]


DIFFERENT = (
    {"type": ErrorType.DATABASE},
    {"component": "db"},
    {"target": "web-2"},
    {"exception_type": "OSError"},
    {"exception_message": "no route to host"},
    {"frames": ("app:main",)},
    {"frames": ("app:main", "app:load")},
    {"explicit_fingerprint": "mine"},
    {"explicit_fingerprint": "mine", "target": "web-2"},
)


def test_every_part_separates() -> None:
    faults = [fault(), *(replace(fault(), **changes) for changes in DIFFERENT)]
    assert len({fingerprint(one).digest for one in faults}) == len(faults)


def test_what_is_no_part_does_not_separate() -> None:
    other = replace(
        fault(), node="host2", operation="load", attributes={"a": "b"}, occurred_at=5.0, fault_id="x", count=3
    )
    assert fingerprint(other) == fingerprint(fault())


def test_an_explicit_fingerprint_wins() -> None:
    one = fault("web", "slow", explicit_fingerprint="mine")
    other = fault("db", "down", ErrorType.DATABASE, explicit_fingerprint="mine", frames=("a:b",))
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one).because == ("fingerprint of the sender: mine",)


def test_the_reasons_name_the_parts_that_took_part() -> None:
    one = fault(message="took 5 s", exception_type="Timeout", frames=("app:main", "app:load"), target="web-1")
    assert fingerprint(one).because == (
        "type: network",
        "component: web",
        "target: web-1",
        "exception: Timeout",
        "message: took <number> s",
        "frames: app:load < app:main",
    )


def test_the_error_id_is_the_beginning_of_the_digest() -> None:
    one = fingerprint(fault())
    assert one.error_id == one.digest.hex()[:16]
    assert len(one.digest) == 16


def test_the_width_of_a_number_does_not_move_the_cut_of_a_long_message() -> None:
    tail = " ".join(f"part{letter}" for letter in "abcdefghij") * 30
    assert fingerprint(fault(message=f"after 5 s: {tail}")) == fingerprint(fault(message=f"after 12345 s: {tail}"))


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\x1e\x1f", "é", "数据库" * 1000])
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert fingerprint(fault(text, text, exception_type=text, explicit_fingerprint=text)).digest


faults = st.builds(
    Fault,
    type=st.sampled_from(ErrorType),
    message=st.text(max_size=30),
    component=st.sampled_from(("web", "db")),
    target=st.sampled_from(("", "a")),
    exception_type=st.sampled_from(("", "OSError")),
    exception_message=st.sampled_from(("", "gone")),
    frames=st.tuples(st.sampled_from(("a:b", "c:d"))),
    explicit_fingerprint=st.sampled_from(("", "mine")),
)


@given(st.lists(faults, max_size=8))
def test_the_remembered_fingerprint_is_the_one_worked_out_anew(several: list[Fault]) -> None:
    remembering = Fingerprinter()
    for one in (*several, *several):
        assert remembering(one) == fingerprint(one)


@pytest.mark.parametrize("distinct", [{"message": "gone {}"}, {"component": "c{}"}, {"explicit_fingerprint": "f{}"}])
def test_a_storm_of_distinct_faults_does_not_fill_the_memory(distinct: dict[str, str]) -> None:
    def numbered(number: int) -> Fault:
        letters = "".join("abcdefghij"[int(digit)] for digit in str(number))
        return Fault(ErrorType.NETWORK, **{name: text.format(letters) for name, text in distinct.items()})  # type: ignore[arg-type]

    remembering = Fingerprinter()
    for number in range(5000):
        remembering(numbered(number))
    for kept in (remembering._known, remembering._places, remembering._stated):
        assert len(kept) <= 4096
    assert remembering(numbered(1)) == fingerprint(numbered(1))
