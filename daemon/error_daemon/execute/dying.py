"""A process that is dying is waited for: nothing is done to its target, and nobody looks at it, until it is dead.

Its death may be known before it is over (ingest/dying/), and a fault may come from somebody whose connection it has just lost. As long as
its memory is freed its ports are open: a program that needs one could not be started, and who connects would still get through and
take the target for well. It takes tens of ms for each 512 MiB; a deadline runs meanwhile.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from error_daemon.errors import PermanentError
from error_daemon.model import Json
from error_daemon.processes.identity import read_pid_file


async def until_dead(target: Mapping[str, Json]) -> None:
    """Returns at once unless the process that the target's pid file names is dying. `target`: its parameters."""
    pid_file = target.get("pid_file")
    if not pid_file:
        return
    try:
        named = read_pid_file(str(pid_file))
        if named is None or not named.is_dying():
            return
        pidfd = os.pidfd_open(named.pid)
    except (OSError, PermanentError):
        return  # it is dead, or nobody is named
    try:
        if named.is_dying():  # not another that has its pid by now
            await ended(pidfd)
    finally:
        os.close(pidfd)


async def ended(pidfd: int) -> None:
    """Returns when its process is dead."""
    loop = asyncio.get_running_loop()
    is_over = asyncio.Event()
    loop.add_reader(pidfd, is_over.set)
    try:
        await is_over.wait()
    finally:
        loop.remove_reader(pidfd)
