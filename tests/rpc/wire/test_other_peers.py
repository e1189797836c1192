"""
Peers that are not grpcio's: nghttp and h2load (nghttp2, C) and @grpc/grpc-js (JavaScript), each with HTTP/2 and gRPC of its own, in clear
and over TLS, where ALPN must give h2. On uvloop, as the daemon runs.

`make services` installs them; where they can't be had, these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from error_daemon.calls import Service, Transport
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.server import WireServer
from tests.fakes.authority import Issued
from tests.fakes.open_gate import OpenGate
from tests.fakes.shown_credentials import Shown
from tests.node_packages import NODE, needs_node, node_modules
from tests.rpc.serving import PATIENCE_S, Bugs, run
from tests.rpc.wire.calling import Echoes, message

NGHTTP, H2LOAD, OPENSSL = (shutil.which(name) for name in ("nghttp", "h2load", "openssl"))
CLIENT_JS = Path(__file__).parent / "grpc_js/client.mjs"
CALL = ("-H", "content-type: application/grpc", "-H", "te: trailers")
CALLS = 3000

needs_nghttp2 = pytest.mark.skipif(not (NGHTTP and H2LOAD), reason="make services installs nghttp and h2load")


@pytest.fixture(params=[False, True], ids=["in clear", "over TLS"])
def certificate(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """With its key in one file; None: without TLS."""
    if not request.param:
        return None
    assert OPENSSL is not None
    made = tmp_path / "certificate.pem"
    names = ("-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(made) + ".key")
    subprocess.run(
        [OPENSSL, "req", "-x509", *new, "-days", "2", *names, "-out", str(made)], check=True, capture_output=True
    )
    return made


def _transport(certificate: Path | None) -> Transport:
    if certificate is None:
        return Transport()
    return Transport(Shown(Issued(certificate, Path(f"{certificate}.key"))))


@asynccontextmanager
async def _serving(certificate: Path | None, violations: list[str] | None = None) -> AsyncIterator[str]:
    bugs, told = Bugs(), violations if violations is not None else []
    server = WireServer(
        WireLimits(1 << 20),
        bugs,
        lambda _peer, violation: told.append(violation.says),
        OpenGate(),
        _transport(certificate),
    )
    server.add(Service("test", tuple(Echoes().methods())))
    try:
        yield await server.start("127.0.0.1:0")
    finally:
        await server.stop(0)
    assert bugs.heard == []
    assert violations is not None or told == []


async def _said(*command: object, **environment: str) -> str:
    """What a program says, which must end well."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment}
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
    said = out.decode("utf-8", "replace")
    assert process.returncode == 0, said
    return said


def _url(address: str, certificate: Path | None) -> str:
    return f"{'https' if certificate else 'http'}://{address}/test/Say"


@needs_nghttp2
@pytest.mark.parametrize("size", [0, 5, 70_000])
def test_nghttp_gets_its_answer_and_its_trailers(certificate: Path | None, tmp_path: Path, size: int) -> None:
    async def go() -> None:
        body = tmp_path / "body"
        body.write_bytes(message(bytes(size)))
        async with _serving(certificate) as address:
            said = await _said(NGHTTP, "-v", "-n", "-y", "-d", body, *CALL, _url(address, certificate))
        assert re.search(r"recv \(stream_id=\d+\) :status: 200", said)
        assert re.search(r"recv \(stream_id=\d+\) grpc-status: 0", said)
        assert sum(map(int, re.findall(r"recv DATA frame <length=(\d+)", said))) == size + 5
        assert "recv SETTINGS frame" in said
        assert ("The negotiated protocol: h2" in said) is (certificate is not None)
        assert not re.search(r"recv (RST_STREAM|GOAWAY)", said)

    run(go())


@needs_nghttp2
@pytest.mark.parametrize(
    "options", [("-w", "8", "-W", "10"), ("--header-table-size=0",), ("-M", "3", "-m", "10"), ("-b", "90")]
)
def test_nghttp_gets_large_answers_whatever_its_windows_are(
    certificate: Path | None, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Windows of 255 and 1023 bytes, no table, ten at once, padding."""

    async def go() -> None:
        body = tmp_path / "body"
        body.write_bytes(message(bytes(200_000)))
        async with _serving(certificate) as address:
            said = await _said(NGHTTP, "-v", "-n", "-y", "-d", body, *options, *CALL, _url(address, certificate))
        times = said.count("grpc-status: 0")
        assert times == (10 if "-m" in options else 1)
        assert sum(map(int, re.findall(r"recv DATA frame <length=(\d+)", said))) == 200_005 * times
        assert not re.search(r"recv (RST_STREAM|GOAWAY)", said)

    run(go())


@needs_nghttp2
def test_nghttp_is_told_in_http_when_it_speaks_no_grpc(certificate: Path | None) -> None:
    async def go() -> None:
        async with _serving(certificate) as address:
            said = await _said(NGHTTP, "-v", "-y", _url(address, certificate))
        assert ":status: 415" in said
        assert "this port speaks gRPC" in said

    run(go())


@needs_nghttp2
@pytest.mark.parametrize("size", [20, 20_000])
def test_h2load_has_every_call_answered(certificate: Path | None, tmp_path: Path, size: int) -> None:
    async def go() -> None:
        body = tmp_path / "body"
        body.write_bytes(message(bytes(size)))
        load = ("-n", CALLS if size < 100 else CALLS // 10, "-c", 8, "-m", 32, "-d", body)
        async with _serving(certificate) as address:
            said = await _said(H2LOAD, *load, *CALL, _url(address, certificate))
        assert f"{load[1]} succeeded, 0 failed, 0 errored, 0 timeout" in said
        assert f"status codes: {load[1]} 2xx" in said
        assert "Application protocol: h2" in said

    run(go())


@needs_node("grpc_js")
def test_grpc_js_calls_every_shape(certificate: Path | None) -> None:
    async def go() -> None:
        async with _serving(certificate) as address:
            authority = [certificate] if certificate else []
            out = await _said(NODE, CLIENT_JS, address, *authority, NODE_PATH=str(node_modules("grpc_js")))
        [said] = [json.loads(line) for line in out.splitlines() if line.startswith("{")]  # node may warn of something
        assert said["empty"] == {"code": 0, "size": 0, "text": "", "trailing": {}}
        assert said["large"]["size"] == 300_000
        assert said["many"] == [str(number) for number in range(200)]
        assert said["packed"] == {"code": 0, "size": 100_000}
        assert said["counted"]["messages"] == ["0", "1", "2", "3", "4"]
        assert said["joined"] == {"code": 0, "text": "a+b+c"}
        assert (said["streamed"]["code"], said["streamed"]["messages"]) == (0, ["a", "", "c"])
        assert (said["pingPong"]["code"], said["pingPong"]["messages"]) == (0, ["one", "two", "three"])
        assert said["unimplemented"]["code"] == 12
        assert "no method /test/Never" in said["unimplemented"]["details"]
        assert said["late"]["code"] == 4
        assert said["cancelled"]["code"] == 1
        assert said["afterwards"]["text"] == "still"

    run(go())


def test_who_does_not_ask_for_h2_is_not_taken_for_a_peer_of_it(certificate: Path | None) -> None:
    """RFC 9113, 3.2: ALPN decides. Python's own client, which offers nothing, or HTTP/1.1 alone."""
    if certificate is None:
        pytest.skip("ALPN is TLS's")

    async def go() -> None:
        told: list[str] = []
        async with _serving(certificate, told) as address:
            for offered in ([], ["http/1.1"]):
                assert await _offering(address, certificate, offered) == b""
            assert (await _offering(address, certificate, ["h2"]))[3:4] == b"\x04"
        assert told == ["TLS, and ALPN did not give h2"] * 2

    run(go())


async def _offering(address: str, certificate: Path, protocols: list[str]) -> bytes:
    """The first that is heard."""
    context = ssl.create_default_context(cafile=str(certificate))
    if protocols:
        context.set_alpn_protocols(protocols)
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        return await asyncio.wait_for(reader.read(1 << 16), PATIENCE_S)
    except OSError:
        return b""
    finally:
        writer.transport.abort()
