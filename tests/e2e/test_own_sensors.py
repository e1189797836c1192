"""A real daemon that looks at its host by itself: what its sensors see is an error like any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import PATIENCE_S, DaemonProcess, running
from tests.ingest.test_process_exits import needs_connector
from tests.waiting import eventually

RULES = """
version: 1
targets: {{t: {{kind: service}}}}
strategies: {{never: {{kind: exec, command: [/bin/false]}}}}
rules:
  - {{id: crashes, when: {{type: system, operation: crash, source: "sensor/*", component: {name}}}, target: t, ladder: {{3: [never]}}}}
"""


@needs_connector
def test_a_crash_on_the_host_is_an_error_that_a_rule_can_be_about(tmp_path: Path) -> None:
    name = f"crash{os.getpid()}"
    program = (
        "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); "
        f"open('/proc/self/comm', 'w').write('{name}'); os.abort()"
    )
    daemon = DaemonProcess(tmp_path, RULES.format(name=name), has_sensors=True)
    with running(daemon):
        child = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)

        def look() -> list[recovery_pb2.Error]:
            request = recovery_pb2.ListErrorsRequest(component=name, limit=10)
            return list(daemon.recovery.ListErrors(request, timeout=PATIENCE_S).errors)

        [error] = eventually("the crash is known", look)
        child.wait()
        assert error.state == "observed"
        assert f"{name} (pid {child.pid}) was ended by SIGABRT" in error.message
        assert (error.rule, error.mode) == ("crashes", "observe")
        assert daemon.stop() == 0  # then the log is whole
        assert '"event":"sensor"' in daemon.log.read_text().replace(" ", "")  # what cannot be seen here
