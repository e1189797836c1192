"""What `error-cli diagnose` shows: area by area, the worst first, and in each the worst first.

✗ store
  ✗ writer: nothing can be written: No space left on device
      → recoveries go on, and rows wait in memory: mend what it says
  ✓ rows that wait, disk

✓ ring: critical, high, normal, low

1 bad ✗, 0 notices !, 0 unavailable ?, 6 good ✓
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from error_cli.lines import Styled, line
from error_cli.phrase import count

_ORDER = ("bad", "notice", "unavailable", "good")
_MARKS = {
    "bad": Styled("✗", "red"),
    "notice": Styled("!", "yellow"),
    "unavailable": Styled("?", "cyan"),
    "good": Styled("✓", "green"),
}
Diagnostic = Mapping[str, Any]


def print_diagnosis(found: Mapping[str, Any], address: str, *, all_of_it: bool) -> None:
    if found["answers"]:
        line(Styled(f"error-recovery {found['version']}", "bold"), f" at {address}, pid {found['pid']}")
    else:
        line(Styled(f"no diagnosis from the daemon at {address}", "red"), "; what follows is seen from outside")
    line()
    areas = _areas(found["diagnostics"])
    for name, diagnostics in areas:
        _print_area(name, diagnostics, all_of_it=all_of_it)
    if not all_of_it and areas[-1][1][0]["standing"] == "good":
        line()
    _print_count(found["diagnostics"])


def _areas(diagnostics: Sequence[Diagnostic]) -> list[tuple[str, list[Diagnostic]]]:
    """The worst first; those that stand alike in the order in which they came."""
    areas: dict[str, list[Diagnostic]] = {}
    for one in diagnostics:
        areas.setdefault(one["area"], []).append(one)
    for found in areas.values():
        found.sort(key=_rank)
    return sorted(areas.items(), key=lambda area: _rank(area[1][0]))


def _rank(one: Diagnostic) -> int:
    return _ORDER.index(one["standing"]) if one["standing"] in _ORDER else len(_ORDER)


def _print_area(name: str, diagnostics: Sequence[Diagnostic], *, all_of_it: bool) -> None:
    worst = diagnostics[0]["standing"]
    good = [one["name"] for one in diagnostics if one["standing"] == "good"]
    if worst == "good" and not all_of_it:
        line(_MARKS["good"], " ", Styled(name, "bold"), f": {', '.join(good)}", hang=4)
        return
    line(_mark(worst), " ", Styled(name, "bold"))
    for one in diagnostics:
        if all_of_it or one["standing"] != "good":
            line("  ", _mark(one["standing"]), f" {one['name']}: {one['says']}", hang=6)
            if one["mend"]:
                line("      → ", Styled(one["mend"], "bold"), hang=8)
    if good and not all_of_it:
        line("  ", _MARKS["good"], f" {', '.join(good)}", hang=6)
    line()


def _mark(standing: str) -> Styled:
    return _MARKS.get(standing, Styled(standing))


def _print_count(diagnostics: Sequence[Diagnostic]) -> None:
    numbers = {standing: sum(one["standing"] == standing for one in diagnostics) for standing in _ORDER}
    notices = count(numbers["notice"], "notice")
    bad = Styled(f"{numbers['bad']} bad ", "red" if numbers["bad"] else "")
    line(
        bad, _MARKS["bad"], f", {notices} ", _MARKS["notice"], f", {numbers['unavailable']} unavailable ",
        _MARKS["unavailable"], f", {numbers['good']} good ", _MARKS["good"],
    )  # fmt: skip


def print_bundle(told: Mapping[str, Any]) -> None:
    line(f"{told['file']}: {told['bytes']:,} bytes, for your eyes only (mode 600)")
    for one in told["took"]:
        line(f"  {one['name']}  {one['bytes']:,} bytes")
    for missed in told["missed"]:
        line("  ", Styled("not in it: ", "yellow"), missed, hang=6)
    line(
        "Secrets are starred as far as they show by name or shape; messages of faults are in it. Read it before you send it."
    )
