"""60-web-service.yaml.example, used: a service that hangs, and one that hangs in its own shutdown too."""

from __future__ import annotations

from tests.shipped.recovery_host import RecoveryHost

UNIT = "web.service"
FAULT = ("no answer from web", "--type", "timeout", "--component", "web")


def begin(host: RecoveryHost) -> None:
    host.begin_example(UNIT)
    host.wait_until("curl", "--silent", "--fail", "http://127.0.0.1:8080/healthz")


def test_a_web_service_that_hangs_behind_its_open_port_is_restarted(host: RecoveryHost) -> None:
    begin(host)
    hung = host.kill(UNIT, "STOP")
    recovery = host.report(*FAULT)
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["web-look-again", "web-restart"]
    assert recovery.seen == {"web-answers": "ok"}
    assert host.main_pid(UNIT) not in {"0", hung}


def test_one_that_is_deaf_to_being_stopped_is_killed(host: RecoveryHost) -> None:
    begin(host)
    host.kill(UNIT, "USR1")
    recovery = host.report(*FAULT)
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["web-look-again", "web-restart", "web-kill-and-start"]
    assert recovery.verdicts == ["persisting", "persisting", "recovered"]
