"""What every gRPC server here keeps of security: the gate is asked of every call, TLS shows what is current, and peers are told truly."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from error_daemon.calls import Call, Method, Service, Shape, Transport
from error_daemon.errors import Denied, TransientError, Unidentified
from error_daemon.model.access import Peer
from tests.fakes.authority import OPENSSL, PAST, Authority, Issued
from tests.fakes.open_gate import OpenGate
from tests.fakes.shown_credentials import Shown
from tests.rpc.serving import EOF, SERVERS, Channel, MakeServer, run, served, serving, soon, until

NAME = "error_daemon.test.Echo"
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")


@pytest.fixture(params=SERVERS)
def make(request: pytest.FixtureRequest) -> MakeServer:
    return SERVERS[request.param]


class Echo:
    """A method of every shape; counts what got through."""

    def __init__(self) -> None:
        self.served = 0
        self.go_on = asyncio.Event()

    def service(self) -> Service:
        read, write = StringValue.FromString, StringValue.SerializeToString
        return Service(
            NAME,
            (
                Method("Now", Shape.UNARY, self.now, read, write),
                Method("Hold", Shape.UNARY, self.hold, read, write),
                Method("Letters", Shape.SERVER_STREAM, self.letters, read, write),
                Method("Each", Shape.BIDI_STREAM, self.each, read, write),
            ),
        )

    def now(self, request: StringValue, call: Call) -> StringValue:
        self.served += 1
        return StringValue(value=call.caller.key)

    async def hold(self, request: StringValue, _call: Call) -> StringValue:
        self.served += 1
        await self.go_on.wait()
        return request

    async def letters(self, request: StringValue, _call: Call) -> AsyncIterator[StringValue]:
        self.served += 1
        yield request

    async def each(self, requests: AsyncIterator[StringValue], _call: Call) -> AsyncIterator[StringValue]:
        self.served += 1
        async for request in requests:
            yield request


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "a")


@pytest.fixture(scope="module")
def of_daemon(authority: Authority) -> Issued:
    return authority.issue("daemon", "DNS:localhost,IP:127.0.0.1")


def client(address: str, ca: Authority, own: Issued | None = None) -> Channel:
    key, certificate = (own.key.read_bytes(), own.certificate.read_bytes()) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(ca.certificate.read_bytes(), key, certificate)
    return grpc.aio.secure_channel(address, credentials, options=[("grpc.use_local_subchannel_pool", 1)])


async def now(channel: Channel, **options: object) -> str:
    call = channel.unary_unary(
        f"/{NAME}/Now",
        request_serializer=StringValue.SerializeToString,
        response_deserializer=StringValue.FromString,
    )
    answer: StringValue = await soon(call(StringValue(value="x"), **options))
    return answer.value


async def code_of(channel: Channel) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await now(channel)
    return failed.value.code()


async def refused(call: object) -> tuple[grpc.StatusCode, status_pb2.Status]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await soon(_first(call))
    metadata: Any = failed.value.trailing_metadata()
    return failed.value.code(), status_pb2.Status.FromString(metadata["grpc-status-details-bin"])


async def _first(call: object) -> object:
    if isinstance(call, grpc.aio.UnaryUnaryCall):
        return await call
    read = await call.read()  # type: ignore[attr-defined]
    assert read is EOF
    raise AssertionError("the stream ended as if all were well")


# --- the gate


def test_a_refusal_of_the_gate_reaches_the_caller_of_every_shape_and_no_servicer(make: MakeServer) -> None:
    async def go() -> None:
        echo, gate = Echo(), OpenGate()
        gate.refusal = Denied("not for you", "ROLE_MISSING", {"needed": "operator"})
        async with serving([echo.service()], make=make, gate=gate) as channel:
            write = StringValue.SerializeToString
            some = StringValue(value="x")
            calls = [
                channel.unary_unary(f"/{NAME}/Now", write)(some),
                channel.unary_unary(f"/{NAME}/Hold", write)(some),
                channel.unary_stream(f"/{NAME}/Letters", write)(some),
                channel.stream_stream(f"/{NAME}/Each", write)(),
                reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(),
                health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest()),
                health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()),
            ]
            for call in calls:
                code, status = await refused(call)
                info = error_details_pb2.ErrorInfo()
                assert code is grpc.StatusCode.PERMISSION_DENIED
                assert status.message == "not for you"
                assert status.details[0].Unpack(info)
                assert (info.reason, info.domain, dict(info.metadata)) == (
                    "ROLE_MISSING",
                    "error-recovery",
                    {"needed": "operator"},
                )
        assert echo.served == 0
        assert {path for _, path in gate.seen} == {
            *(f"{NAME}/{method}" for method in ("Now", "Hold", "Letters", "Each")),
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "grpc.health.v1.Health/Check",
            "grpc.health.v1.Health/Watch",
        }

    run(go())


def test_who_is_not_known_and_who_calls_too_often_are_told_so_apart(make: MakeServer) -> None:
    async def go() -> None:
        gate = OpenGate()
        async with serving([Echo().service()], make=make, gate=gate) as channel:
            gate.refusal = Unidentified("who?", "NO_IDENTITY", {})
            assert await code_of(channel) is grpc.StatusCode.UNAUTHENTICATED
            gate.refusal = TransientError("slower", 0.5)
            code, status = await refused(channel.unary_unary(f"/{NAME}/Now")(b""))
            retry = error_details_pb2.RetryInfo()
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert status.details[0].Unpack(retry)
            assert retry.retry_delay.ToMilliseconds() == 500

    run(go())


def test_the_servicer_is_told_whom_the_gate_saw(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            assert await now(channel) == "test"

    run(go())


# --- peers


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:0", Peer("127.0.0.1")), ("[::1]:0", Peer("::1")), ("unix:{}/s", Peer(is_unix=True))],
)
def test_the_gate_is_told_where_the_call_is_from(
    make: MakeServer, tmp_path: Path, address: str, expected: Peer
) -> None:
    async def go() -> None:
        for reads_tokens in (False, True):
            gate = OpenGate(reads_tokens=reads_tokens)
            async with serving([Echo().service()], make=make, gate=gate, address=address.format(tmp_path)) as channel:
                await now(channel)
                await now(channel)
            found = {Peer(peer.address, peer.is_unix) for peer, _ in gate.seen}
            assert {peer.unix_uid for peer, _ in gate.seen} <= {None, os.getuid() if expected.is_unix else None}
            assert found == {expected}

    run(go())


@pytest.mark.parametrize(
    ("metadata", "token"),
    [
        ((("authorization", "Bearer ert_x"),), "ert_x"),
        ((("authorization", "bearer  ert_x"),), "ert_x"),
        ((("authorization", "Basic eDp5"), ("x", "y")), ""),
        ((), ""),
    ],
)
def test_a_token_is_read_where_the_gate_reads_tokens(
    make: MakeServer, metadata: tuple[tuple[str, str], ...], token: str
) -> None:
    async def go() -> None:
        for reads_tokens, expected in ((True, token), (False, "")):
            gate = OpenGate(reads_tokens=reads_tokens)
            async with serving([Echo().service()], make=make, gate=gate) as channel:
                await now(channel, metadata=metadata)
            assert [peer.token for peer, _ in gate.seen] == [expected]

    run(go())


# --- TLS


@needs_openssl
def test_the_names_in_a_verified_certificate_reach_the_gate(
    make: MakeServer, authority: Authority, of_daemon: Issued
) -> None:
    async def go() -> None:
        gate = OpenGate()
        ann = authority.issue("ann", "DNS:web-1.example,email:ann@example.org,URI:spiffe://x/y,IP:10.0.0.1")
        transport = Transport(Shown(of_daemon, authority.certificate))
        server = served([Echo().service()], make=make, gate=gate, transport=transport)
        async with server as address, client(address, authority, ann) as channel:
            await now(channel)
        [(peer, _)] = gate.seen
        assert (peer.address, peer.is_encrypted, peer.is_unix) == ("127.0.0.1", True, False)
        assert set(peer.certificate_names) == {"ann", "web-1.example", "ann@example.org", "spiffe://x/y", "10.0.0.1"}

    run(go())


@needs_openssl
def test_without_a_certificate_that_our_authority_vouches_for_and_that_is_good_nobody_gets_in(
    make: MakeServer, authority: Authority, of_daemon: Issued, tmp_path: Path
) -> None:
    async def go() -> None:
        gate = OpenGate()
        stranger = Authority(tmp_path / "b").issue("ann")
        transport = Transport(Shown(of_daemon, authority.certificate))
        async with served([Echo().service()], make=make, gate=gate, transport=transport) as address:
            for own in (None, stranger, authority.issue("ann", valid=PAST)):
                async with client(address, authority, own) as channel:
                    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE
            async with grpc.aio.insecure_channel(address) as channel:
                assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE
        assert gate.seen == []

    run(go())


@needs_openssl
def test_without_authorities_of_callers_nobody_is_asked_for_a_certificate(
    make: MakeServer, authority: Authority, of_daemon: Issued
) -> None:
    async def go() -> None:
        gate = OpenGate(reads_tokens=True)
        server = served([Echo().service()], make=make, gate=gate, transport=Transport(Shown(of_daemon)))
        async with server as address, client(address, authority, authority.issue("ann")) as channel:
            await now(channel, metadata=(("authorization", "Bearer ert_x"),))
        assert [peer for peer, _ in gate.seen] == [Peer("127.0.0.1", is_encrypted=True, token="ert_x")]

    run(go())


@needs_openssl
def test_a_new_certificate_is_shown_to_new_connections_and_calls_under_way_go_on(
    make: MakeServer, authority: Authority, of_daemon: Issued, tmp_path: Path
) -> None:
    async def go() -> None:
        echo, other = Echo(), Authority(tmp_path / "b", "other")
        shown = Shown(of_daemon)
        server = served([echo.service()], make=make, transport=Transport(shown))
        async with server as address, client(address, authority) as before, client(address, other) as after:
            holding = before.unary_unary(f"/{NAME}/Hold")(b"")
            await until(lambda: echo.served > 0)
            assert await code_of(after) is grpc.StatusCode.UNAVAILABLE
            shown.show(other.issue("daemon", "IP:127.0.0.1"))
            await now(after, wait_for_ready=True)
            await now(before)
            async with client(address, authority) as late:
                assert await code_of(late) is grpc.StatusCode.UNAVAILABLE
            echo.go_on.set()
            assert await soon(holding) == b""

    run(go())


@needs_openssl
def test_a_client_whose_authority_is_no_longer_ours_is_refused_with_its_next_connection(
    make: MakeServer, authority: Authority, of_daemon: Issued, tmp_path: Path
) -> None:
    async def go() -> None:
        ann, other = authority.issue("ann"), Authority(tmp_path / "b")
        shown = Shown(of_daemon, authority.certificate)
        async with served([Echo().service()], make=make, transport=Transport(shown)) as address:
            async with client(address, authority, ann) as channel:
                await now(channel)
            shown.show(of_daemon, other.certificate)
            async with client(address, authority, ann) as channel:
                assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE
            async with client(address, authority, other.issue("ann")) as channel:
                await now(channel)

    run(go())


@needs_openssl
def test_a_connection_that_is_too_old_is_replaced_by_a_new_one(
    make: MakeServer, authority: Authority, of_daemon: Issued
) -> None:
    async def go() -> None:
        transport = Transport(Shown(of_daemon), longest_connection_s=0.5)
        async with (
            served([Echo().service()], make=make, transport=transport) as address,
            client(address, authority) as channel,
        ):
            await now(channel)
            state = channel.get_state()
            while state is grpc.ChannelConnectivity.READY:
                await soon(channel.wait_for_state_change(state))
                state = channel.get_state()
            await now(channel, wait_for_ready=True)

    run(go())


# --- the mark for the network


def test_what_is_sent_is_marked(make: MakeServer) -> None:
    async def go() -> None:
        for dscp in (0, 16):
            server = served([Echo().service()], make=make, transport=Transport(dscp=dscp))
            async with server as address, grpc.aio.insecure_channel(address) as channel:
                await now(channel)
                marks = set(_marks_of_connections(int(address.rpartition(":")[2])))
            assert marks == {dscp << 2}

    run(go())


def _marks_of_connections(port: int) -> list[int]:
    """IP_TOS of every socket of this process that has this port at its own end."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as one:
                if one.family == socket.AF_INET6 and one.getsockname()[1] == port:
                    found.append(one.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS))
                elif one.family == socket.AF_INET and one.getsockname()[1] == port:
                    found.append(one.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))
        except OSError:
            continue
    return found


def test_reflection_and_health_answer_whom_the_gate_admits(make: MakeServer) -> None:
    async def go() -> None:
        async with serving([Echo().service()], make=make) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            answer = await soon(call.read())
            assert NAME in {service.name for service in answer.list_services_response.service}
            health = health_pb2_grpc.HealthStub(channel)
            watching = health.Watch(health_pb2.HealthCheckRequest())
            assert (await soon(watching.read())).status == health_pb2.HealthCheckResponse.SERVING
            watching.cancel()

    run(go())
