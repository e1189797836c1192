"""The figures as people read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = Any


def lag_table(result: Json) -> str:
    lines = [
        "",
        "lag (µs, medians of the rounds; – where a round has too few samples)",
        f"{'faults/s':>9} {'':24}{'p50':>9}{'p99':>9}{'p99.9':>9}",
    ]
    rows = {
        "sent_to_strategy": "sent → strategy",
        "received_to_strategy": "received → strategy",
        "received_to_verdict": "received → verdict",
        "acknowledged": "sent → receipt",
        "echo": "bare echo round trip",
        "cpp_echo": "C++ echo round trip",
    }
    for rate, figures in result["medians"].items():
        for key, title in rows.items():
            if key not in figures:
                continue
            lines.append(f"{rate:>9} {title:24}" + "".join(_cell(figures[key][q]) for q in _QUANTILES))
        lines.append(
            f"{'':>9} {'sent → strategy / echo':24}" + "".join(_cell(figures["ratio"][q], 2) for q in _QUANTILES)
        )
        cost = figures["cost"]
        echo = figures["echo_cost"]["cpu_us"]
        lines.append(
            f"{'':>9} CPU per recovery: daemon {cost['cpu_us']:.0f}, with workers and writer {cost['family_cpu_us']:.0f}; echo {echo:.0f}"
        )
    return "\n".join(lines)


def ingest_table(result: Json) -> str:
    lines = [
        "",
        "ingest (medians of the rounds; CPU in µs per fault)",
        f"{'':24}{'':20}{'faults/s':>9}{'recorded':>9}{'CPU':>8}{'own':>8}{'ratio':>7}{'family':>8}{'busy':>6}{'sender':>7}{'refused':>8}",
    ]
    for way, contenders in result["medians"].items():
        for name, figures in contenders.items():
            lines.append(
                f"{way:24}{name:20}{figures['faults_per_s']:>9,.0f}{figures['recorded_per_s']:>9,.0f}{figures['cpu_us']:>8.1f}"
                f"{_cell(figures.get('own_cpu_us'), 1, 8)}{_cell(figures.get('cpu_ratio'), 2, 7)}{figures['family_cpu_us']:>8.1f}"
                f"{figures['busy_ratio']:>6.0%}{figures['load_busy_ratio']:>7.0%}{figures['refused_ratio']:>8.1%}"
            )
    return "\n".join(lines)


def peers_table(result: Json) -> str:
    lines = [
        "",
        "peers (unary calls; medians of the rounds; CPU in µs per call; ratios: ours / theirs)",
        f"{'in flight':>9} {'':32}{'CPU':>8}{'calls/s':>9}{'p50 µs':>9}{'p99 µs':>9}{'CPU ratio':>10}{'rate ratio':>11}"
        f"{'busy':>6}{'sender':>7}{'least CPU':>11}",
    ]
    for in_flight, servers in result["medians"].items():
        for name, figures in servers.items():
            lines.append(
                f"{in_flight:>9} {name:32}{figures['cpu_us']:>8.1f}{figures['calls_per_s']:>9,.0f}{_cell(figures['p50_us'])}"
                f"{_cell(figures['p99_us'])}{_cell(figures['cpu_ratio'], 2, 10)}{_cell(figures['rate_ratio'], 2, 11)}"
                f"{figures['busy_ratio']:>6.0%}{figures['load_busy_ratio']:>7.0%}{result['least'][in_flight][name]['cpu_us']:>11.1f}"
            )
    return "\n".join([*lines, *(f"left out: {why}" for why in result["left_out"].values())])


def dispatch_table(result: Json) -> str:
    lines = [
        "",
        "dispatch (event → its code runs, in µs; medians of the rounds; CPU of all processes in µs per event)",
        f"{'rate':>9} {'':24}{'p50':>9}{'p99':>9}{'CPU':>9}{'not begun':>11}{'least p50':>11}{'least p99':>11}",
    ]
    for rate, systems in result["medians"].items():
        for name, figures in systems.items():
            lines.append(
                f"{rate:>9} {name:24}{_cell(figures['p50_us'])}{_cell(figures['p99_us'])}{_cell(figures['family_cpu_us'])}"
                f"{figures['unbegun_ratio']:>11.1%}{_cell(result['least'][rate][name]['p50_us'], 0, 11)}"
                f"{_cell(result['least'][rate][name]['p99_us'], 0, 11)}"
            )
    return "\n".join([*lines, *(f"left out: {why}" for why in result["left_out"].values())])


def flood_table(result: Json) -> str:
    critical = result["critical"]
    lines = [
        "",
        f"flood (critical faults, µs)\n{'':24}"
        + "".join(f"{when + ' ' + q:>13}" for when in _WHEN for q in ("p50", "p99")),
    ]
    for name, ratio in critical["p99_ratio"].items():
        cells = "".join(_cell(critical[when][name][q], 0, 13) for when in _WHEN for q in ("p50_us", "p99_us"))
        lines.append(f"{name.replace('_', ' '):24}{cells}   p99 during / before {_cell(ratio, 2, 0)}")
    lines.append("refused: " + ", ".join(f"{when} {critical[when]['refused']['ratio']:.2%}" for when in _WHEN))
    lines += [
        f"{name:24}{figures['accepted_per_s']:>9,.0f} accepted/s, {figures['refused_ratio']:.1%} refused"
        for name, figures in result["clients"].items()
    ]
    memory = result["memory"]
    lines += [
        f"memory: {memory['mib'][0]:.0f} MiB at first, {max(memory['mib']):.0f} at most, {memory['mib'][-1]:.0f} at the end;"
        f" when it knew all errors that it keeps ({memory['seconds_full']} s): × {_cell(memory['growth_when_full'], 3, 0)}",
        f"acknowledged {result['acknowledged']:,}, in the record {result['recorded']:,}",
    ]
    return "\n".join(lines)


def growth_table(result: Json) -> str:
    lines = [
        "",
        f"growth (medians of the rounds; ×: beside the fewest)\n{'errors known':>30}"
        + "".join(f"{int(size):>14,}" for size in result["medians"]),
    ]
    for name in next(iter(result["rounds"][0].values())):
        cells = (
            f"{_cell(each[name], 0, 8)}{_cell(each[f'{name}_growth'], 2, 6)}" for each in result["medians"].values()
        )
        lines.append(f"{name.replace('_', ' '):30}" + "".join(cells))
    for name, digits in (("mib", 0), ("bytes_per_error", 0)):
        lines.append(
            f"{name.replace('_', ' '):30}"
            + "".join(_cell(each[name], digits, 14) for each in result["memory"].values())
        )
    return "\n".join(lines)


def own_table(result: Json) -> str:
    lines = ["", "own (CPU of the daemon's own code in µs per fault, without the wire; medians of the rounds)"]
    return "\n".join(lines + [f"{name:24}{cost:>8.1f}" for name, cost in result["medians"].items()])


def engine_table(result: Json) -> str:
    lines = [
        "",
        "engine (the engine alone, in one process; µs of CPU an event, medians of the batches; growth beside the fewest open errors)",
        f"{'open errors':>12} {'':22}{'µs':>8}{'events/s':>11}{'growth':>8}",
    ]
    for size, figures in result["by_size"].items():
        for load, title in _LOADS.items():
            lines.append(
                f"{int(size):>12,} {title:22}{figures[f'{load}_us']:>8.1f}{figures[f'{load}_events_per_s']:>11,.0f}"
                f"{figures[f'growth_{load}']:>8.2f}"
            )
        lines.append(f"{'':>12} {figures['bytes_per_error']:,.0f} bytes of memory an error")
    return "\n".join(lines)


def policy_table(result: Json) -> str:
    lines = [
        "",
        f"policy ({result['seeds']} seeds of {result['types']} × {result['incidents_per_type']} incidents; medians of the seeds; ratios:"
        " of all seeds together, and the 10th to 90th percentile of the seeds)",
        f"{'':18}{'':10}{'down s':>8}{'own s':>7}{'p95 s':>8}{'tries':>7}{'impact':>8}{'persons':>9}  {'/ fixed':18}"
        f"{'late / oracle':19}{'own late / oracle':18}{'adapted':>8}",
    ]
    for name, scenario in result["scenarios"].items():
        for policy, figures in scenario["policies"].items():
            late = figures["late"]["oracle"]
            adapted = figures.get("adapted", {}).get("downtime_s", {}).get("median")
            lines.append(
                f"{name:18}{policy:10}"
                + "".join(_cell(figures[key]["median"], digits, width) for key, digits, width in _COLUMNS)
                + f"  {_range(figures['ratio_to_fixed']):18}{_range(late['downtime']):19}{_range(late['without_person']):18}"
                + (_cell(adapted, 0, 8) if adapted else "")
            )
    return "\n".join(lines)


def bound_table(result: Json) -> str:
    lines = [
        "",
        f"bound ({result['types']} × {result['incidents_per_type']} incidents a seed; expected downtime / the oracle's;"
        " of single seeds: the standard error, and how much less than learned)",
        f"{'':18}{'':11}{'':32}{'late':>8}{'':8}{'less':>8}{'':9}" + "".join(f"{after:>7}" for after in _AFTER),
    ]
    for name, scenario in result["scenarios"].items():
        for learner, figures in scenario["learners"].items():
            lines.append(
                f"{name:18}{scenario['seeds']:>3} seeds  {learner:32}{figures['late']:>8.2f} ± {figures['standard_error']:<5.2f}"
                f"{figures['less_than_learned']:>8.3f} ± {figures['less_standard_error']:<6.3f}"
                + "".join(f"{one['ratio']:>7.2f}" for one in figures["curve"] if one["after"] in _AFTER)
            )
    return "\n".join(lines)


def _range(ratio: Json) -> str:
    return f"{ratio['pooled']:.2f} ({ratio['p10']:.2f}-{ratio['p90']:.2f})"


def sensors_table(result: Json) -> str:
    lines = [
        "",
        "sensors (from the event to its fault at the intake, ms)",
        f"{'':46}{'p50':>9}{'p99':>9}{'samples':>9}",
    ]
    for event, figures in result["latency"].items():
        lines.append(f"{event:46}{figures['p50_ms']:>9.2f}{figures['p99_ms']:>9.2f}{figures['samples']:>9.0f}")
    lines += [f"{event:46} left out: {why}" for event, why in result["left_out"].items()]
    return "\n".join([*lines, f"all of them together cost {result['cost_percent']:.2f} % of one core"])


def log_table(result: Json) -> str:
    lines = ["", f"log (µs per line on the thread that logs; {result['lost']} lost)", f"{'':20}{'p50':>9}{'p99':>9}"]
    lines += [
        f"{name:20}{_cell(figures['p50_us'], 1)}{_cell(figures['p99_us'], 1)}"
        for name, figures in result["medians"].items()
    ]
    return "\n".join(lines)


def restart_table(result: Json) -> str:
    lines = ["", f"restart (kill -9 → the next one has begun, in ms)\n{'':28}{'p50':>9}{'p90':>9}{'worst':>9}"]
    lines += [
        f"{name:28}" + "".join(_cell(figures[key], 1) for key in ("p50", "p90", "worst")) + f"  {result['about'][name]}"
        for name, figures in result["medians"].items()
    ]
    for name, stages in [*result["stages"].items(), ("kill → fault at the intake", result["seen"])]:
        lines += ["", name]
        lines += [
            f"  {stage:26}" + "".join(_cell(figures[key], 2) for key in ("p50", "p90", "worst"))
            for stage, figures in stages.items()
        ]
    return "\n".join(lines)


def receivers_table(result: Json) -> str:
    lines = [
        "receivers: CPU of the server, µs per event; bare: a route that reads the body and takes it apart",
        f"{'':34}{'bare':>9}{'ours':>9}{'ratio':>9}{'bare/s':>9}{'ours/s':>9}{'later':>9}",
    ]
    for name, each in result["ways"].items():
        lines.append(
            f"{name:34}{_cell(each['bare_us'], 1)}{_cell(each['ours_us'], 1)}{_cell(each['ratio'], 1)}"
            f"{_cell(each['bare_per_s'])}{_cell(each['ours_per_s'])}{_cell(each['ours_put_off'])}"
        )
    return "\n".join(lines)


def hooks_table(result: Json) -> str:
    medians = result["medians"]
    sorts = list(next(iter(medians.values())))
    lines = ["", "hooks (CPU in µs per fault, by who hears what happens; medians of the rounds)"]
    lines.append(f"{'':22}" + "".join(f"{sort:>22}" for sort in sorts))
    lines += [f"{who:22}" + "".join(f"{costs[sort]:>22.1f}" for sort in sorts) for who, costs in medians.items()]
    return "\n".join(lines)


def paint_table(result: Json) -> str:
    lines = ["", f"paint (medians of {result['loads']} loads; Chromium {result['chromium']})"]
    lines.append(f"{'':8}{'first, ms':>11}{'useful, ms':>12}{'requests':>10}{'wire, KiB':>11}{'unpacked, KiB':>15}")
    for name in ("cold", "warm"):
        one = result[name]
        lines.append(
            f"{name:8}{one['first_ms']:>11.0f}{one['useful_ms']:>12.0f}{one['requests']:>10.0f}"
            f"{one['wire_bytes'] / 1024:>11.1f}{one['unpacked_bytes'] / 1024:>15.1f}"
        )
    storm = result["storm"]
    lines.append(
        f"storm of {storm['faults']:,} faults in {storm['sent_in_s']:.1f} s: at most"
        f" {storm['longest_without_frame_ms']:.0f} ms without a frame, {storm['questions']} questions"
    )
    return "\n".join(lines)


def dashboards_table(result: Json) -> str:
    lines = [
        "",
        f"dashboards (µs, medians of the rounds, at {result['rate']} recoveries/s; CPU of the daemon in µs per recovery)",
        f"{'':16}{'sent → strategy':>27}{'received → strategy':>27}{'':>9}{'came, of the last round':>28}",
        f"{'':16}{'p50':>9}{'p99':>9}{'ratio':>9}{'p50':>9}{'p99':>9}{'ratio':>9}{'CPU':>9}{'events':>12}{'KiB':>8}{'answers':>8}",
    ]
    for who, figures in result["medians"].items():
        came, ratios = result["rounds"][-1][who]["came"], result["ratios"][who]
        cells = "".join(
            f"{_cell(figures[name]['p50_us'])}{_cell(figures[name]['p99_us'])}{_cell(ratios[name]['p99_us'], 2)}"
            for name in ("sent_to_strategy", "received_to_strategy")
        )
        sums = f"{sum(came['events'].values()):>12,}{came['bytes'] >> 10:>8,}{came['answers']:>8,}"
        lines.append(f"{who:16}{cells}{_cell(figures['cost']['cpu_us'])}{sums}")
    return "\n".join(lines)


TABLES: dict[str, Callable[[Json], str]] = {
    "own": own_table,
    "lag": lag_table,
    "ingest": ingest_table,
    "peers": peers_table,
    "dispatch": dispatch_table,
    "flood": flood_table,
    "growth": growth_table,
    "engine": engine_table,
    "policy": policy_table,
    "bound": bound_table,
    "log": log_table,
    "sensors": sensors_table,
    "restart": restart_table,
    "receivers": receivers_table,
    "paint": paint_table,
    "hooks": hooks_table,
    "dashboards": dashboards_table,
}
_WHEN = ("before", "during", "after")
_AFTER = (20, 40, 50, 60, 70, 80, 100, 150, 200)  # incidents after the change; a bin ends with it
_LOADS = {"equal": "equal, of all errors", "one": "equal, of one error", "recovery": "recoveries"}
_COLUMNS = (
    ("downtime_s", 1, 8),
    ("without_person_s", 1, 7),
    ("p95_s", 1, 8),
    ("attempts", 2, 7),
    ("impact", 2, 8),
    ("persons_per_100", 2, 9),
)
_QUANTILES = ("p50_us", "p99_us", "p999_us")


def rounded(value: Json) -> Json:
    """The same with four significant digits: the rest is noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return value


def _cell(value: float | None, digits: int = 0, width: int = 9) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:>{width},.{digits}f}"
