"""Loaded by schemathesis, in its own process: its check that what the document allows is not refused, but for what no schema can say."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import GenerationMode

_MEANT = {
    "page_token",  # one that was given out here
    "until",  # not before `since`
    "text",  # in the place of an error
    "note",  # where something is forced
}


@schemathesis.check
def what_is_allowed_is_taken(_ctx: Any, response: Any, case: Any) -> None:
    generation = case.meta.generation if case.meta else None
    if generation is None or generation.mode != GenerationMode.POSITIVE or response.status_code != 400:
        return
    wrong = {one["field"] for one in response.json()["errors"]}
    assert wrong <= _MEANT, f"the document allows this, and it is refused: {response.text}"
