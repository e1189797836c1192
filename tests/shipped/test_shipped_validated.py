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
    host.run("sh", "-c", "cp /srv/services/*.service /etc/systemd/system/")
    host.run("cp", "--remove-destination", "/srv/services/nightly-report", "/usr/local/bin/")
    code, said = host.error_cli("validate", "/etc/recovery/definitions", "--json")
    problems = [problem for problem in json.loads(said)["problems"] if "/60-" in problem["file"]]
    # what the daemon of this host has learned by now, from the recoveries of other tests, may be longer than a timeout
    assert [problem for problem in problems if "was learned to need" not in problem["message"]] == []
    assert code == 0, said
