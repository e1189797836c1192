"""Properties of the queue of rows and of the frames, whatever comes in whatever pieces."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.model import Json, OutcomeKind, Severity
from error_daemon.store.backlog import Backlog, Batch
from error_daemon.store.frames import Unpacker, pack
from error_daemon.store.rows import unpack_rows
from error_daemon.store.schema import TABLES

KEYS = st.sampled_from(["a", "b", "c", "d", "e"])


@given(steps=st.lists(st.one_of(KEYS, st.none()), max_size=60), batch_rows=st.integers(1, 5))
def test_writing_the_batches_in_order_gives_what_writing_each_row_would(
    steps: list[str | None], batch_rows: int
) -> None:
    """A step is a row of that key, or (None) the writing of the oldest batch."""
    backlog = Backlog(batch_rows, 1000)
    one_by_one: dict[str, int] = {}
    in_the_file: dict[str, int] = {}
    committed = [0]

    def write_oldest() -> None:
        batch = backlog.head()
        if not isinstance(batch, Batch):
            return
        rows = _rows_of(batch)
        assert 1 <= len({row["id"] for row in rows}) == len(rows) == batch.rows <= batch_rows
        in_the_file.update({row["id"]: row["level"] for row in rows})
        backlog.drop_head()
        committed.append(batch.number)

    appended = 0
    for step in steps:
        if step is None:
            write_oldest()
        else:
            appended += 1
            assert backlog.append("attempts", {"id": step, "level": appended}) == appended
            one_by_one[step] = appended
    while backlog:
        write_oldest()
    assert in_the_file == one_by_one
    assert backlog.rows == 0
    assert committed == sorted(set(committed))
    assert committed[-1] == appended


@given(frames=st.lists(st.binary(max_size=40), max_size=10), data=st.data())
def test_frames_come_out_as_they_went_in(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pack(frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    unpacker = Unpacker()
    got: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        unpacker.feed(stream[start:end])
        got += unpacker.frames()
    assert got == frames


def test_a_batch_is_full_when_its_rows_are_long() -> None:
    backlog = Backlog(1000, 1000)
    while not backlog.ripe:
        backlog.append("faults", {"id": f"f{backlog.rows}", "message": "x" * (1 << 20)})
    assert 8 <= backlog.rows <= 9


def _rows_of(batch: Batch) -> list[dict[str, Json]]:
    return [
        dict(zip(TABLES["attempts"].columns, values, strict=True))
        for values in unpack_rows("attempts", batch.packed()["attempts"])
    ]


def _only_row(backlog: Backlog) -> Json:
    batch = backlog.head()
    assert isinstance(batch, Batch)
    (row,) = _rows_of(batch)
    return row


def test_rows_are_completed_whatever_kind_of_mapping_they_are() -> None:
    whole = {**dict.fromkeys(TABLES["attempts"].columns), "id": "a", "level": 1}
    for row in (whole, MappingProxyType(whole), {"id": "a", "level": 1}):
        backlog = Backlog(10, 10)
        backlog.append("attempts", row)
        assert _only_row(backlog) == whole


def test_a_row_is_what_it_was_when_it_was_appended() -> None:
    backlog = Backlog(10, 10)
    document = {"n": 1}
    backlog.append("attempts", {"id": "a", "document": document})
    document["n"] = 2
    assert _only_row(backlog)["document"] == {"n": 1}


def test_a_row_of_values_that_cannot_be_packed_is_refused() -> None:
    backlog = Backlog(10, 10)
    with pytest.raises(InputError, match="decisions"):
        backlog.append("decisions", ("d1", "e1", OutcomeKind.LOST))
    assert backlog.rows == 0


def test_members_of_enums_go_as_their_values() -> None:
    backlog = Backlog(10, 10)
    backlog.append("attempts", {"id": "a", "outcome": OutcomeKind.LOST, "document": {"severity": [Severity.HIGH]}})
    row = _only_row(backlog)
    assert (row["outcome"], row["document"]) == ("lost", {"severity": [4]})
    assert (type(row["outcome"]), type(row["document"]["severity"][0])) == (str, int)
