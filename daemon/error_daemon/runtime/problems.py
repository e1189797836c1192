"""What the edges hear of that an operator should know: a line of the log each."""

from __future__ import annotations

import structlog

_log = structlog.get_logger()


def record_problem(text: str) -> None:
    _log.error("record", problem=text)


def sensor_problem(text: str) -> None:
    _log.error("sensor", problem=text)


def sensor_news(text: str) -> None:
    _log.info("sensor", says=text)


def receiver_problem(text: str) -> None:
    _log.error("receiver", problem=text)
