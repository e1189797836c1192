"""Whatever is done to a chain is found, at its place; a chain that nobody touched is whole."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.audit.chain import DELETED, REPAIRED, check, lines_of, torn_facts
from error_daemon.audit.entry import NOTHING_YET, chained, read
from error_daemon.model.audit import Act, Broken, Head
from tests.audit.chains import act, chain_of, in_files

LENGTH = st.integers(min_value=2, max_value=12)
PLAIN = st.none() | st.booleans() | st.floats() | st.text() | st.integers()
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
A_FILE = st.integers(min_value=1, max_value=5)


def broken_in(lines: list[bytes], each: int, *heads: Head) -> Broken:
    found = check(in_files(lines, each), heads).broken
    assert found is not None
    return found


def where(broken: Broken, each: int) -> int:
    return int(broken.file.split()[1]) * each + broken.line - 1


@given(LENGTH, A_FILE)
def test_a_chain_that_nobody_touched_is_whole_in_however_many_files(length: int, each: int) -> None:
    lines, head = chain_of([act(number) for number in range(length)])
    checked = check(in_files(lines, each), [head])
    assert (checked.broken, checked.entries, checked.first, checked.head) == (None, length, 1, head)


@given(LENGTH, A_FILE, st.data())
def test_any_byte_that_is_changed_is_found_in_its_line(length: int, each: int, data: st.DataObject) -> None:
    lines, _ = chain_of([act(number, why="because", detail={"a": [1, "b"]}) for number in range(length)])
    place = data.draw(st.integers(0, length - 1))
    at = data.draw(st.integers(0, len(lines[place]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one not in (lines[place][at], ord("\n"))))
    lines[place] = lines[place][:at] + bytes([byte]) + lines[place][at + 1 :]
    broken = broken_in(lines, each)
    assert broken.what in ("changed", "unreadable")
    assert where(broken, each) == place


@given(LENGTH, A_FILE, st.data())
def test_an_entry_that_was_changed_and_hashed_anew_is_found_at_the_one_behind_it(
    length: int, each: int, data: st.DataObject
) -> None:
    lines, _ = chain_of([act(number) for number in range(length)])
    place = data.draw(st.integers(0, length - 2))
    entry = read(lines[place])
    assert entry is not None
    forged, line = chained(act(99), Head(entry.sequence - 1, entry.previous))
    lines[place] = line[:-1]
    broken = broken_in(lines, each)
    assert (broken.what, where(broken, each)) == ("changed", place + 1)
    assert forged.sequence == entry.sequence


@given(LENGTH, A_FILE, st.data())
def test_entries_that_were_taken_out_are_missed(length: int, each: int, data: st.DataObject) -> None:
    lines, head = chain_of([act(number) for number in range(length)])
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start + 1, length))
    left = lines[:start] + lines[end:]
    checked = check(in_files(left, each), [head])
    assert checked.broken is not None
    if end == length:
        assert (checked.broken.what, checked.broken.sequence) == ("cut", start + 1)
    else:
        assert checked.broken.what == "missing"
        assert (where(checked.broken, each), checked.head.sequence) == (
            start,
            end + 1 if start == 0 else start,
        ) or start == 0


@given(LENGTH, A_FILE, st.data())
def test_entries_that_changed_places_are_found(length: int, each: int, data: st.DataObject) -> None:
    lines, head = chain_of([act(number) for number in range(length)])
    first = data.draw(st.integers(0, length - 2))
    second = data.draw(st.integers(first + 1, length - 1))
    lines[first], lines[second] = lines[second], lines[first]
    broken = broken_in(lines, each, head)
    if first:
        assert (broken.what, where(broken, each)) == ("reordered", first)
    else:
        assert (
            where(broken, each) <= 1
        )  # what begins with another entry than the first may be what is left of a longer one


@given(LENGTH, A_FILE, st.data())
def test_an_entry_that_was_put_in_is_found_where_it_stands_or_behind(
    length: int, each: int, data: st.DataObject
) -> None:
    lines, head = chain_of([act(number) for number in range(length)])
    place = data.draw(st.integers(1, length - 1))
    before = read(lines[place - 1])
    assert before is not None
    a_copy = st.sampled_from(lines)
    a_forgery = st.sampled_from([chained(act(99), before.head)[1][:-1], chained(act(99), head)[1][:-1]])
    broken = broken_in([*lines[:place], data.draw(a_copy | a_forgery), *lines[place:]], each, head)
    assert where(broken, each) in (place, place + 1)


@given(LENGTH, A_FILE, st.data())
def test_a_chain_that_was_written_anew_is_found_by_a_head_that_somebody_has(
    length: int, each: int, data: st.DataObject
) -> None:
    _, head = chain_of([act(number) for number in range(length)])
    forged, _ = chain_of([act(number, why="never") for number in range(length + data.draw(st.integers(0, 3)))])
    assert check(in_files(forged, each)).broken is None, "nothing in the file itself shows it"
    broken = broken_in(forged, each, head)
    assert (broken.what, broken.sequence) == ("changed", length)


def test_a_chain_may_begin_where_it_says_that_what_was_before_is_deleted() -> None:
    old, head = chain_of([act(1), act(2)])
    deleted = Act(3.0, "error_daemon", DELETED, "audit.log.2", detail={"last_sequence": 2, "last_hash": head.hash})
    new, _ = chain_of([act(3), deleted, act(4)], head)
    assert check(in_files(new, 9)).broken is None
    assert check(in_files(old + new, 9)).broken is None, "it was to be deleted, and is still there"
    [*before], head = chain_of([act(3), act(4)], head)
    broken = broken_in(before, 9)
    assert (broken.what, broken.line, broken.sequence) == ("missing", 1, 3)
    assert check(in_files(before, 9), is_all=False).broken is None, "somebody looks at some files only"
    assert broken_in(new[1:], 9).what == "missing", "more is gone than was deleted"


@given(st.binary(min_size=1).filter(lambda torn: b"\n" not in torn and read(torn) is None), st.integers(1, 3))
def test_a_torn_line_is_whole_where_the_next_entry_accounts_for_it(torn: bytes, place: int) -> None:
    before, head = chain_of([act(number) for number in range(place)])
    repaired = Act(9.0, "error_daemon", REPAIRED, "audit.log", detail=torn_facts(torn))
    after, _ = chain_of([repaired, act(9)], head)
    checked = check(in_files([*before, torn, *after], 99))
    assert (checked.broken, checked.repairs) == (None, 1)
    for others in (
        [*before, torn + b"!", *after],
        [*before, *after[1:], torn, after[0]],
        [*before, torn, torn, *after],
    ):
        broken = broken_in(others, 99)
        assert broken.line >= place
    assert broken_in([*before, torn], 99).what == "unreadable"


def test_nothing_at_all_is_whole_unless_somebody_remembers_more() -> None:
    assert check([]).broken is None
    broken = check([], [Head(3, "0" * 64)]).broken
    assert broken is not None
    assert (broken.what, broken.sequence) == ("cut", 1)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_are_the_same_however_they_come(size: int) -> None:
    lines, head = chain_of([act(number) for number in range(4)])
    data = b"".join(line + b"\n" for line in lines) + b'{"sequence":5,"half'
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert check(lines_of("audit.log", chunks), [head]).entries == 4


def test_a_line_can_be_checked_without_this_program() -> None:
    entry, line = chained(act(1, why='"quoted" → ümläut', before={"a": 1.5}), NOTHING_YET)
    body, _, tail = line.rpartition(b',"hash":"')
    assert sha256(body + b"}").hexdigest() == tail[:64].decode() == entry.hash
    values = json.loads(line)
    assert (values["why"], values["previous"], list(values)[-1]) == ('"quoted" → ümläut', "0" * 64, "hash")


@given(JSON)
def test_whatever_is_told_makes_an_entry_that_can_be_read_back(told: object) -> None:
    entry, line = chained(act(1, before=told, detail=told), NOTHING_YET)
    assert line.count(b"\n") == 1
    assert read(line[:-1]) == entry


def test_what_is_too_large_is_left_out_and_its_hash_stands_there() -> None:
    entry, line = chained(act(1, why="w" * 5000, before=["x" * 100_000], after={"kept": True}), NOTHING_YET)
    assert len(line) < 3000
    text = json.dumps(["x" * 100_000], separators=(",", ":"))
    assert entry.before == {"left_out_bytes": len(text), "sha256": sha256(text.encode()).hexdigest()}
    assert (entry.after, len(entry.why)) == ({"kept": True}, 1000)
