"""Syslog on real sockets of this host: every way in, and what becomes of what cannot be taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging.handlers
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from error_daemon.calls import Transport
from error_daemon.errors import Denied, TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.syslog.receiver import SyslogReceiver
from error_daemon.ingest.syslog.streams import Streams
from error_daemon.listening.listener import Listener
from error_daemon.model.access import Caller, Peer, Role
from error_daemon.runtime.clock import SteadyClock
from error_daemon.setting_values import SyslogAddress
from error_recovery.v1 import fault_pb2
from tests.fakes.authority import Authority
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OPERATOR, OpenGate
from tests.fakes.shown_credentials import Shown
from tests.rpc.serving import run, until

UDP, TCP, TLS = SyslogAddress("udp", "127.0.0.1"), SyslogAddress("tcp", "127.0.0.1"), SyslogAddress("tls", "127.0.0.1")
LOGGER = shutil.which("logger")


def unix(path: Path) -> SyslogAddress:
    return SyslogAddress("unix", str(path))


@dataclass
class Syslog:
    receiver: SyslogReceiver
    acceptance: Acceptance
    intake: ListedIntake
    gate: OpenGate
    problems: list[str]

    def messages(self) -> list[str]:
        return [fault_pb2.Fault.FromString(payload).message for payload in self.intake.taken]

    async def until_taken(self, count: int) -> None:
        await until(lambda: len(self.intake.taken) >= count)

    def port(self) -> int:
        return int(self.receiver.addresses[0].rpartition(":")[2])


@asynccontextmanager
async def syslog(
    *addresses: SyslogAddress,
    gate: OpenGate | None = None,
    transport: Transport | None = None,
    networks: Sequence[str] = (),
    level: str = "err",
) -> AsyncIterator[Syslog]:
    gate, intake, problems = gate or OpenGate(), ListedIntake(), list[str]()
    acceptance = Acceptance(intake, gate, is_durable=False)
    receiver = SyslogReceiver(
        acceptance,
        gate,
        SteadyClock(),
        transport=transport or Transport(),
        level=level,
        networks=networks,
        on_problem=problems.append,
    )
    await receiver.start(addresses)
    try:
        yield Syslog(receiver, acceptance, intake, gate, problems)
    finally:
        await receiver.stop()


def test_pythons_own_handler_is_understood_over_udp_tcp_and_a_unix_socket(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "log"
        async with syslog(UDP, TCP, unix(path)) as one:
            udp, tcp, _ = (address.rpartition(":")[2] for address in one.receiver.addresses)
            handlers = (
                logging.handlers.SysLogHandler(("127.0.0.1", int(udp))),
                logging.handlers.SysLogHandler(("127.0.0.1", int(tcp)), socktype=socket.SOCK_STREAM),
                logging.handlers.SysLogHandler(str(path)),
            )
            for count, handler in enumerate(handlers, start=1):
                await asyncio.to_thread(_log, handler)
                await one.until_taken(count)
                await asyncio.to_thread(handler.close)
            assert one.messages() == ["order 7 failed"] * 3
            fault = fault_pb2.Fault.FromString(one.intake.taken[0])
            assert (fault.exception.type, fault.context.node) == ("ValueError", "127.0.0.1")
            assert path.stat().st_mode & 0o777 == 0o660
        assert not path.exists()

    run(test())


def _log(handler: logging.Handler) -> None:
    handler.setFormatter(logging.Formatter("%(message)s"))
    try:
        raise ValueError("no stock")
    except ValueError as error:
        raised = (ValueError, error, error.__traceback__)
    handler.emit(logging.LogRecord("shop", logging.ERROR, "shop.py", 1, "order %s failed", (7,), raised))


@pytest.mark.skipif(LOGGER is None, reason="logger(1) is of bsdutils, which every Debian has")
@pytest.mark.parametrize("options", [["--udp"], ["--tcp"], ["--tcp", "--octet-count"], ["--udp", "--rfc3164"]])
def test_logger_of_the_shell_is_understood(options: list[str]) -> None:
    async def test() -> None:
        async with syslog(UDP if "--udp" in options else TCP) as one:
            command = [
                str(LOGGER),
                *options,
                "--server",
                "127.0.0.1",
                "--port",
                str(one.port()),
                "--tag",
                "shop",
                "-p",
                "user.err",
            ]
            await asyncio.to_thread(subprocess.run, [*command, "it broke"], check=True, timeout=20)
            await one.until_taken(1)
            fault = fault_pb2.Fault.FromString(one.intake.taken[0])
            assert (fault.message, fault.context.component) == ("it broke", "shop")

    run(test())


def test_what_is_less_grave_than_was_asked_for_is_counted(tmp_path: Path) -> None:
    async def test() -> None:
        async with syslog(unix(tmp_path / "log"), level="crit") as one:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                for raw in (b"<11>err", b"no priority", b"<10>crit"):
                    sender.sendto(raw, f"{tmp_path}/log")
            await one.until_taken(1)
            assert one.messages() == ["crit"]
            assert one.acceptance.tally.passed_over == 2

    run(test())


def test_a_stream_waits_until_its_message_can_be_taken_and_nothing_of_it_is_lost() -> None:
    async def test() -> None:
        async with syslog(TCP, gate=OpenGate(most_faults=0, retry_after_s=0.01)) as one:
            _, writer = await asyncio.open_connection("127.0.0.1", one.port())
            for number in range(200):
                writer.write(b"<11>%d\n" % number)
            writer.write(b"<11>last")
            writer.close()
            await until(lambda: one.acceptance.tally.put_off > 2)
            assert one.messages() == []
            one.gate.most_faults = 1
            await one.until_taken(201)
            assert one.messages() == [*map(str, range(200)), "last"]

    run(test())


def test_a_stream_that_nobody_can_read_ends_after_what_was_whole() -> None:
    async def test() -> None:
        async with syslog(TCP) as one:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port())
            writer.write(b"<11>before\n12x nonsense")
            assert await reader.read() == b""
            assert one.messages() == ["before"]
            writer.close()

    run(test())


def test_a_datagram_that_cannot_be_taken_is_lost_and_counted() -> None:
    async def test() -> None:
        async with syslog(UDP, gate=OpenGate(most_faults=0)) as one:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"<11>lost", ("127.0.0.1", one.port()))
            await until(lambda: one.acceptance.tally.put_off == 1)

    run(test())


def test_who_may_not_report_is_not_heard() -> None:
    async def test() -> None:
        gate = OpenGate()
        gate.refusal = Denied("not for you", "ROLE_MISSING", {})
        async with syslog(TCP, UDP, gate=gate) as one:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port())
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"<11>x", ("127.0.0.1", int(one.receiver.addresses[1].rpartition(":")[2])))
            await until(lambda: len(gate.seen) == 2)
            assert one.intake.taken == []

    run(test())


def test_a_sender_of_a_network_that_is_believed_may_report_and_no_more() -> None:
    async def test() -> None:
        gate = OpenGate()
        gate.refusal = Denied("not for you", "ROLE_MISSING", {})
        async with syslog(UDP, gate=gate, networks=["127.0.0.0/8"]) as one:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"<11>x", ("127.0.0.1", one.port()))
            await one.until_taken(1)
            assert (one.intake.trusted, gate.seen) == ([False], [])
            assert [caller.roles for caller in gate.asked_for_faults] == [frozenset({Role.REPORTER})]

    run(test())


def test_an_ipv4_sender_on_a_socket_for_both_is_of_its_ipv4_network() -> None:
    async def test() -> None:
        gate = OpenGate()
        gate.refusal = Denied("not for you", "ROLE_MISSING", {})
        async with syslog(gate=gate, networks=["10.0.0.0/8"]) as one:
            mapped = one.receiver.caller_of(Peer("::ffff:10.0.0.5"))
            assert mapped is not None
            assert (mapped.key, mapped.roles) == ("10.0.0.5", frozenset({Role.REPORTER}))
            assert one.receiver.caller_of(Peer("::ffff:11.0.0.5")) is None

    run(test())


def test_who_may_not_report_is_counted_and_the_first_is_told_of() -> None:
    async def test() -> None:
        gate = OpenGate()
        gate.refusal_of_addresses = Denied("calls from 10.0.0.5 are not taken", "ADDRESS_NOT_ALLOWED", {})
        async with syslog(gate=gate, networks=["10.0.0.0/8"]) as one:
            assert [one.receiver.caller_of(Peer("10.0.0.5")) for _ in range(3)] == [None] * 3
            assert (one.acceptance.tally.denied, len(one.problems)) == (3, 1)
            assert "access.allow" in one.problems[0]

    run(test())


def test_over_tls_a_certificate_says_who_sends(tmp_path: Path) -> None:
    async def test() -> None:
        authority = Authority(tmp_path / "authority")
        transport = Transport(Shown(authority.issue("localhost", "DNS:localhost"), authority.certificate))
        async with syslog(TLS, transport=transport) as one:
            context = ssl.create_default_context(cafile=str(authority.certificate))
            mine = authority.issue("web-1.example", "DNS:web-1.example")
            context.load_cert_chain(mine.certificate, mine.key)
            _, writer = await asyncio.open_connection("127.0.0.1", one.port(), ssl=context, server_hostname="localhost")
            writer.write(b"7 <11>tls")
            await one.until_taken(1)
            [(peer, action)] = one.gate.seen
            assert ("web-1.example" in peer.certificate_names, action) == (True, "syslog")
            writer.close()

    run(test())


def test_an_address_that_cannot_be_had_is_told_of_and_the_others_are_served() -> None:
    async def test() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            address = SyslogAddress("udp", "127.0.0.1", taken.getsockname()[1])
            async with syslog(address, UDP) as one:
                assert len(one.receiver.addresses) == 1
                assert [f"syslog is not taken at {address}" in problem for problem in one.problems] == [True]

    run(test())


def test_a_flood_on_a_stream_leaves_others_their_turns() -> None:
    async def test() -> None:
        async with syslog(TCP) as one:
            _, writer = await asyncio.open_connection("127.0.0.1", one.port())
            writer.write(b"<0>a\n" * 20_000)
            await one.until_taken(1)
            turns, longest = 0, 0
            while (before := len(one.intake.taken)) < 20_000:
                await asyncio.sleep(0)
                turns += 1
                longest = max(longest, len(one.intake.taken) - before)
            assert turns > 20
            assert longest < 5_000
            writer.close()

    run(test())


def test_what_a_lost_connection_had_sent_is_taken_to_its_end() -> None:
    async def test() -> None:
        async with syslog(TCP) as one:
            _, writer = await asyncio.open_connection("127.0.0.1", one.port())
            writer.write(b"<0>a\n" * 5_000 + b"<0>last")
            writer.close()
            await one.until_taken(5_001)
            assert one.messages()[-1] == "last"

    run(test())


def test_a_file_at_the_path_of_a_socket_is_left_alone_and_told_of(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "precious"
        path.write_text("of somebody")
        async with syslog(unix(path)) as one:
            assert one.receiver.addresses == []
            assert "no socket" in one.problems[0]
        with pytest.raises(TransientError, match="no socket"):
            await Listener(asyncio.Protocol, Transport(), (), 1.0).start(f"unix:{path}", "http.listen")
        assert path.read_text() == "of somebody"

    run(test())


def test_what_breaks_in_one_stream_ends_that_one_and_no_other() -> None:
    async def test() -> None:
        taken, bugs = list[bytes](), list[Exception]()

        def take(raw: bytes, _caller: Caller, _sender: str) -> float:
            if raw == b"<0>breaks":
                raise KeyError(raw)
            taken.append(raw)
            return 0.0

        streams = Streams(lambda _peer: OPERATOR, take, bugs.append)
        server = await asyncio.get_running_loop().create_server(streams.new, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        (reader, breaks), (_, other) = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        breaks.write(b"<0>breaks\n<0>never\n")
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        other.write(b"<0>other\n")
        await until(lambda: taken == [b"<0>other"])
        assert [type(bug) for bug in bugs] == [KeyError]
        for writer in (breaks, other):
            writer.close()
        streams.abort()
        server.close()

    run(test())


def test_where_there_is_no_place_the_one_that_was_silent_for_longest_makes_it() -> None:
    async def test() -> None:
        taken, bugs = list[bytes](), list[Exception]()

        def take(raw: bytes, _caller: Caller, _sender: str) -> float:
            taken.append(raw)
            return 0.0

        streams = Streams(lambda _peer: OPERATOR, take, bugs.append, most_connections=2)
        server = await asyncio.get_running_loop().create_server(streams.new, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for number, (_, writer) in enumerate(reversed(opened)):
            writer.write(b"<0>here\n")
            await until(lambda: len(taken) == number + 1)  # noqa: B023
        _, third = await asyncio.open_connection("127.0.0.1", port)
        third.write(b"<0>third\n")
        await until(lambda: taken[-1] == b"<0>third")
        with contextlib.suppress(ConnectionResetError):
            assert await opened[1][0].read() == b""  # it spoke first, and was silent since
        opened[0][1].write(b"<0>again\n")
        await until(lambda: taken[-1] == b"<0>again")
        for writer in (third, *(writer for _, writer in opened)):
            writer.close()
        streams.abort()
        server.close()

    run(test())
