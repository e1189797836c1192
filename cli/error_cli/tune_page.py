"""What `error-cli tune` shows: area by area, what is to be changed first.

sysctl
  net.core.netdev_max_backlog   1000 → 16384
      why: packets wait here for a CPU; four full rings of a network card fit
      does: sysctl -w net.core.netdev_max_backlog=16384
  good already: net.core.somaxconn 4096, fs.file-max 2466170
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from error_cli.lines import Styled, line
from error_cli.page import heading
from error_cli.phrase import count

_SHORT = 24  # a value that is longer is a file
_CAME = {
    "set": ("set", "green"),
    "restored": ("put back", "green"),
    "left": ("left", "yellow"),
    "failed": ("FAILED", "red"),
}
Change = Mapping[str, Any]


def print_plans(told: Mapping[str, Any]) -> None:
    wanted = [change for plan in told["plans"] for change in plan["changes"] if _is_wanted(change)]
    for plan in told["plans"]:
        _print_plan(plan)
    line()
    for sentence in _ends(wanted, told):
        line(sentence)


def print_done(told: Mapping[str, Any], do: str) -> None:
    if not told["done"]:
        line(
            "nothing to do: "
            + ("all is as proposed" if do == "apply" else "nothing was set by `error-cli tune --apply`")
        )
    for one in told["done"]:
        word, style = _CAME[one["came"]]
        values = f"   {_values(one['before'], one['after'])}" if one["came"] in ("set", "restored") else ""
        line("  ", Styled(word.ljust(10), style), _name(one["knob"]), values)
        if one["says"]:
            line("      ", one["says"], hang=6)
    left_out = [plan["area"] for plan in told["plans"] if do == "apply" and any(map(_is_wanted, plan["changes"]))]
    for area in left_out:
        if area in told["only_by_name"]:
            line(f"{area} was left out: it may cut a connection. error-cli tune {area} --apply")
    if do == "apply" and told["kept"]:
        line("to take it back: error-cli tune --undo")


def _print_plan(plan: Mapping[str, Any]) -> None:
    heading(plan["area"])
    for change in filter(_is_wanted, plan["changes"]):
        line("  ", Styled(_name(change["knob"]), "yellow"), "   ", _values(change["now"], change["proposed"]), hang=6)
        line("      ", Styled("why: ", "dim"), change["why"], hang=11)
        line("      ", Styled("does: ", "dim"), change["does"], hang=12)
    good = [_good(change) for change in plan["changes"] if not _is_wanted(change)]
    if good:
        line("  ", Styled("good already: ", "green"), ", ".join(good), hang=4)
    for sentence in plan["lacks"]:
        line("  ", Styled("not looked at: ", "dim"), sentence, hang=4)


def _ends(wanted: Sequence[Change], told: Mapping[str, Any]) -> list[str]:
    areas = list(dict.fromkeys(change["area"] for change in wanted))
    said = []
    free = [area for area in areas if area not in told["only_by_name"]]
    if not wanted:
        said.append("this host is tuned: nothing is to be changed")
    if free:
        said.append(f"{count(len(wanted), 'change')} proposed, nothing was done. To do it: sudo error-cli tune --apply")
    said += [
        f"{area} may cut a connection, and is applied only by name: sudo error-cli tune {area} --apply"
        for area in areas
        if area in told["only_by_name"]
    ]
    if told["kept"]:
        said.append(
            f"{count(len(told['kept']), 'setting was', 'settings were')} made by it before; --undo puts back what was there"
        )
    return said


def _good(change: Change) -> str:
    if change["now"] is None:
        return str(change["why"])
    name, value = _name(change["knob"]), change["now"]
    return f"{name} {value}" if len(value) <= _SHORT and "\n" not in value else name


def _is_wanted(change: Change) -> bool:
    return bool(change["now"] != change["proposed"])


def _name(knob: str) -> str:
    """ "value:net.core.somaxconn" → "net.core.somaxconn", "ring:eth0:rx" → "eth0 rx ring"."""
    kind, _, rest = knob.partition(":")
    if kind == "ring":
        return f"{rest.replace(':', ' ')} ring"
    return "table inet error_recovery" if kind == "table" else rest


def _values(before: str | None, after: str | None) -> str:
    texts = [text for text in (before, after) if text is not None]
    if any(len(text) > _SHORT or "\n" in text for text in texts):
        return "new" if before is None else "removed" if after is None else "other text"
    return f"{'none' if before is None else before} → {'none' if after is None else after}"
