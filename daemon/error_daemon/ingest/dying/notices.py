"""Notices that a process begins to die: before its memory is freed, which for a large one takes far longer than all that follows.

A pidfd speaks when a process is dead, and stays the one that is relied on: where notices are refused, or one is lost, a death is seen by
it, later. What is watched is a bit in memory that the kernel's program reads, so watching costs no system call, and no right once the
program is loaded: `DyingNotices` is made with CAP_BPF and CAP_PERFMON and needs neither afterwards (runtime/capabilities.py).

A notice says that the process is *dying* (processes/identity.py): it holds its port and its memory still.
"""

from __future__ import annotations

import asyncio
import errno
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from error_daemon.ingest.dying import bpf
from error_daemon.ingest.dying.program import MOST_PIDS, NOTICE, WORD_BYTES, death_program
from error_daemon.ingest.sensors.contract import Unavailable

CAPABILITIES = {"CAP_PERFMON": 38, "CAP_BPF": 39}
_HOSTS_PIDS = 0xEFFFFFFC  # PROC_PID_INIT_INO of linux/proc_ns.h
_TRACEPOINT = b"sched_process_exit"
_RING_BYTES = mmap.PAGESIZE  # room for some 250 that were not read yet
_POSITION = struct.Struct("=Q")
_HEADER = struct.Struct("=II")
_NOT_WRITTEN, _TO_SKIP, _LENGTH = 1 << 31, 1 << 30, (1 << 30) - 1
_MEND = "docs/sensors.md says how to allow it: drop-in early-deaths.conf"


class DyingNotices:
    """Open it, then watch and listen. Where the kernel, or somebody, does not allow it, all of that does nothing, and `why_not` says why;
    `mend`: what a person does about it."""

    def __init__(self) -> None:
        self.why_not = "they are switched off (sensors.early_deaths)"
        self.mend = ""
        self._opened = ExitStack()
        self._fd = -1
        self._watched: mmap.mmap | None = None

    @property
    def is_open(self) -> bool:
        return self._watched is not None

    def open(self) -> None:
        """Takes CAP_BPF and CAP_PERFMON."""
        try:
            if os.stat("/proc/self/ns/pid").st_ino != _HOSTS_PIDS:
                raise Unavailable("the kernel knows processes by other pids than a container does")
            with ExitStack() as opened:
                self._load(opened)
                self._opened = opened.pop_all()
        except Unavailable as error:
            self.why_not, self.mend = str(error), error.mend
        except OSError as error:
            self.why_not, self.mend = _refused(error)
        else:
            self.why_not = ""

    def _load(self, opened: ExitStack) -> None:
        def kept(fd: int) -> int:
            opened.callback(os.close, fd)
            return fd

        watched_fd = kept(bpf.mappable_array(WORD_BYTES, MOST_PIDS // 8 // WORD_BYTES))
        ring_fd = kept(bpf.ring_buffer(_RING_BYTES))
        kept(bpf.attach(_TRACEPOINT, kept(bpf.load(death_program(watched_fd, ring_fd)))))
        watched = opened.enter_context(mmap.mmap(watched_fd, MOST_PIDS // 8))
        self._read_up_to = opened.enter_context(mmap.mmap(ring_fd, mmap.PAGESIZE))
        ring = mmap.mmap(ring_fd, mmap.PAGESIZE + 2 * _RING_BYTES, prot=mmap.PROT_READ, offset=mmap.PAGESIZE)
        self._ring = opened.enter_context(ring)
        self._fd, self._watched = ring_fd, watched

    def says(self) -> str:
        """How deaths are told, in words."""
        return "as they begin (eBPF)" if self.is_open else f"when they are over (pidfd): {self.why_not}"

    def watch(self, pid: int) -> None:
        if self._watched is not None:
            self._watched[pid >> 3] |= 1 << (pid & 7)

    def unwatch(self, pid: int) -> None:
        if self._watched is not None:
            self._watched[pid >> 3] &= ~(1 << (pid & 7))

    def listen(self, on_dying: Callable[[int], None]) -> None:
        """Call `on_dying(pid)` on the running loop, for those that are watched. Until it is closed."""
        if self.is_open:
            asyncio.get_running_loop().add_reader(self._fd, self._tell, on_dying)

    def close(self) -> None:
        """On the loop that it listens on."""
        if self.is_open:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._watched = None
            self._opened.close()

    def _tell(self, on_dying: Callable[[int], None]) -> None:
        for pid in list(self._read()):
            on_dying(pid)

    def _read(self) -> Iterator[int]:
        """Each that has come, and make room for more. The kernel maps the ring twice, one behind the other, so none is torn at its end."""
        [at] = _POSITION.unpack_from(self._read_up_to)
        [end] = _POSITION.unpack_from(self._ring)
        while at < end:
            place = mmap.PAGESIZE + at % _RING_BYTES
            length, _ = _HEADER.unpack_from(self._ring, place)
            if length & _NOT_WRITTEN:
                break  # another CPU is about to, and tells when it has
            if not length & _TO_SKIP:
                yield NOTICE.unpack_from(self._ring, place + _HEADER.size)[0]
            at += _HEADER.size + -(-(length & _LENGTH) // 8) * 8
            _POSITION.pack_into(self._read_up_to, 0, at)


def _refused(error: OSError) -> tuple[str, str]:
    """Why not, and what a person does about it."""
    if error.errno in (errno.EPERM, errno.EACCES):
        return "the kernel runs no program of this user (bpf: operation not permitted)", _MEND
    if error.errno == errno.EINVAL:
        return "the kernel tells of an end only when memory is freed: Linux 6.16 is the first that tells before", ""
    return f"the kernel takes no program of ours (bpf: {error.strerror})", ""
