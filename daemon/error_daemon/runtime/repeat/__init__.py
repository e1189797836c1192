"""`error-cli test --repeat`: is a recovery idempotent (A13)?"""

from __future__ import annotations

from error_daemon.runtime.repeat.session import RepeatTests

__all__ = ["RepeatTests"]
