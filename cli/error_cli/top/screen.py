"""What is shown, and what a key changes of it. Pure: keys and answers in, acts out.

The screen is in one of four modes:

    list       groups of errors, what waits for a person, what is being done, what recovered: one of them is chosen
    detail     one error: enter on the list; left, backspace, escape or q lead back
    help       ? from anywhere; any key leads back
    typing     the filter; enter keeps it, escape clears it

Before anything is done a question stands in the last line: y does it, any other key does not. A y that comes sooner than a person can
read, or on the heels of other such ys, is none: it was pasted, or typed ahead.

What is chosen is kept by what it is, not by where it stands: the list moves under it. When it is gone, its neighbour is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from error_cli.words import SEVERITIES, word

if TYPE_CHECKING:
    from error_recovery.v1 import view_pb2

SHOW = "show"  # Act.name
LIST, DETAIL, HELP, TYPING = "list", "detail", "help", "typing"
UP, DOWN, PAGE_UP, PAGE_DOWN, HOME, END = "up", "down", "page up", "page down", "home", "end"
ENTER, ESCAPE, BACKSPACE, LEFT = "enter", "escape", "backspace", "left"
_STEPS = {UP: -1, "k": -1, DOWN: 1, "j": 1, PAGE_UP: -10, PAGE_DOWN: 10, HOME: -(1 << 30), "g": -(1 << 30)}
_STEPS |= {END: 1 << 30, "G": 1 << 30, " ": 10}
_BACK = (LEFT, BACKSPACE, ESCAPE, "q", "h")
_PAUSE = "pause"
RESIZED = "resized"  # no key, but it comes among them
_READ_S = 0.3  # before this nobody has read a question


class Item(NamedTuple):
    """Something on the list that can be chosen. `kind`: group | need | trying | recovered."""

    kind: str
    name: str  # unique in its kind
    error_id: str
    target: str
    text: str  # what a filter looks in
    what: Any  # the message of the wire

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


class Act(NamedTuple):
    """Something to be done: quit | show | approve | deny | pause | resume | resolve. `subject`: the error or target; empty: everything."""

    name: str
    subject: str = ""
    decision_id: str = ""  # of an answer: what was seen


class Question(NamedTuple):
    text: str
    act: Act


@dataclass(frozen=True)
class Screen:
    """`asked_at`: when the newest answer came; `clock`: what time it is for the daemon; both by this host's clock."""

    address: str
    now: view_pb2.GetNowResponse | None = None
    asked_at: float = 0.0
    clock: float = 0.0
    away: str = ""  # why the daemon does not answer; empty: it does
    away_since: float = 0.0
    mode: str = LIST
    chosen: tuple[str, str] = ("", "")  # kind and name of an item
    filter: str = ""
    question: Question | None = None
    quiet_since: float | None = (
        None  # by a steady clock: when the question was drawn, or a y came too soon; None: it is not drawn yet
    )
    message: str = ""  # what came of the last act
    is_wrong: bool = False  # the message tells of something that could not be done
    detail: Sequence[str] = field(default=())  # lines of one error
    detail_id: str = ""
    scroll: int = 0  # of detail

    def items(self) -> list[Item]:
        """In the order of the list, filtered."""
        wanted = self.filter.lower()
        return [item for item in _items(self.now) if wanted in item.text.lower()] if self.now else []

    def item(self) -> Item | None:
        """The chosen one; the first where none was chosen yet."""
        items = self.items()
        return next((item for item in items if item.key == self.chosen), items[0] if items else None)


def answered(screen: Screen, now: view_pb2.GetNowResponse, at: float) -> Screen:
    """The daemon has answered."""
    message = screen.message
    if screen.away:
        restarted = screen.now is not None and screen.now.started_at != now.started_at
        message = "the daemon has restarted" if restarted else "the daemon is back"
    before = screen.items()
    place = next((n for n, item in enumerate(before) if item.key == screen.chosen), 0)
    screen = replace(screen, now=now, asked_at=at, away="", away_since=0.0, message=message)
    after = screen.items()
    if after and screen.chosen not in {item.key for item in after}:
        near = after[min(place, len(after) - 1)]
        screen = replace(screen, chosen=near.key)
    return screen


def went_away(screen: Screen, why: str, at: float) -> Screen:
    return replace(screen, away=why, away_since=screen.away_since or at)


def drawn(screen: Screen, at: float) -> Screen:
    """It is seen, from now on."""
    is_new = screen.question is not None and screen.quiet_since is None
    return replace(screen, quiet_since=at) if is_new else screen


def pressed(screen: Screen, key: str, at: float) -> tuple[Screen, Act | None]:
    """A key: one character, or one of the names above."""
    if key == RESIZED:
        return screen, None
    if screen.question is not None:
        return _answered(screen, screen.question, key, at)
    screen = replace(screen, message="", is_wrong=False)
    if screen.mode == TYPING:
        return _typed(screen, key), None
    if screen.mode == HELP:
        return replace(screen, mode=DETAIL if screen.detail_id else LIST), None
    if key == "?":
        return replace(screen, mode=HELP), None
    if screen.mode == DETAIL:
        return _in_detail(screen, key)
    return _in_list(screen, key)


def _answered(screen: Screen, question: Question, key: str, at: float) -> tuple[Screen, Act | None]:
    is_yes = key in ("y", "Y")
    if is_yes and (screen.quiet_since is None or at - screen.quiet_since < _READ_S):
        return replace(screen, quiet_since=at), None
    said = "" if is_yes else "nothing was done"
    return replace(screen, question=None, message=said, is_wrong=False), question.act if is_yes else None


def _typed(screen: Screen, key: str) -> Screen:
    if key == ENTER:
        return replace(screen, mode=LIST)
    if key == ESCAPE:
        return replace(screen, mode=LIST, filter="")
    if key == BACKSPACE:
        return replace(screen, filter=screen.filter[:-1])
    return replace(screen, filter=screen.filter + key) if len(key) == 1 and key.isprintable() else screen


def _in_detail(screen: Screen, key: str) -> tuple[Screen, Act | None]:
    if key in _BACK:
        return replace(screen, mode=LIST, detail=(), detail_id="", scroll=0), None
    if key in _STEPS:
        return replace(screen, scroll=max(0, min(len(screen.detail) - 1, screen.scroll + _STEPS[key]))), None
    return _asked(screen, key, screen.detail_id), None


def _in_list(screen: Screen, key: str) -> tuple[Screen, Act | None]:
    item = screen.item()
    if key == "q":
        return screen, Act("quit")
    if key == "/":
        return replace(screen, mode=TYPING), None
    if key == ESCAPE:
        return replace(screen, filter=""), None
    if key in _STEPS:
        return _stepped(screen, _STEPS[key]), None
    if key == ENTER and item is not None:
        return replace(screen, mode=DETAIL, detail_id=item.error_id, detail=(), scroll=0), Act(SHOW, item.error_id)
    return _asked(screen, key, item.error_id if item else "", item.target if item else ""), None


def _stepped(screen: Screen, step: int) -> Screen:
    items = screen.items()
    if not items:
        return screen
    place = next((n for n, item in enumerate(items) if item.key == screen.chosen), 0)
    item = items[max(0, min(len(items) - 1, place + step))]
    return replace(screen, chosen=item.key)


def _asked(screen: Screen, key: str, error_id: str, target: str = "") -> Screen:
    """The question for what a key does."""
    question = _question(screen, key, error_id, target)
    return replace(screen, question=question, quiet_since=None) if question else screen


def _question(screen: Screen, key: str, error_id: str, target: str) -> Question | None:
    if key == "p":
        return _pause_question(screen, "")
    if key == "P" and target:
        return _pause_question(screen, target)
    if key in ("a", "d") and error_id:
        return _answer_question(screen, key, error_id)
    if key == "r" and error_id:
        return Question(f"resolve error {error_id}: it is gone?", Act("resolve", error_id))
    return None


def _pause_question(screen: Screen, target: str) -> Question:
    what = f"recoveries of {target}" if target else "all recoveries"
    if target in _paused(screen.now):
        return Question(f"resume {what}?", Act("resume", target))
    return Question(f"pause {what} until they are resumed?", Act("pause", target))


def _paused(now: view_pb2.GetNowResponse | None) -> Iterator[str]:
    return (brake.subject for brake in (now.brakes if now else ()) if brake.brake == _PAUSE)


def _answer_question(screen: Screen, key: str, error_id: str) -> Question | None:
    need = next((one for one in _needs(screen.now) if one.error_id == error_id and one.kind == "approval"), None)
    if need is None:
        return None
    if key == "a":
        does = f" ({need.does})" if need.does else ""
        return Question(f"approve {need.action}{does}?", Act("approve", error_id, need.decision_id))
    said = f"deny {need.action}: nothing is done, and the error has failed?"
    return Question(said, Act("deny", error_id, need.decision_id))


def _needs(now: view_pb2.GetNowResponse | None) -> Sequence[view_pb2.Need]:
    return now.needs if now else ()


def _items(now: view_pb2.GetNowResponse) -> Iterator[Item]:
    for group in now.groups:
        error = group.root_error
        said = (error.message, error.component, *group.targets, group.standing, word(SEVERITIES, group.severity))
        name = f"{group.kind} {group.name} {error.type if group.kind == 'component' else ''}"
        yield _item("group", name, error.error_id, error.target, group, group.name, group.next_text, *said)
    for need in now.needs:
        said = (need.component, need.message, need.action, need.why, need.does)
        yield _item("need", f"{need.kind} {need.error_id} {need.run_id}", need.error_id, need.target, need, *said)
    for trying in now.trying:
        yield _item("trying", trying.error_id, trying.error_id, trying.target, trying, trying.text)
    for done in now.recovered:
        yield _item(
            "recovered", f"{done.error_id} {done.at}", done.error_id, done.target, done, done.component, done.text
        )


def _item(kind: str, name: str, error_id: str, target: str, what: Any, *said: str) -> Item:
    return Item(kind, name, error_id, target, " ".join((error_id, target, *said)), what)
