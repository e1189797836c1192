"""Every metric that there is. docs/observability.md has them as a table, which is made from this (a test compares them)."""

from __future__ import annotations

from error_daemon.runtime.monitoring.metric import Metric
from error_daemon.runtime.monitoring.parts import PARTS
from error_daemon.runtime.monitoring.recoveries import RECOVERIES

CATALOGUE: tuple[Metric, ...] = (*RECOVERIES, *PARTS)
