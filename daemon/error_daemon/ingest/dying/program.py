"""The program that the kernel runs whenever a task ends, written in its instructions (eBPF).

    if not group_dead:            the second argument of the tracepoint sched_process_exit: its last thread ends
        return
    pid = get_current_pid_tgid() >> 32
    word = watched[pid / 64]      an array of 2^22 bits, as many as there can be pids; the daemon sets them
    if word >> pid % 64 & 1:
        ring_output(notices, pid)

**Why that argument.** It has been there since Linux 6.16, which also moved the tracepoint to where the process has not yet freed its
memory. Before, it came afterwards, and so told nothing sooner than a pidfd. A kernel that has not the argument refuses the program
when it is attached: so its version need not be asked for. Without that argument the end of every thread would look like a death.

The helpers used are for programs of any licence. Encoding: Documentation/bpf/standardization/instruction-set.rst (RFC 9669); numbers of the
helpers: enum bpf_func_id in uapi linux/bpf.h.
"""

from __future__ import annotations

import struct

MOST_PIDS = 1 << 22  # PID_MAX_LIMIT of 64-bit kernels
WORD_BYTES = 8
NOTICE = struct.Struct("=I")  # the pid

_MAP_LOOKUP, _GET_PID, _RING_OUTPUT = 1, 14, 130
_FORCE_WAKEUP = 2
_LOAD_U64, _STORE_U32 = 0x79, 0x63
_SET, _COPY, _ADD, _AND, _SHIFT, _SHIFT_BY = 0xB7, 0xBF, 0x07, 0x57, 0x77, 0x7F
_IF_ZERO, _CALL, _EXIT, _LOAD_MAP = 0x15, 0x85, 0x95, 0x18
_A_MAP_FD = 1
_STACK = 10  # the register that points to its end


def death_program(watched_fd: int, notices_fd: int) -> bytes:
    """Its instructions. `watched_fd`: the array of bits; `notices_fd`: the ring buffer."""
    out: list[int] = []  # where jumps to the end stand
    code: list[bytes] = []

    def put(code_byte: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> None:
        code.append(struct.pack("<BBhi", code_byte, to | source << 4, offset, value))

    def load_map(to: int, fd: int) -> None:
        put(_LOAD_MAP, to, _A_MAP_FD, 0, fd)
        put(0)  # the second half of a number of 64 bits

    def leave_if_zero(register: int) -> None:
        out.append(len(code))
        put(_IF_ZERO, register)

    put(_LOAD_U64, 6, 1, 8)  # group_dead
    put(_AND, 6, value=0xFF)
    leave_if_zero(6)
    put(_CALL, value=_GET_PID)
    put(_COPY, 6, 0)
    put(_SHIFT, 6, value=32)  # the pid, from here on
    put(_COPY, 1, 6)
    put(_SHIFT, 1, value=6)
    put(_STORE_U32, _STACK, 1, -4)
    load_map(1, watched_fd)
    put(_COPY, 2, _STACK)
    put(_ADD, 2, value=-4)
    put(_CALL, value=_MAP_LOOKUP)
    leave_if_zero(0)
    put(_LOAD_U64, 1, 0)
    put(_COPY, 2, 6)
    put(_AND, 2, value=63)
    put(_SHIFT_BY, 1, 2)
    put(_AND, 1, value=1)
    leave_if_zero(1)
    put(_STORE_U32, _STACK, 6, -8)
    load_map(1, notices_fd)
    put(_COPY, 2, _STACK)
    put(_ADD, 2, value=-8)
    put(_SET, 3, value=NOTICE.size)
    put(_SET, 4, value=_FORCE_WAKEUP)
    put(_CALL, value=_RING_OUTPUT)
    end = len(code)
    put(_SET, 0)
    put(_EXIT)
    for at in out:
        code[at] = code[at][:2] + struct.pack("<h", end - at - 1) + code[at][4:]
    return b"".join(code)
