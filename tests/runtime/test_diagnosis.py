"""Every area is asked, and none keeps the others from answering."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from structlog.testing import capture_logs

from error_daemon.errors import StoreUnavailable
from error_daemon.middle import Diagnosing
from error_daemon.model import Diagnostic, Standing
from error_daemon.runtime.diagnosis.area import Area, size, some, span
from error_daemon.runtime.diagnosis.diagnosis import Shared, diagnose, in_thread

RING = Area("ring").good("high", "half full")


async def _waits() -> Sequence[Diagnostic]:
    await asyncio.Event().wait()
    return []


async def _cannot() -> Sequence[Diagnostic]:
    raise StoreUnavailable("the record is away")


def _breaks() -> Sequence[Diagnostic]:
    raise KeyError("a bug")


def test_what_hangs_fails_or_has_a_bug_is_unavailable_and_the_rest_answers_in_order() -> None:
    areas: dict[str, Diagnosing] = {
        "store": _waits,
        "learning": _cannot,
        "log": _breaks,
        "ring": lambda: [RING],
        "host": in_thread(lambda: [RING]),
    }
    with capture_logs() as logs:
        found = asyncio.run(diagnose(areas, within_s=0.05))
    assert [(one.area, one.standing.value) for one in found] == [
        ("store", "unavailable"),
        ("learning", "unavailable"),
        ("log", "unavailable"),
        ("ring", "good"),
        ("ring", "good"),
    ]
    assert found[0].says == "took longer than 0.05 s: the host, or its disk, is busy"
    assert found[1].says == "could not be looked at: the record is away"
    assert "KeyError('a bug')" in found[2].says
    assert [(one["event"], one["area"]) for one in logs] == [("diagnosis_failed", "log")]


def test_who_asks_meanwhile_gets_the_same_diagnosis_and_who_goes_away_takes_it_from_nobody() -> None:
    asked = []

    async def go() -> None:
        may_go_on = asyncio.Event()

        async def look() -> Sequence[Diagnostic]:
            asked.append("ring")
            await may_go_on.wait()
            return [RING]

        shared = Shared()
        first, second = (asyncio.ensure_future(shared.diagnose({"ring": look})) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        may_go_on.set()
        assert await second == [RING]
        await shared.diagnose({"ring": look})
        shared.close()

    asyncio.run(go())
    assert asked == ["ring", "ring"]


def test_figures_are_said_in_the_unit_that_fits() -> None:
    assert [size(0), size(1023), size(1536), size(20 << 20), size(5 << 40)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "20 MiB",
        "5120 GiB",
    ]
    assert [span(0.000245), span(0.0146), span(2.5)] == ["245 µs", "14.6 ms", "2.5 s"]
    assert [some(1, "row"), some(2000, "row"), some(2, "error has", "errors have")] == [
        "1 row",
        "2,000 rows",
        "2 errors have",
    ]
    assert Area("a").notice("n", "s", "m", used_ratio=0.5) == Diagnostic(
        "a", "n", Standing.NOTICE, "s", "m", {"used_ratio": 0.5}
    )
