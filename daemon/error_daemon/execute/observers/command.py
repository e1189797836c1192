"""exec: what a program prints, and its exit code."""

from __future__ import annotations

import asyncio

from error_daemon.errors import PermanentError
from error_daemon.execute.observers.contract import Look, Seen, without
from error_daemon.execute.params import required
from error_daemon.execute.program import build_environment

OUTPUT_BYTES = 1 << 20  # of what it prints; of more than that the end is seen


class CommandObserver:
    async def observe(self, look: Look) -> Seen:
        params = look.params
        command = required(params, "command")
        environment = build_environment(params.get("environment") or {}, {})
        program = look.programs.run(
            look.round_id, command, environment, params.get("cwd") or "", keep_bytes=OUTPUT_BYTES
        )
        try:
            ended = await asyncio.wait_for(program, look.timeout_s)
        except asyncio.TimeoutError:
            raise PermanentError(f"{command[0]} did not end within {look.timeout_s:g} s") from None
        return Seen({"exit code": str(ended.code), "output": without(ended.tail, params.get("ignore") or ())})
