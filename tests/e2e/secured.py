"""A real daemon behind TLS, with an authority, and people and machines with certificates and tokens of every role."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import grpc

from error_recovery.security import Security, open_channel
from tests.e2e.daemon_process import DaemonProcess
from tests.fakes.authority import Authority, Issued

DEFINITIONS = "version: 1\n"
OPTIONS = (("grpc.use_local_subchannel_pool", 1),)


_held: list[socket.socket] = []


def free_port() -> int:
    """Nobody listens at it, and nobody else is given it while the tests run: it stays bound, beside whoever listens at it later."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    _held.append(one)
    return int(one.getsockname()[1])


class Secured:
    """`daemon` asks for certificates; each role has one of its name. `more`: lines for recovery.conf, in [access]."""

    def __init__(self, directory: Path, definitions: str = DEFINITIONS, more: str = "") -> None:
        self.directory = directory
        self.authority = Authority(directory / "authority")
        self.files = directory / "tls"
        self.files.mkdir()
        self.tokens = self.files / "tokens"
        self.tokens.touch(0o600)
        self.roles = {role: self.authority.issue(role) for role in ("reporter", "application", "auditor", "operator")}
        self.install(self.authority.issue("daemon", "DNS:localhost,IP:127.0.0.1"))
        self.trust(self.authority)
        self.daemon = DaemonProcess(
            directory / "d",
            definitions,
            self._settings(more),
            listen=f"127.0.0.1:{free_port()}",
            connect=lambda address: open_channel(address, self.security("operator"), OPTIONS)[0],
        )

    def _settings(self, more: str) -> str:
        names = "\n".join(f"{role} = [{json.dumps(role)}]" for role in self.roles)
        return (
            f"[tls]\ncertificate = {json.dumps(str(self.files / 'cert.pem'))}\nkey = {json.dumps(str(self.files / 'key.pem'))}\n"
            f"client_ca = {json.dumps(str(self.files / 'clients.pem'))}\n"
            f"[access]\ntokens = {json.dumps(str(self.tokens))}\n{more}\n[access.certificates]\n{names}\n"
        )

    def install(self, issued: Issued) -> None:
        """Put this certificate where the daemon finds it, as certbot does it: each file whole, one after the other."""
        for file, name in ((issued.certificate, "cert.pem"), (issued.key, "key.pem")):
            self._put(name, file.read_bytes())

    def trust(self, authority: Authority) -> None:
        self._put("clients.pem", authority.certificate.read_bytes())

    def _put(self, name: str, content: bytes) -> None:
        new = self.files / f"{name}.new"
        new.touch(0o600)
        new.write_bytes(content)
        new.replace(self.files / name)

    def security(self, role: str = "", token_file: str = "") -> Security:
        own = self.roles.get(role)
        return Security(
            tls_ca=str(self.authority.certificate),
            tls_cert=str(own.certificate) if own else "",
            tls_key=str(own.key) if own else "",
            token_file=token_file,
        )

    def channel(self, role: str) -> grpc.Channel:
        return open_channel(self.daemon.address, self.security(role), OPTIONS)[0]

    def new_token(self, name: str, role: str) -> Path:
        """A file with a token that the daemon knows, from its next look at its file on."""
        command = [sys.executable, "-m", "error_daemon", "--new-token", name, role]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        with self.tokens.open("a") as tokens:
            tokens.write(done.stderr)
        file = self.directory / f"{name}.token"
        file.touch(0o600)
        file.write_text(done.stdout)
        return file

    def cli(self, *arguments: str, role: str = "", **options: str) -> subprocess.CompletedProcess[str]:
        """error-cli with the certificate of a role; `options` are --tls-ca and so on, and win."""
        security = self.security(role)
        wanted = {"tls_ca": security.tls_ca, "tls_cert": security.tls_cert, "tls_key": security.tls_key, **options}
        shared = [f"--{name.replace('_', '-')}={value}" for name, value in wanted.items() if value]
        command = [sys.executable, "-m", "error_cli", *shared, *arguments]
        environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": self.daemon.address, "COLUMNS": "200"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        return done
