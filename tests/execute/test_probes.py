"""What tcp, http and file probes say of real sockets and real files; http strategies beside them."""

from __future__ import annotations

import http.server
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import uvloop

from error_daemon.execute.reach import Deadline, connect, mark_connections
from error_daemon.model import Json, OutcomeKind, Probe, Reading, ReadingValue
from tests.execute.rig import PoolRig, attempt, probe_round, with_pool

OK, NOT_OK, UNKNOWN = ReadingValue.OK, ReadingValue.NOT_OK, ReadingValue.UNKNOWN


def look(kind: str, timeout_s: float = 10.0, **params: Json) -> Reading:
    async def body(rig: PoolRig) -> Reading:
        return (await rig.look(probe_round(Probe("p", kind, params, timeout_s))))["p"]

    return with_pool(body)


class _Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = int(self.path.strip("/") or 200)
        self._answer(status, b"all is well")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"%s from %s" % (body, self.headers["X-Sender"].encode()))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the base class's
        pass


@pytest.fixture
def site() -> Iterator[int]:
    with _served(None) as server:
        yield server.server_port
        server.shutdown()


def _served(context: ssl.SSLContext | None) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_tcp_is_ok_when_somebody_listens(silent: int) -> None:
    reading = look("tcp", host="127.0.0.1", port=silent)
    assert (reading.value, reading.detail) == (OK, f"connected to 127.0.0.1:{silent}")
    assert reading.duration_s > 0


def test_tcp_is_not_ok_when_refused(closed: int) -> None:
    reading = look("tcp", host="127.0.0.1", port=closed)
    assert (reading.value, reading.detail) == (NOT_OK, f"connection refused by 127.0.0.1:{closed}")


def test_sockets_of_probes_and_strategies_have_nagles_delay_off(silent: int) -> None:
    async def main() -> int:
        connected = await connect("127.0.0.1", silent, Deadline(10.0))
        assert isinstance(connected, socket.socket)
        with connected:
            return connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert uvloop.run(main()) == 1


def test_tcp_tries_every_address_of_a_name(silent: int) -> None:
    assert look("tcp", host="localhost", port=silent).value is OK  # ::1, if there is one, refuses


def test_tcp_is_not_ok_when_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        fillers = [socket.socket() for _ in range(4)]  # the queue of the listener is full, so SYNs are dropped
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        try:
            reading = look("tcp", 0.3, host="127.0.0.1", port=address[1])
        finally:
            for filler in fillers:
                filler.close()
    assert reading.value is NOT_OK
    assert reading.detail.startswith(f"no connection to 127.0.0.1:{address[1]} within 0.")


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("tcp", {"host": "no-such-host.invalid", "port": 1}, "no-such-host.invalid"),
        ("tcp", {"host": "x" * 300, "port": 1}, "can't be resolved"),
        ("tcp", {"port": 1}, "host: is missing"),
        ("tcp", {"host": "localhost", "port": "http"}, "the probe raised ValueError"),
        ("http", {"url": "http://no-such-host.invalid/"}, "no-such-host.invalid"),
        ("http", {"url": "ftp://localhost/"}, "is not of the form"),
        ("http", {"url": "http://localhost:99999/"}, "out of range"),
        ("http", {"url": "http://me:secret@localhost/"}, "holds a user name"),
        ("http", {"url": "http://localhost/", "headers": {"a": "b\r\nc: d"}}, "no request can be made of it"),
        ("http", {"url": "http://localhost/", "body_pattern": "("}, "the probe raised"),
        ("file", {}, "path: is missing"),
        ("file", {"path": "here"}, "here is not absolute"),
        ("no_such_kind", {}, "no probe of kind 'no_such_kind'"),
    ],
)
def test_a_probe_that_could_not_look_is_unknown_and_says_why(kind: str, params: dict[str, Json], words: str) -> None:
    reading = look(kind, **params)
    assert reading.value is UNKNOWN
    assert words in reading.detail


def test_http_judges_the_status_and_the_body(site: int) -> None:
    url = f"http://127.0.0.1:{site}"
    assert look("http", url=url).value is OK
    reading = look("http", url=f"{url}/503")
    assert (reading.value, reading.detail) == (NOT_OK, "status 503, wanted 200 to 299")
    assert look("http", url=f"{url}/503", min_status=500, max_status=503).value is OK
    assert look("http", url=url, body_pattern="is w.ll").value is OK
    reading = look("http", url=url, body_pattern="is ill")
    assert reading.value is NOT_OK
    assert "nothing in the body matches 'is ill'" in reading.detail


def test_http_is_not_ok_when_refused_or_silent(closed: int, silent: int) -> None:
    reading = look("http", url=f"http://127.0.0.1:{closed}/")
    assert (reading.value, reading.detail) == (NOT_OK, f"connection refused by 127.0.0.1:{closed}")
    reading = look("http", 0.3, url=f"http://127.0.0.1:{silent}/")
    assert (reading.value, reading.detail) == (NOT_OK, f"no answer from 127.0.0.1:{silent} within 0.3 s")
    reading = look("http", 0.3, url=f"https://127.0.0.1:{silent}/")
    assert reading.value is NOT_OK


def test_http_is_not_ok_when_the_answer_is_nonsense() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk_nonsense() -> None:
            with server.accept()[0] as peer:
                peer.recv(1000)
                peer.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

        threading.Thread(target=talk_nonsense, daemon=True).start()
        reading = look("http", url=f"http://127.0.0.1:{server.getsockname()[1]}/")
    assert reading.value is NOT_OK
    assert "gave no proper HTTP answer" in reading.detail


def test_an_http_strategy_sends_its_request_and_judges_the_status(site: int, closed: int) -> None:
    async def body(rig: PoolRig) -> None:
        params = {"url": f"http://127.0.0.1:{site}/", "body": "hello", "headers": {"x-sender": "me"}}
        outcome = await rig.run(attempt("http", params))
        assert (outcome.kind, outcome.detail) == (OutcomeKind.COMPLETED, "status 200: hello from me")
        outcome = await rig.run(attempt("http", {"url": f"http://127.0.0.1:{site}/500", "method": "GET"}))
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.detail == "wanted 200 to 299, got status 500: all is well"
        outcome = await rig.run(attempt("http", {"url": f"http://127.0.0.1:{closed}/"}))
        assert outcome.kind is OutcomeKind.FAILED
        assert (await rig.run(attempt("http", {"url": "nonsense"}))).kind is OutcomeKind.REFUSED

    with_pool(body)


def test_an_http_strategy_without_an_answer_times_out(silent: int) -> None:
    async def body(rig: PoolRig) -> None:
        outcome = await rig.run(attempt("http", {"url": f"http://127.0.0.1:{silent}/"}, timeout_s=0.3))
        assert outcome.kind is OutcomeKind.TIMED_OUT

    with_pool(body)


def test_https_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl here to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _served(context) as server:
        url = f"https://localhost:{server.server_port}/"
        reading = look("http", url=url)
        assert reading.value is NOT_OK
        assert "the certificate is not valid: self" in reading.detail
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # as an operator would
        assert look("http", url=url).value is OK
        reading = look("http", url=url.replace("localhost", "127.0.0.1"))
        assert reading.value is NOT_OK
        server.shutdown()


def test_a_file_is_judged_by_being_there_age_size_content_and_room(tmp_path: Path) -> None:
    path = tmp_path / "file"
    name = str(path)
    assert look("file", path=name).value is NOT_OK
    assert look("file", path=name, exists=False).value is OK
    path.write_text("state: running\n")
    assert look("file", path=name, max_age_s=600.0, min_bytes=5, pattern="^state: r", min_free_ratio=0.0).value is OK
    for params, words in (
        ({"exists": False}, "should not be"),
        ({"min_bytes": 1000}, "15 bytes, at least 1000"),
        ({"pattern": "state: stopped"}, "nothing in"),
        ({"min_free_ratio": 1.1}, "free, at least 110.0%"),
    ):
        reading = look("file", path=name, **params)
        assert reading.value is NOT_OK
        assert words in reading.detail
    os.utime(path, (1.0, 1.0))
    assert "was last changed" in look("file", path=name, max_age_s=600.0).detail
    assert look("file", path=str(path / "below")).value is NOT_OK


def test_probes_of_a_round_look_side_by_side(silent: int) -> None:
    async def body(rig: PoolRig) -> None:
        probes = [Probe(f"p{i}", "http", {"url": f"http://127.0.0.1:{silent}/"}, 0.5) for i in range(20)]
        readings = await rig.look(probe_round(*probes))
        assert {reading.value for reading in readings.values()} == {NOT_OK}
        assert sum(reading.duration_s for reading in readings.values()) >= 20 * 0.5
        spread = [reading.at for reading in readings.values()]
        assert max(spread) == min(spread)

    with_pool(body)


def test_a_round_without_probes_is_answered() -> None:
    async def body(rig: PoolRig) -> None:
        assert await rig.look(probe_round()) == {}

    with_pool(body)


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_connections_are_marked_for_the_network_as_the_process_was_told(
    host: str, family: socket.AddressFamily
) -> None:
    async def mark_of(port: int) -> int:
        made = await connect(host, port, Deadline(10.0))
        assert isinstance(made, socket.socket)
        with made:
            if family == socket.AF_INET6:
                return made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
            return made.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)

    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        try:
            for dscp in (0, 16, 0):
                mark_connections(dscp)
                assert uvloop.run(mark_of(port)) == dscp << 2
        finally:
            mark_connections(0)


def test_a_worker_is_told_how_to_mark_what_it_connects_to() -> None:
    async def body(rig: PoolRig) -> list[str]:
        [pid] = rig.pool.pids()
        return psutil.Process(pid).cmdline()

    command = with_pool(body, dscp=16)
    assert command[command.index("--dscp") + 1] == "16"
