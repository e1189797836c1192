"""http: the status and the body of an answer. What the expressions of `ignore` match is taken out of the body first."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from error_daemon.errors import PermanentError
from error_daemon.execute.exchange import MAX_BODY_BYTES, Request, exchange
from error_daemon.execute.observers.contract import Look, Seen, without
from error_daemon.execute.params import required
from error_daemon.execute.reach import Deadline, Unreached


class HttpObserver:
    async def observe(self, look: Look) -> Seen:
        params = look.params
        request = Request(required(params, "url"), params.get("method", "GET"), params.get("headers") or {})
        answer = await exchange(request, Deadline(look.timeout_s))
        if isinstance(answer, Unreached):
            if answer.is_seen:  # nobody answers: that is a state
                return Seen({"status": "none"}, {"detail": answer.detail})
            raise PermanentError(answer.detail)
        return Seen({"status": str(answer.status), "body": _body(answer.body, params.get("ignore") or ())})


def _body(raw: bytes, ignore: Sequence[str]) -> str:
    try:
        body = without(raw.decode(), ignore)
    except UnicodeDecodeError:
        body = f"{len(raw)} bytes that are no text, sha256 {sha256(raw).hexdigest()[:16]}"
    return body if len(raw) < MAX_BODY_BYTES else f"the first {MAX_BODY_BYTES} bytes: {body}"
