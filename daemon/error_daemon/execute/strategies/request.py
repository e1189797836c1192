"""http: send a request. Completed if the answer's status is within [min_status, max_status]."""

from __future__ import annotations

from error_daemon.execute.exchange import Request, exchange
from error_daemon.execute.params import required
from error_daemon.execute.reach import Deadline, Unreached
from error_daemon.execute.strategies.contract import Context, Result
from error_daemon.model import OutcomeKind

_SHOWN_BYTES = 1024


class SendRequest:
    async def run(self, context: Context) -> Result:
        params = context.params
        request = Request(
            url=required(params, "url"),
            method=params.get("method", "POST"),
            headers=params.get("headers") or {},
            body=(params.get("body") or "").encode(),
        )
        # a little more than the attempt has: its own deadline comes first, and says timed_out
        deadline = Deadline(context.timeout_s + 1.0, room_s=context.longest_s - context.timeout_s)
        answer = await exchange(request, deadline)
        if isinstance(answer, Unreached):
            return Result(OutcomeKind.FAILED, answer.detail)
        lowest, highest = params.get("min_status", 200), params.get("max_status", 299)
        said = answer.body[:_SHOWN_BYTES].decode("utf-8", "replace").strip()
        detail = f"status {answer.status}" + (f": {said}" if said else "")
        if lowest <= answer.status <= highest:
            return Result(OutcomeKind.COMPLETED, detail)
        return Result(OutcomeKind.FAILED, f"wanted {lowest} to {highest}, got {detail}")
