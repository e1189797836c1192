"""http: the status of the answer is within [min_status, max_status], and its body (the first MiB) matches `body_pattern`."""

from __future__ import annotations

import re

from error_daemon.execute.exchange import Request, exchange
from error_daemon.execute.params import required
from error_daemon.execute.probes.contract import Look, Sight, not_ok, ok, unknown
from error_daemon.execute.reach import Deadline, Unreached


class HttpProbe:
    async def look(self, look: Look) -> Sight:
        params = look.params
        pattern = re.compile(params.get("body_pattern") or "")
        request = Request(required(params, "url"), params.get("method", "GET"), params.get("headers") or {})
        answer = await exchange(request, Deadline(look.timeout_s))
        if isinstance(answer, Unreached):
            return (not_ok if answer.is_seen else unknown)(answer.detail)
        lowest, highest = params.get("min_status", 200), params.get("max_status", 299)
        if not lowest <= answer.status <= highest:
            return not_ok(f"status {answer.status}, wanted {lowest} to {highest}")
        if pattern.pattern and not pattern.search(answer.body.decode("utf-8", "replace")):
            return not_ok(f"status {answer.status}, but nothing in the body matches {pattern.pattern!r}")
        return ok(f"status {answer.status}")
