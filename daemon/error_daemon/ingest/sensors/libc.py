"""System calls that sensors need and Python 3.10 does not have, by ctypes. Each raises OSError as Python's own do.

Sources of the constants and structures: the kernel's uapi headers linux/inotify.h, linux/timex.h, linux/timerfd.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

_libc = ctypes.CDLL(None, use_errno=True)

IN_MODIFY = 0x2
_IN_EVENT = struct.Struct("iIII")

_CLOCK_MONOTONIC = 1


def inotify() -> int:
    """A descriptor that is readable when one of its watches has something to tell."""
    return _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))


def inotify_watch(fd: int, path: str, mask: int) -> int:
    """The number of the watch."""
    return _checked(_libc.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(mask)), path)


def inotify_unwatch(fd: int, watch: int) -> None:
    """One that is gone by itself is no error."""
    _libc.inotify_rm_watch(fd, watch)


def inotify_events(raw: bytes) -> Iterator[tuple[int, int]]:
    """(watch, mask) of each event that was read."""
    at = 0
    while at + _IN_EVENT.size <= len(raw):
        watch, mask, _, name_bytes = _IN_EVENT.unpack_from(raw, at)
        yield watch, mask
        at += _IN_EVENT.size + name_bytes


class _Timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long)]


class _Itimerspec(ctypes.Structure):
    _fields_ = [("it_interval", _Timespec), ("it_value", _Timespec)]


def timer(period_s: float) -> int:
    """A descriptor that becomes readable every `period_s`, to the microsecond; the loop's own timers come in whole milliseconds."""
    fd = _checked(_libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    whole, rest = divmod(round(period_s * 1e9), 10**9)
    period = _Timespec(whole, rest)
    try:
        _checked(_libc.timerfd_settime(fd, 0, ctypes.byref(_Itimerspec(period, period)), None))
    except OSError:
        os.close(fd)
        raise
    return fd


class Timex(ctypes.Structure):
    """struct timex of adjtimex(2). Times in µs, or ns where `status` has STA_NANO."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_sec", ctypes.c_long),
        ("time_usec", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("_room", ctypes.c_int * 11),
    ]


def adjtimex() -> tuple[int, Timex]:
    """The state of the clock (TIME_OK ... TIME_ERROR) and what it is disciplined by. Only reads."""
    timex = Timex(modes=0)
    return _checked(_libc.adjtimex(ctypes.byref(timex))), timex


def _checked(result: int, path: str | None = None) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result
