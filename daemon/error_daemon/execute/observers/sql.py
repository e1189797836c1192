"""sql: the rows that a query of a SQLite or DuckDB file gives. Of other databases an `exec` observer asks their own client (psql --csv).

The query runs in a program of its own (rows.py) with the file opened for reading only: it can hang, take all memory or crash the
library, and the worker goes on.
"""

from __future__ import annotations

import asyncio
import sys

from error_daemon.errors import PermanentError
from error_daemon.execute.observers.contract import Look, Seen
from error_daemon.execute.params import required
from error_daemon.execute.program import build_environment

_OUTPUT_BYTES = 1 << 20


class SqlObserver:
    async def observe(self, look: Look) -> Seen:
        engine, database, query = (str(required(look.params, name)) for name in ("engine", "database", "query"))
        command = [sys.executable, "-m", "error_daemon.execute.observers.rows", engine, database, query]
        program = look.programs.run(look.round_id, command, build_environment({}, {}), keep_bytes=_OUTPUT_BYTES)
        try:
            ended = await asyncio.wait_for(program, look.timeout_s)
        except asyncio.TimeoutError:
            raise PermanentError(f"the query did not end within {look.timeout_s:g} s") from None
        if ended.code:
            raise PermanentError(f"{database}: {ended.tail.splitlines()[-1] if ended.tail else ended.describe()}")
        return Seen({"rows": ended.tail})
