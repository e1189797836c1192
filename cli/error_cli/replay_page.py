"""A replay for people: the sums then and now, what they rest on, and each ticket that would have gone another way.

Whatever is estimated shows its interval, and whatever nobody can know says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from error_cli.lines import Cell, Styled, line, note
from error_cli.page import heading, paragraph
from error_cli.phrase import count, duration, instant, percent
from error_cli.tables import Column, table

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column(""),
    Column("THEN", right=True),
    Column("NOW", right=True),
    Column("90 % BETWEEN"),
    Column("CHANGE", right=True),
)
_NAMES = {
    "tickets": "tickets",
    "unrecovered": "not recovered",
    "downtime_s": "downtime",
    "left_s": "left down after that",
    "attempts": "attempts",
}
_MOST_TICKETS = 20
_CERTAINTY_STYLES = {"estimated": "yellow", "unknown": "red"}


def print_replay(result: recovery_pb2.ReplayResult) -> None:
    line(
        Styled("replay", "bold"),
        f" of {instant(result.start_at)} to {instant(result.until)}, {count(result.faults, 'fault')}",
    )
    line()
    table(_COLUMNS, [_figure(figure) for figure in result.figures if figure.scope != "target"])
    heading("tickets")
    others = f"{result.different:,} otherwise, {result.only_then:,} no more, {result.only_now:,} new"
    line(f"  {result.same:,} decided as they were, {others}")
    for sentence in _basis(result):
        paragraph(sentence)
    _print_tickets(result.tickets)


def _figure(figure: recovery_pb2.ReplayFigure) -> list[Cell]:
    name = _NAMES.get(figure.name, figure.name.replace("_", " "))
    then, now = figure.then.expected, figure.now.expected
    is_sure = figure.now.low == figure.now.high
    low, high = _said(figure.now.low, figure.unit), _said(figure.now.high, figure.unit)
    return [
        f"{name} with {figure.subject}" if figure.subject else name,
        _said(then, figure.unit),
        _said(now, figure.unit),
        "" if is_sure else f"{low} and {high}",
        _change(then, now),
    ]


def _change(then: float, now: float) -> Cell:
    if then == now:
        return "same"
    if not then:
        return "new"
    return f"{100 * (now - then) / then:+.0f} %"


def _said(number: float, unit: str) -> str:
    if unit == "s":
        return duration(number) if number else "0 s"
    return f"{number:,.1f}".removesuffix(".0")


def _basis(result: recovery_pb2.ReplayResult) -> Iterator[str]:
    """How sure it is."""
    if not result.drawn and not result.unknown:
        yield "everything in it is in the record: nothing is estimated"
    else:
        yield (
            f"of the tickets now {result.known:,} are known from the record, {result.estimated:,} estimated, "
            f"{result.unknown:,} unknown"
        )
    if result.unknown:
        yield "unknown: a strategy that was never tried anywhere, or a person would have to answer; it counts as not helping"
    for rate in result.rates:
        if not rate.samples:
            yield f"{rate.name}: never tried anywhere, nothing is known of it"
            continue
        interval = f"{percent(rate.low)} to {percent(rate.high)}"
        yield f"{rate.name}: taken to help in {percent(rate.mean)} of cases ({interval}), from {rate.samples:.1f} samples"
    if result.faults_missing:
        yield f"{count(result.faults_missing, 'fault')} made up: the record has only the tickets that they opened"
    if result.faults_not_come:
        yield f"{count(result.faults_not_come, 'fault')} left out: they came while a ticket was open that would have been over"


def _print_tickets(tickets: Sequence[recovery_pb2.ReplayTicket]) -> None:
    if not tickets:
        return
    heading("what would have gone otherwise")
    for ticket in tickets[:_MOST_TICKETS]:
        target = (ticket.now if ticket.HasField("now") else ticket.then).target
        sure = Styled(f"  {ticket.certainty}", _CERTAINTY_STYLES.get(ticket.certainty, "dim"))
        line("  ", Styled(instant(ticket.opened_at), "dim"), f"  {ticket.error_id}  {target}", sure)
        paragraph(f"then  {_then(ticket)}", "    ")
        paragraph(f"now   {_now(ticket)}", "    ")
        for difference in ticket.differences:
            paragraph(difference, "    ")
    if len(tickets) > _MOST_TICKETS:
        note(f"{_MOST_TICKETS} of {len(tickets):,}; --json has all")


def _then(ticket: recovery_pb2.ReplayTicket) -> str:
    return _course(ticket.then) if ticket.HasField("then") else "no ticket"


def _now(ticket: recovery_pb2.ReplayTicket) -> str:
    if not ticket.HasField("now"):
        return f"no ticket: {ticket.why}" if ticket.why else "no ticket"
    said = _course(ticket.now)
    if ticket.certainty == "estimated":
        said += f"; {percent(ticket.recovered_ratio)} of the drawn courses recover"
        if ticket.HasField("recovers_s"):
            said += f", in {duration(ticket.recovers_s.low)} to {duration(ticket.recovers_s.high)}"
    return f"{said} ({ticket.why})" if ticket.why else said


def _course(course: recovery_pb2.ReplayCourse) -> str:
    done = ", ".join(course.strategies) or "nothing"
    end = course.ended_as
    if course.HasField("recovers_s"):
        end += f" after {duration(course.recovers_s)}"
    return f"{done} → {end}"
