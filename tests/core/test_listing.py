"""A list that is made in parts is the list that is made at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.ticket import Error
from error_daemon.model import Mode
from tests.core.world import World, fault, house, rule

RULES = house(rule("seen", mode=Mode.OBSERVE))


def _is_even(error: Error) -> bool:
    return int(error.fault.message.rpartition(" ")[2]) % 2 == 0


@given(
    gaps=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=12),
    part=st.integers(1, 5),
    limit=st.integers(0, 6),
    after=st.none() | st.integers(0, 11),
)
def test_in_parts_of_any_size_it_is_the_same(gaps: list[float], part: int, limit: int, after: int | None) -> None:
    world = World(RULES)
    for number, gap in enumerate(gaps):
        world.report(fault("seen", f"kind {'abcdefghijkl'[number]} {number}"))
        world.run(gap)
    engine = world.engine
    everything, total = engine.newest(99, lambda _error: True)
    assert total == len(gaps) == len(everything)
    place = None if after is None else everything[min(after, total - 1)]
    since = None if place is None else (place.last_at, place.error_id)
    listing = engine.listing(limit, _is_even, after=since)
    for first in range(0, total, part):
        listing.add(listing.errors()[first : first + part])
    assert (engine.views(listing.newest()), listing.total) == engine.newest(limit, _is_even, after=since)
    even = [view for view in everything if int(view.message.rpartition(" ")[2]) % 2 == 0]
    older = [view for view in even if since is None or (view.last_at, view.error_id) < since]
    assert (engine.views(listing.newest()), listing.total) == (older[:limit], len(even))


def test_what_is_reported_meanwhile_stands_first_so_that_the_rest_goes_on_after_the_last() -> None:
    world = World(RULES)
    ids = []
    for word in "abcd":
        ids.append(world.report(fault("seen", f"kind {word}")))
        world.run(1.0)
    engine = world.engine
    listing = engine.listing(2, lambda _error: True)
    listing.add(listing.errors()[2:])
    world.report(fault("seen", "kind c"))
    listing.add(listing.errors()[:2])
    page = engine.views(listing.newest())
    assert [view.error_id for view in page] == [ids[2], ids[3]]
    rest, _ = engine.newest(2, lambda _error: True, after=(page[-1].last_at, page[-1].error_id))
    assert [view.error_id for view in rest] == [ids[1], ids[0]]
