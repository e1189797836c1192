"""Numbers, times and texts as error-cli writes them."""

from __future__ import annotations

import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_cli.command import address_option
from error_cli.lines import printable
from error_cli.phrase import ago, count, duration, instant, parse_duration_s, percent, seconds_option, until


@pytest.mark.parametrize(
    ("seconds", "phrase"),
    [
        (0, "0 µs"),
        (0.000245, "245 µs"),
        (0.0032, "3.2 ms"),
        (0.00099999, "1 ms"),
        (0.23, "230 ms"),
        (0.99999, "1 s"),
        (1.5, "1.5 s"),
        (59.9, "1 min"),
        (200, "3 min 20 s"),
        (3599.9, "1 h"),
        (15120, "4 h 12 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_a_duration_takes_the_unit_that_fits(seconds: float, phrase: str) -> None:
    assert duration(seconds) == phrase


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_is_short_and_right(seconds: float) -> None:
    phrase = duration(seconds)
    assert len(phrase) <= len("11,574 d 1 h")
    said = parse_duration_s(phrase.replace("µs", "us"))
    assert said == pytest.approx(seconds, rel=0.06, abs=1e-6)


@pytest.mark.parametrize(
    ("distance_s", "phrase"),
    [(0.4, "just now"), (-0.4, "just now"), (12, "12 s ago"), (200, "3 min ago"), (90000, "1 d ago"), (-30, "in 30 s")],
)
def test_an_instant_as_a_distance_from_now(distance_s: float, phrase: str) -> None:
    assert ago(1_000_000.0 - distance_s, now=1_000_000.0) == phrase


def test_what_never_happened_is_said_so() -> None:
    assert (ago(0), instant(0)) == ("never", "never")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("250ms", 0.25), ("1h30m", 5400), ("2d", 172800), ("1.5h", 5400)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "1h30", "-5s", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration_s(text)


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="longer than nothing"):
        seconds_option("0")


@pytest.mark.parametrize("text", ["127.0.0.1:50051", "host.example:1", "[::1]:50051", "unix:/run/daemon.sock"])
def test_addresses_that_can_be_reached(text: str) -> None:
    assert address_option(text) == text


@pytest.mark.parametrize("text", ["", "127.0.0.1", ":50051", "host:0", "host:65536", "host:http", "host:²", "unix:"])
def test_addresses_that_cannot(text: str) -> None:
    with pytest.raises(click.BadParameter, match="neither host:port"):
        address_option(text)


@given(st.text())
def test_nothing_printed_steers_a_terminal(text: str) -> None:
    for char in printable(text):
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def test_texts_of_people_are_left_alone() -> None:
    assert printable("naïve café 数据库 → µs 🙂") == "naïve café 数据库 → µs 🙂"


def test_counts_and_shares() -> None:
    assert [count(1, "ticket"), count(0, "ticket"), count(1024, "ticket")] == ["1 ticket", "0 tickets", "1,024 tickets"]
    assert percent(0.754) == "75 %"


def test_when_something_will_be_has_its_date_only_on_another_day() -> None:
    midday_at = 1_700_000_000.0 - 10 * 3600
    day, clock = instant(midday_at + 12).split(" ")
    assert until(midday_at + 12, midday_at) == f"{clock} (in 12 s)"
    assert until(midday_at + 12, midday_at + 3 * 86400) == f"{day} {clock} (2 d ago)"
