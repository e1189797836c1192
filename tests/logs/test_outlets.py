"""What goes to the journal and to syslog servers, and what becomes of it when they are away."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.logs.journal import JournalLink, entry
from error_daemon.logs.outlet import Outlet, Unsendable
from error_daemon.logs.syslog import Origin, SyslogLink, framed, message, tls_context
from error_daemon.setting_values import parse_syslog
from tests.waiting import eventually

ORIGIN = Origin("host 7", 42, "1.2.3")
LINE = b'{"timestamp":"2026-09-21T14:13:20.250000Z","level":"recovery","event":"attempt","error_id":"e1"}'
PATIENCE_S = 30.0


def a_link(address: str, context: Callable[[], ssl.SSLContext] | None = None) -> SyslogLink:
    parsed = parse_syslog(address)
    assert parsed is not None
    return SyslogLink(parsed, ORIGIN, context or partial(tls_context, "", "", ""))


# --- the messages

SHAPE = re.compile(
    rb"<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    rb'((?:\[[a-zA-Z]+(?: [a-zA-Z]+="[^"]*")*\])+) (.*)',
    re.DOTALL,
)


def test_a_message_has_every_part_of_rfc_5424() -> None:
    match = SHAPE.fullmatch(message(LINE, 7, ORIGIN))
    assert match is not None
    assert match.groups() == (
        b"29",  # daemon.notice
        b"2026-09-21T14:13:20.250000Z",
        b"host_7",
        b"error_daemon",
        b"42",
        b"attempt",
        b'[meta sequenceId="7"][origin software="error-recovery" swVersion="1.2.3"]',
        LINE,
    )


@given(
    st.binary(max_size=100)
    | st.dictionaries(st.sampled_from(["event", "level", "x"]), st.text()).map(
        lambda fields: json.dumps(fields).encode()
    )
)
def test_every_line_makes_a_message(line: bytes) -> None:
    match = SHAPE.fullmatch(message(line, 1, ORIGIN))
    assert match is not None
    assert match[8] == line
    length, _, rest = framed(match[0]).partition(b" ")
    assert int(length) == len(rest)


def fields_of(raw: bytes) -> Mapping[str, str]:
    """A journal entry, read back."""
    found: dict[str, str] = {}
    while raw:
        first, _, rest = raw.partition(b"\n")
        name, sign, value = first.partition(b"=")
        if not sign:
            [size] = struct.unpack_from("<Q", rest)
            value, rest = rest[8 : 8 + size], rest[9 + size :]
        found[name.decode()] = value.decode()
        raw = rest
    return found


def test_the_journal_gets_every_field_by_name() -> None:
    found = fields_of(
        entry(b'{"level":"error","event":"bug","error_id":"e1","exception":"a\\nb","count":3,"odd key!":[1]}')
    )
    assert found == {
        "MESSAGE": "bug error_id=e1 exception=a\nb count=3 odd key!=[1]",
        "PRIORITY": "3",
        "SYSLOG_IDENTIFIER": "error_daemon",
        "ER_LEVEL": "error",
        "ER_EVENT": "bug",
        "ER_ERROR_ID": "e1",
        "ER_EXCEPTION": "a\nb",
        "ER_COUNT": "3",
        "ER_ODD_KEY": "[1]",
    }


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_every_field_has_a_name_that_the_journal_takes(fields: dict[str, object]) -> None:
    raw = entry(json.dumps(fields).encode())
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name) for name in fields_of(raw))


def test_what_is_no_line_cannot_be_sent() -> None:
    for line in (b"not json", b"[1]"):
        with pytest.raises(Unsendable):
            entry(line)


# --- to real sockets


@contextmanager
def datagrams(family: int, address: str | tuple[str, int]) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE_S)
        server.bind(address)
        yield server


def test_the_journal_takes_lines_small_and_large(tmp_path: Path) -> None:
    with datagrams(socket.AF_UNIX, str(tmp_path / "journal")) as journal:
        link = JournalLink(str(tmp_path / "journal"))
        link.send(LINE)
        assert fields_of(journal.recv(65536))["ER_ERROR_ID"] == "e1"
        link.send(json.dumps({"event": "large", "text": "x" * 1_000_000}).encode())
        _, rights, _, _ = journal.recvmsg(64, socket.CMSG_SPACE(4))
        [number] = struct.unpack("i", rights[0][2])
        with open(number, "rb") as file:
            file.seek(0)
            assert len(fields_of(file.read())["ER_TEXT"]) == 1_000_000
        link.close()


def test_udp_and_unix_servers_get_one_datagram_a_line(tmp_path: Path) -> None:
    with datagrams(socket.AF_INET, ("127.0.0.1", 0)) as udp, datagrams(socket.AF_UNIX, str(tmp_path / "log")) as unix:
        for server, address in ((udp, f"udp://127.0.0.1:{udp.getsockname()[1]}"), (unix, f"unix:{tmp_path}/log")):
            link = a_link(address)
            link.send(LINE)
            link.send(LINE)
            assert server.recv(65536) == message(LINE, 1, ORIGIN)
            assert server.recv(65536) == message(LINE, 2, ORIGIN)
            link.close()


def test_a_line_that_no_datagram_holds_is_not_sent() -> None:
    with datagrams(socket.AF_INET, ("127.0.0.1", 0)) as udp:
        link = a_link(f"udp://127.0.0.1:{udp.getsockname()[1]}")
        with pytest.raises(Unsendable):
            link.send(b"x" * 70_000)
        link.close()


class StreamServer:
    """Takes connections, one at a time; every message that it reads goes to `messages`."""

    def __init__(
        self, listening: socket.socket, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
    ) -> None:
        self.messages: Queue[bytes] = Queue()
        self.connections: Queue[socket.socket] = Queue()
        self._listening = listening
        self._wrap = wrap
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            try:
                connection = self._wrap(plain)
            except OSError:
                plain.close()
                continue
            self.connections.put(connection)
            self._read(connection)
            connection.close()

    def _read(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        try:
            while size := b"".join(iter(lambda: file.read(1).strip(), b"")):
                self.messages.put(file.read(int(size)))
        except (OSError, ValueError):
            pass


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_stream_counts_octets_and_is_opened_anew_when_the_server_closed_it(kind: str, tmp_path: Path) -> None:
    family, where = (socket.AF_INET, ("127.0.0.1", 0)) if kind == "tcp" else (socket.AF_UNIX, str(tmp_path / "log"))
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.bind(where)
        listening.listen()
        server = StreamServer(listening)
        link = a_link(f"unix:{tmp_path}/log" if kind == "unix" else f"tcp://127.0.0.1:{listening.getsockname()[1]}")
        link.send(LINE)
        assert server.messages.get(timeout=PATIENCE_S) == message(LINE, 1, ORIGIN)
        server.connections.get(timeout=PATIENCE_S).shutdown(socket.SHUT_RDWR)
        link.send(LINE)  # not into the connection that is over: it would be taken, and lost
        assert server.messages.get(timeout=PATIENCE_S) == message(LINE, 2, ORIGIN)
        link.close()


def test_a_stream_of_a_daemon_with_a_thousand_open_files_is_sent_to(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] < 1024:
            taken.append(os.dup(taken[0]))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            listening.bind(str(tmp_path / "log"))
            listening.listen()
            server = StreamServer(listening)
            link = a_link(f"unix:{tmp_path}/log")
            for number in (1, 2):
                link.send(LINE)
                assert server.messages.get(timeout=PATIENCE_S) == message(LINE, number, ORIGIN)
            link.close()
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with the key and the certificate of "localhost", which vouches for itself."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    done = subprocess.run([*command.split(), "-keyout", "-", "-out", "-"], capture_output=True, check=True, timeout=60)
    path.write_bytes(done.stdout)
    return path


def test_tls_checks_the_server_by_name_and_shows_our_certificate(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = StreamServer(listening, partial(context.wrap_socket, server_side=True))
        port = listening.getsockname()[1]
        ours = partial(tls_context, str(certificate), str(certificate), "")
        link = a_link(f"tls://localhost:{port}", ours)
        for sequence in (1, 2):
            link.send(LINE)
            assert server.messages.get(timeout=PATIENCE_S) == message(LINE, sequence, ORIGIN)
        link.close()
        with pytest.raises(ssl.SSLCertVerificationError, match="match"):
            a_link(f"tls://127.0.0.1:{port}", ours).send(LINE)
        with pytest.raises(ssl.SSLCertVerificationError):
            a_link(f"tls://localhost:{port}").send(LINE)


# --- the outlet


class FailingLink:
    """Fails until it is told not to."""

    name = "test"

    def __init__(self) -> None:
        self.fails = threading.Event()
        self.sent: list[bytes] = []
        self.tries = 0

    def send(self, line: bytes) -> None:
        self.tries += 1
        if line == b"never":
            raise Unsendable
        if line == b"odd":
            raise ValueError("filedescriptor out of range")
        if self.fails.is_set():
            raise ConnectionRefusedError(111, "Connection refused")
        self.sent.append(line)

    def close(self) -> None: ...


def test_an_outlet_sends_again_what_it_failed_with() -> None:
    link = FailingLink()
    link.fails.set()
    outlet = Outlet(link, 1000)
    outlet.start()
    outlet.offer(b"one\nnever\ntwo\n")
    eventually("it has failed", lambda: outlet.failures)
    assert "Connection refused" in outlet.problem
    link.fails.clear()
    eventually("all is sent", lambda: len(link.sent) == 2)
    outlet.end()
    assert link.sent == [b"one", b"two"]
    assert (outlet.sent, outlet.dropped, outlet.problem, outlet.waiting()) == (2, 1, "", 0)


def test_an_outlet_goes_on_after_a_failure_that_no_link_has() -> None:
    link = FailingLink()
    outlet = Outlet(link, 1000)
    outlet.start()
    outlet.offer(b"odd\n")
    eventually("it has failed", lambda: outlet.problem)
    assert "a bug: ValueError" in outlet.problem
    outlet.offer(b"two\n")
    eventually("the next is sent", lambda: link.sent == [b"two"])
    outlet.end()
    assert (outlet.sent, outlet.dropped, outlet.failures, outlet.problem) == (1, 1, 1, "")


def test_an_outlet_drops_the_oldest_when_its_queue_is_full() -> None:
    outlet = Outlet(FailingLink(), 40)
    for number in range(10):
        outlet.offer(b"line %d....\n" % number)
    assert (outlet.waiting(), outlet.dropped) == (4, 6)


def test_an_outlet_that_cannot_send_ends_all_the_same() -> None:
    link = FailingLink()
    link.fails.set()
    outlet = Outlet(link, 1000)
    outlet.start()
    outlet.offer(b"one\ntwo\n")
    eventually("it has failed", lambda: outlet.failures)
    outlet.end()
    assert outlet.dropped == 2


@pytest.mark.parametrize("address", ["udp://a:514", "tcp://10.0.0.1:601", "tls://[::1]:6514", "unix:/dev/log"])
def test_an_address_is_shown_as_it_was_written(address: str) -> None:
    assert str(parse_syslog(address)) == address


@pytest.mark.parametrize(
    "address", ["a:514", "udp://a", "udp://a:0", "udp://a:70000", "http://a:1", "unix:log", "tcp://a b:1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is not a syslog server"):
        parse_syslog(address)
