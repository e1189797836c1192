"""The figures of the host as they are shown."""

from __future__ import annotations

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.sensors.assembly import Sensors
from error_daemon.ingest.sensors.host_figures import thinned, unit_of
from error_daemon.settings import SensorSettings
from tests.runtime.joined import HandClock


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("steal_ratio", "ratio"),
        ("context_switches_per_s", "per_s"),
        ("hottest_celsius", "celsius"),
        ("loop_late_s", "s"),
        ("heap_bytes", "bytes"),
        ("processes_running", ""),
    ],
)
def test_a_unit_is_the_end_of_a_name(name: str, unit: str) -> None:
    assert unit_of(name) == unit


@given(st.lists(st.floats(0, 100) | st.just(nan), max_size=700), st.integers(1, 600))
def test_a_series_keeps_its_peaks_and_its_end(values: list[float], most: int) -> None:
    at = [float(number) for number in range(len(values))]
    known = [(moment, value) for moment, value in zip(at, values, strict=True) if not isnan(value)]
    thin_at, thin = thinned(at, values, most)
    assert len(thin) == len(thin_at) <= most
    assert list(thin_at) == sorted(thin_at)
    if known:
        assert max(thin) == max(value for _, value in known)
        assert thin_at[-1] == known[-1][0]


def test_each_figure_has_the_thresholds_of_its_sensor() -> None:
    settings = SensorSettings(steal=0.2, iowait=0)
    sensors = Sensors(settings, {}, HandClock(), lambda _payload: None, on_problem=lambda _text: None)
    found = {figure.name: figure for figure in sensors.figures("", 60.0, 10)}
    [steal], [margin], [late] = (
        found[name].thresholds for name in ("steal_ratio", "to_critical_celsius", "loop_late_s")
    )
    assert (steal.what, steal.enter, steal.leave, steal.is_below) == ("steal", 0.2, 0.1, False)
    assert (margin.what, margin.is_below) == ("overheated", True)
    assert (late.what, late.enter) == ("loop-late", settings.loop_late)  # of the figure, not of how often it is above
    assert found["iowait_ratio"].thresholds == ()  # it is switched off
    assert found["steal_ratio"].value is None  # nothing is sampled before they are started
    assert [figure.name for figure in sensors.figures("steal", 60.0, 10)] == ["steal_ratio"]
