"""The list as lines: what is broken first, and of that the worst first.

Each line has no more columns than there are; what does not fit is cut, for one error is shown whole by enter. The last line is for
questions, what came of them, and the keys. Whatever came with a fault is made printable first (lines.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from error_cli.curves import newest
from error_cli.lines import Cell, Styled, text_width
from error_cli.phrase import ago, count, duration, instant, percent
from error_cli.top.columns import Line, column, in_columns
from error_cli.top.rows import LINES, WIDE
from error_cli.top.screen import DETAIL, HELP, TYPING, Item, Screen
from error_cli.words import SEVERITIES, SEVERITY_STYLES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2, view_pb2

CHOSEN = "chosen"  # the style of the line that is chosen
_ROOMY = 110  # columns from which on more is said
_STALE_S = 3.0
_MUCH, _NEARLY_ALL = 0.5, 0.9  # of a ring
_MOST_BRAKES = 4
_MOST_SENSORS = 3
_SHUT = ("open", "paused")
_YES_NO = " y/n"
_KEYS = "enter error  a approve  d deny  p pause  r resolve  / filter  ? help  q quit"
_DETAIL_KEYS = "left back  a approve  d deny  r resolve  up/down scroll  ? help"
_HELP = (
    ("up, down, j, k", "choose; page up, page down, g, G go further"),
    ("enter", "one error: what it is, what was decided and done about it, and why"),
    ("a, d", "approve or deny what is proposed for the chosen error"),
    ("r", "resolve the chosen error: a person says that it is gone"),
    ("p", "pause all recoveries, or resume them; P of the chosen target"),
    ("/", "show only what has a text in it; escape shows all again"),
    ("left, escape", "back to the list"),
    ("q, Ctrl-C", "end"),
)
_HELP_TEXT = (
    "Errors are grouped by root cause: the furthest target that theirs depends on and that is not",
    "well itself. The second line of a group says what is being done, and what comes next.",
    "Everything that changes something asks first, and is in the audit.",
)


class Row(NamedTuple):
    """A line of the list, and the item that it belongs to."""

    cells: Sequence[Cell]
    item: Item | None = None


def page(screen: Screen, columns: int, rows: int) -> list[Line]:
    """As many lines as there are rows, at least three."""
    head, chosen = list(_head(screen, columns)), None
    if screen.mode == HELP:
        head, body = [], [Row(cells) for cells in _help()]
    elif screen.mode == DETAIL:
        head, body = head[:1], _detail_rows(screen)[screen.scroll :]
    else:
        chosen = screen.item()
        body = list(_body(screen, columns))
    head = head[: rows - 2]
    shown = _window(body, chosen, rows - len(head) - 1)
    lines = [*(in_columns(cells, columns) for cells in head), *(_line(row, chosen, columns) for row in shown)]
    lines += [[] for _ in range(rows - 1 - len(lines))]
    return [*lines, _foot_line(screen, columns)]


def whole_page(screen: Screen) -> list[Line]:
    """All of it, however long and wide; for who has no terminal."""
    rows = [*(Row(cells) for cells in _head(screen, WIDE)), *_body(screen, WIDE)]
    return [in_columns(row.cells, WIDE) for row in rows]


def _line(row: Row, chosen: Item | None, columns: int) -> Line:
    line = in_columns(row.cells, columns)
    if chosen is None or row.item is None or row.item.key != chosen.key:
        return line
    return [*(Styled(text, CHOSEN) for text, _ in line), _rest(line, columns)]


def _rest(line: Line, columns: int) -> Styled:
    return Styled(" " * max(0, columns - sum(text_width(part.text) for part in line)), CHOSEN)


def _window(body: Sequence[Row], chosen: Item | None, room: int) -> Sequence[Row]:
    """The part of the body in which the chosen item is."""
    mine = [n for n, row in enumerate(body) if chosen and row.item and row.item.key == chosen.key]
    if not mine:
        return body[:room]
    first = max(0, min(mine[0] - room // 2, len(body) - room))
    return body[first : first + room]


# --- the head: what everybody must know


def _head(screen: Screen, columns: int) -> Iterator[Sequence[Cell]]:
    now = screen.now
    yield _title(screen)
    if screen.away:
        since = duration(max(0.0, screen.clock - screen.away_since))
        yield [Styled(f"AWAY for {since}, asking again: {screen.away}", "red")]
    if now is None:
        return
    yield _open_line(now)
    yield _rates_line(now, columns)
    clock = _clock_of_daemon(screen)
    for brake in now.brakes[:_MOST_BRAKES]:
        yield [Styled(_brake(brake, clock), "red" if brake.state in _SHUT else "yellow")]
    if len(now.brakes) > _MOST_BRAKES:
        yield [Styled(f"and {len(now.brakes) - _MOST_BRAKES:,} more that hold something: error-cli brakes", "yellow")]
    for ring in now.rings:
        ratio = ring.used / ring.slots if ring.slots else 0.0
        if ratio > _MUCH:
            said = f"ring of {ring.priority} faults: {percent(ratio)} full; when it is, senders are told to come back"
            yield [Styled(said, "red" if ratio > _NEARLY_ALL else "yellow")]
    for stale in now.stale:
        yield [Styled(f"STALE {stale.part}: {stale.why}", "yellow")]
    for sensor in now.sensors[:_MOST_SENSORS]:
        yield [Styled(f"host {sensor.name}: {sensor.says}", "red" if sensor.standing == "bad" else "yellow")]


def _title(screen: Screen) -> Sequence[Cell]:
    now = screen.now
    if now is None:
        return [Styled("error-recovery", "bold"), f" at {screen.address}: asking"]
    age_s = screen.clock - screen.asked_at
    is_old = bool(screen.away) or age_s > _STALE_S
    old = Styled(f", AS IT WAS {duration(age_s)} AGO", "red") if is_old else Styled("")
    up = f", up {duration(max(0.0, now.at - now.started_at))}, {instant(now.at)}"
    return [Styled(f"error-recovery {now.version}", "bold"), f" on {now.host}, {now.state}", old, up]


def _open_line(now: view_pb2.GetNowResponse) -> Sequence[Cell]:
    by_severity: dict[int, int] = {}
    for one in now.open:
        by_severity[one.severity] = by_severity.get(one.severity, 0) + one.errors
    total = sum(by_severity.values())
    cells: list[Cell] = [Styled(f"{total:,} open", "bold" if total else "green")]
    for severity, errors in sorted(by_severity.items(), reverse=True):
        name = word(SEVERITIES, severity)
        cells += ["  ", Styled(f"{errors:,} {name}", SEVERITY_STYLES.get(name, ""))]
    failed = now.errors_by_state.get("failed", 0)
    if failed:
        cells += ["  ", Styled(f"{failed:,} failed", "red")]
    return [*cells, f"  |  {now.attempts_running:,} running"]


def _rates_line(now: view_pb2.GetNowResponse, columns: int) -> Sequence[Cell]:
    rates = now.rates
    points = 24 if columns >= _ROOMY else 10
    faults = f"faults {newest(rates.faults, points)} {_per_s(rates, rates.faults)}"
    recovered = f"recovered {newest(rates.recovered, points)} {_last_minute(rates, rates.recovered)}"
    return [f"{faults}  {recovered}  {_lag(now, columns)}"]


def _lag(now: view_pb2.GetNowResponse, columns: int) -> str:
    lag, when = now.lag_last_minute, "in the last minute"
    if not lag.samples:
        lag, when = now.lag, "since the start"
    if not lag.samples:
        return "no attempt yet"
    p50 = f"p50 {duration(lag.p50_us / 1e6)}, " if columns >= _ROOMY else ""
    return f"lag {p50}p99 {duration(lag.p99_us / 1e6)}{' ' + when if columns >= _ROOMY else ''}"


def _per_s(rates: view_pb2.Rates, counts: Sequence[int]) -> str:
    return f"{counts[-1] / rates.interval_s:,.0f}/s" if counts and rates.interval_s else ""


def _last_minute(rates: view_pb2.Rates, counts: Sequence[int]) -> str:
    a_minute = round(60.0 / rates.interval_s) if rates.interval_s else 0
    return f"{sum(list(counts)[-a_minute:]):,}/min"


def _brake(brake: recovery_pb2.Brake, clock: float) -> str:
    name = brake.brake.upper() if brake.brake == "pause" else brake.brake
    what = f"{name} {brake.subject}".strip()
    until = f" until {instant(brake.until)[11:]} ({ago(brake.until, clock)})" if brake.until else ""
    waiting = f", {count(brake.waiting, 'ticket')} waiting" if brake.waiting else ""
    return f"{what}: {brake.state}{until}{waiting} ({brake.reason})"


def _clock_of_daemon(screen: Screen) -> float:
    """What time it is for the daemon, whose clock may be another."""
    assert screen.now is not None, "there is an answer"
    return screen.now.at + min(screen.clock - screen.asked_at, _STALE_S)  # what is older stands still


# --- the body


def _body(screen: Screen, columns: int) -> Iterator[Row]:
    if screen.now is None:
        return
    clock = _clock_of_daemon(screen)
    items = screen.items()
    for kind, some in groupby(items, key=lambda item: item.kind):
        yield Row([])
        yield Row([Styled(_title_of(kind, screen.now), "bold")])
        for item in some:
            yield from (Row(line, item) for line in LINES[kind](item.what, clock, columns))
    if not items:
        yield Row([])
        yield Row([Styled(f"nothing has {screen.filter!r} in it" if screen.filter else "nothing is open", "green")])


def _title_of(kind: str, now: view_pb2.GetNowResponse) -> str:
    if kind == "group":
        errors = sum(one.errors for one in now.open)
        return f"ROOT CAUSES  {count(errors, 'error')} in {count(len(now.groups) + now.groups_more, 'group')}"
    if kind == "need":
        return f"WAITS FOR YOU  {len(now.needs) + now.needs_more:,}"
    if kind == "trying":
        return f"BEING TRIED  {len(now.trying) + now.trying_more:,}"
    return "RECOVERED LATELY"


# --- other screens, and the last line


def _detail_rows(screen: Screen) -> list[Row]:
    return [Row([line]) for line in screen.detail] or [Row([f"asking about {screen.detail_id}"])]


def _help() -> Iterator[Sequence[Cell]]:
    yield [Styled("error-cli top", "bold")]
    yield []
    for keys, says in _HELP:
        yield [Styled(column(keys, 18), "bold"), says]
    yield []
    yield from ([text] for text in _HELP_TEXT)


def _foot_line(screen: Screen, columns: int) -> Line:
    if screen.question is None:
        return in_columns(_foot(screen), columns)
    asked = in_columns([Styled(screen.question.text, "bold yellow")], columns - len(_YES_NO))  # how to answer is seen
    return in_columns([*asked, Styled(_YES_NO, "bold yellow")], columns)


def _foot(screen: Screen) -> Sequence[Cell]:
    if screen.mode == TYPING:
        return [Styled(f"/{screen.filter}", "bold"), "_  enter keeps it, escape shows all"]
    if screen.message:
        return [Styled(screen.message, "red" if screen.is_wrong else "green")]
    if screen.mode == HELP:
        return [Styled("any key leads back", "dim")]
    if screen.mode == DETAIL:
        return [Styled(_DETAIL_KEYS, "dim")]
    shown = [Styled(f"/{screen.filter}  ", "bold")] if screen.filter else []
    return [*shown, Styled(_KEYS, "dim")]
