"""Capabilities that the daemon needed once are given up, for itself and for what it starts.

A unit may grant some to the daemon (AmbientCapabilities=), and what is ambient goes on to every program. So when what needed them is
done, and before anything is started, they are taken out of all sets of this process. Root keeps its own: a program of root's has all
of them anyway. Structures: uapi linux/capability.h, version 3; prctl(2).
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

_VERSION_3 = 0x20080522
_PR_CAP_AMBIENT, _LOWER = 47, 3
_HEADER = struct.Struct("=Ii")
_SETS = struct.Struct("=6I")  # effective, permitted, inheritable of capabilities 0 to 31; then those of 32 to 63

_libc = ctypes.CDLL(None, use_errno=True)


def give_up(capabilities: Iterable[int]) -> None:
    """Of the calling thread, and of all that it starts, so before there are others. Raises OSError where it keeps one."""
    if os.geteuid() == 0:
        return
    numbers = tuple(capabilities)
    for number in numbers:
        _checked(_libc.prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_LOWER), ctypes.c_ulong(number), 0, 0))
    header = ctypes.create_string_buffer(_HEADER.pack(_VERSION_3, 0), _HEADER.size)
    sets = ctypes.create_string_buffer(_SETS.size)
    _checked(_libc.capget(header, sets))
    before = _SETS.unpack(sets.raw)
    after = [held & ~_mask(numbers, at // 3) for at, held in enumerate(before)]
    if tuple(after) != before:
        _checked(_libc.capset(header, ctypes.create_string_buffer(_SETS.pack(*after), _SETS.size)))


def _mask(numbers: Iterable[int], word: int) -> int:
    mask = 0
    for number in numbers:
        if number // 32 == word:
            mask |= 1 << number % 32
    return mask


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
