"""
The stack of a core dump, as systemd-coredump writes it below its message:

    Process 1234 (shop) of user 33 dumped core.

    Stack trace of thread 1234:
    #0  0x00007f2b1c8a9e2c raise (libc.so.6 + 0x3be2c)
    #1  0x000055d0c1a01139 main (shop + 0x1139)

The thread that comes first is the one that crashed. A frame is the application's where its module is the program itself; addresses are not
taken over: they are others with each start.
"""

from __future__ import annotations

import re

from error_recovery.v1 import fault_pb2

_THREAD = "Stack trace of thread "
_FRAME = re.compile(r"\s*#\d+\s+0x[0-9a-f]+\s+(\S[^\n]*?)\s+\(([^()\s]+)(?: \+ 0x[0-9a-f]+)?\)\s*", re.ASCII)
_NOT_KNOWN = "n/a"
_MOST_LINES = 10_000
_LONGEST_LINE = 2_000


def split(message: str) -> tuple[str, str]:
    """What is said first, and the stacks below it."""
    first, _, rest = message.partition("\n")
    return first.strip(), rest.strip("\n")


def frames_of(stacks: str, program: str) -> list[fault_pb2.Frame]:
    """Of the first thread, outermost first. `program`: the path of what crashed."""
    name = program.rpartition("/")[2]
    frames: list[fault_pb2.Frame] = []
    threads = 0
    for line in stacks.split("\n", _MOST_LINES)[:_MOST_LINES]:
        if line.lstrip().startswith(_THREAD):
            threads += 1
            if threads > 1:
                break
        elif threads and len(line) <= _LONGEST_LINE and (match := _FRAME.fullmatch(line)):
            function, module = match.groups()
            is_ours = bool(name) and module.rpartition("/")[2] == name
            known = "" if function == _NOT_KNOWN else function
            frames.append(fault_pb2.Frame(module=module, function=known, in_application=is_ours))
    frames.reverse()
    return frames
