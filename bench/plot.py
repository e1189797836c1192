"""One picture of bench/results/*.json: the lag by rate, and what a fault costs, both beside the bare echo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LAGS = {
    "cpp_echo": ("bare C++ echo, round trip", "#d5dbe1"),
    "echo": ("bare grpc.aio echo, round trip", "#9aa5b1"),
    "received_to_strategy": ("received → strategy", "#7fb3d5"),
    "sent_to_strategy": ("sent → strategy", "#2471a3"),
    "received_to_verdict": ("received → verdict", "#e59866"),
}
_COLOURS = {"bare echo": "#9aa5b1", "equal": "#58d68d", "distinct, observed": "#2471a3", "distinct, no rule": "#e59866"}
_IN_FLIGHT = ("#9aa5b1", "#2471a3")
_SYSTEMS = ("#2471a3", "#58d68d", "#e59866")


def draw(directory: Path) -> Path | None:
    """Writes bench.png beside the figures; None where one of the two is not there yet."""
    lag, ingest = (_read(directory / f"{name}.json") for name in ("lag", "ingest"))
    if lag is None or ingest is None:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5), layout="constrained")
    _draw_lag(left, lag["medians"])
    _draw_ingest(right, ingest["medians"])
    machine = lag["machine"]
    figure.suptitle(f"{machine['cores']} cores, Python {machine['python']}, grpcio {machine['packages']['grpcio']}")
    path = directory / "bench.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def draw_peers(directory: Path) -> Path | None:
    """Writes peers.png: what a call costs others, and how soon code runs for an event; None where one of the two is not there yet."""
    peers, dispatch = (_read(directory / f"{name}.json") for name in ("peers", "dispatch"))
    if peers is None or dispatch is None:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5), layout="constrained")
    _draw_calls(left, peers["medians"])
    _draw_dispatch(right, dispatch["medians"])
    path = directory / "peers.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _draw_calls(axes: Any, medians: Any) -> None:
    names = list(next(iter(medians.values())))
    height = 0.8 / len(medians)
    for offset, (in_flight, servers) in enumerate(medians.items()):
        places = [index + offset * height for index in range(len(names))]
        costs = [servers[name]["cpu_us"] for name in names]
        bars = axes.barh(places, costs, height * 0.9, color=_IN_FLIGHT[offset], label=f"{in_flight} in flight")
        axes.bar_label(bars, [f"{cost:.0f}" for cost in costs], fontsize="x-small")
    axes.set_yticks([index + 0.4 - height / 2 for index in range(len(names))], names, fontsize="small")
    axes.invert_yaxis()
    axes.set_xlabel("CPU µs per unary call, the server's own process")
    axes.set_title("a fault with everything on, beside bare echoes")
    axes.legend(fontsize="small")


def _draw_dispatch(axes: Any, medians: Any) -> None:
    names = list(next(iter(medians.values())))
    width = 0.8 / len(names)
    for offset, name in enumerate(names):
        places = [index + offset * width for index in range(len(medians))]
        colour = _SYSTEMS[offset % len(_SYSTEMS)]
        axes.bar(places, [each[name]["p50_us"] for each in medians.values()], width * 0.9, color=colour, label=name)
        axes.plot(places, [each[name]["p99_us"] for each in medians.values()], "_", color="black", markersize=11)
    axes.set_xticks([index + 0.4 - width / 2 for index in range(len(medians))], [f"{rate}/s" for rate in medians])
    axes.set_yscale("log")
    axes.set_ylabel("µs")
    axes.set_title("from an event to its code: p50 (bars) and p99 (marks)")
    axes.legend(fontsize="small")


def _draw_lag(axes: Any, medians: Any) -> None:
    lags = {key: look for key, look in _LAGS.items() if all(key in each for each in medians.values())}
    width = 0.8 / len(lags)
    for offset, (key, (title, colour)) in enumerate(lags.items()):
        places = [index + offset * width for index in range(len(medians))]
        axes.bar(places, [each[key]["p50_us"] for each in medians.values()], width * 0.9, color=colour, label=title)
        axes.plot(places, [each[key]["p99_us"] for each in medians.values()], "_", color="black", markersize=11)
    axes.set_xticks([index + 0.4 - width / 2 for index in range(len(medians))], [f"{rate}/s" for rate in medians])
    axes.set_yscale("log")
    axes.set_ylabel("µs")
    axes.set_title("lag: p50 (bars) and p99 (marks) by offered rate")
    axes.set_ylim(top=axes.get_ylim()[1] * 4)  # room for the legend, above all marks
    axes.legend(fontsize="small")


def _draw_ingest(axes: Any, medians: Any) -> None:
    width = 0.8 / len(_COLOURS)
    for offset, (name, colour) in enumerate(_COLOURS.items()):
        places = [index + offset * width for index in range(len(medians))]
        heights = [each[name]["cpu_us"] for each in medians.values()]
        bars = axes.bar(places, heights, width * 0.9, color=colour, label=name)
        axes.bar_label(bars, [f"{height:.0f}" for height in heights], fontsize="x-small")
    axes.set_xticks(
        [index + 0.4 - width / 2 for index in range(len(medians))],
        [way.replace(", ", "\n") for way in medians],
        fontsize="small",
    )
    axes.set_ylabel("CPU µs per fault, daemon's own process")
    axes.set_title("ingest: CPU per fault")
    axes.legend(fontsize="small")


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None
