"""What is counted by labels is bounded, whatever senders and reloads of the definitions come up with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.model import ErrorType, Fault, Severity
from error_daemon.telemetry import OTHER, SOURCES, CountsBy, FaultCounts, Histogram, HistogramsBy

NAMES = st.text(max_size=3)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["ok", "failed"]))))
def test_counts_have_a_bounded_number_of_names_and_lose_none(events: list[tuple[str, str]]) -> None:
    counts = CountsBy(most=4)
    for name, word in events:
        counts.add(name, word)
    assert len({name for name, _ in counts.counts} - {OTHER}) <= 4
    assert sum(counts.counts.values()) == len(events)
    for word in ("ok", "failed"):
        assert sum(n for (_, said), n in counts.counts.items() if said == word) == sum(w == word for _, w in events)


@given(st.lists(NAMES))
def test_histograms_have_a_bounded_number_of_names_and_lose_none(names: list[str]) -> None:
    histograms = HistogramsBy((1.0,), most=3)
    for name in names:
        histograms.record(name, 0.5)
    assert len(set(histograms.histograms) - {OTHER}) <= 3
    assert sum(sum(each.counts) for each in histograms.histograms.values()) == len(names)


@given(st.lists(st.floats(min_value=-1.0, max_value=100.0)))
def test_a_duration_is_counted_in_the_first_bucket_that_holds_it(durations_s: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 10.0))
    for duration_s in durations_s:
        histogram.record(duration_s)
    kept = [max(0.0, each) for each in durations_s]
    for index, bound_s in enumerate(histogram.bounds_s):
        assert sum(histogram.counts[: index + 1]) == sum(each <= bound_s for each in kept)
    assert sum(histogram.counts) == len(kept)


@given(st.lists(st.text(max_size=20)), st.booleans())
def test_sources_that_senders_make_up_are_counted_together(sources: list[str], is_full: bool) -> None:
    counts = FaultCounts()
    made_up = [f"made-up/{number}" for number in range(300)] if is_full else []
    for source in [*made_up, *sources, "client/python", "sensor/pidfd", "otlp/logs"]:
        counts.add(Fault(ErrorType.DATA, source=source, severity=Severity.HIGH))
    kinds = counts.by_kind()
    assert {kind for kind, _, _ in kinds} <= {*SOURCES, OTHER}
    assert kinds.total() == len(made_up) + len(sources) + 3
    assert kinds["client", ErrorType.DATA, Severity.HIGH] >= 1
    assert len(counts.counts) <= 256 + len(SOURCES) + 1
