"""
What a page in a browser may ask.

Browsers send what any page of the web wants to this host, too, and who calls from this host is believed. So what is for programs takes
nothing that a browser sends for a page (Pages.NONE). The API and the dashboard are for pages, but only for their own:

    Origin           of a page: must be that of this server, by the name under which it was asked. Browsers send it with every POST, and no
                     page can change it
    Sec-Fetch-Site   likewise: same-origin, or none (a person typed the address). Followed links (Pages.LINKED) may come from anywhere:
                     they show a page to a person, and tell nothing to where they stand
    Host             must be a name of this server, whoever asks. Else a page of attacker.example, whose name is made to lead here for a
                     moment (DNS rebinding), would be a page of "this server". Browsers send no other sign of that with a GET to a plain
                     http address that is not loopback; so what programs GET in clear (/metrics) is held to it, too

Names of this server: localhost, any IP address (nobody's DNS makes those lead elsewhere), the name that it listens on, and `http.names`. A
name in `http.names` may also be that of a proxy that takes TLS off, so there the scheme is not compared.
Sources: "Forbidden request-header" and "Origin header" of https://fetch.spec.whatwg.org, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from error_daemon.errors import Denied
from error_daemon.exchange import Pages, Request

SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Of every answer that pages may have: nothing is loaded from elsewhere, run that was sent as data, framed, or told to where links lead."""
_SHOWN = 200


class Names:
    """The names under which this server may be asked. `listen`: the address it listens on; `more`: http.names."""

    def __init__(self, listen: str, more: Iterable[str]) -> None:
        self._more = frozenset(name.lower() for name in more)
        self._names = (self._more | {"localhost", host_in(listen)}) - {""}

    def has(self, host: str) -> bool:
        """`host`: as in the header, with or without a port."""
        name = host_in(host)
        return name in self._names or name.endswith(".localhost") or _is_address(name)

    def is_added(self, host: str) -> bool:
        return host_in(host) in self._more


def host_in(address: str) -> str:
    """The host of "host:port" or "[host]:port"; without a port, too."""
    if address.startswith("["):
        return address[1:].partition("]")[0].lower()
    return (address.partition(":")[0] if address.count(":") == 1 else address).lower().rstrip(".")


def check_page(request: Request, pages: Pages, names: Names) -> None:
    """Raises Denied."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin", "")
    if pages is Pages.NONE:
        if origin or site != "none":
            raise _denied("requests of pages in a browser are not taken", origin or site)
        if request.method in ("GET", "HEAD") and not request.peer.is_encrypted:
            _check_host(request, names)
        return
    host = _check_host(request, names)
    if origin and not _is_own(origin, host, names, is_encrypted=request.peer.is_encrypted):
        raise _denied("requests of pages of elsewhere are not taken", origin)
    if site not in ("none", "same-origin") and not (pages is Pages.LINKED and _is_followed(request)):
        raise _denied("requests of pages of elsewhere are not taken", site)


def _check_host(request: Request, names: Names) -> str:
    host = request.headers.get("host", "")
    if request.peer.is_unix or names.has(host):
        return host
    mend = f'if it is a name of this host, add it to the setting http.names: names = ["{host_in(host)[:_SHOWN]}"]'
    raise Denied(f"{host[:_SHOWN]!r} is not known as a name of this server; {mend}", "WRONG_HOST", {})


def _is_own(origin: str, host: str, names: Names, *, is_encrypted: bool) -> bool:
    scheme, _, of = origin.partition("://")
    own = "https" if is_encrypted else "http"
    return of.lower() == host.lower() and (scheme == own or (scheme in ("http", "https") and names.is_added(host)))


def _is_followed(request: Request) -> bool:
    """A link, in a window of its own: no frame, and no form that changes something."""
    headers = request.headers
    return (
        request.method in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _denied(says: str, page: str) -> Denied:
    return Denied(says, "OF_A_PAGE", {"page": page[:_SHOWN]})
