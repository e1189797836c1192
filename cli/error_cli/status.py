"""`error-cli status`: what the daemon is doing, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.lines import Cell, Styled, line, on_terminal
from error_cli.page import facts
from error_cli.phrase import count, duration, instant, percent, until
from error_cli.tables import Column, table
from error_cli.wishes import Wishes, wishing
from error_cli.words import BRAKE_STYLES

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_BAR_WIDTH = 20


@click.command(cls=Command, epilog=examples("error-cli status", "error-cli status --json | jq .tickets_open"))
@wishing
def command(wishes: Wishes) -> None:
    """Show what the daemon is doing."""
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        status = daemon.ask(daemon.recovery.GetStatus, recovery_pb2.GetStatusRequest())
    if wishes.for_programs:
        document(status)
        return
    state = Styled(status.state or "serving", "yellow" if status.state == "draining" else "green")
    line(Styled(f"error-recovery {status.version}", "bold"), " is ", state, f" at {wishes.address}")
    facts(_facts(status))
    line()
    table(*_rings(status))


def _facts(status: recovery_pb2.GetStatusResponse) -> Iterator[tuple[str, Cell]]:
    yield "process", f"pid {status.pid}, up {duration(status.uptime_s)} (since {instant(status.started_at)})"
    yield "faults", f"{status.faults_received:,} received, {status.faults_refused:,} refused"
    if status.calls_refused:
        yield "access", Styled(f"{count(status.calls_refused, 'call')} refused: see call_refused in the log", "yellow")
    yield "errors", _errors(status)
    yield "tickets", f"{status.tickets_open:,} open, {count(status.attempts_running, 'attempt')} running"
    lost = Styled(f"{status.workers} running, {status.workers_lost} lost and replaced", "yellow")
    yield "workers", lost if status.workers_lost else f"{status.workers} running"
    yield "store", _store(status.store)
    yield "lag", lag(status.lag)
    yield "log", _log(status.log)
    for outlet in status.log.outlets:
        yield "log to", _outlet(outlet)
    yield "approvals", Styled(_approvals(status), "yellow")
    for brake in status.brakes:
        yield "brake", Styled(_brake(brake), BRAKE_STYLES.get(brake.state, ""))
    if status.torn_slots:
        yield "ring", Styled(f"{count(status.torn_slots, 'torn slot')} skipped at the start", "yellow")
    if status.peers_sent_away:
        yield "peers", Styled(f"{status.peers_sent_away:,} sent away for what they did on the wire", "yellow")
    yield "definitions", _definitions(status)
    yield "applications", ", ".join(status.applications) or "none attached"


def _definitions(status: recovery_pb2.GetStatusResponse) -> str:
    counts = f"{count(status.rules, 'rule')}, {count(status.targets, 'target')}"
    if not status.definitions_digest:
        return counts  # a daemon from before there were digests
    return f"{counts}, {status.definitions_digest} (loaded {instant(status.definitions_loaded_at)})"


def _approvals(status: recovery_pb2.GetStatusResponse) -> str:
    if not status.approvals_waiting:
        return ""
    waiting = count(status.approvals_waiting, "error waits", "errors wait")
    return f"{waiting} for a person to say yes or no: error-cli approvals"


def _brake(brake: recovery_pb2.Brake) -> str:
    what = f"{brake.brake} {brake.subject}".strip()
    when = f" until {until(brake.until)}" if brake.until else ""
    waiting = f", {count(brake.waiting, 'ticket')} waiting" if brake.waiting else ""
    return f"{what}: {brake.state}{when}{waiting} ({brake.reason})"


def _errors(status: recovery_pb2.GetStatusResponse) -> Cell:
    states = sorted(status.errors_by_state.items())
    text = f"{status.errors_known:,} known" + "".join(f", {number:,} {state}" for state, number in states)
    return Styled(text, "red") if status.errors_by_state.get("failed") else text


def _store(store: recovery_pb2.StoreState) -> Cell:
    rows = f"{count(store.rows_written, 'row')} written, {store.rows_waiting:,} waiting"
    detail = f" ({store.detail})" if store.detail else ""
    if store.available:
        return f"available, {rows}{detail}"
    return Styled(f"UNAVAILABLE{detail}: recoveries go on, the record waits in memory; {rows}", "red")


def _log(log: recovery_pb2.LogState) -> Cell:
    if not log.file:
        return ""  # a daemon from before it told
    text = f"{log.file}: {count(log.lines, 'line')}"
    if log.archives:
        text += f", {count(log.archives, 'file')} put aside"
    if log.problem or log.lines_lost:
        return Styled(f"{text}, {log.lines_lost:,} lost{f' ({log.problem})' if log.problem else ''}", "red")
    return text


def _outlet(outlet: recovery_pb2.LogOutlet) -> Cell:
    text = f"{outlet.name}: {count(outlet.sent, 'line')} sent, {outlet.dropped:,} dropped"
    if outlet.problem:
        return Styled(f"{text}, {outlet.waiting:,} waiting ({outlet.problem})", "yellow")
    return text


def lag(figures: recovery_pb2.LagFigures) -> str:
    """Lag is the time from a fault's receipt to the start of its strategy."""
    if not figures.samples:
        return "no attempt yet"
    p50, p99, longest = (duration(us / 1e6) for us in (figures.p50_us, figures.p99_us, figures.max_us))
    return f"p50 {p50}, p99 {p99}, longest {longest} (fault to strategy, {count(figures.samples, 'attempt')})"


def _rings(status: recovery_pb2.GetStatusResponse) -> tuple[list[Column], list[list[Cell]]]:
    columns = [Column("RING"), Column("USED", right=True), Column("SLOTS", right=True), Column("FULL", right=True)]
    rows: list[list[Cell]] = []
    for ring in status.rings:
        ratio = ring.used / ring.slots if ring.slots else 0.0
        rows.append([ring.priority, f"{ring.used:,}", f"{ring.slots:,}", percent(ratio)])
        if on_terminal():
            rows[-1].append(Styled(_bar(ratio), "red" if ratio > 0.9 else "yellow" if ratio > 0.5 else "green"))
    if on_terminal():
        columns.append(Column(""))
    return columns, rows


def _bar(ratio: float) -> str:
    """A ring that holds anything shows at least one mark."""
    full = min(_BAR_WIDTH, max(round(ratio * _BAR_WIDTH), 1 if ratio else 0))
    return "█" * full + "░" * (_BAR_WIDTH - full)
