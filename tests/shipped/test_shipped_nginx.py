"""60-nginx.yaml.example, used: a real nginx under a real systemd."""

from __future__ import annotations

from tests.shipped.recovery_host import RecoveryHost

UNIT, PROGRAM = "nginx.service", "/usr/sbin/nginx"
FAULT = ("nginx does not answer", "--type", "network", "--component", "nginx")


def test_an_nginx_that_was_killed_is_restarted_and_seen_well(host: RecoveryHost) -> None:
    host.begin(UNIT, PROGRAM)
    killed = host.kill(UNIT, "KILL")
    recovery = host.noticed("nginx")
    assert recovery.strategies == ["nginx-reload", "nginx-restart"]
    assert recovery.verdicts[-1] == "recovered"
    assert recovery.seen == {"nginx-answers": "ok"}
    assert host.main_pid(UNIT) not in {"0", killed}


def test_an_nginx_with_a_broken_configuration_is_not_restarted_into_nothing(host: RecoveryHost) -> None:
    host.begin(UNIT, PROGRAM)
    pid = host.main_pid(UNIT)
    host.write("/etc/nginx/conf.d/mistake.conf", "server { listen 127.0.0.1:81 }\n")
    host.run("mv", "/var/www/html", "/var/www/gone")  # it answers with 404 or 403 now
    try:
        recovery = host.report(*FAULT)
    finally:
        host.run("mv", "/var/www/gone", "/var/www/html")
        host.run("rm", "/etc/nginx/conf.d/mistake.conf")
    assert recovery.exit_code == 1, recovery.said
    assert recovery.verdicts == ["persisting", "persisting"]
    assert "not restarted" in host.error_cli("history", "--error", recovery.error_id, "--json")[1]
    assert host.main_pid(UNIT) == pid
