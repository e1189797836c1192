"""What people and the daemon itself do, kept so that it can be shown later that nothing of it was changed (docs/audit.md)."""

from __future__ import annotations

from error_daemon.runtime.audit.answering import answered_when_kept
from error_daemon.runtime.audit.audit import Audit
from error_daemon.runtime.audit.own import OwnActs
from error_daemon.runtime.audit.table import TableCopy
from error_daemon.runtime.audit.trail import Trail
from error_daemon.runtime.audit.upkeep import Upkeep

__all__ = ["Audit", "OwnActs", "TableCopy", "Trail", "Upkeep", "answered_when_kept"]
