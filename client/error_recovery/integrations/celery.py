"""Celery: `init_app()`, in the module with the application, so that workers and their children import it.

Reported is what a task failed with for good (signal `task_failure`), with its name as the operation and its id and number of
retries; never its arguments. A retry is no fault yet. What a child of a prefork pool has reported is delivered before it ends.
Celery logs each failure as an error of `celery.app.trace`, which is therefore not looked at, and clears the root logger's
handlers: ours is put back.
"""

from __future__ import annotations

from typing import Any

from celery import signals

from error_recovery.fault import FaultFields
from error_recovery.installation import installation
from error_recovery.log_handler import quiet
from error_recovery.shared import shared_reporter
from error_recovery.sight import sight

_WAY = "celery"
_END_S = 1.5


def init_app() -> None:
    """Reports what tasks of this process fail with. Twice is once."""
    quiet("celery.app.trace")
    uid = "error_recovery"
    signals.task_failure.connect(_on_failure, weak=False, dispatch_uid=uid)
    signals.worker_process_shutdown.connect(_on_child_end, weak=False, dispatch_uid=uid)
    signals.after_setup_logger.connect(_on_logging, weak=False, dispatch_uid=uid)


def _on_failure(sender: Any = None, task_id: str = "", exception: BaseException | None = None, **_more: Any) -> None:
    sight(exception, _WAY, told=lambda: _fields(sender, task_id))


def _fields(task: Any, task_id: str) -> FaultFields:
    request = getattr(task, "request", None)
    retries = getattr(request, "retries", 0)
    return {
        "operation": getattr(task, "name", "") or "",
        "attributes": {"task_id": task_id, "retries": retries},
        "retry_count": retries if isinstance(retries, int) else 0,
        "affected_tasks": 1,
    }


def _on_child_end(**_more: Any) -> None:
    """A child of a pool ends without `atexit`."""
    shared_reporter().close(_END_S)


def _on_logging(**_more: Any) -> None:
    installation.put_log_handler()
