"""Server-Sent Events: what happens, to many pages at once, none of which holds up another or the daemon."""

from __future__ import annotations

import asyncio

import pytest

from error_daemon.model import Notice, Summary
from error_daemon.web.api.events import EventStream
from error_daemon.web.api.feed import Feed
from error_recovery.v1 import recovery_pb2 as pb
from tests.rpc.recovery_world import ID, VIEW
from tests.rpc.serving import run, soon, until
from tests.web.listening import MOST_STREAMS, telling


def notice(number: int) -> Notice:
    return Notice(float(number), "state", f"event {number}", VIEW)


def test_what_happens_is_told_as_it_happens() -> None:
    async def test() -> None:
        async with telling() as here:
            listener = await here.listen()
            assert " 200 " in listener.head
            assert "content-type: text/event-stream" in listener.head
            assert "cache-control: no-store" in listener.head
            here.control.notices.put_nowait(notice(1))
            heard = await listener.next()
            assert (heard.kind, heard.content["text"], heard.content["error"]["error_id"]) == ("state", "event 1", ID)
            here.control.notices.put_nowait(Summary(1.0, 2.0, {"state": 7}))
            heard = await listener.next()
            assert (heard.kind, heard.content["summary"]["left_out"]) == ("summary", {"state": "7"})
            assert here.control.asked == [("watch", (None, 20))]

    run(test())


def test_all_pages_share_one_watch_which_ends_with_the_last_of_them() -> None:
    async def test() -> None:
        async with telling() as here:
            listeners = [await here.listen() for _ in range(MOST_STREAMS)]
            await until(lambda: here.control.watchers == 1)
            here.control.notices.put_nowait(notice(1))
            heard = [await listener.next() for listener in listeners]
            assert len({one.id for one in heard}) == 1
            for listener in listeners:
                assert here.control.watchers == 1
                listener.hang_up()
            await until(lambda: here.control.watchers == 0)

    run(test())


def test_a_page_may_ask_for_one_error_and_for_its_own_pace() -> None:
    async def test() -> None:
        async with telling() as here:
            await here.listen(f"/api/events?error_id={ID}&most_per_s=5")
            await until(lambda: here.control.watchers == 1)
            assert here.control.asked == [("watch", (ID, 5))]

    run(test())


@pytest.mark.parametrize(
    ("query", "status"), [("?error_id=ffff", 404), ("?most_per_s=201", 400), ("?errors=1", 400), ("?error_id=%00", 404)]
)
def test_what_cannot_be_watched_is_refused_before_anything_is_streamed(query: str, status: int) -> None:
    async def test() -> None:
        async with telling() as here:
            told = await here.http.ask("GET", f"/api/events{query}")
            assert (told.status, told.headers["content-type"]) == (status, "application/problem+json")
            assert here.control.watchers == 0

    run(test())


def test_there_is_a_limit_to_streams_and_who_leaves_makes_place() -> None:
    async def test() -> None:
        async with telling() as here:
            listeners = [await here.listen() for _ in range(MOST_STREAMS)]
            told = await here.http.ask("GET", "/api/events")
            assert (told.status, told.headers["retry-after"]) == (429, "5")
            assert (await here.http.ask("HEAD", "/api/events")).status == 200, "a head needs no place"
            listeners[0].hang_up()

            async def takes_the_place() -> None:
                while " 200 " not in (await here.listen()).head:
                    pass  # the server has not seen yet that somebody hung up

            await soon(takes_the_place())

    run(test())


def test_who_comes_back_goes_on_where_they_were() -> None:
    async def test() -> None:
        async with telling() as here:
            staying, leaving = await here.listen(), await here.listen()
            here.control.notices.put_nowait(notice(1))
            last_id = (await leaving.next()).id
            leaving.hang_up()
            for number in (2, 3):
                here.control.notices.put_nowait(notice(number))
                while (await staying.next()).content["text"] != f"event {number}":
                    pass
            back = await here.listen(last_id=last_id)
            assert [(await back.next()).content["text"] for _ in range(2)] == ["event 2", "event 3"]

    run(test())


@pytest.mark.parametrize("last_id", ["ffffffff-1", "1", "x", "-", "ffffffff-" + "9" * 30])
def test_who_had_something_that_is_not_known_any_more_is_told_that_something_is_lost(last_id: str) -> None:
    async def test() -> None:
        async with telling() as here:
            back = await here.listen(last_id=last_id)
            assert await back.next() == ("lost", "", {})
            here.control.notices.put_nowait(notice(1))
            assert (await back.next()).content["text"] == "event 1"

    run(test())


def test_a_stream_holds_no_place_among_requests_and_ends_with_the_server() -> None:
    async def test() -> None:
        async with telling() as here:
            listener = await here.listen()
            await until(lambda: here.http.server.room.requests == 0)
            await here.http.server.stop(0)
            assert await listener.reader.read() is not None
            await until(lambda: here.control.watchers == 0)
            assert here.http.bugs == []

    run(test())


# --- the feed itself


class Told:
    """A watch that tells what it is given; None ends it."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[pb.Event | None] = asyncio.Queue()

    async def watch(self) -> object:
        while (event := await self.events.get()) is not None:
            yield event


def test_who_is_slow_gets_what_is_kept_in_pieces_and_hears_how_much_is_lost() -> None:
    async def test() -> None:
        told = Told()
        feed = Feed(told.watch)
        await feed.start()
        for number in range(300):
            told.events.put_nowait(pb.Event(kind="state", text=str(number)))
        await until(lambda: feed.next == 300)
        place, pieces = 0, []
        while await feed.more(place, 0.0):
            piece, place = feed.since(place)
            pieces.append(piece)
        assert place == 300
        assert pieces[0].startswith(b'event: lost\ndata: {"events": 44}\n\n')
        assert [piece.count(b"\n\n") for piece in pieces] == [33, *[32] * 7]
        assert pieces[-1].count(b'"text":"299"') == 1
        feed.stop()

    run(test())


def test_a_feed_ends_when_its_watch_does_and_tells_of_a_bug() -> None:
    async def test() -> None:
        told = Told()
        feed = Feed(told.watch)
        await feed.start()
        told.events.put_nowait(None)
        assert not await feed.more(0, 60.0)
        assert feed.has_ended
        feed.check()

        async def broken() -> object:
            await asyncio.sleep(0.001)
            raise ZeroDivisionError
            yield

        feed = Feed(broken)
        await feed.start()
        assert not await feed.more(0, 60.0)
        with pytest.raises(ZeroDivisionError):
            feed.check()

    run(test())


def test_those_who_come_at_the_same_moment_share_a_feed() -> None:
    async def test() -> None:
        async with telling() as here:
            await asyncio.gather(*(here.listen() for _ in range(MOST_STREAMS)))
            await until(lambda: here.control.watchers == 1)
            assert len(here.control.asked) == 1

    run(test())


def test_a_stream_ends_after_its_time_so_that_who_comes_back_is_let_in_anew() -> None:
    async def test() -> None:
        told = Told()
        feed = Feed(told.watch)
        await feed.start()
        stream = EventStream(feed, "", 0.0, lambda: None, lasts_s=0.01)
        pieces = [piece async for piece in stream.pieces()]
        assert pieces[0] == b"retry: 2000\n\n"
        assert set(pieces[1:]) <= {b": nothing has happened\n\n"}
        feed.stop()

    run(test())
