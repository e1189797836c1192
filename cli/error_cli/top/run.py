"""The screen on the terminal, until q, Ctrl-C or SIGTERM."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from error_cli.failure import Failure
from error_cli.lines import HANG, pieces, printable
from error_cli.top.ask import Asker, Found, all_found
from error_cli.top.page import page
from error_cli.top.screen import DETAIL, SHOW, Act, Screen, answered, drawn, pressed, went_away
from error_cli.top.terminal import Terminal, terminal

if TYPE_CHECKING:
    from error_cli.wishes import Wishes

_LABEL = re.compile(r"\s+\S+(?: \S+)*?\s{2,}")
_AGAIN_S = 2.0  # how often one error is asked for, while it is shown


def run(wishes: Wishes, every_s: float) -> None:
    asker = Asker(wishes, every_s)
    try:
        with terminal() as shown:
            _serve(shown, asker, Screen(wishes.address))
    finally:
        asker.close()


def _serve(shown: Terminal, asker: Asker, screen: Screen) -> None:
    shown_now: object = None
    asked_at = 0.0
    while True:
        now = time.time()
        for found in all_found(asker):
            screen = take(screen, found, now, shown.size()[0])
        screen = replace(screen, clock=float(int(now)))  # by whole seconds: a page of the same second is the same
        if shown_now != (screen, shown.size()):
            shown.draw(page(screen, *shown.size()))
            screen = drawn(screen, time.monotonic())
            shown_now = screen, shown.size()
        if screen.mode == DETAIL and now - asked_at > _AGAIN_S:
            asker.do(Act(SHOW, screen.detail_id))
            asked_at = now
        key = shown.key()
        if not key:
            continue
        screen, act = pressed(screen, key, time.monotonic())
        if act is not None and act.name == "quit":
            return
        if act is not None:
            asker.do(act)
            asked_at = now


def take(screen: Screen, found: Found, at: float, columns: int) -> Screen:
    """What came from the daemon. Raises Failure where it wants nothing to do with who asks."""
    if found.kind == "refused":
        assert isinstance(found.value, Failure)
        raise found.value
    if found.kind == "now":
        return answered(screen, found.value, at)
    if found.kind == "away":
        return went_away(screen, found.value, at)
    if found.kind == "detail":
        lines = [part for line in found.value for part in _wrapped(line, columns)]
        return replace(screen, detail=lines) if screen.detail_id == found.about else screen
    return replace(screen, message=found.value, is_wrong=found.kind == "wrong")


def _wrapped(line: str, columns: int) -> list[str]:
    text = printable(line)
    label = _LABEL.match(text)
    indent = " " * (label.end() if label and label.end() < columns // 2 else len(text) - len(text.lstrip()) + HANG)
    parts = [text[start:end] for start, end in pieces(text, columns, max(8, columns - len(indent)))]
    return [part if n == 0 else indent + part for n, part in enumerate(parts)] or [""]
