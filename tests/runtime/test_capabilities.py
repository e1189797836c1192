"""Capabilities that are given up are gone from the daemon and from what it starts, and what they opened goes on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from tests.ingest.early_deaths import opened

# It becomes an unprivileged user that keeps two capabilities, also as ambient: what systemd makes of AmbientCapabilities=.
_AS_IN_A_UNIT = """
import asyncio, ctypes, os, subprocess
from error_daemon.ingest.dying.notices import CAPABILITIES
from error_daemon.runtime.capabilities import _HEADER, _SETS, _VERSION_3, _mask
from error_daemon.runtime.early_deaths import early_deaths

libc = ctypes.CDLL(None)
libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
kept = [_mask(CAPABILITIES.values(), word) for word in (0, 0, 0, 1, 1, 1)]
assert libc.capset(_HEADER.pack(_VERSION_3, 0), _SETS.pack(*kept)) == 0
for number in CAPABILITIES.values():
    assert libc.prctl(47, ctypes.c_ulong(2), ctypes.c_ulong(number), 0, 0) == 0  # PR_CAP_AMBIENT_RAISE

def held(status):
    return [line.split()[1] for line in status.splitlines() if line.startswith(("CapInh", "CapPrm", "CapEff", "CapAmb"))]

def of_a_program():
    return held(subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout)

async def body():
    before = set(of_a_program())
    early = early_deaths(is_wanted=True)
    notices = early.notices
    print(before != {"0" * 16}, notices.is_open, early.problem)
    print(set(held(open("/proc/self/status").read())) == {"0" * 16}, set(of_a_program()) == {"0" * 16})
    told = asyncio.Queue()
    notices.listen(told.put_nowait)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    notices.watch(child.pid)
    child.stdin.close()
    print(await told.get() == child.pid)
    child.wait()
    notices.close()

asyncio.run(body())
"""


async def _can_be_opened() -> None:
    opened().close()


def test_what_was_needed_once_is_given_up_and_notices_go_on_without() -> None:
    if os.geteuid():
        pytest.skip("it takes root to become somebody with capabilities")
    asyncio.run(_can_be_opened())
    ran = subprocess.run([sys.executable, "-c", _AS_IN_A_UNIT], capture_output=True, text=True, check=False)
    assert ran.stdout == "True True \nTrue True\nTrue\n", ran.stderr
