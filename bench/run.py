"""`make bench`: measure, print tables, write bench/results/.

    python bench/run.py [--quick] [--out DIRECTORY]
                        [own|lag|ingest|peers|dispatch|flood|growth|engine|policy|bound|log|restart|receivers|dashboards|
                         sensors|paint|hooks]

Without a name it runs own, lag and ingest, which takes about seven minutes; peers and dispatch take four each, flood, engine and restart
(as root) two, receivers and dashboards three, growth and policy ten and more, bound four, log half a minute, hooks one, sensors (as root)
six, paint (Chromium) half a minute. --quick makes each of them short (policy: three minutes); it writes nothing unless --out says where.
Loopback only.
Exit codes: 0 measured · 1 something did not work; it says what.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # `python bench/run.py` puts bench/ itself there

from bench import (  # noqa: E402
    dashboards,
    engine,
    flood,
    growth,
    hooks,
    logline,
    machine,
    own,
    paint,
    plot,
    receivers,
    restart,
    sensors,
    tables,
)
from bench.contender import Echo  # noqa: E402
from bench.daemon_process import DaemonProcess  # noqa: E402
from bench.dispatch import measure as dispatch  # noqa: E402
from bench.ingest import Ingest  # noqa: E402
from bench.lag import Lag  # noqa: E402
from bench.measuring import LoadProcess, Numbers  # noqa: E402
from bench.packages import Missing  # noqa: E402
from bench.peers import measure as peers  # noqa: E402
from bench.peers.build import build_echo  # noqa: E402
from bench.policy import bound  # noqa: E402
from bench.policy import measure as policy  # noqa: E402
from bench.policy import plot as policy_plot  # noqa: E402
from bench.policy.world import CHANGE_AT  # noqa: E402

_RATES = (50, 200, 400)  # below the throttle's most, 500
_QUICK_RATES = (200,)
_SIZES = (10_000, 100_000, 1_000_000)
_QUICK_SIZES = (10_000, 100_000)


def main() -> int:
    arguments = _arguments()
    out: Path | None = arguments.out or (None if arguments.quick else ROOT / "bench" / "results")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that was started ends with this
    started_at = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - started_at:6.1f} s  {what}", file=sys.stderr, flush=True)

    facts = machine.facts()
    for name in [arguments.what] if arguments.what else ["own", "lag", "ingest"]:
        result = {"name": name, "machine": facts, **_measure(name, arguments.quick, say)}
        print(tables.TABLES[name](result))
        if out:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{name}.json").write_text(json.dumps(tables.rounded(result), indent=1) + "\n")
        if out and name == "policy":
            say(f"wrote {policy_plot.draw(result, out / 'policy.png')}")
    if out and arguments.what in ("peers", "dispatch") and (drawn := plot.draw_peers(out)):
        say(f"wrote {drawn}")
    if out and arguments.what in (None, "lag", "ingest") and (drawn := plot.draw(out)):
        say(f"wrote {drawn}")
    return 0


def _measure(name: str, quick: bool, say: Callable[[str], None]) -> dict[str, object]:
    alone: dict[str, Callable[[], Mapping[str, object]]] = {
        "own": lambda: own.run(1 if quick else 5, 5_000 if quick else 20_000, say),
        "hooks": lambda: hooks.run(1 if quick else 5, 1_000 if quick else 5_000, say),
        "engine": lambda: engine.run(_QUICK_SIZES if quick else _SIZES, say),
        "sensors": lambda: sensors.run(3 if quick else 20, quick, say),
        "log": lambda: logline.run(1 if quick else 5, 200 if quick else 500, say),
        "restart": lambda: restart.run(3 if quick else 40, say),
        "dashboards": lambda: dashboards.run(50, 200, 2 if quick else 8, 3.0 if quick else 6.0, say),
        "receivers": lambda: receivers.run(1 if quick else 5, 0.5 if quick else 2.0, say),
        "paint": lambda: paint.run(3 if quick else 21, say),
        "policy": lambda: policy.run(2 if quick else 20, 2 * CHANGE_AT, say),
        "bound": lambda: bound.run(2 if quick else 20, 2 * CHANGE_AT, say),
        "peers": lambda: peers.run(3 if quick else 7, 0.5 if quick else 2.0, say),
        "dispatch": lambda: dispatch.run(
            _QUICK_RATES if quick else _RATES, 1 if quick else 5, 2.0 if quick else 4.0, say
        ),
        "growth": lambda: growth.run(_QUICK_SIZES if quick else _SIZES, 1 if quick else 5, 1.5 if quick else 3.0, say),
        "flood": lambda: flood.run(5.0 if quick else 30.0, 10.0 if quick else 60.0, say),
    }
    return dict(alone[name]()) if name in alone else _beside_echoes(name, quick, say)


def _beside_echoes(name: str, quick: bool, say: Callable[[str], None]) -> dict[str, object]:
    """lag and ingest."""
    say(f"{name}: starting the daemon, the echo and the load generator")
    with (
        tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory,
        DaemonProcess(Path(directory)) as daemon,
        Echo() as echo,
        LoadProcess() as load,
        ExitStack() as running,
    ):
        numbers = Numbers()
        if name == "ingest":
            return Ingest(daemon, echo, load, numbers, say).run(1 if quick else 3, 1.0 if quick else 2.0)
        echoes = {"echo": echo, **_cpp_echo(running, say)}
        lag = Lag(daemon, echoes, load, numbers, say)
        return lag.run(_QUICK_RATES if quick else _RATES, 1 if quick else 5, 3.0 if quick else 5.0)


def _cpp_echo(running: ExitStack, say: Callable[[str], None]) -> dict[str, Echo]:
    try:
        return {"cpp_echo": running.enter_context(Echo([str(build_echo(say))]))}
    except Missing as missing:
        say(f"left out: {missing}")
        return {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measures the daemon beside a bare gRPC echo.")
    parser.add_argument("what", nargs="?", choices=list(tables.TABLES), help="only this one")
    parser.add_argument("--quick", action="store_true", help="one short round of each: less than a minute")
    parser.add_argument("--out", type=Path, metavar="DIRECTORY", help="where to write (default: bench/results)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
