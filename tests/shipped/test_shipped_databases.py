"""60-redis.yaml.example and 60-postgresql.yaml.example, used: Debian's own packages under a real systemd."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.box.host import ROOT
from tests.shipped.recovery_host import RecoveryHost

EXAMPLE = ROOT / "etc" / "recovery" / "definitions" / "60-postgresql.yaml.example"


def test_a_redis_that_hangs_is_restarted_and_keeps_its_data(host: RecoveryHost) -> None:
    host.begin("redis-server.service", "/usr/bin/redis-server")
    host.run("redis-cli", "SET", "stock", "42")
    hung = host.kill("redis-server.service", "STOP")
    recovery = host.report("redis does not answer", "--type", "timeout", "--component", "redis")
    assert recovery.exit_code == 0, recovery.said
    assert recovery.strategies == ["redis-look-again", "redis-restart"]
    assert recovery.seen == {"redis-answers": "ok"}
    assert host.main_pid("redis-server.service") not in {"0", hung}
    assert host.run("redis-cli", "GET", "stock").stdout.strip() == "42"


def test_a_postgresql_that_was_killed_is_restarted_and_keeps_what_was_committed(host: RecoveryHost) -> None:
    if not Path("/etc/postgresql/15/main").exists():
        pytest.skip("PostgreSQL 15 with its cluster main is not installed: as root, `make services`")
    unit = "postgresql@15-main.service"
    host.begin(unit, "/usr/bin/pg_ctlcluster")
    [role] = re.findall(r"^#   (runuser .*createuser .*)$", EXAMPLE.read_text(), re.MULTILINE)
    host.run(*role.split())
    host.run(*PSQL, "CREATE TABLE IF NOT EXISTS stock AS SELECT 42 AS sold")
    killed = host.kill(unit, "KILL")
    recovery = host.noticed("postgresql")
    assert recovery.strategies == ["postgresql-look-again", "postgresql-restart"]
    assert recovery.seen == {"postgresql-accepts": "ok", "postgresql-selects": "ok"}
    assert host.main_pid(unit) not in {"0", killed}
    assert host.run(*PSQL, "SELECT sold FROM stock").stdout.strip() == "42"


PSQL = ("runuser", "-u", "postgres", "--", "psql", "--host=/run/postgresql", "-XAtqc")
