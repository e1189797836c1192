"""The clients of examples/clients, in other languages: each reports a fault to a real daemon, and it is recovered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, journal_scripts, one_target, running
from tests.node_packages import NODE, needs_node, node_modules

EXAMPLES = Path(__file__).parents[2] / "examples/clients"
ERROR_CLI = Path(sys.executable).with_name("error-cli")
RULE = "{id: shop, when: {component: shop}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"
MAKES_CPP = ("g++", "make", "pkg-config", "protoc", "grpc_cpp_plugin")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    one = DaemonProcess(tmp_path / "daemon", one_target(dict(journal_scripts(tmp_path)), [RULE]))
    with running(one):
        yield one


def reported(daemon: DaemonProcess, command: list[str], **environment: str) -> recovery_pb2.Error:
    """The error whose id it prints, when its recovery was verified."""
    ended = subprocess.run(
        [*command, daemon.address, "shop", "no such article: 17"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return daemon.wait_for_state(ended.stdout.strip(), "watching")


@needs_node("client_example")
def test_the_client_in_javascript(daemon: DaemonProcess) -> None:
    assert NODE is not None
    error = reported(daemon, [NODE, str(EXAMPLES / "node/report.mjs")], NODE_PATH=str(node_modules("client_example")))
    fault = daemon.error(error.error_id).fault
    assert (fault.source, fault.exception.type, fault.message) == ("client/node", "RangeError", "no such article: 17")
    assert fault.exception.frames[-1].file.endswith("report.mjs")
    assert fault.exception.frames[-1].in_application


@pytest.mark.skipif(
    not all(map(shutil.which, MAKES_CPP)) or not Path("/usr/include/grpcpp/grpcpp.h").exists(),
    reason="make services installs what gRPC in C++ needs, as root",
)
def test_the_client_in_cpp(daemon: DaemonProcess, tmp_path: Path) -> None:
    subprocess.run(["make", "--silent", "-C", EXAMPLES / "cpp", f"BUILD={tmp_path}/build"], check=True, timeout=300)
    error = reported(daemon, [f"{tmp_path}/build/report"])
    fault = daemon.error(error.error_id).fault
    assert (fault.source, fault.exception.type, fault.message) == (
        "client/cpp",
        "std::invalid_argument",
        "no such article: 17",
    )


def test_the_client_in_shell(daemon: DaemonProcess) -> None:
    environment = {**os.environ, "ERROR_CLI": str(ERROR_CLI), "ERROR_RECOVERY_ADDRESS": daemon.address}
    command = [str(EXAMPLES / "shell/report.sh"), "shop", "sh", "-c", "echo 'no such article: 17' >&2; exit 3"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    assert ended.stderr.startswith("no such article: 17\n")
    [error] = daemon.recovery.ListErrors(recovery_pb2.ListErrorsRequest(component="shop")).errors
    assert error.message == "sh has ended with 3: no such article: 17"
    daemon.wait_for_state(error.error_id, "watching")


def test_the_client_in_shell_costs_a_script_nothing_while_the_daemon_is_away(tmp_path: Path) -> None:
    environment = {**os.environ, "ERROR_CLI": str(ERROR_CLI), "ERROR_RECOVERY_ADDRESS": f"unix:{tmp_path}/none"}
    command = [str(EXAMPLES / "shell/report.sh"), "shop", "sh", "-c", "echo out; exit 3"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (3, "out\n")
