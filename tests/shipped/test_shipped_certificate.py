"""60-certificate.yaml.example, used: a real nginx with TLS whose certificate runs out. What is signed by an authority elsewhere, the host
signs itself (examples/services/certbot.service)."""

from __future__ import annotations

import pytest

from tests.shipped.recovery_host import RecoveryHost

FAULT = ("the certificate expires soon", "--type", "security", "--component", "certificate/www.example.org")
SIGN = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=www.example.org"),
    *("-addext", "subjectAltName=DNS:www.example.org", "-keyout", "/etc/ssl/site.key", "-out", "/etc/ssl/site.pem"),
)


@pytest.fixture
def site(host: RecoveryHost) -> RecoveryHost:
    """nginx serves a certificate that is good for three more days."""
    host.run(*SIGN, "-days", "3")
    host.run("cp", "/srv/services/site.conf", "/etc/nginx/conf.d/")
    host.begin("nginx.service", "/usr/sbin/nginx")
    host.run("systemctl", "reload", "nginx.service")
    return host


def test_a_certificate_that_was_renewed_and_is_not_served_yet_needs_a_reload_only(site: RecoveryHost) -> None:
    site.run(*SIGN, "-days", "90")
    recovery = site.report(*FAULT)
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["certificate-reload-server"]
    assert recovery.seen == {"certificate-served": "ok"}


def test_a_certificate_that_expires_soon_is_renewed(site: RecoveryHost) -> None:
    recovery = site.report(*FAULT)
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["certificate-reload-server", "certificate-renew"]
    assert recovery.seen == {"certificate-served": "ok"}
