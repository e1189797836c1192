"""retry, exponential_backoff: do the operation again, if one is given; else nothing, and the probes look again.

The waiting between attempts is the engine's: it holds no worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from error_daemon.errors import InputError
from error_daemon.execute.params import required
from error_daemon.execute.strategies.command import RunCommand
from error_daemon.execute.strategies.contract import Context, Result, Strategy
from error_daemon.execute.strategies.request import SendRequest

_OPERATIONS: dict[str, Callable[[], Strategy]] = {"exec": RunCommand, "http": SendRequest}


class Retry:
    async def run(self, context: Context) -> Result:
        operation = context.params.get("operation")
        if not operation:
            return Result(detail="nothing was run: the probes look again")
        kind = required(operation, "kind")
        if kind not in _OPERATIONS:
            raise InputError("operation.kind", f"{kind!r} is not one of {', '.join(_OPERATIONS)}")
        return await _OPERATIONS[kind]().run(replace(context, params=operation))
