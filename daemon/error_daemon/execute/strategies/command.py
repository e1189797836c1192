"""exec: run a program. Completed if its exit code is one of `success_exit_codes`."""

from __future__ import annotations

from error_daemon.execute.params import required
from error_daemon.execute.program import build_environment
from error_daemon.execute.strategies.contract import Context, Result
from error_daemon.model import OutcomeKind


class RunCommand:
    async def run(self, context: Context) -> Result:
        params = context.params
        environment = build_environment(params.get("environment") or {}, context.environment)
        command = required(params, "command")
        ended = await context.programs.run(context.attempt_id, command, environment, params.get("cwd") or "")
        is_success = ended.code in params.get("success_exit_codes", [0])
        return Result(OutcomeKind.COMPLETED if is_success else OutcomeKind.FAILED, ended.describe())
