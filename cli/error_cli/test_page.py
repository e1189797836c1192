"""A test of a recovery for people: what will be done, the passes as a table, and what of the state was not the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING

from error_cli.lines import Cell, Styled, line
from error_cli.page import facts, heading, paragraph
from error_cli.phrase import count, duration
from error_cli.tables import Column, table
from error_cli.words import VERDICT_STYLES

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column("PASS"),
    Column("STATE"),
    Column("LEVEL", right=True),
    Column("STRATEGY", beneath=True),
    Column("VERDICT"),
    Column("TIME", right=True),
    Column("SAME"),
)
_MOST_DIFFERENCES = 20
_MOST_LINES = 20


def print_plan(plan: recovery_pb2.TestPlan) -> None:
    line(Styled("test", "bold"), f" of the recovery of {plan.target}")
    line()
    ladder = "; ".join(f"level {level}: {names}" for level, names in sorted(plan.ladder.items()))
    facts(
        (
            ("rule", f"{plan.rule}, mode {plan.mode}"),
            ("fault", plan.fault),
            ("runs", f"only {plan.strategy}" if plan.strategy else ladder),
            ("passes", f"{plan.repeat:,}" + (f", then {plan.triggers:,} faults at once" if plan.triggers else "")),
            ("observes", ", ".join(plan.observers)),
        )
    )
    line()


def print_passes(
    passes: Sequence[recovery_pb2.TestPass],
    triggers: recovery_pb2.TestTriggers | None,
    end: recovery_pb2.TestEnd | None,
) -> None:
    rows = [_row(one, str(one.number), is_first=not index) for index, one in enumerate(passes)]
    every = list(passes)
    if triggers is not None:
        last = triggers.passed
        rows.append(_row(last, f"{triggers.faults} at once", is_first=False))
        every.append(last)
    table(_COLUMNS, rows, [[_strategies(one)] for one in every])
    if triggers is not None:
        _print_triggers(triggers)
    untouched = [str(one.number) for one in every if one.was_well]
    if untouched:
        paragraph(f"before pass {', '.join(untouched)} no probe saw that --break had broken anything")
    others = dict.fromkeys(error_id for one in every for error_id in one.other_error_ids)
    if others:
        paragraph(f"meanwhile other errors of the target were recovered: {', '.join(others)}")
    _print_differences(every)
    _print_others(every)
    if end is not None and end.verdict == "idempotent":
        heading("idempotent")
        for reason in end.reasons:
            paragraph(reason)


def _row(one: recovery_pb2.TestPass, name: str, *, is_first: bool) -> list[Cell]:
    verdict = one.attempts[-1].verdict if one.attempts else ""
    return [
        name,
        one.state,
        str(one.attempts[-1].level) if one.attempts else "-",
        _strategies(one),
        Styled(verdict or "found well" if one.is_recovered else verdict or "-", VERDICT_STYLES.get(verdict, "")),
        duration(one.duration_s),
        _same(one, is_first),
    ]


def _strategies(one: recovery_pb2.TestPass) -> str:
    return " → ".join(attempt.strategy_id for attempt in one.attempts) or "nothing was attempted"


def _same(one: recovery_pb2.TestPass, is_first: bool) -> Cell:
    if not one.is_recovered:
        return Styled("not looked at", "red")
    compared = [difference for difference in one.differences if not difference.is_unsteady]
    if compared:
        return Styled(f"no: {len(compared):,} differ", "red")
    if one.differences or any(seen.problem for seen in one.observations):
        return Styled("not known", "yellow")
    return "the first" if is_first else Styled("yes", "green")


def _print_triggers(triggers: recovery_pb2.TestTriggers) -> None:
    attempts = count(len(triggers.passed.attempts), "attempt")
    said = f"{count(triggers.faults, 'equal fault')} at once: {count(triggers.tickets, 'ticket')}, {attempts}"
    line()
    line(Styled(said + (", one recovery" if triggers.is_one else ""), "green" if triggers.is_one else "red"))


# --- what is not the same


def _print_differences(passes: Sequence[recovery_pb2.TestPass]) -> None:
    told: set[tuple[str, str]] = set()
    for one in passes:
        new = [each for each in one.differences if (each.observer, each.fact) not in told]
        if not new:
            continue
        told.update((each.observer, each.fact) for each in new)
        heading(f"after pass {one.number}")
        for observer in dict.fromkeys(each.observer for each in new):
            mine = [each for each in new if each.observer == observer]
            line("  ", Styled(observer, "bold"))
            for each in mine[:_MOST_DIFFERENCES]:
                _print_difference(each)
            if len(mine) > _MOST_DIFFERENCES:
                line("    ", Styled(f"and {len(mine) - _MOST_DIFFERENCES:,} more; --json has all", "dim"))
    again = [str(one.number) for one in passes if one.differences]
    if len(again) > 1:
        line()
        paragraph(f"each difference is shown where it came first; there were some after pass {', '.join(again)}")


def _print_difference(difference: recovery_pb2.TestDifference) -> None:
    first = difference.first if difference.HasField("first") else None
    now = difference.now if difference.HasField("now") else None
    if difference.is_unsteady:
        paragraph(f"{difference.fact}: changes from look to look while nothing is done: have it ignored", "    ")
    elif first is None or now is None:
        shown = _one_line(now if first is None else first)
        paragraph(f"{difference.fact}: {'new: ' if first is None else 'gone: '}{shown}", "    ")
    elif "\n" in first or "\n" in now:
        line("    ", f"{difference.fact}:")
        _print_lines(first, now)
    else:
        paragraph(f"{difference.fact}: {first or '(empty)'} → {now or '(empty)'}", "    ")


def _print_lines(first: str, now: str) -> None:
    lines = list(unified_diff(first.splitlines(), now.splitlines(), n=1, lineterm=""))[3:]  # without its heads
    lines = [" ..." if one.startswith("@@") else one for one in lines]
    for one in lines[:_MOST_LINES]:
        style = {"+": "green", "-": "red"}.get(one[:1], "dim")
        line("      ", Styled(one, style))
    if len(lines) > _MOST_LINES:
        line("      ", Styled(f"and {len(lines) - _MOST_LINES:,} more lines", "dim"))


def _one_line(text: str | None) -> str:
    lines = (text or "").splitlines()
    return lines[0] + (f" ... ({len(lines)} lines)" if len(lines) > 1 else "") if lines else "(empty)"


def _print_others(passes: Sequence[recovery_pb2.TestPass]) -> None:
    """What may differ, and did."""
    moved = list(_moved(passes))
    if moved:
        heading("differs, and may")
        for observer, name, values in moved:
            paragraph(f"{observer}: {name}: {' · '.join(values)}")


def _moved(passes: Sequence[recovery_pb2.TestPass]) -> Iterator[tuple[str, str, list[str]]]:
    seen: dict[tuple[str, str], list[str]] = {}
    for one in passes:
        for observation in one.observations:
            for name, value in observation.others.items():
                seen.setdefault((observation.observer, name), []).append(value)
    for (observer, name), values in seen.items():
        if len(set(values)) > 1:
            shown = list(dict.fromkeys(values))
            yield observer, name, [*shown[:5], *([f"and {len(shown) - 5} more"] if len(shown) > 5 else [])]
