"""Joins the log: structlog → line → buffer → thread → file, journal, syslog; and says how it is.

`configure` is called once, before the first line. Whoever logs pays for making the line and copying it into memory, nothing else: writing,
sending, compressing and deleting are done by threads of their own (logs/).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import structlog

from error_daemon import __version__
from error_daemon.logs.archives import Keep
from error_daemon.logs.buffer import not_yet_in, open_buffer
from error_daemon.logs.journal import JournalLink
from error_daemon.logs.levels import logger_class
from error_daemon.logs.logfile import LogFile
from error_daemon.logs.outlet import Outlet
from error_daemon.logs.pump import Pump
from error_daemon.logs.render import Renderer
from error_daemon.logs.syslog import Origin, SyslogLink, tls_context
from error_daemon.logs.tidying import Tidying
from error_daemon.model import Json
from error_daemon.runtime.clock import wall_time
from error_daemon.setting_values import parse_syslog
from error_daemon.settings import LogSettings

FILE_NAME = "recovery.log"
STANDARD_ERROR = "-"


def configure(settings: LogSettings, state_dir: Path, environment: Mapping[str, str]) -> Logs:
    """From now on structlog's loggers write as the settings say. What they name need not work: that is said, and tried again."""
    logs = Logs(settings, log_path(settings.file, environment), state_dir / "log.buffer")
    structlog.configure(
        processors=[logs.renderer],
        wrapper_class=logger_class(settings.level),
        logger_factory=_Lines(logs.pump),
        cache_logger_on_first_use=True,
    )
    logs.begin()
    return logs


def log_path(file: str, environment: Mapping[str, str]) -> Path | None:
    """Of the log file; None: standard error. A unit with LogsDirectory= has its directories, by colons, in LOGS_DIRECTORY."""
    if file == STANDARD_ERROR:
        return None
    if file:
        return Path(file)
    directory = environment.get("LOGS_DIRECTORY", "").partition(":")[0]
    return Path(directory) / FILE_NAME if directory else None


class Logs:
    def __init__(self, settings: LogSettings, path: Path | None, buffer_path: Path) -> None:
        self.renderer = Renderer(wall_time)
        self._path = path
        self._tidying = Tidying(path, Keep(settings.keep_files, settings.keep_for), wall_time) if path else None
        buffer, self._left_behind = open_buffer(buffer_path, settings.buffer_bytes)
        file = LogFile(path, settings.rotate_bytes, self._say, wall_time, self._rotated)
        self.pump = Pump(buffer, file, _outlets(settings), self._say, settings.flush_interval)

    def begin(self) -> None:
        """Bring in what the last daemon had not written yet, and start."""
        pump = self.pump
        left_behind = not_yet_in(pump.file.end_of_file(len(self._left_behind)), self._left_behind)
        if left_behind:
            pump.file.write(left_behind)
            lines = left_behind.count(b"\n")
            pump.add(
                self._say(
                    "warning", "log_lines_of_the_last_run", lines=lines, reason="it was killed before it wrote them"
                )
            )
        if self._tidying:
            self._tidying.start()
        pump.start()

    def end(self) -> None:
        """Write what waits. Lines after this are lost."""
        self.pump.end()
        if self._tidying:
            self._tidying.end()

    def _say(self, level: str, event: str, **fields: Json) -> bytes:
        return self.renderer.line(level, event, fields)

    def _rotated(self) -> None:
        if self._tidying:
            self._tidying.rotated()

    def statistics(self) -> Mapping[str, Json]:
        """The fields of LogState, as of now."""
        buffer, file, tidying = self.pump.buffer, self.pump.file, self._tidying
        archives, archive_bytes = tidying.use if tidying else (0, 0)
        problems = [file.problem, tidying.problem if tidying else ""]
        return {
            "file": str(self._path or "standard error"),
            "lines": buffer.lines,
            "bytes": buffer.bytes,
            "lines_lost": buffer.lost + file.lost,
            "lines_elsewhere": file.elsewhere,
            "buffer_bytes": buffer.capacity,
            "buffer_used_bytes": buffer.used_bytes,
            "buffer_peak_bytes": buffer.peak_bytes,
            "survives_kill": buffer.survives_kill,
            "rotations": file.rotations,
            "archives": archives,
            "archive_bytes": archive_bytes,
            "problem": "; ".join(problem for problem in problems if problem),
            "outlets": [
                {
                    "name": outlet.link.name,
                    "sent": outlet.sent,
                    "dropped": outlet.dropped,
                    "waiting": outlet.waiting(),
                    "failures": outlet.failures,
                    "problem": outlet.problem,
                }
                for outlet in self.pump.outlets
            ],
        }


def _outlets(settings: LogSettings) -> list[Outlet]:
    links: list[JournalLink | SyslogLink] = []
    if settings.journal:
        links.append(JournalLink())
    address = parse_syslog(settings.syslog)
    if address:
        origin = Origin(socket.gethostname(), os.getpid(), __version__, settings.syslog_facility)
        context = partial(tls_context, settings.syslog_ca, settings.syslog_certificate, settings.syslog_key)
        links.append(SyslogLink(address, origin, context))
    return [Outlet(link, settings.buffer_bytes) for link in links]


class _Lines:
    """What structlog gives its lines to; it is its own factory. The method's name is the level."""

    def __init__(self, pump: Pump) -> None:
        self.debug = self.info = self.recovery = self.user_action = self.warning = pump.add
        self.error = partial(pump.add, is_vital=True)
        self.critical = partial(pump.add, is_vital=True, at_once=True)

    def __call__(self, *_arguments: object) -> _Lines:
        return self
