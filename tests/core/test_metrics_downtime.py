from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.metrics import Downtime, OpenInterval, Span, downtime_figures
from error_daemon.model import TicketRecord
from tests.core.metric_records import any_tickets, moments, ticket

HOUR = Span(0.0, 3600.0)
many = st.lists(any_tickets(), max_size=12)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    return Span(draw(moments), draw(moments))


def seconds_down(tickets: list[TicketRecord], span: Span = HOUR) -> float:
    return downtime_figures(tickets, span, {}).overall.total_s


def test_overlapping_tickets_of_one_target_are_down_once() -> None:
    assert seconds_down([ticket(100.0, 200.0), ticket(150.0, 250.0), ticket(160.0, 170.0)]) == 150.0


def test_two_targets_are_each_down() -> None:
    figures = downtime_figures([ticket(100.0, 200.0), ticket(100.0, 200.0, target="db")], HOUR, {})
    assert figures.overall == Downtime(0.0, 200.0, 7200.0, 2)
    assert figures.by_component["shop"].total_s == 100.0


@pytest.mark.parametrize("ended_as", ["recovered", "failed", "resolved", "flushed"])
def test_a_ticket_counts_until_it_ended_however_it_did(ended_as: str) -> None:
    assert seconds_down([ticket(100.0, 110.0, ended_as)]) == 10.0


def test_an_open_interval_counts_until_the_range_ends() -> None:
    figures = downtime_figures([], HOUR, {}, [OpenInterval("web", "shop", 3000.0)])
    assert figures.by_target["web"] == Downtime(0.0, 600.0, 3600.0, 1)
    ended = downtime_figures([], HOUR, {}, [OpenInterval("web", "", 3000.0, 3100.0)])
    assert ended.overall.total_s == 100.0
    assert ended.by_component == {}


def test_a_second_that_is_planned_and_unplanned_is_unplanned() -> None:
    figures = downtime_figures([ticket(100.0, 200.0, planned=True), ticket(150.0, 250.0)], HOUR, {})
    assert (figures.overall.planned_s, figures.overall.unplanned_s) == (50.0, 100.0)


def test_tickets_are_clipped_to_the_range() -> None:
    span = Span(100.0, 200.0)
    assert seconds_down([ticket(50.0, 120.0), ticket(190.0, 300.0)], span) == 30.0
    figures = downtime_figures([ticket(50.0, 100.0), ticket(200.0, 300.0), ticket(150.0, 150.0)], span, {})
    assert figures.by_target == {}


def test_availability_is_weighted_by_what_targets_are_worth() -> None:
    figures = downtime_figures([ticket(0.0, 1800.0)], HOUR, {"web": 3.0, "db": 1.0})
    assert figures.by_target["web"].availability_ratio == 0.5
    assert figures.by_target["db"].availability_ratio == 1.0
    assert figures.availability_ratio == pytest.approx((3.0 * 0.5 + 1.0) / 4.0)


def test_a_target_that_is_no_longer_defined_weighs_one() -> None:
    figures = downtime_figures([ticket(0.0, 1800.0)], HOUR, {"db": 3.0})
    assert figures.availability_ratio == pytest.approx((0.5 + 3.0) / 4.0)


def test_availability_is_not_known_without_targets_time_or_weight() -> None:
    assert downtime_figures([], HOUR, {}).availability_ratio is None
    assert downtime_figures([ticket()], Span(5.0, 5.0), {"web": 1.0}).availability_ratio is None
    assert downtime_figures([ticket()], Span(9.0, 5.0), {"web": 1.0}).by_target["web"].availability_ratio is None
    assert downtime_figures([ticket()], HOUR, {"web": 0.0}).availability_ratio is None


@given(many, spans())
def test_downtime_never_exceeds_the_range_times_the_targets(tickets: list[TicketRecord], span: Span) -> None:
    figures = downtime_figures(tickets, span, {"web": 1.0, "cache": 2.0})
    assert figures.overall.total_s <= span.length_s * len(figures.by_target) + 1e-6
    assert figures.overall.watched_s == pytest.approx(span.length_s * len(figures.by_target))
    for downtime in (*figures.by_target.values(), *figures.by_component.values()):
        assert 0.0 <= downtime.total_s <= span.length_s + 1e-6
        assert downtime.availability_ratio is None or 0.0 <= downtime.availability_ratio <= 1.0
    assert figures.availability_ratio is None or 0.0 <= figures.availability_ratio <= 1.0 + 1e-12


@given(many, spans(), st.randoms(use_true_random=False))
def test_the_order_of_the_tickets_does_not_matter(tickets: list[TicketRecord], span: Span, rng: random.Random) -> None:
    shuffled = list(tickets)
    rng.shuffle(shuffled)
    one, other = (downtime_figures(items, span, {}) for items in (tickets, shuffled))
    assert one.by_target.keys() == other.by_target.keys()
    for name, downtime in one.by_target.items():
        assert other.by_target[name].planned_s == pytest.approx(downtime.planned_s, abs=1e-6)
        assert other.by_target[name].unplanned_s == pytest.approx(downtime.unplanned_s, abs=1e-6)


@given(many, spans())
def test_planned_and_unplanned_time_are_the_union_as_seconds_are_counted(
    tickets: list[TicketRecord], span: Span
) -> None:
    """Beside a count of the elementary intervals between all starts and ends."""
    web = [t for t in tickets if t.target == "web"]
    edges = sorted({span.start_at, span.end_at, *(t.opened_at for t in web), *(t.ended_at for t in web)})
    planned = unplanned = 0.0
    for start, end in pairwise(edges):
        covering = [t for t in web if t.opened_at <= start and end <= t.ended_at]
        if covering and span.start_at <= start and end <= span.end_at:
            is_planned = all(t.planned for t in covering)
            planned += (end - start) * is_planned
            unplanned += (end - start) * (not is_planned)
    downtime = downtime_figures(web, span, {"web": 1.0}).by_target["web"]
    assert downtime.planned_s == pytest.approx(planned, abs=1e-6)
    assert downtime.unplanned_s == pytest.approx(unplanned, abs=1e-6)
    assert downtime.total_s == pytest.approx(planned + unplanned, abs=1e-6)


@given(many, moments, moments, moments)
def test_downtime_of_adjacent_ranges_adds_up(tickets: list[TicketRecord], one: float, two: float, three: float) -> None:
    start, middle, end = sorted((one, two, three))
    first, second, whole = (
        downtime_figures(tickets, span, {}).overall
        for span in (Span(start, middle), Span(middle, end), Span(start, end))
    )
    assert first.planned_s + second.planned_s == pytest.approx(whole.planned_s, abs=1e-6)
    assert first.unplanned_s + second.unplanned_s == pytest.approx(whole.unplanned_s, abs=1e-6)
