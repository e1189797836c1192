"""The metrics on one page: the verdict in a line, the goals, then downtime, attempts, what changed and what was learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from error_cli import figures
from error_cli.lines import Cell, Styled, line, note
from error_cli.page import facts, heading, paragraph
from error_cli.phrase import ago, count, duration, instant, percent
from error_cli.status import lag
from error_cli.tables import Column, table

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_MOST = 5  # rows of a list, unless everything is asked for
_GOALS = (
    Column(""),
    Column("GOAL"),
    Column("IS", right=True),
    Column("WANTED", right=True),
    Column("SAMPLES", right=True),
)
_DOWN = (
    Column("TARGET"),
    Column("AVAILABLE", right=True),
    Column("UNPLANNED", right=True),
    Column("PLANNED", right=True),
)
_TALLY = (Column("ATTEMPTS", right=True), Column("RECOVERED", right=True), Column("RATE", right=True))
_CHANGE = (
    Column("TYPE"),
    Column("SUCCESS", right=True),
    Column("TIME TO RECOVER", right=True),
    Column("TICKETS", right=True),
    Column("MORE THAN CHANCE"),
)
_LEARNED = (
    Column("TYPE"),
    Column("STRATEGY"),
    Column("SCORE", right=True),
    Column("SAMPLES", right=True),
    Column("SUCCESS", right=True),
    Column("MEAN TIME", right=True),
    Column("TIMEOUT", right=True),
    Column("UPDATED", right=True),
)
_ENDS = ("recovered", "failed", "resolved", "flushed")
_ALWAYS = ("strategy",)
_BESIDE = (
    "quality_score",
    "first_time_ratio",
    "escalation_ratio",
    "ended_by_people_ratio",
    "median_time_to_recover_s",
    "p95_time_to_recover_s",
    "mean_handling_lag_s",
)


def print_metrics(answer: recovery_pb2.GetMetricsResponse, *, everything: bool) -> None:
    _print_verdict(answer)
    _print_goals([figure for figure in answer.figures if figure.HasField("goal")], everything)
    _print_beside(answer)
    _print_downtime(answer, everything)
    for by in dict.fromkeys(tally.by for tally in answer.counts if tally.by != "total"):
        if everything or by in _ALWAYS:
            _print_tallies(by, [tally for tally in answer.counts if tally.by == by], everything)
    _print_learning(answer.learning)
    if answer.strategies:
        heading("learned so far, by the type of error")
        table(_LEARNED, [_learned(strategy) for strategy in answer.strategies])


def _print_verdict(answer: recovery_pb2.GetMetricsResponse) -> None:
    judged = [figure for figure in answer.figures if figure.HasField("goal")]
    missed = sum(figure.HasField("is_met") and not figure.is_met for figure in judged)
    met = sum(figure.is_met for figure in judged)
    unknown = len(judged) - missed - met
    bad = Styled(f"{count(missed, 'goal')} NOT MET", "red") if missed else Styled("no goal is missed", "green")
    if missed or met:
        line(bad, f", {met} met, {unknown} not known")
    else:
        line("whether the goals are met is not known: nothing has happened")
    ends = ", ".join(f"{answer.ended_as[end]:,} {end}" for end in sorted(answer.ended_as, key=_end_first))
    line(f"{count(answer.tickets, 'ticket')} ended: {ends}" if ends else "no ticket has ended")
    since = instant(answer.since) if answer.since else "the first record"
    line(Styled(f"{since} to {instant(answer.until)}", "dim"))


def _end_first(end: str) -> int:
    return _ENDS.index(end) if end in _ENDS else len(_ENDS)


# --- the goals


def _print_goals(judged: Sequence[recovery_pb2.Figure], everything: bool) -> None:
    """What is missed first; of what is met and concerns one component only, nothing but the number."""
    missed = [figure for figure in judged if figure.HasField("is_met") and not figure.is_met]
    met = [figure for figure in judged if figure.is_met]
    shown = met if everything else [figure for figure in met if figure.scope != "component"]
    line()
    table(
        _GOALS,
        [*(_goal(figure, "NOT MET", "red") for figure in missed), *(_goal(one, "met", "green") for one in shown)],
    )
    if len(shown) < len(met):
        line(f"met also by {count(len(met) - len(shown), 'component')}")
    unknown = [figures.name(figure) for figure in judged if not figure.HasField("is_met")]
    if unknown and everything:
        paragraph(f"not known, for want of samples: {'; '.join(unknown)}", "")


def _goal(figure: recovery_pb2.Figure, mark: str, style: str) -> list[Cell]:
    return [
        Styled(mark, style),
        Styled(figures.name(figure), style if style == "red" else ""),
        figures.value(figure),
        figures.goal(figure),
        f"{figure.samples:,}",
    ]


def _print_beside(answer: recovery_pb2.GetMetricsResponse) -> None:
    known = {figure.name: figure for figure in answer.figures if not figure.scope and figure.HasField("value")}
    pairs = [(figures.name(known[name]), _with_samples(known[name])) for name in _BESIDE if name in known]
    if pairs or answer.lag.samples:
        heading("beside the goals")
        facts([*pairs, ("lag", lag(answer.lag) if answer.lag.samples else "")])


def _with_samples(figure: recovery_pb2.Figure) -> str:
    interval = ""
    if figure.HasField("low"):
        interval = f", {percent(figure.low)} to {percent(figure.high)}"
    return f"{figures.value(figure)} ({count(figure.samples, 'sample')}{interval})"


# --- downtime


def _print_downtime(answer: recovery_pb2.GetMetricsResponse, everything: bool) -> None:
    rows = sorted(_downtimes(answer), key=lambda row: -row[0])
    down = rows if everything else [row for row in rows if row[0] > 0.0][:_MOST]
    if down:
        heading("downtime, the worst first")
        table(_DOWN, [cells for _, cells in down])


def _downtimes(answer: recovery_pb2.GetMetricsResponse) -> Iterator[tuple[float, list[Cell]]]:
    """How long each target was down, and its row."""
    found = {(figure.subject, figure.name): figure for figure in answer.figures if figure.scope == "target"}
    for subject in dict.fromkeys(subject for subject, _ in found):
        available, unplanned, planned = (
            found.get((subject, name)) for name in ("availability_ratio", "unplanned_downtime_s", "planned_downtime_s")
        )
        if available and unplanned and planned:
            cells: list[Cell] = [subject, *(figures.value(figure) for figure in (available, unplanned, planned))]
            yield unplanned.value + planned.value, cells


# --- attempts, and what they taught


def _print_tallies(by: str, tallies: Sequence[recovery_pb2.Tally], everything: bool) -> None:
    heading(f"attempts by {by}")
    shown = tallies if everything else sorted(tallies, key=lambda tally: -tally.attempts)[: 2 * _MOST]
    table((Column(by.upper()), *_TALLY), [_tally(tally) for tally in shown])
    if len(shown) < len(tallies):
        note(f"{len(shown)} of {len(tallies)}; --all shows all")


def _tally(tally: recovery_pb2.Tally) -> list[Cell]:
    between = f" ({percent(tally.low)} to {percent(tally.high)})" if tally.HasField("low") else ""
    return [
        instant(float(tally.key)) if tally.by == "time" else tally.key,
        f"{tally.attempts:,}",
        f"{tally.successes:,} of {tally.known:,}" if tally.known else "-",
        f"{figures.share(tally.ratio)}{between}" if tally.HasField("ratio") else "not known",
    ]


def _print_learning(learning: Sequence[recovery_pb2.Learning]) -> None:
    rows = [_change(item) for item in learning if item.HasField("success") or item.HasField("time_to_recover_s")]
    if rows:
        heading("the last tickets beside the first")
        table(_CHANGE, rows)


def _change(item: recovery_pb2.Learning) -> list[Cell]:
    success, time = item.success, item.time_to_recover_s
    has_success, has_time = item.HasField("success"), item.HasField("time_to_recover_s")
    better = "green" if success.difference > 0 else "red"
    return [
        item.error_type,
        f"{percent(success.first)} → {percent(success.last)}" if has_success else "too few",
        f"{duration(time.first)} → {duration(time.last)}" if has_time else "too few",
        f"2 x {success.samples if has_success else time.samples}",
        Styled("yes", better) if success.is_more_than_chance else "no" if has_success else "-",
    ]


def _learned(strategy: recovery_pb2.StrategyMetrics) -> list[Cell]:
    return [
        strategy.error_type,
        strategy.strategy_id,
        f"{strategy.score:.3f}",
        f"{strategy.samples:,}",
        percent(strategy.success_rate) if strategy.samples else "-",
        duration(strategy.mean_time_s) if strategy.samples else "-",
        duration(strategy.timeout_s) if strategy.timeout_s else "-",
        Styled(ago(strategy.last_updated), "dim"),
    ]
