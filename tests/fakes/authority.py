"""A certification authority of the tests, by the program `openssl`: certificates as people have them, with names, and out of date."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OPENSSL = shutil.which("openssl")
PAST = "20200101000000Z", "20200201000000Z"  # came and went
NOW = "20200101000000Z", "20991231235959Z"

_CONFIGURATION = """
[ca]
default_ca = this
[this]
new_certs_dir = {0}
database = {0}/index.txt
serial = {0}/serial
certificate = {0}/ca.pem
private_key = {0}/ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Issued:
    certificate: Path
    key: Path


class Authority:
    """`alternative_names` as openssl writes them: "DNS:a.example,IP:10.0.0.1"."""

    def __init__(self, directory: Path, name: str = "tests") -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self._issued = 0
        (directory / "index.txt").touch()
        (directory / "serial").write_text("1000\n")
        (directory / "ca.cnf").write_text(_CONFIGURATION.format(directory))
        self._run(
            "req", "-x509", *_NEW_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", f"/CN={name}"
        )

    def issue(self, common_name: str, alternative_names: str = "", valid: tuple[str, str] = NOW) -> Issued:
        self._issued += 1
        key, request, certificate = (f"{self._issued}.{kind}" for kind in ("key", "csr", "pem"))
        extra = ("-addext", f"subjectAltName={alternative_names}") if alternative_names else ()
        self._run("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}", *extra)
        dates = ("-startdate", valid[0], "-enddate", valid[1])
        self._run("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", request, "-out", certificate, *dates)
        (self.directory / key).chmod(0o600)
        return Issued(self.directory / certificate, self.directory / key)

    def _run(self, *arguments: str) -> None:
        assert OPENSSL is not None
        done = subprocess.run([OPENSSL, *arguments], cwd=self.directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
