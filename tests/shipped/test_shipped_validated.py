"""`error-cli validate` finds nothing wrong in the shipped set on a host that has the services."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shipped.recovery_host import RecoveryHost

NEEDED = ("/usr/sbin/nginx", "/usr/bin/redis-server", "/etc/postgresql/15/main")


def test_validate_finds_no_error_where_the_services_are(host: RecoveryHost) -> None:
    missing = [path for path in NEEDED if not Path(path).exists()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}: as root, `make services`")
    # of nobody's address: what the daemon of this host has learned from the recoveries of other tests is no matter of the files
    code, said = host.error_cli("validate", "/etc/recovery/definitions", "--address=unix:/run/nobody", "--json")
    problems = json.loads(said)["problems"]
    assert [problem for problem in problems if "/60-" in problem["file"]] == []
    assert code == 0, said
