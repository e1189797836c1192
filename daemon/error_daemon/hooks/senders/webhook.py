"""Any HTTP receiver: the event as JSON, signed by Standard Webhooks where the hook has a file of keys (signature.py).

Whatever it answers but 2xx and 410 is tried again: a receiver that is being deployed may well say 404 or 500 for a while.
"""

from __future__ import annotations

from error_daemon.hooks.senders.http import Request, Way
from error_daemon.hooks.signature import headers, keys_of
from error_daemon.model.hook import Delivery, Hook


def request(hook: Hook, delivery: Delivery, secret: bytes, at: float) -> Request:
    content = delivery.event.text.encode("utf-8", "replace")
    keys = keys_of(secret) if hook.secret_file else ()
    return Request(hook.params["url"], content, headers(keys, delivery.delivery_id, at, content))


WAY = Way("signing keys", request, lambda status: False)
