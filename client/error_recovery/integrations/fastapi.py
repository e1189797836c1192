"""FastAPI, which is Starlette: see starlette.py.

app.add_middleware(ErrorRecoveryMiddleware)
"""

from __future__ import annotations

from error_recovery.integrations.starlette import ErrorRecoveryMiddleware

__all__ = ["ErrorRecoveryMiddleware"]
