"""Notices of dying processes from this kernel, or the reason why there are none."""

from __future__ import annotations

import pytest

from error_daemon.ingest.dying.notices import DyingNotices


def opened() -> DyingNotices:
    notices = DyingNotices()
    notices.open()
    if not notices.is_open:
        pytest.skip(notices.why_not)
    return notices
