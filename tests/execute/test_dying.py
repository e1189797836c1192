"""Nothing is done to a target whose process is dying, and nobody looks at it, until that is dead."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from error_daemon.model import Json, OutcomeKind, Probe, ReadingValue
from error_daemon.processes.identity import Identity, identify, write_pid_file
from tests.execute.rig import PoolRig, attempt, probe_round, with_pool
from tests.waiting import PATIENCE_S

_HOLDER = """
import socket
held = socket.create_server(("127.0.0.1", 0))
memory = bytearray(1 << 28)
memory[::4096] = b"x" * len(memory[::4096])
print(held.getsockname()[1], flush=True)
input()
"""


def _see_it_die(process: Identity) -> None:
    """Returns at once when it does: what it has to do in the kernel takes some ms."""
    deadline = time.monotonic() + PATIENCE_S
    while process.lives():
        assert time.monotonic() < deadline, "it lives on"


def test_what_still_holds_its_port_is_not_looked_at_and_nothing_is_run_for_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "service.pid"
    target: dict[str, Json] = {"pid_file": str(pid_file)}

    def service() -> tuple[subprocess.Popen[bytes], int]:
        child = subprocess.Popen([sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None
        port = int(child.stdout.readline())
        write_pid_file(str(pid_file), identify(child.pid))
        return child, port

    async def body(rig: PoolRig) -> None:
        child, port = service()
        with child:
            probe = Probe("p", "tcp", {"host": "127.0.0.1", "port": port})
            assert (await rig.look(probe_round(probe, target=target)))["p"].value is ReadingValue.OK
            child.kill()
            _see_it_die(identify(child.pid))
            reading = (await rig.look(probe_round(probe, target=target)))["p"]
            assert reading.value is ReadingValue.NOT_OK, reading.detail
        child, port = service()
        with child:
            bind = f"import socket; socket.create_server(('127.0.0.1', {port}))"
            child.kill()
            _see_it_die(identify(child.pid))
            outcome = await rig.run(attempt("exec", {"command": [sys.executable, "-c", bind]}, target=target))
            assert outcome.kind is OutcomeKind.COMPLETED, outcome.detail

    with_pool(body)


def test_a_target_whose_pid_file_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    pid_file = tmp_path / "service.pid"

    async def body(rig: PoolRig) -> None:
        for said in (None, "nonsense", "1", f"{identify(1).pid + 1} 1"):
            if said is not None:
                pid_file.write_text(said)
            run = attempt("exec", {"command": ["true"]}, target={"pid_file": str(pid_file)})
            assert (await rig.run(run)).kind is OutcomeKind.COMPLETED

    with_pool(body)
