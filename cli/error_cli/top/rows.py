"""What the list has of each item: a line, and under it what does not fit into that. `clock`: what time it is for the daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from error_cli.lines import Cell, Styled, fitted, printable, style_of, text_of, text_width
from error_cli.phrase import ago, count, duration, instant
from error_cli.top.columns import column, cut
from error_cli.words import SEVERITIES, SEVERITY_STYLES, word

if TYPE_CHECKING:
    from error_recovery.v1 import view_pb2

WIDE = 10_000  # columns of a page that is not for a terminal
_NAME_WIDTH = 18
_INDENT = " " * 9
_MOST_LINES = 2  # of what is being done about a group
_STANDING_STYLES = {"trying": "cyan", "approval": "yellow", "failed": "red", "held": "yellow"}


def _group_lines(group: view_pb2.ErrorGroup, clock: float, columns: int) -> Iterator[Sequence[Cell]]:
    faults = f", {group.faults:,} faults" if group.faults != group.errors else ""
    figures = f"  {count(group.errors, 'error')}{faults}  {_short(clock - group.since)}"
    beginning = [*_severity(group.severity), column(group.name or "no component named", _NAME_WIDTH)]
    room = columns - sum(text_width(text_of(cell)) for cell in beginning) - len(figures)
    message = cut(printable(group.root_error.message or "no message"), room)
    space = " " * (room - text_width(message)) if columns < WIDE else ""
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
    took = Styled(column(f"in {duration(done.took_s)}", 9), "green")
    many = f"{done.errors:,} errors: " if done.errors > 1 else ""
    yield [column(ago(done.at, clock), 10), column(done.target, _NAME_WIDTH), took, many, done.text]


LINES: Mapping[str, Callable[[Any, float, int], Iterator[Sequence[Cell]]]] = {
    "group": _group_lines,
    "need": _need_lines,
    "trying": _trying_lines,
    "recovered": _recovered_lines,
}


def _severity(number: int) -> Sequence[Cell]:
    name = word(SEVERITIES, number)
    return [Styled(column(name, len(_INDENT) - 1), SEVERITY_STYLES.get(name, ""))]


def _short(seconds: float) -> str:
    return duration(max(0.0, seconds)) if abs(seconds) >= 1.0 else "0 s"


def _when(at: float, clock: float) -> str:
    return f"until {instant(at)[11:]} ({ago(at, clock)})"
