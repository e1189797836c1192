"""What is open at one moment, for people: understood by its root causes, however many errors there are."""

from error_daemon.core.overview.overview import Overview

__all__ = ["Overview"]
