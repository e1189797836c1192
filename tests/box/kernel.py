"""What a box asks of the kernel and the standard library does not offer on Python 3.10: mounts, namespaces, a child for one's parent.

Constants are those of linux/mount.h, linux/sched.h, linux/prctl.h and linux/capability.h.
"""

from __future__ import annotations

import ctypes
import os
import signal

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 32, 4096, 16384, 1 << 18, 1 << 20
CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_SYSLOG = 16, 17, 25, 34
_CLONE_PARENT = 0x00008000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP = 1, 24
_SYS_CLOSE_RANGE = 436
_PIVOT_ROOT_AND_CLONE = {"x86_64": (155, 56), "aarch64": (41, 220)}
_libc = ctypes.CDLL(None, use_errno=True)


def _check(ended: int, what: str) -> None:
    if ended < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source: str | None, place: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    raw = [None if text is None else os.fsencode(text) for text in (source, place, kind, data)]
    ended = _libc.mount(raw[0], raw[1], raw[2], ctypes.c_ulong(flags), raw[3])
    _check(ended, f"mount {source} on {place} ({kind}, {data})")


def bind(source: str, place: str, *, is_read_only: bool = False) -> None:
    """Show what is at `source` at `place`, too, which is made."""
    if os.path.isdir(source):
        os.makedirs(place, exist_ok=True)
    elif not os.path.exists(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "a", encoding="ascii"):
            pass
    mount(source, place, None, MS_BIND | MS_REC)
    if is_read_only:
        mount(None, place, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def enter_mounts_of(pid: int) -> None:
    """Have the mounts that this process has."""
    fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    _check(_libc.setns(fd, CLONE_NEWNS), "setns")
    os.close(fd)


def change_root_to(place: str) -> None:
    """`place`, a mount point, is / from now on, and what was there is gone."""
    os.chdir(place)
    pivot_root, _ = _PIVOT_ROOT_AND_CLONE[os.uname().machine]
    _check(_libc.syscall(pivot_root, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount")
    os.chdir("/")


def close_all(first: int, last: int = 0xFFFFFFFF) -> None:
    if first <= last:
        _check(_libc.syscall(_SYS_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(last), 0), "close_range")


def die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def give_up(*capabilities: int) -> None:
    """For ever, and for every process that comes of this one."""
    for capability in capabilities:
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def fork_sibling() -> int:
    """fork, but the child is a child of our parent. Only for a process that has just been forked itself, and so has one thread."""
    _, clone = _PIVOT_ROOT_AND_CLONE[os.uname().machine]
    flags = _CLONE_PARENT | signal.SIGCHLD
    # PyDLL: the interpreter's lock stays held, as os.fork keeps it
    pid: int = ctypes.PyDLL(None, use_errno=True).syscall(clone, ctypes.c_long(flags), None, None, None, None)
    _check(pid, "clone")
    return pid
