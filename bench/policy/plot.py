"""One picture of policy.json: what is gained over the fixed ladder, how it is learned, what a change costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_COLOURS = {
    "written": ("fixed ladder", "#9aa5b1"),
    "uniform": ("uniform", "#e59866"),
    "learned": ("learned", "#2471a3"),
    "oracle": ("oracle (B8, true rates)", "#58d68d"),
    "shortest": ("oracle (shortest downtime)", "#1e8449"),
}
_AIM = "#c0392b"
Json = Any


def draw(result: Json, path: Path) -> Path:
    """Writes `path`, a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(14, 10), layout="constrained")
    scenarios = result["scenarios"]
    _draw_totals(axes[0][0], scenarios)
    _draw_late(axes[0][1], scenarios)
    _draw_curve(axes[1][0], scenarios["stationary"], "curve", "learning: nothing changes")
    _draw_curve(
        axes[1][1], scenarios["drift of all"], "curve_of_changed", "re-learning: all levels change at incident 200"
    )
    figure.suptitle(
        f"{result['seeds']} seeds, {result['types']} types of error, {result['incidents_per_type']} incidents of each type; "
        "bars and lines: sums over all seeds; thin lines and bands: 10th to 90th percentile of the seeds"
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _draw_totals(axes: Any, scenarios: Json) -> None:
    _draw_bars(axes, scenarios, [name for name in _COLOURS if name != "written"], lambda one: one["ratio_to_fixed"])
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.axhline(0.74, color=_AIM, linestyle="--", linewidth=1, label="26 % less")
    axes.set_ylabel("total downtime / that of the fixed ladder")
    axes.set_title("total downtime, from the first incident on")
    axes.set_ylim(top=1.9)  # room for the legend
    axes.legend(fontsize="small", loc="upper center", ncols=3)


def _draw_late(axes: Any, scenarios: Json) -> None:
    _draw_bars(
        axes, scenarios, ["written", "uniform", "learned", "shortest"], lambda one: one["late"]["oracle"]["downtime"]
    )
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.axhline(1.1, color=_AIM, linestyle="--", linewidth=1, label="within 10 %")
    axes.set_ylabel("downtime / the oracle's (B8, true rates)")
    axes.set_title("incidents 200 to 400 of each type")
    axes.set_ylim(top=6.0)
    axes.legend(fontsize="small", loc="upper center", ncols=3)


def _draw_bars(axes: Any, scenarios: Json, names: list[str], figure: Any) -> None:
    width = 0.8 / len(names)
    for offset, name in enumerate(names):
        title, colour = _COLOURS[name]
        ratios = [figure(each["policies"][name]) for each in scenarios.values()]
        places = [index + offset * width for index in range(len(ratios))]
        axes.bar(places, [one["pooled"] for one in ratios], width * 0.9, color=colour, label=title)
        axes.vlines(
            places, [one["p10"] for one in ratios], [one["p90"] for one in ratios], color="black", linewidth=0.8
        )
    names_below = [name.replace(" ", "\n", 1) for name in scenarios]
    axes.set_xticks([index + 0.4 - width / 2 for index in range(len(scenarios))], names_below, fontsize="small")


def _draw_curve(axes: Any, scenario: Json, curve: str, title: str) -> None:
    for name, (label, colour) in _COLOURS.items():
        if name == "shortest":
            continue
        points = scenario["policies"][name][curve]
        numbers = [one["from"] + 10 for one in points]
        axes.plot(numbers, [one["pooled"] for one in points], color=colour, label=label)
        if name == "learned":
            axes.fill_between(
                numbers, [one["p10"] for one in points], [one["p90"] for one in points], color=colour, alpha=0.15
            )
    axes.axhline(1.0, color=_COLOURS["shortest"][1], linewidth=1, label=_COLOURS["shortest"][0])
    axes.set_yscale("log")
    ticks = [0.5, 1, 1.5, 2, 3, 5, 8]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("incident of its type (20 a point)")
    axes.set_ylabel("downtime / that of the shortest")
    axes.set_title(title)
    axes.legend(fontsize="small")
