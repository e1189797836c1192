"""The log: whether lines get to where they should, and how many did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from error_daemon.model import Diagnostic, Json
from error_daemon.runtime.diagnosis.area import Area, size, some

_AREA = Area("log")


def log(state: Mapping[str, Json]) -> list[Diagnostic]:
    """`state`: as GetStatus has it."""
    return [_file(state), _lost(state), *_outlets(state)]


def _file(state: Mapping[str, Json]) -> Diagnostic:
    if state["problem"]:
        return _AREA.notice(
            "file", str(state["problem"]), "recoveries go on; mend it, and lines are written there again"
        )
    archives = (
        f"; {some(state['archives'], 'file')} put aside, {size(state['archive_bytes'])}" if state["archives"] else ""
    )
    return _AREA.good("file", f"{state['file']}: {some(state['lines'], 'line')}, {size(state['bytes'])}{archives}")


def _lost(state: Mapping[str, Json]) -> Diagnostic:
    peak = state["buffer_peak_bytes"] / max(1, state["buffer_bytes"])
    if state["lines_lost"]:
        says = f"{some(state['lines_lost'], 'line')} since the start; the buffer was {100 * peak:.0f} % full at most"
        mend = "log.buffer_bytes in recovery.conf: a larger one; log.level: fewer lines"
        return _AREA.notice("lost lines", says, mend, lines_lost=state["lines_lost"], buffer_peak_ratio=peak)
    return _AREA.good("lost lines", f"none; the buffer was {100 * peak:.0f} % full at most", buffer_peak_ratio=peak)


def _outlets(state: Mapping[str, Json]) -> Iterator[Diagnostic]:
    for outlet in state["outlets"]:
        says = f"{some(outlet['sent'], 'line')} sent, {outlet['dropped']:,} dropped"
        if outlet["problem"]:
            mend = "it is tried again by itself; [log] in recovery.conf says where it goes"
            yield _AREA.notice(outlet["name"], f"{says}: {outlet['problem']}", mend)
        else:
            yield _AREA.good(outlet["name"], says)
