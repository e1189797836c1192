"""How the client reaches a daemon securely: what it reads, what it refuses to send, and that renewed files are used."""

from __future__ import annotations

from concurrent import futures
from pathlib import Path

import grpc
import pytest

from error_recovery.delivery import Answer, Away, GrpcWire, record_of
from error_recovery.security import Insecure, Security, is_of_this_host, open_channel, token
from error_recovery.v1 import fault_pb2
from tests.fakes.authority import OPENSSL, Authority

BATCH = [record_of(fault_pb2.Fault(message="it broke"))]
PATIENCE_S = 20.0


def token_file(directory: Path, text: str = "ert_x\n", mode: int = 0o600) -> str:
    file = directory / "token"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def test_what_the_environment_says_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Security.of_environment() == Security()
    monkeypatch.setenv("ERROR_RECOVERY_TLS_CA", "/ca.pem")
    monkeypatch.setenv("ERROR_RECOVERY_TOKEN_FILE", "/token")
    assert Security.of_environment() == Security(tls_ca="/ca.pem", token_file="/token")


@pytest.mark.parametrize("address", ["10.0.0.7:50051", "daemon.example:50051", "[2001:db8::7]:50051"])
def test_a_token_is_not_sent_in_clear_to_another_host(tmp_path: Path, address: str) -> None:
    assert not is_of_this_host(address)
    with pytest.raises(Insecure, match="in clear: use TLS"):
        open_channel(address, Security(token_file=token_file(tmp_path)), ())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/x"])
def test_on_this_host_it_is(tmp_path: Path, address: str) -> None:
    assert is_of_this_host(address)
    channel, metadata = open_channel(address, Security(token_file=token_file(tmp_path)), ())
    channel.close()
    assert metadata == (("authorization", "Bearer ert_x"),)


@pytest.mark.parametrize("text", ["", "\n ert", "é\n", "a\x01b\n"])
def test_what_is_no_token_is_not_sent(tmp_path: Path, text: str) -> None:
    with pytest.raises(Insecure, match="is not a token"):
        token(token_file(tmp_path, text))


def test_a_token_that_everybody_of_the_host_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Insecure, match="chmod 600"):
        token(token_file(tmp_path, mode=0o604))
    assert token(token_file(tmp_path, mode=0o640)) == "ert_x"


def test_files_that_are_not_there_keep_faults_and_say_why() -> None:
    for security in (Security(token_file="/nowhere"), Security(tls_ca="/nowhere"), Security(tls_cert="/nowhere")):
        answer = GrpcWire("127.0.0.1:1", security).send(BATCH, PATIENCE_S)
        assert isinstance(answer, Away)
        assert "No such file" in answer.reason


class TlsServer:
    """Answers every batch, over TLS, to whom `authority` vouches for."""

    def __init__(self, authority: Authority) -> None:
        own = authority.issue("daemon", "IP:127.0.0.1")
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        answer = fault_pb2.ReportBatchResponse(accepted=1).SerializeToString()
        handler = grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)
        service = grpc.method_handlers_generic_handler("error_recovery.v1.FaultService", {"ReportBatch": handler})
        self.server.add_generic_rpc_handlers((service,))
        credentials = grpc.ssl_server_credentials(
            [(own.key.read_bytes(), own.certificate.read_bytes())], authority.certificate.read_bytes(), True
        )
        self.address = f"127.0.0.1:{self.server.add_secure_port('127.0.0.1:0', credentials)}"
        self.server.start()


@pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")
def test_a_certificate_that_was_renewed_is_shown_with_the_next_attempt(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    server = TlsServer(authority)
    own = tmp_path / "own.pem"
    for issuer, expected in ((other, Away), (authority, Answer)):
        issued = issuer.issue("shop")
        own.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
        if issuer is other:
            wire = GrpcWire(server.address, Security(tls_ca=str(authority.certificate), tls_cert=str(own)))
        assert isinstance(wire.send(BATCH, PATIENCE_S), expected)
    wire.close()
    server.server.stop(None).wait()
