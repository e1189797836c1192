"""Programs that speak syslog: what they log as an error ends as a verified recovery of a real target."""

from __future__ import annotations

import logging.handlers
import shutil
import subprocess
from pathlib import Path

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, journal_scripts, one_target, running
from tests.waiting import eventually

RULE = "{id: shop, when: {source: syslog, message: '*out of stock*'}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"


@pytest.mark.parametrize("sender", ["SysLogHandler", "logger"])
def test_an_error_that_is_logged_is_recovered(tmp_path: Path, sender: str) -> None:
    path = tmp_path / "log"
    definitions = one_target(dict(journal_scripts(tmp_path)), [RULE])
    daemon = DaemonProcess(tmp_path / "daemon", definitions, f'syslog.listen = ["unix:{path}"]')
    with running(daemon):
        if sender == "logger":
            logger = shutil.which("logger")
            assert logger is not None, "logger(1) is of bsdutils, which every Debian has"
            subprocess.run(
                [logger, "--socket", str(path), "-p", "user.err", "-t", "shop", "out of stock"], check=True, timeout=20
            )
        else:
            handler = logging.handlers.SysLogHandler(str(path))
            handler.emit(
                logging.LogRecord("shop", logging.ERROR, "shop.py", 1, "we are out of stock: %s", ("apples",), None)
            )
            handler.close()
        listed = recovery_pb2.ListErrorsRequest()
        [error] = eventually("the fault is known", lambda: list(daemon.recovery.ListErrors(listed).errors))
        daemon.wait_for_state(error.error_id, "watching")
        daemon.wait_until_recorded()
        assert "Its fault was reported by syslog." in daemon.explained(error.error_id)
    assert (tmp_path / "well" / "t").exists()
