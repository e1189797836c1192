"""What is written down of hooks: it is there again, and where it cannot be, hooks go on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from error_daemon.hooks.outbox import Changes
from error_daemon.hooks.shelf import FILE, Shelf
from error_daemon.model.hook import Delivery
from tests.hooks.events import an_event

ONE = Delivery("msg_1", "ops", an_event("e1", root="r1"), "waiting", 2, 30.0, 0.0, "500", 1)
OTHER = Delivery("msg_2", "ops", an_event("e2", at=0.5))
OF_OTHERS = Delivery("msg_3", "mail", an_event("e2"))


def opened(directory: Path) -> Shelf:
    shelf = Shelf(directory)
    shelf.open()
    return shelf


def filled(directory: Path) -> Shelf:
    shelf = opened(directory)
    shelf.write(
        {
            "ops": Changes({"msg_1": ONE, "msg_2": OTHER}, set(), {"e2": True, "e1": True}),
            "mail": Changes({"msg_3": OF_OTHERS}),
        }
    )
    return shelf


def test_all_of_it_is_there_again_in_the_order_of_the_events(tmp_path: Path) -> None:
    filled(tmp_path)  # and not closed: as if killed
    again = opened(tmp_path)
    assert again.kept("ops") == ([OTHER, ONE], ["e2", "e1"])
    assert again.problem == ""


def test_what_is_done_is_gone(tmp_path: Path) -> None:
    shelf = filled(tmp_path)
    shelf.write({"ops": Changes({}, {"msg_1"}, {"e1": False})})
    shelf.close()
    assert opened(tmp_path).kept("ops") == ([OTHER], ["e2"])


def test_what_is_no_longer_defined_is_forgotten(tmp_path: Path) -> None:
    shelf = filled(tmp_path)
    shelf.forget_others(["ops"])
    assert shelf.kept("mail") == ([], [])
    assert len(shelf.kept("ops")[0]) == 2


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_a_checkpoint_moves_it_into_the_file_while_it_is_open(tmp_path: Path) -> None:
    shelf = filled(tmp_path)
    shelf.checkpoint()
    assert (tmp_path / FILE).stat().st_size > 0
    assert opened(tmp_path).kept("ops")[0] == [OTHER, ONE]


def test_a_damaged_file_is_put_aside_and_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 1000)
    shelf = opened(tmp_path)
    assert "was put aside" in shelf.problem
    assert (tmp_path / "hooks.damaged").exists()
    shelf.write({"ops": Changes({"msg_1": ONE})})
    assert shelf.kept("ops")[0] == [ONE]


def test_without_a_place_to_write_hooks_go_on_and_it_is_told(tmp_path: Path) -> None:
    shelf = opened(tmp_path / "not there")
    assert "in memory only" in shelf.problem
    shelf.write({"ops": Changes({"msg_1": ONE})})
    assert shelf.kept("ops") == ([], [])


def test_a_full_disk_is_told_until_there_is_room(tmp_path: Path) -> None:
    shelf = filled(tmp_path)
    assert shelf._connection is not None
    pages = shelf._connection.execute("PRAGMA page_count").fetchone()[0]
    shelf._connection.execute(f"PRAGMA max_page_count={pages}")  # what SQLite says then is what it says of a full disk
    many = {f"msg_{n}": Delivery(f"msg_{n}", "ops", an_event(f"e{n}")) for n in range(100)}
    shelf.write({"ops": Changes(many)})
    assert "full" in shelf.problem
    shelf._connection.execute("PRAGMA max_page_count=100000")
    shelf.write({"ops": Changes({"msg_1": ONE})})
    assert "full" in shelf.problem  # what could not be written is not there yet
    shelf.write_all({"ops": Changes(many)})
    assert shelf.problem == ""
    assert len(opened(tmp_path).kept("ops")[0]) == 100


def test_pages_that_are_damaged_further_on_are_put_aside_when_they_are_read(tmp_path: Path) -> None:
    shelf = opened(tmp_path)
    shelf.write({"ops": Changes({f"msg_{n}": Delivery(f"msg_{n}", "ops", an_event(f"e{n}")) for n in range(100)})})
    shelf.close()
    file = tmp_path / FILE
    page_bytes = 4096
    file.write_bytes(file.read_bytes()[:page_bytes] + b"\xa5" * (file.stat().st_size - page_bytes))
    again = opened(tmp_path)
    assert again.kept("ops") == ([], [])
    assert "was put aside as hooks.damaged" in again.problem
    assert (tmp_path / "hooks.damaged").exists()
    again.write_all({"ops": Changes({"msg_1": ONE})})
    assert "was put aside" in again.problem  # somebody is to see that something was lost
    assert opened(tmp_path).kept("ops")[0] == [ONE]


@pytest.mark.parametrize(
    "damage", ["body = '{\"type\"'", "body = '[1]'", "state = 'lost'", "body = CAST(x'ff22' AS TEXT)"]
)
def test_a_row_that_is_no_delivery_keeps_nobody_from_starting(tmp_path: Path, damage: str) -> None:
    filled(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"UPDATE deliveries SET {damage} WHERE id = 'msg_1'")
    connection.commit()
    connection.close()
    again = opened(tmp_path)
    assert again.kept("ops")[0] in ([OTHER], [])  # what was read before it is there
    assert "was put aside" in again.problem


def test_a_file_that_turns_out_to_be_damaged_when_it_is_written_is_begun_anew(tmp_path: Path) -> None:
    filled(tmp_path).close()
    shelf = opened(tmp_path)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:4096] + b"\xa5" * (file.stat().st_size - 4096))
    shelf.write({"ops": Changes({"msg_1": ONE})})
    assert shelf.is_behind
    shelf.write_all({"ops": Changes({"msg_1": ONE})})
    assert not shelf.is_behind
    assert opened(tmp_path).kept("ops")[0] == [ONE]
