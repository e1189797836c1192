"""Making any value fit a text field of the wire: valid UTF-8, and within its bytes.

A sender in trouble reports what it has; a value that can't be printed must not become a second error.
"""

from __future__ import annotations

_ELLIPSIS = " … "


def printed(value: object) -> str:
    """`str(value)`, or a remark where its `__str__` raises."""
    try:
        return str(value)
    except Exception as problem:  # noqa: BLE001  a user's __str__ may raise anything, and says so in the text
        return f"<{type(value).__name__} that cannot be printed: {type(problem).__name__}>"


def fitted(text: str, limit_bytes: int) -> tuple[str, bool]:
    """`text` as valid UTF-8 of at most `limit_bytes`, cut at its end; and whether it was cut."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit_bytes:
        return encoded.decode("utf-8"), False
    return encoded[:limit_bytes].decode("utf-8", "ignore"), True


def fitted_in_the_middle(text: str, limit_bytes: int) -> tuple[str, bool]:
    """As `fitted`, but cut in the middle: of a stack trace, the begin tells the way in and the end tells the error."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit_bytes:
        return encoded.decode("utf-8"), False
    room = limit_bytes - len(_ELLIPSIS.encode())
    head = encoded[: room // 3].decode("utf-8", "ignore")
    tail = encoded[len(encoded) - (room - room // 3) :].decode("utf-8", "ignore")
    return head + _ELLIPSIS + tail, True
