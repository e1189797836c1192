"""RFC 9113, section 8: what a request may be, and gRPC's answer to what is one and no call.

MALFORMED is a stream error of type PROTOCOL_ERROR; the connection goes on.
"""

from __future__ import annotations

import pytest

from error_daemon.rpc.wire.frames import DATA, HEADERS
from tests.rpc.wire.peer import Fields, Peer, block, call, data, fields, headers, text_of

MALFORMED = ["RST_STREAM 1 PROTOCOL_ERROR"]
ANSWER = ["HEADERS 1", "DATA 1 5", "HEADERS 1 END_STREAM"]
USUAL = fields()
REQUESTS: dict[str, tuple[Fields, list[str]]] = {
    # 8.2.1
    "usual": (USUAL, ANSWER),
    "name in upper case": ([*USUAL, (b"X-Test", b"1")], MALFORMED),
    "name with one letter in upper case": ([*USUAL, (b"x-tesT", b"1")], MALFORMED),
    "name with a space": ([*USUAL, (b"x test", b"1")], MALFORMED),
    "name with a control character": ([*USUAL, (b"x\x1ftest", b"1")], MALFORMED),
    "name with 0x7f": ([*USUAL, (b"x\x7ftest", b"1")], MALFORMED),
    "name with 0xff": ([*USUAL, (b"x\xfftest", b"1")], MALFORMED),
    "name with a colon": ([*USUAL, (b"x:test", b"1")], MALFORMED),
    "empty name": ([*USUAL, (b"", b"1")], MALFORMED),
    "name of all that a token may have": ([*USUAL, (b"!#$%&'*+-.^_`|~09az", b"1")], ANSWER),
    "value with NUL": ([*USUAL, (b"x-test", b"a\0b")], MALFORMED),
    "value with LF": ([*USUAL, (b"x-test", b"a\nb")], MALFORMED),
    "value with CR": ([*USUAL, (b"x-test", b"a\rb")], MALFORMED),
    "value that begins with a space": ([*USUAL, (b"x-test", b" a")], MALFORMED),
    "value that ends with a tab": ([*USUAL, (b"x-test", b"a\t")], MALFORMED),
    "value that is a space": ([*USUAL, (b"x-test", b" ")], MALFORMED),
    "value that ends with a line break": ([*USUAL, (b"x-test", b"a\n")], MALFORMED),
    "pseudo-header field with a line break": (fields(x_authority="a\nb"), MALFORMED),
    "empty value": ([*USUAL, (b"x-test", b"")], ANSWER),
    "value with spaces and bytes within": ([*USUAL, (b"x-test", b"a \t\x01\xff b")], ANSWER),
    # 8.2.2
    "connection": (fields(connection="keep-alive"), MALFORMED),
    "keep-alive": (fields(keep_alive="timeout=5"), MALFORMED),
    "proxy-connection": (fields(proxy_connection="keep-alive"), MALFORMED),
    "transfer-encoding": (fields(transfer_encoding="chunked"), MALFORMED),
    "upgrade": (fields(upgrade="h2c"), MALFORMED),
    "te of trailers": (fields(te="trailers"), ANSWER),
    "no te": (fields(te=""), ANSWER),
    "te of something else": (fields(te="gzip"), MALFORMED),
    "te of trailers and something else": (fields(te="trailers, deflate"), MALFORMED),
    # 8.3
    "unknown pseudo-header field": (fields(x_test="1"), MALFORMED),
    "pseudo-header field of responses": ([(b":status", b"200"), *USUAL], MALFORMED),
    "pseudo-header field with a bare colon": ([(b":", b"1"), *USUAL], MALFORMED),
    "pseudo-header field after a regular one": ([*USUAL[:2], (b"x-test", b"1"), *USUAL[2:]], MALFORMED),
    "method twice": ([(b":method", b"POST"), *USUAL], MALFORMED),
    "scheme twice": ([(b":scheme", b"http"), *USUAL], MALFORMED),
    "path twice": ([(b":path", b"/test/Say"), *USUAL], MALFORMED),
    "authority twice": ([(b":authority", b"here"), *USUAL], MALFORMED),
    # 8.3.1
    "no method": (fields(x_method=""), MALFORMED),
    "no scheme": (fields(x_scheme=""), MALFORMED),
    "no path": (fields(x_path=""), MALFORMED),
    "empty path": ([(name, b"" if name == b":path" else value) for name, value in USUAL], MALFORMED),
    "path without a slash": (fields("test/Say"), MALFORMED),
    "no field at all": ([], MALFORMED),
    "no authority": (fields(x_authority=""), ANSWER),
    "another scheme": (fields(x_scheme="grpc"), ANSWER),
    "host that is the authority": (fields(host="here"), ANSWER),
    "host that is the authority in upper case": (fields(host="HERE"), ANSWER),
    "host that is not the authority, of which nothing here depends": (fields(host="there"), ANSWER),
    "host without an authority": (fields(x_authority="", host="there"), ANSWER),
    # 8.1.1
    "content-length of what comes": (fields(content_length="0"), ANSWER),
    "content-length that is too large": (fields(content_length="1"), MALFORMED),
    "content-length that is no number": (fields(content_length="x"), MALFORMED),
    "content-length below 0": (fields(content_length="-1"), MALFORMED),
    "content-length with a sign": (fields(content_length="+0"), MALFORMED),
    "content-length that is endless": (fields(content_length="9" * 400), MALFORMED),
    "content-length twice": ([*USUAL, (b"content-length", b"0"), (b"content-length", b"0")], MALFORMED),
    # 8.5
    "CONNECT without authority": (fields(x_method="CONNECT", x_scheme="", x_path="", x_authority=""), MALFORMED),
    "CONNECT with a scheme": (fields(x_method="CONNECT", x_path=""), MALFORMED),
    "CONNECT with a path": (fields(x_method="CONNECT", x_scheme=""), MALFORMED),
}
BODIES: dict[str, tuple[str, list[bytes], list[str]]] = {
    "as long as said": ("3", [b"ab", b"c", b""], ["HEADERS 1", "DATA 1 8", "HEADERS 1 END_STREAM"]),
    "shorter": ("4", [b"abc"], MALFORMED),
    "longer": ("2", [b"abc"], MALFORMED),
    "longer, in two frames": ("3", [b"abc", b"d"], MALFORMED),
    "none": ("3", [b""], MALFORMED),
}
TRAILERS: dict[str, tuple[Fields, list[str]]] = {
    "usual": ([(b"x-test", b"1")], ANSWER),
    "none": ([], ANSWER),
    "with a pseudo-header field": ([(b":method", b"POST")], MALFORMED),
    "with an unknown pseudo-header field": ([(b":test", b"1")], MALFORMED),
    "with a name in upper case": ([(b"X-Test", b"1")], MALFORMED),
    "with a field of a connection": ([(b"connection", b"close")], MALFORMED),
    "with a value that ends with a space": ([(b"x-test", b"1 ")], MALFORMED),
    "too many": ([(b"x-%d" % n, b"a" * 100) for n in range(70)], ["RST_STREAM 1 ENHANCE_YOUR_CALM"]),
}
HTTP: dict[str, tuple[Fields, list[str], str]] = {
    "no content type": (fields(content_type=""), [":status 415", "content-type text/plain"], "gRPC"),
    "another content type": (
        fields(content_type="application/json"),
        [":status 415", "content-type text/plain"],
        "gRPC",
    ),
    "GET": (fields(x_method="GET"), [":status 405", "content-type text/plain", "allow POST"], "POST"),
    "GET of a browser": (fields(x_method="GET", content_type=""), [":status 415", "content-type text/plain"], "gRPC"),
    "HEAD": (fields(x_method="HEAD"), [":status 405", "content-type text/plain", "allow POST"], ""),
    "CONNECT": (
        fields(x_method="CONNECT", x_scheme="", x_path=""),
        [":status 405", "content-type text/plain", "allow POST"],
        "tunnels",
    ),
    "OPTIONS *": (fields("*", x_method="OPTIONS"), [":status 405", "content-type text/plain", "allow POST"], "POST"),
}


@pytest.mark.parametrize("row", REQUESTS)
def test_a_request_is_a_call_or_malformed(row: str) -> None:
    sent, heard = REQUESTS[row]
    peer = Peer().greeted()
    assert peer.say(headers(1, sent, ends=True)) == heard
    assert peer.say(call(3, ends=True))[0] == "HEADERS 3"


@pytest.mark.parametrize("row", REQUESTS)
def test_a_request_that_is_malformed_reaches_no_servicer(row: str) -> None:
    sent, heard = REQUESTS[row]
    if heard == MALFORMED and "content-length that is too large" not in row:  # which only its end shows
        peer = Peer().greeted()
        assert peer.say(headers(1, sent)) == heard
        assert peer.servicer.bodies == {}


@pytest.mark.parametrize("row", BODIES)
def test_a_body_is_as_long_as_its_headers_say(row: str) -> None:
    said, pieces, heard = BODIES[row]
    peer = Peer().greeted()
    frames = [data(1, piece, ends=number == len(pieces)) for number, piece in enumerate(pieces, 1)]
    assert peer.say(headers(1, fields(content_length=said)), *frames) == heard


def test_a_body_that_is_too_long_is_refused_before_its_end() -> None:
    peer = Peer().greeted()
    assert peer.say(headers(1, fields(content_length="3")), data(1, b"abcd")) == MALFORMED
    assert peer.servicer.bodies == {1: b""}


def test_the_length_of_a_body_that_trailers_end_counts_too() -> None:
    for said, heard in (("3", ["HEADERS 1", "DATA 1 8", "HEADERS 1 END_STREAM"]), ("4", MALFORMED)):
        peer = Peer().greeted()
        assert peer.say(headers(1, fields(content_length=said)), data(1, b"abc"), headers(1, b"", ends=True)) == heard


@pytest.mark.parametrize("row", TRAILERS)
def test_trailers_end_a_request_and_are_no_second_one(row: str) -> None:
    sent, heard = TRAILERS[row]
    assert Peer().greeted().say(call(1), headers(1, sent, ends=True)) == heard


@pytest.mark.parametrize("row", HTTP)
@pytest.mark.parametrize("ends", [True, False])
def test_who_speaks_no_grpc_is_told_in_http(row: str, ends: bool) -> None:
    sent, said, content_says = HTTP[row]
    peer = Peer().greeted()
    heard = peer.hear(headers(1, sent, ends=ends))
    assert text_of(heard[0][3]) == said
    assert heard[0][0] == HEADERS
    content = b"".join(body for kind, _, _, body in heard if kind == DATA).decode()
    assert content_says in content
    assert bool(content_says) is bool(content)
    assert peer.servicer.bodies == {}
    assert peer.say(call(3, ends=True))[0] == "HEADERS 3"


def test_the_answer_in_http_waits_for_no_window() -> None:
    peer = Peer().greeted([(4, 0)])
    assert peer.say(headers(1, fields(x_method="GET"), ends=True)) == ["HEADERS 1 END_STREAM"]


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"])
def test_content_types_of_grpc_are_known(kind: str) -> None:
    assert Peer().greeted().say(headers(1, fields(content_type=kind), ends=True)) == ANSWER


def test_a_response_begins_with_its_status_and_its_trailers_have_none() -> None:
    heard = Peer().greeted().hear(call(1, ends=True))
    assert text_of(heard[0][3]) == [":status 200", "content-type application/grpc"]
    assert text_of(heard[2][3]) == ["grpc-status 0"]
    assert block([]) == b""
