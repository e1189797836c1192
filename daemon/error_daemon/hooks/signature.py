"""Signatures by Standard Webhooks: who has the key knows that it was us, when, and that nothing was changed.

    signed      id "." timestamp "." body        the bytes of the body as they are sent
    header      webhook-signature: v1,base64(HMAC-SHA256(key, signed)) and one more for each other key, with blanks between

A key file has one key a line, as `whsec_` and base64, which is how the libraries of Standard Webhooks take it; a line that is not is the
key itself. With two lines both sign: so a receiver changes from one to the other without a moment at which none fits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from error_daemon.errors import InputError

PREFIX = "whsec_"
_LEAST_BYTES = 16
_FIELD = "secret_file"


def keys_of(content: bytes) -> tuple[bytes, ...]:
    """The keys in a key file. Raises InputError where there is none, or one that is none."""
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    keys = tuple(_key(line) for line in lines if line and not line.startswith("#"))
    if not keys:
        raise InputError(_FIELD, "no key is in it")
    return keys


def _key(line: str) -> bytes:
    if not line.startswith(PREFIX):
        key = line.encode()
    else:
        try:
            key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise InputError(_FIELD, f"what follows {PREFIX} is not base64: {error}") from None
    if len(key) < _LEAST_BYTES:
        raise InputError(_FIELD, f"a key has {len(key)} bytes; at least {_LEAST_BYTES} keep it from being guessed")
    return key


def headers(keys: tuple[bytes, ...], delivery_id: str, at: float, content: bytes) -> dict[str, str]:
    """Those of a request that is sent at `at`."""
    timestamp = str(int(at))
    signed = b".".join((delivery_id.encode(), timestamp.encode(), content))
    made = (base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys)
    signature = " ".join(f"v1,{one}" for one in made)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        **({"webhook-signature": signature} if signature else {}),
    }
