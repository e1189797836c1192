"""The dashboard's files over a real socket: whole, packed as the browser likes it, kept for good, and of one version."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePosixPath

import brotli
import pytest

from error_daemon.web.dashboard import files
from error_daemon.web.dashboard.routes import routes
from tests.rpc.serving import run
from tests.web.serving_web import Serving, serving

UNPACKERS = {"gzip": gzip.decompress, "br": brotli.decompress}


@asynccontextmanager
async def dashboard() -> AsyncIterator[Serving]:
    async with serving(routes=routes()) as http:
        yield http


def text_of(name: str) -> str:
    return files.asset(name).packed[""].decode()


def test_the_first_page_names_the_files_of_this_version_and_nothing_of_elsewhere() -> None:
    page = files.first_page().packed[""].decode()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert named
    for place in named:
        assert place.startswith(f"/assets/{files.digest()}/"), place
        assert place.split("/", 3)[3] in files.names(), place


@pytest.mark.parametrize("name", sorted(name for name in files.names() if name.endswith(".js")))
def test_what_a_module_imports_is_there_and_is_ours(name: str) -> None:
    for imported in re.findall(r'^import [^"]*"([^"]+)";', text_of(name), re.MULTILINE):
        parts: list[str] = []
        for part in (PurePosixPath(name).parent / imported).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        assert imported.startswith("."), imported
        assert "/".join(parts) in files.names(), f"{name} imports {imported}"


def test_every_page_in_the_table_has_its_file() -> None:
    named = re.findall(r'file: "\./([^"]+)"', text_of("pages/places.js"))
    assert named
    assert {f"pages/{file}" for file in named} | {"pages/places.js"} == {
        name for name in files.names() if "pages/" in name
    }


def test_nothing_is_read_as_html_nor_styled_in_line_nor_fetched_from_elsewhere() -> None:
    for name in files.names():
        if name.endswith(".js"):
            found = re.search(
                r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|style=", text_of(name)
            )
            assert not found, f"{name}: {found}"
        assert not re.search(r"https?://(?!www\.w3\.org/|html\.spec)", text_of(name)), name


def test_the_first_load_is_light() -> None:
    """All of the dashboard, every page in it, as it goes over the wire: less than one photograph."""
    assert sum(len(files.asset(name).packed["br"]) for name in files.names()) < 60_000


@pytest.mark.parametrize("encoding", ["", "gzip", "br", "gzip, deflate, br, zstd", "identity"])
def test_a_file_comes_packed_as_its_asker_can_unpack_it_and_may_be_kept_for_good(encoding: str) -> None:
    async def test() -> None:
        async with dashboard() as http:
            told = await http.ask("GET", f"/assets/{files.digest()}/main.js", Accept_Encoding=encoding)
            assert told.status == 200
            used = told.headers.get("content-encoding", "")
            assert used == ("br" if "br" in encoding else encoding if encoding in UNPACKERS else "")
            assert UNPACKERS.get(used, bytes)(told.body).decode() == text_of("main.js")
            assert told.headers["content-type"] == "text/javascript; charset=utf-8"
            assert "immutable" in told.headers["cache-control"]
            assert told.headers["vary"] == "accept-encoding"

    run(test())


def test_the_page_itself_is_asked_for_each_time_and_sent_once() -> None:
    async def test() -> None:
        async with dashboard() as http:
            first = await http.ask("GET", "/")
            again = await http.ask("GET", "/", If_None_Match=first.headers["etag"])
            assert (first.status, first.headers["cache-control"]) == (200, "no-cache")
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])

    run(test())


def test_a_page_runs_nothing_that_was_sent_as_data() -> None:
    async def test() -> None:
        async with dashboard() as http:
            policy = (await http.ask("GET", "/")).headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy

    run(test())


@pytest.mark.parametrize(
    "name", ["../index.html", "..%2findex.html", "%2e%2e/files.py", "lib/", "nothing.js", "lib//render.js"]
)
def test_no_other_file_is_given(name: str) -> None:
    async def test() -> None:
        async with dashboard() as http:
            assert (await http.ask("GET", f"/assets/{files.digest()}/{name}")).status == 404

    run(test())


def test_a_page_of_another_version_hears_that_it_is_out_of_date() -> None:
    async def test() -> None:
        async with dashboard() as http:
            told = await http.ask("GET", "/assets/0123456789abcdef/main.js")
            assert told.status == 404
            assert "load the page again" in told.content["detail"]

    run(test())


def test_pages_of_elsewhere_may_link_to_it_and_take_nothing_of_it() -> None:
    async def test() -> None:
        async with dashboard() as http:
            linked = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
            embedded = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"}
            assert (await http.ask("GET", "/", **linked)).status == 200
            assert (await http.ask("GET", f"/assets/{files.digest()}/main.js", **embedded)).status == 403

    run(test())
