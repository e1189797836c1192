"""Which pages may ask: the names of a server, and links."""

from __future__ import annotations

from dataclasses import replace

import pytest

from error_daemon.errors import Denied
from error_daemon.exchange import Pages, Request
from error_daemon.model.access import Peer
from error_daemon.web.pages import Names, check_page, host_in

NAMES = Names("recovery-1:8089", ["Recovery.Example"])


HERE = Peer("10.0.0.1")


def asking(method: str = "GET", peer: Peer = HERE, /, **headers: str) -> Request:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "/", {}, {}, said, peer)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("Here:80", "here"),
        ("here", "here"),
        ("here.:80", "here"),
        ("[::1]:80", "::1"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_the_host_of_an_address_is_found(address: str, host: str) -> None:
    assert host_in(address) == host


@pytest.mark.parametrize(
    "host", ["recovery-1", "recovery-1:8089", "recovery.example", "RECOVERY.example:443", "[fe80::1]:1"]
)
def test_names_of_the_server_are_those_that_its_settings_say(host: str) -> None:
    check_page(asking(host=host), Pages.OWN, NAMES)


@pytest.mark.parametrize("host", ["recovery-2", "recovery.example.com", "example", "1.2.3.4.example", ""])
def test_other_names_are_refused_with_what_to_set(host: str) -> None:
    with pytest.raises(Denied, match=r"http\.names"):
        check_page(asking(host=host), Pages.OWN, NAMES)


def test_what_programs_get_in_clear_is_not_had_under_another_name_either() -> None:
    with pytest.raises(Denied, match=r"http\.names"):
        check_page(asking(host="any.example"), Pages.NONE, NAMES)
    check_page(asking(host="recovery-1"), Pages.NONE, NAMES)
    check_page(asking("POST", host="any.example"), Pages.NONE, NAMES)
    check_page(asking("GET", replace(HERE, is_encrypted=True), host="any.example"), Pages.NONE, NAMES)


def test_over_a_unix_socket_the_host_is_any() -> None:
    check_page(asking("GET", Peer(is_unix=True), host="any"), Pages.OWN, NAMES)


def test_a_proxy_may_take_the_encryption_off_for_a_name_that_is_set() -> None:
    check_page(asking("POST", host="recovery.example", origin="https://recovery.example"), Pages.OWN, NAMES)
    with pytest.raises(Denied):
        check_page(asking("POST", host="localhost", origin="https://localhost"), Pages.OWN, NAMES)
    check_page(
        asking("POST", replace(HERE, is_encrypted=True), host="localhost", origin="https://localhost"), Pages.OWN, NAMES
    )
    with pytest.raises(Denied):
        check_page(asking("POST", host="recovery.example", origin="file://recovery.example"), Pages.OWN, NAMES)


LINK = {"host": "localhost", "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def test_a_link_may_lead_to_a_page_and_to_no_part_of_one() -> None:
    check_page(asking(**LINK), Pages.LINKED, NAMES)
    for other in (
        asking(**{**LINK, "sec_fetch_dest": "iframe"}),
        asking(**{**LINK, "sec_fetch_mode": "no-cors"}),
        asking("POST", **LINK),
    ):
        with pytest.raises(Denied):
            check_page(other, Pages.LINKED, NAMES)
    with pytest.raises(Denied):
        check_page(asking(**LINK), Pages.OWN, NAMES)
