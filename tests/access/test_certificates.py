"""Certificates are tried before they are in force: what is wrong with them is said in words, with the file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from error_daemon.access.certificates import load_certificates
from error_daemon.errors import ConfigError
from error_daemon.settings import TlsSettings
from tests.fakes.authority import OPENSSL, PAST, Authority, Issued

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "a")


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    return authority.issue("daemon", "DNS:localhost")


def settings(certificate: Path, key: Path | str, client_ca: Path | str = "") -> TlsSettings:
    return TlsSettings(certificate=str(certificate), key=str(key), client_ca=str(client_ca))


def problem(of: TlsSettings) -> str:
    with pytest.raises(ConfigError) as caught:
        load_certificates(of)
    return str(caught.value)


def test_what_fits_is_loaded_with_its_end(authority: Authority, issued: Issued) -> None:
    loaded = load_certificates(settings(issued.certificate, issued.key, authority.certificate))
    assert loaded.credentials.certificate == issued.certificate.read_bytes()
    assert loaded.credentials.key == issued.key.read_bytes()
    assert loaded.credentials.client_ca == authority.certificate.read_bytes()
    assert loaded.expires_at == 4102444799.0  # the end of 2099
    assert "PRIVATE" not in repr(loaded)


def test_key_and_certificate_may_be_one_file(issued: Issued, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    assert "is not for its owner alone" in problem(settings(both, ""))
    both.chmod(0o600)
    assert load_certificates(settings(both, "")).credentials.client_ca is None


def test_a_chain_is_loaded_by_its_first_certificate(authority: Authority, issued: Issued, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(issued.certificate.read_bytes() + authority.certificate.read_bytes())
    assert load_certificates(settings(chain, issued.key)).expires_at == 4102444799.0


def test_the_key_of_another_certificate_is_refused(authority: Authority, issued: Issued) -> None:
    other = authority.issue("other")
    assert problem(settings(issued.certificate, other.key)).startswith(
        f"{other.key}: is not the key of {issued.certificate}"
    )


def test_a_certificate_that_has_expired_is_loaded_and_known_for_it(authority: Authority) -> None:
    old = authority.issue("old", valid=PAST)
    assert load_certificates(settings(old.certificate, old.key)).expires_at == 0.0


def test_a_key_that_others_may_read_is_refused(issued: Issued, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(issued.key.read_bytes())
    key.chmod(0o640)
    assert problem(settings(issued.certificate, key)) == (
        f"{key}: holds the key of the certificate, and its mode, 640, is not for its owner alone (chmod 600 {key})"
    )


def test_every_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = problem(settings(tmp_path / "c", tmp_path / "k", tmp_path / "a")).splitlines()
    assert [line.partition(": ")[2] for line in told] == [
        "the certificate cannot be read: No such file or directory",
        "the key of the certificate cannot be read: No such file or directory",
        "the authorities of callers cannot be read: No such file or directory",
    ]


def test_rubbish_is_refused_wherever_it_is(issued: Issued, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("no PEM")
    rubbish.chmod(0o600)
    assert "is not a certificate in PEM that can be used" in problem(settings(rubbish, issued.key))
    assert "is not a certificate in PEM that can be used" in problem(settings(issued.certificate, rubbish))
    assert f"{rubbish}: has no certificate of an authority in PEM" in problem(
        settings(issued.certificate, issued.key, rubbish)
    )


def test_an_encrypted_key_is_refused_and_nobody_is_asked(issued: Issued, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    assert OPENSSL is not None
    subprocess.run(
        [OPENSSL, "pkey", "-in", issued.key, "-aes256", "-passout", "pass:x", "-out", locked],
        check=True,
        capture_output=True,
    )
    locked.chmod(0o600)
    assert "the key cannot be used: is encrypted, and nobody is there" in problem(settings(issued.certificate, locked))
