"""bpf(2), as much of it as one program needs. Each raises OSError as Python's own system calls do.

Structures and numbers: uapi linux/bpf.h (`union bpf_attr`). Descriptors are closed on exec by the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_MAP_CREATE, _PROG_LOAD, _RAW_TRACEPOINT_OPEN = 0, 5, 17
_ARRAY, _RINGBUF = 2, 27
_MAPPABLE = 1 << 10
_RAW_TRACEPOINT = 17
_LICENSE = b"unspecified"  # the helpers that are called ask for none
_ATTR_BYTES = 128  # more than any of ours; what is not used is zero
_INSTRUCTION_BYTES = 8

_libc = ctypes.CDLL(None, use_errno=True)


def mappable_array(value_bytes: int, entries: int) -> int:
    """The descriptor of an array that can be mapped into memory, and then needs no system call, and no right, to be written."""
    return _bpf(_MAP_CREATE, struct.pack("=IIIII", _ARRAY, 4, value_bytes, entries, _MAPPABLE))


def ring_buffer(size_bytes: int) -> int:
    """Of a power of two of pages; readable when there is something in it."""
    return _bpf(_MAP_CREATE, struct.pack("=IIIII", _RINGBUF, 0, 0, size_bytes, 0))


def load(program: bytes) -> int:
    """Have the kernel check and compile a program for a raw tracepoint."""
    instructions, license_text = ctypes.create_string_buffer(program), ctypes.create_string_buffer(_LICENSE)
    count = len(program) // _INSTRUCTION_BYTES
    places = ctypes.addressof(instructions), ctypes.addressof(license_text)
    return _bpf(_PROG_LOAD, struct.pack("=IIQQ", _RAW_TRACEPOINT, count, *places))


def attach(tracepoint: bytes, program_fd: int) -> int:
    """It runs until the descriptor is closed, be it by the end of this process."""
    name = ctypes.create_string_buffer(tracepoint)
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QI", ctypes.addressof(name), program_fd))


def _bpf(command: int, attr: bytes) -> int:
    number = _NUMBERS.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    raw = ctypes.create_string_buffer(attr, _ATTR_BYTES)
    result: int = _libc.syscall(ctypes.c_long(number), ctypes.c_int(command), raw, ctypes.c_uint(_ATTR_BYTES))
    if result < 0:
        raised = ctypes.get_errno()
        raise OSError(raised, os.strerror(raised))
    return result
