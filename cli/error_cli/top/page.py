"""The list as lines: what is broken first, and of that the worst first.

Each line has no more columns than there are; what does not fit is cut, for one error is shown whole by enter. The last line is for
questions, what came of them, and the keys. Whatever came with a fault is made printable first (lines.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from error_cli.curves import newest
from error_cli.lines import Cell, Styled, end_within, fitted, printable, style_of, text_of, text_width
from error_cli.phrase import ago, count, duration, instant, percent
from error_cli.top.screen import DETAIL, HELP, TYPING, Item, Screen
from error_cli.words import SEVERITIES, SEVERITY_STYLES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2, view_pb2

Line = list[Styled]
CHOSEN = "chosen"  # the style of the line that is chosen
_WIDE = 10_000
_ROOMY = 110  # columns from which on more is said
_STALE_S = 3.0
_MUCH, _NEARLY_ALL = 0.5, 0.9  # of a ring
_NAME_WIDTH = 18
_INDENT = " " * 9
_MOST_LINES = 2  # of what is being done about a group
_STANDING_STYLES = {"trying": "cyan", "approval": "yellow", "failed": "red", "held": "yellow"}
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
    if screen.mode == HELP:
        body, head = [Row(cells) for cells in _help()], []
    elif screen.mode == DETAIL:
        body, head = _detail_rows(screen), list(_head(screen, columns))[:1]
    else:
        body, head = list(_body(screen, columns)), list(_head(screen, columns))
    room = max(1, rows - len(head) - 1)
    shown = _window(screen, body, room)
    lines = [_fitted(cells, columns) for cells in head[: rows - 2]]
    lines += [_line(row, screen, columns) for row in shown]
    lines += [[] for _ in range(rows - 1 - len(lines))]
    return [*lines[: rows - 1], _foot_line(screen, columns)]


def whole_page(screen: Screen) -> list[Line]:
    """All of it, however long and wide; for who has no terminal."""
    rows = [*(Row(cells) for cells in _head(screen, _WIDE)), *_body(screen, _WIDE)]
    return [_fitted(row.cells, _WIDE) for row in rows]


def _line(row: Row, screen: Screen, columns: int) -> Line:
    item = screen.item()
    is_chosen = row.item is not None and item is not None and row.item.key == item.key
    fitted = _fitted(row.cells, columns)
    if not is_chosen or screen.mode == DETAIL:
        return fitted
    return [*(Styled(text, CHOSEN) for text, _ in fitted), _rest(fitted, columns)]


def _rest(line: Line, columns: int) -> Styled:
    return Styled(" " * max(0, columns - sum(text_width(part.text) for part in line)), CHOSEN)


def _window(screen: Screen, body: Sequence[Row], room: int) -> Sequence[Row]:
    """The part of the body in which the chosen item is, with its heading where there is room for it."""
    if screen.mode == DETAIL:
        return body[screen.scroll : screen.scroll + room]
    item = screen.item()
    mine = [n for n, row in enumerate(body) if item is not None and row.item is not None and row.item.key == item.key]
    if not mine or len(body) <= room:
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
    for brake in now.brakes:
        yield [
            Styled(_brake(brake, _clock_of_daemon(screen)), "red" if brake.state in ("open", "paused") else "yellow")
        ]
    for ring in now.rings:
        ratio = ring.used / ring.slots if ring.slots else 0.0
        if ratio > _MUCH:
            said = f"ring of {ring.priority} faults: {percent(ratio)} full; when it is, senders are told to come back"
            yield [Styled(said, "red" if ratio > _NEARLY_ALL else "yellow")]
    for stale in now.stale:
        yield [Styled(f"STALE {stale.part}: {stale.why}", "yellow")]
    for sensor in now.sensors:
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
            yield from (Row(line, item) for line in _LINES[kind](item.what, clock, columns))
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


def _group_lines(group: view_pb2.ErrorGroup, clock: float, columns: int) -> Iterator[Sequence[Cell]]:
    faults = f", {group.faults:,} faults" if group.faults != group.errors else ""
    figures = f"  {count(group.errors, 'error')}{faults}  {_short(clock - group.since)}"
    beginning = [*_severity(group.severity), _column(group.name or "no component named", _NAME_WIDTH)]
    room = columns - sum(text_width(text_of(cell)) for cell in beginning) - len(figures)
    message = _cut(printable(group.root_error.message or "no message"), room)
    space = " " * (room - text_width(message)) if columns < _WIDE else ""
    yield [*beginning, Styled(message, "bold"), space, figures]
    others = [target for target in group.targets if target != group.name]
    more = f", {group.targets_more} more" if group.targets_more else ""
    also = f"; with it: {', '.join(others)}{more}" if others else ""
    yield from _broken([*_course(group, clock), also], columns)


def _broken(cells: Sequence[Cell], columns: int) -> Iterator[Sequence[Cell]]:
    """At most two lines under a first one."""
    parts = [Styled(printable(text_of(cell)), style_of(cell)) for cell in cells]
    yield from islice(fitted([Styled(_INDENT), *parts], columns, len(_INDENT)), _MOST_LINES)


def _course(group: view_pb2.ErrorGroup, clock: float) -> Sequence[Cell]:
    """What is being done about it, and what comes next."""
    style = _STANDING_STYLES.get(group.standing, "")
    when = f" {_when(group.next_at, clock)}" if group.next_at else ""
    if group.HasField("trying"):
        return [Styled(_trying_text(group.trying, clock), style), f"; {group.next_text}"]
    if group.standing == "failed":
        return [Styled(f"FAILED: {group.root_error.reason}", style), f"; {group.next_text}{when}"]
    if group.standing == "approval":
        return [Styled(f"WAITS FOR YOU: {group.next_text}", style), f"; asked{when}"]
    if group.standing == "held":
        return [Styled(f"held by {group.held_by}: {group.root_error.reason}", style), f"; {group.next_text}{when}"]
    return [Styled(group.next_text, style), when]


def _trying_text(trying: view_pb2.Trying, clock: float) -> str:
    since = f" for {_short(clock - trying.since)}" if trying.since else ""
    of = f" of {_short(trying.deadline_at - trying.since)}" if trying.deadline_at and since else ""
    return f"{trying.text}{since}{of}"


def _need_lines(need: view_pb2.Need, clock: float, columns: int) -> Iterator[Sequence[Cell]]:
    many = f"{need.errors:,} errors: " if need.errors > 1 else ""
    about = f"{many}{need.message or need.component}"
    if need.kind == "approval":
        yield [*_severity(need.severity), Styled(f"{need.action}?", "yellow"), f"  a yes, d no  {need.does}"]
        yield from _broken([about, f"; {_when(need.until, clock)}: else {need.otherwise}"], columns)
        return
    if need.kind == "workflow":
        yield [*_severity(need.severity), Styled(f"workflow {need.message}", "yellow"), f"  run {need.run_id}"]
        yield from _broken([need.action, f"; {_when(need.until, clock)}"], columns)
        return
    yield [*_severity(need.severity), Styled(f"{need.target or need.component} has failed", "red"), f"  {about}"]
    again = f" {_when(need.until, clock)}" if need.until else ""
    yield from _broken([need.why, f"; if you do nothing: {need.otherwise}{again}"], columns)


def _trying_lines(trying: view_pb2.Trying, clock: float, _columns: int) -> Iterator[Sequence[Cell]]:
    yield [*_severity(trying.severity), _trying_text(trying, clock), Styled(f"  {trying.error_id}", "dim")]


def _recovered_lines(done: view_pb2.Recovered, clock: float, _columns: int) -> Iterator[Sequence[Cell]]:
    took = Styled(_column(f"in {duration(done.took_s)}", 9), "green")
    many = f"{done.errors:,} errors: " if done.errors > 1 else ""
    yield [_column(ago(done.at, clock), 10), _column(done.target, _NAME_WIDTH), took, many, done.text]


_LINES: Mapping[str, Callable[[Any, float, int], Iterator[Sequence[Cell]]]] = {
    "group": _group_lines,
    "need": _need_lines,
    "trying": _trying_lines,
    "recovered": _recovered_lines,
}


def _severity(number: int) -> Sequence[Cell]:
    name = word(SEVERITIES, number)
    return [Styled(_column(name, len(_INDENT) - 1), SEVERITY_STYLES.get(name, ""))]


def _short(seconds: float) -> str:
    return duration(max(0.0, seconds)) if abs(seconds) >= 1.0 else "0 s"


def _when(at: float, clock: float) -> str:
    return f"until {instant(at)[11:]} ({ago(at, clock)})"


def _column(text: str, width: int) -> str:
    """In so many columns and one more, that keeps it from the next."""
    shown = _cut(printable(text), width)
    return shown + " " * (width + 1 - text_width(shown))


# --- other screens, and the last line


def _detail_rows(screen: Screen) -> list[Row]:
    return [Row([line]) for line in screen.detail] or [Row([f"asking about {screen.detail_id}"])]


def _help() -> Iterator[Sequence[Cell]]:
    yield [Styled("error-cli top", "bold")]
    yield []
    for keys, says in _HELP:
        yield [Styled(_column(keys, 18), "bold"), says]
    yield []
    yield from ([text] for text in _HELP_TEXT)


def _foot_line(screen: Screen, columns: int) -> Line:
    if screen.question is None:
        return _fitted(_foot(screen), columns)
    asked = _fitted(
        [Styled(screen.question.text, "bold yellow")], columns - len(_YES_NO)
    )  # never without how to answer it
    return _fitted([*asked, Styled(_YES_NO, "bold yellow")], columns)


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


# --- columns


def _fitted(cells: Iterable[Cell], columns: int) -> Line:
    """The cells in one line of so many columns."""
    found: Line = []
    left = columns
    for cell in cells:
        text = _cut(printable(text_of(cell)), left)
        if text:
            found.append(Styled(text, style_of(cell)))
        left -= text_width(text)
        if left <= 0:
            break
    return found


def _cut(text: str, columns: int) -> str:
    if text_width(text) <= columns:
        return text
    if columns < 1:
        return ""
    return text[: end_within(text, 0, columns - 1)] + "…" if columns > 1 else "…"
