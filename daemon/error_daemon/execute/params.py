"""Reading parameters: the JSON text of a frame, and fields that must be there.

The definitions were checked when they were loaded, so what is missing here is a program's error or a custom kind's; the
text still says which field, and the attempt is refused instead of run with a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from error_daemon.errors import InputError
from error_daemon.model import Json


@lru_cache(maxsize=1024)
def parse(text: str) -> Mapping[str, Json]:
    """The same few strategies recur, so the same text gives the same mapping: nobody may change it."""
    parsed = json.loads(text) if text else {}
    if not isinstance(parsed, dict):
        raise InputError("params", f"{type(parsed).__name__} instead of a mapping")
    return parsed


def required(params: Mapping[str, Json], name: str) -> Json:
    """Raises InputError if it is missing or empty."""
    value = params.get(name)
    if value in (None, "", []):
        raise InputError(name, "is missing")
    return value
