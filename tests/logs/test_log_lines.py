"""A line of the log: JSON, bounded, at its level."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.logs.levels import LEVELS, SYSLOG_SEVERITIES, logger_class
from error_daemon.logs.render import LINE_BYTES, Renderer

AT = 1_790_000_000.25
render = Renderer(lambda: AT)


def fields_of(line: bytes) -> dict[str, Any]:
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_begins_with_its_time_in_utc_its_level_and_its_event() -> None:
    line = render(None, "info", {"event": "attempt", "error_id": "e1", "text": "two\nlines é"})
    assert line.startswith(b'{"timestamp":"2026-09-21T14:13:20.250000Z","level":"info","event":"attempt","error_id"')
    assert fields_of(line)["text"] == "two\nlines é"


def test_an_exception_is_a_field_with_its_stack() -> None:
    try:
        raise ValueError("it broke")
    except ValueError as error:
        found = fields_of(render(None, "critical", {"event": "bug", "exc_info": error}))
    assert "Traceback" in found["exception"]
    assert "ValueError: it broke" in found["exception"]


class _Odd:
    def __repr__(self) -> str:
        raise RuntimeError


def test_what_json_cannot_write_is_shown_or_left_out_and_never_raises() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert fields_of(render.line("info", "x", {"kind": object, "odd": _Odd(), "raw": b"\xff"}))["kind"].startswith(
        "<class"
    )
    assert "unwritable" in fields_of(render.line("info", "x", {"cycle": cycle}))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), _values, max_size=6), st.integers(1, 40_000))
def test_every_line_is_one_json_object_within_its_size(fields: dict[str, Any], longer: int) -> None:
    found = fields_of(render.line("info", "something", {**fields, "long": "x" * longer}))
    assert len(render.line("info", "something", {**fields, "long": "x" * longer})) <= LINE_BYTES
    assert found["event" if "event" not in fields else "level"]


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    found = fields_of(render.line("info", "x", {"long": "BEGIN" + "x" * 50_000 + "END", "short": "whole"}))
    assert found["long"].startswith("BEGIN")
    assert found["long"].endswith("END")
    assert "characters left out" in found["long"]
    assert found["short"] == "whole"


@pytest.mark.parametrize("level", LEVELS)
def test_a_logger_drops_what_is_below_its_level(level: str) -> None:
    told: list[str] = []

    def keep(_logger: object, name: str, _fields: object) -> tuple[tuple[str], dict[str, Any]]:
        told.append(name)
        return (name,), {}

    class Sink:
        def __getattr__(self, _name: str) -> Any:
            return lambda *_: None

    log = logger_class(level)(Sink(), [keep], {})
    for name in LEVELS:
        getattr(log, name.lower())("something", field=1)
    assert told == [name.lower() for name, number in LEVELS.items() if number >= LEVELS[level]]


def test_our_own_levels_stand_between_info_and_warning() -> None:
    order = ["DEBUG", "INFO", "RECOVERY", "USER_ACTION", "WARNING", "ERROR", "CRITICAL"]
    assert sorted(LEVELS, key=LEVELS.__getitem__) == order
    severities = [SYSLOG_SEVERITIES[name.lower()] for name in order]
    assert severities == sorted(severities, reverse=True)
