"""exec: a check program. Its exit code says ok (`success_exit_codes`), unknown (`unknown_exit_codes`) or, else, not_ok.

A check that does not end in time, is killed by a signal, or can't be started has seen nothing: unknown.
"""

from __future__ import annotations

import asyncio

from error_daemon.execute.params import required
from error_daemon.execute.probes.contract import Look, Sight, not_ok, ok, unknown
from error_daemon.execute.program import build_environment


class CommandProbe:
    async def look(self, look: Look) -> Sight:
        params = look.params
        command = required(params, "command")
        environment = build_environment(params.get("environment") or {}, {})
        program = look.programs.run(look.round_id, command, environment, params.get("cwd") or "")
        try:
            ended = await asyncio.wait_for(program, look.timeout_s)
        except asyncio.TimeoutError:
            return unknown(f"{command[0]} did not end within {look.timeout_s:g} s")
        if ended.code in params.get("success_exit_codes", [0]):
            return ok(ended.describe())
        if ended.code < 0 or ended.code in params.get("unknown_exit_codes", []):
            return unknown(ended.describe())
        return not_ok(ended.describe())
