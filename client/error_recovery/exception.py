"""An exception as the wire knows it: qualified type, message, stack trace and frames.

Frames tell the application's code from that of libraries, for only the former takes part in the fingerprint: a frame is
the application's own when its file is neither of the standard library nor in a site-packages or dist-packages folder.
Functions carry their plain name, as `co_qualname` exists from Python 3.11 on and equal faults must stay equal.
"""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Iterable
from types import FrameType, TracebackType

from error_recovery.disclosure import Disclosure
from error_recovery.source import source_of
from error_recovery.text import fitted, fitted_in_the_middle, printed
from error_recovery.v1 import fault_pb2

STACK_TRACE_BYTES = 16 << 10
MESSAGE_BYTES = 4 << 10
NAME_BYTES = 256
OUTER_FRAMES = 8  # how a deep recursion was entered
INNER_FRAMES = 56  # where it ended; the innermost decide the fingerprint

_STANDARD_LIBRARY = tuple(
    {
        os.path.realpath(path) + os.sep
        for name, path in sysconfig.get_paths().items()
        if name in ("stdlib", "platstdlib")
    }
)
_PACKAGE_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def wire_exception(exc: BaseException, disclosure: Disclosure) -> tuple[fault_pb2.Exception, bool]:
    """`exc` with its causes, as far as `disclosure` lets it be told, and whether something had to be cut: the message at
    4 KiB, the stack trace (with some source at its end) at 16 KiB in its middle, the frames to the 8 outermost and 56
    innermost."""
    message, message_cut = fitted(disclosure.cleaned(printed(exc)), MESSAGE_BYTES)
    frames = list(traceback.walk_tb(exc.__traceback__))
    trace = disclosure.cleaned(_formatted(exc)) + source_of(_of_application(frames), disclosure)
    stack_trace, trace_cut = fitted_in_the_middle(trace, STACK_TRACE_BYTES)
    frames_cut = len(frames) > OUTER_FRAMES + INNER_FRAMES
    if frames_cut:
        frames = frames[:OUTER_FRAMES] + frames[-INNER_FRAMES:]
    wire = fault_pb2.Exception(
        type=fitted(qualified_name(type(exc)), NAME_BYTES)[0],
        message=message,
        stack_trace=stack_trace,
        frames=_wire_frames(frames),
    )
    return wire, message_cut or trace_cut or frames_cut


def qualified_name(cls: type) -> str:
    """`requests.exceptions.ConnectionError`; without a module for the built-in ones: `ValueError`."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def is_application_file(file: str, module: str) -> bool:
    """True for the application's own code. Code without a file ("<string>") counts as its own only in `__main__`."""
    if file.startswith("<"):
        return module == "__main__"
    path = os.path.realpath(file)
    return not path.startswith(_STANDARD_LIBRARY) and not any(folder in path for folder in _PACKAGE_FOLDERS)


def _of_application(frames: Iterable[tuple[FrameType, int]]) -> list[tuple[FrameType, int]]:
    return [
        (frame, line)
        for frame, line in frames
        if is_application_file(frame.f_code.co_filename, printed(frame.f_globals.get("__name__", "")))
    ]


def _wire_frames(frames: Iterable[tuple[FrameType, int | None]]) -> list[fault_pb2.Frame]:
    return [_wire_frame(frame, line) for frame, line in frames]


def _wire_frame(frame: FrameType, line: int | None) -> fault_pb2.Frame:
    file = frame.f_code.co_filename
    module = printed(frame.f_globals.get("__name__", ""))
    return fault_pb2.Frame(
        module=fitted(module, NAME_BYTES)[0],
        function=fitted(frame.f_code.co_name, NAME_BYTES)[0],
        file=fitted(file, NAME_BYTES)[0],
        line=line or 0,
        in_application=is_application_file(file, module),
    )


def _formatted(exc: BaseException) -> str:
    trace: TracebackType | None = exc.__traceback__
    try:
        return "".join(traceback.format_exception(type(exc), exc, trace))
    except Exception as problem:  # noqa: BLE001  source lines and __str__ of others take part; the report goes on without
        return f"{qualified_name(type(exc))} (its stack trace cannot be printed: {type(problem).__name__})"
