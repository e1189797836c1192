"""TLS, certificates, tokens and roles, with a real daemon, error-cli and the client library."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from error_recovery import Reporter
from error_recovery.security import open_channel
from error_recovery.v1 import fault_pb2, fault_pb2_grpc, recovery_pb2, recovery_pb2_grpc
from tests.e2e.daemon_process import PATIENCE_S, a_fault, running
from tests.e2e.secured import OPTIONS, Secured
from tests.fakes.authority import OPENSSL, PAST, Authority
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the program openssl")


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    world = Secured(tmp_path)
    with running(world.daemon):
        yield world


def hang_up(world: Secured, event: str, times: int = 1) -> None:
    """SIGHUP, and wait until the log says so."""
    process = world.daemon.process
    assert process is not None
    process.send_signal(signal.SIGHUP)
    eventually(event, lambda: world.daemon.log.read_text().count(event) >= times)


def test_error_cli_is_known_by_its_certificate_and_may_what_its_role_may(secured: Secured) -> None:
    assert "is serving at" in secured.cli("status", role="operator").stdout
    assert secured.cli("status", role="auditor").returncode == 0
    refused = secured.cli("status", role="reporter")
    assert refused.returncode == 5
    assert refused.stderr == (
        "error-cli: not for you: certificate reporter has the role reporter; GetStatus is for auditor, operator\n"
        "  roles are in the daemon's recovery.conf: [access], and in the file of tokens\n"
    )
    assert secured.cli("report", "it broke", role="reporter").returncode == 0
    assert "Pause is for operator" in secured.cli("pause", role="auditor").stderr
    assert "calls refused" in secured.cli("status", role="operator").stdout


def test_what_people_do_is_in_the_audit_with_who_they_are_and_who_they_say_they_are(secured: Secured) -> None:
    token = secured.new_token("ann", "operator")
    hang_up(secured, "credentials_renewed")
    secured.daemon.recovery.Pause(recovery_pb2.PauseRequest(by="the boss"), timeout=PATIENCE_S)
    channel, metadata = open_channel(secured.daemon.address, secured.security("reporter", str(token)), OPTIONS)
    with channel:
        stub = recovery_pb2_grpc.RecoveryServiceStub(channel)
        stub.Resume(recovery_pb2.ResumeRequest(), timeout=PATIENCE_S, metadata=metadata)
    assert secured.daemon.stop() == 0
    assert secured.daemon.acts_of_people("action, actor") == [
        ("pause", "certificate operator, as the boss (as they say)"),
        ("resume", "token ann"),
    ]


def test_what_is_wrong_with_certificates_is_said_in_words(secured: Secured, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "another authority")
    stranger, expired = other.issue("operator"), secured.authority.issue("operator", valid=PAST)

    def said(**options: str) -> str:
        done = secured.cli("status", **options)
        assert done.returncode in (2, 3), done
        return done.stderr

    assert "the daemon speaks TLS\n  name the authority" in said(tls_ca="")
    assert "the certificate of the daemon is not taken: " in said(role="operator", tls_ca=str(other.certificate))
    assert "name the authority that issued it with --tls-ca" in said(role="operator", tls_ca=str(other.certificate))
    assert "not valid for 'recovery.example'" in said(role="operator", tls_name="recovery.example")
    assert "the daemon asks for a certificate of yours\n  name it with --tls-cert" in said()
    of_stranger = said(tls_cert=str(stranger.certificate), tls_key=str(stranger.key))
    assert "does not take your certificate" in of_stranger
    of_expired = said(tls_cert=str(expired.certificate), tls_key=str(expired.key))
    assert "your certificate has expired" in of_expired or "does not take your certificate" in of_expired
    assert "cannot be read: no such file" in said(role="operator", tls_ca="/nowhere.pem")
    wrong_key = said(role="operator", tls_key=str(secured.roles["reporter"].key))
    assert f"is not the key of {secured.roles['operator'].certificate}" in wrong_key


def test_the_daemons_certificate_that_has_expired_is_said_by_both_sides(tmp_path: Path) -> None:
    world = Secured(tmp_path)
    with running(world.daemon):
        world.install(world.authority.issue("daemon", "IP:127.0.0.1", valid=PAST))
        hang_up(world, "certificate_has_expired")
        refused = world.cli("status", role="operator")
        assert refused.returncode == 3
        assert "is not taken: certificate has expired\n  have it renewed on the daemon's host" in refused.stderr


def test_a_new_certificate_is_shown_after_a_hang_up_and_calls_under_way_go_on(secured: Secured, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    stub = recovery_pb2_grpc.RecoveryServiceStub(secured.channel("operator"))
    watch = stub.Watch(recovery_pb2.WatchRequest(), timeout=3 * PATIENCE_S)
    watch.initial_metadata()  # from here on it is told of everything
    watching = iter(watch)
    faults = fault_pb2_grpc.FaultServiceStub(secured.channel("reporter"))
    faults.Report(fault_pb2.ReportRequest(fault=a_fault("before")), timeout=PATIENCE_S)
    assert next(watching).error.message == "before"
    secured.install(other.issue("daemon", "IP:127.0.0.1"))
    hang_up(secured, "credentials_renewed")
    assert secured.cli("status", role="operator").returncode == 3
    assert secured.cli("status", role="operator", tls_ca=str(other.certificate)).returncode == 0
    faults.Report(fault_pb2.ReportRequest(fault=a_fault("after", fingerprint="other")), timeout=PATIENCE_S)
    assert any(event.error.message == "after" for event in watching)


def test_half_a_new_certificate_changes_nothing_and_is_said(secured: Secured) -> None:
    new = secured.authority.issue("daemon", "IP:127.0.0.1")
    kept = secured.files / "cert.pem"
    kept.write_bytes(new.certificate.read_bytes())
    hang_up(secured, "credentials_refused")
    assert "is not the key of" in secured.daemon.log.read_text()
    assert secured.cli("status", role="operator").returncode == 0
    secured.install(new)
    hang_up(secured, "credentials_renewed")
    assert secured.cli("status", role="operator").returncode == 0


def test_callers_of_an_authority_that_is_no_longer_trusted_are_refused(secured: Secured, tmp_path: Path) -> None:
    secured.trust(Authority(tmp_path / "other"))
    hang_up(secured, "credentials_renewed")
    assert "does not take your certificate" in secured.cli("status", role="operator").stderr


def test_a_token_is_good_until_its_line_is_gone(secured: Secured) -> None:
    token = secured.new_token("night-shift", "auditor")
    hang_up(secured, "credentials_renewed")
    assert secured.cli("status", role="reporter", token_file=str(token)).returncode == 0
    secured.tokens.write_text("")
    hang_up(secured, "credentials_renewed", times=2)
    refused = secured.cli("status", role="reporter", token_file=str(token))
    assert (refused.returncode, refused.stderr.partition("\n")[0]) == (
        5,
        "error-cli: not for you: this token is not known here",
    )


def test_the_client_library_reports_with_its_certificate_and_waits_on_disk_where_it_is_not_known(
    secured: Secured, tmp_path: Path
) -> None:
    known = Reporter(secured.daemon.address, security=secured.security("reporter"), spool_dir=tmp_path / "spool")
    known.report("the disk is slow")
    assert known.flush(PATIENCE_S)
    known.close()
    errors = secured.daemon.recovery.ListErrors(recovery_pb2.ListErrorsRequest(), timeout=PATIENCE_S).errors
    assert [error.message for error in errors] == ["the disk is slow"]
    denied = Reporter(secured.daemon.address, security=secured.security("auditor"), spool_dir=tmp_path / "spool2")
    denied.report("not mine to say")
    eventually("it is on disk", lambda: denied.stats.spooled == 1)
    denied.close(0)


def test_a_daemon_without_its_files_says_which_and_does_not_start(tmp_path: Path) -> None:
    world = Secured(tmp_path)
    (world.files / "key.pem").chmod(0o644)
    world.tokens.write_text("rubbish\n")
    command = [sys.executable, "-m", "error_daemon", "--config", str(world.daemon.directory / "recovery.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 78
    assert f"{world.files}/key.pem: holds the key of the certificate, and its mode, 644" in done.stderr
    assert f"{world.tokens}:1:1: has 1 parts" in done.stderr


def test_a_loopback_address_in_clear_gives_the_role_that_the_settings_say(tmp_path: Path) -> None:
    world = Secured(tmp_path)
    conf = world.daemon.directory / "recovery.conf"
    plain = [line for line in conf.read_text().splitlines() if not line.startswith(("certificate", "key", "client_ca"))]
    conf.write_text("\n".join(plain).partition("[access.certificates]")[0] + 'loopback = "reporter"\n')
    token = world.new_token("ann", "operator")
    world.daemon._connect = grpc.insecure_channel
    with running(world.daemon):
        assert world.cli("report", "it broke", tls_ca="").returncode == 0
        assert "who calls from 127.0.0.1 has the role reporter" in world.cli("pause", tls_ca="").stderr
        assert world.cli("pause", tls_ca="", token_file=str(token)).returncode == 0
