"""Pages of lists: a token leads to where its page ended, in the same list and in no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.middle import After, ErrorFilter
from error_daemon.rpc.paging import page_of, place_in, token_for
from error_recovery.v1 import recovery_pb2 as pb
from tests.rpc.recovery_world import ID, VIEW, client_of
from tests.rpc.serving import run

TIMES = st.floats(allow_nan=False, allow_infinity=False)


@given(TIMES, st.text(max_size=64), st.integers(0, 1000), st.integers(0, 1000))
def test_a_token_leads_to_its_place_however_long_the_pages_are(at: float, id_: str, limit: int, other: int) -> None:
    token = token_for(pb.ListErrorsRequest(component="web", limit=limit, page_token="any"), After(at, id_))
    assert place_in(pb.ListErrorsRequest(component="web", limit=other, page_token=token)) == (at, id_)


def test_without_a_token_it_is_the_first_page() -> None:
    assert place_in(pb.ListErrorsRequest()) is None


@given(st.text(max_size=600))
def test_a_token_that_was_made_up_is_refused(token: str) -> None:
    if token:
        with pytest.raises(InputError, match="page_token"):
            place_in(pb.ListErrorsRequest(page_token=token))


def test_a_token_of_another_list_is_refused() -> None:
    token = token_for(pb.ListErrorsRequest(component="web"), After(1.0, ID))
    for other in (pb.ListErrorsRequest(page_token=token), pb.ListHistoryRequest(page_token=token)):
        with pytest.raises(InputError, match="begin with the first page"):
            place_in(other)


def test_a_page_is_the_last_one_where_nothing_is_left() -> None:
    assert page_of("abc", 3) == ("abc", None)
    assert page_of("abcd", 3) == ("abc", "c")
    assert page_of("", 3) == ("", None)


def test_errors_are_listed_page_by_page() -> None:
    async def go() -> None:
        async with client_of() as client:
            client.control.errors_listed = 3
            first = await client.ask("ListErrors", pb.ListErrorsRequest(limit=2))
            assert len(first.errors) == 2
            rest = await client.ask("ListErrors", pb.ListErrorsRequest(limit=2, page_token=first.next_page_token))
            assert (len(rest.errors), rest.next_page_token) == (1, "")
            assert client.control.asked[-1] == ("errors", (ErrorFilter(), 3, After(VIEW.last_at, ID)))

    run(go())
