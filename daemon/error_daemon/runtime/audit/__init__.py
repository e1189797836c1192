"""What people and the daemon itself do, kept so that it can be shown later that nothing of it was changed (docs/audit.md)."""

from __future__ import annotations

from error_daemon.runtime.audit.audit import Audit

__all__ = ["Audit"]
