"""60-memory-leak.yaml.example and 60-queue-worker.yaml.example, used: the small services of examples/services, broken."""

from __future__ import annotations

from tests.shipped.recovery_host import RecoveryHost
from tests.waiting import eventually


def test_a_service_that_leaks_is_restarted_when_a_reload_does_not_free_its_memory(host: RecoveryHost) -> None:
    host.begin_example("app.service")
    leaking = host.main_pid("app.service")
    host.write("/run/leak", "300")
    eventually("it has leaked", lambda: not host.exists("/run/leak"))
    recovery = host.report("app has grown", "--type", "resource", "--component", "app")
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["app-reload", "app-restart-leaking"]
    assert recovery.seen == {"app-is-small": "ok", "app-is-active": "ok"}
    assert host.main_pid("app.service") not in {"0", leaking}


def test_a_worker_that_hangs_is_restarted_and_its_jobs_are_done(host: RecoveryHost) -> None:
    host.begin_example("queue-worker.service")
    eventually("it works", lambda: host.exists("/run/queue-worker/heartbeat"))
    hung = host.kill("queue-worker.service", "STOP")
    host.write("/var/spool/queue-worker/job", "")
    host.run("touch", "-d", "10 minutes ago", "/run/queue-worker/heartbeat")
    recovery = host.report("the jobs do not move", "--type", "worker", "--component", "queue-worker")
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["queue-worker-reload", "queue-worker-restart"]
    assert recovery.seen == {"queue-worker-beats": "ok", "queue-worker-is-active": "ok"}
    assert host.main_pid("queue-worker.service") not in {"0", hung}
    assert not host.exists("/var/spool/queue-worker/job")
