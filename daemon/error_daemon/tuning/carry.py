"""Changes carried out, and taken back.

    apply   each change that is wanted: what is there is kept in the memo, the knob is set, and read again
    undo    each knob of the memo, the last one first:
              has the value that was set     what was before is restored
              has what was before            nothing to do
              has something else             somebody has changed it since: it is left, and that is said
            in each of these cases the memo forgets it; what could not be set stays in it, to be tried again

Both may be repeated. Applied twice is applied once: then nothing is wanted any more. A knob that is set anew over a value of ours keeps
what was before that; one that somebody has changed since is restored to what they made it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from error_daemon.tuning.change import Area, Change
from error_daemon.tuning.memo import Kept, Memo

Came = Literal["set", "restored", "left", "failed"]


class Settable(Protocol):
    def read(self, name: str) -> str | None: ...

    def set(self, name: str, value: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one knob. `says` is for a person, where there is anything to say."""

    area: Area
    knob: str
    came: Came
    before: str | None = None
    after: str | None = None
    says: str = ""


def apply(changes: Iterable[Change], knobs: Settable, memo: Memo, run: Callable[[str], None]) -> list[Done]:
    """`run(command)`: what has to follow."""
    done, then = [], []
    for change in changes:
        if change.is_wanted:
            done.append(_apply(change, knobs, memo))
            then += [change.then] if change.then and done[-1].came == "set" else []
    return [*done, *_followed(then, run)]


def _apply(change: Change, knobs: Settable, memo: Memo) -> Done:
    area, name = change.area, change.knob
    was = memo.of(name)
    try:
        now = knobs.read(name)
        is_ours = was is not None and now in was.values
        before = was.before if was is not None and is_ours else now
        memo.keep(Kept(area, name, before, (change.proposed, now) if is_ours else (change.proposed,), change.then))
        knobs.set(name, change.proposed)
        after = knobs.read(name)
    except OSError as error:
        _forget_unless_set(name, knobs, memo, was)
        return Done(area, name, "failed", change.now, change.proposed, _words(error))
    memo.keep(Kept(area, name, before, (after,), change.then))
    says = "" if after == change.proposed else "the host made something else of it"
    return Done(area, name, "set", now, after, says)


def _forget_unless_set(name: str, knobs: Settable, memo: Memo, was: Kept | None) -> None:
    kept = memo.of(name)
    try:
        now = knobs.read(name)
    except OSError:
        return
    if was is not None and now in was.values:
        memo.keep(was)
    elif kept is not None and now == kept.before:
        memo.drop(name)


def undo(areas: Collection[str], knobs: Settable, memo: Memo, run: Callable[[str], None]) -> list[Done]:
    done, then = [], []
    for kept in reversed(memo.all()):
        if kept.area in areas:
            done.append(_undo(kept, knobs, memo))
            then += [kept.then] if kept.then and done[-1].came == "restored" else []
    return [*done, *_followed(then, run)]


def _undo(kept: Kept, knobs: Settable, memo: Memo) -> Done:
    try:
        now = knobs.read(kept.knob)
        if now not in (*kept.values, kept.before):
            memo.drop(kept.knob)
            says = "it was changed by somebody else since, and stays as it is"
            return Done(kept.area, kept.knob, "left", now, now, says)
        if now != kept.before:
            knobs.set(kept.knob, kept.before)
            if knobs.read(kept.knob) != kept.before:
                raise OSError("the host does not take back what it had")
    except OSError as error:
        return Done(kept.area, kept.knob, "failed", None, kept.before, _words(error))
    memo.drop(kept.knob)
    return Done(kept.area, kept.knob, "restored", now, kept.before)


def _followed(commands: Iterable[str], run: Callable[[str], None]) -> Iterator[Done]:
    """Each once."""
    for command in dict.fromkeys(commands):
        try:
            run(command)
        except OSError as error:
            yield Done("limits", f"command:{command}", "failed", says=_words(error))


def _words(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.strerror and error.filename else error.strerror or str(error)
