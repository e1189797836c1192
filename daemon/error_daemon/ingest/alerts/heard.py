"""
What was heard of alerts, and what it says of a target now: the probe of kind `alert`. Pure.

An alert looks from afar: its rule is evaluated each minute or so, and an Alertmanager gathers what changed and tells of it at its next
group_interval. So its newest word may be of a time before what was done, and then it says nothing:

    newest word      what else                                                       reading
    ---------------  --------------------------------------------------------------  ---------------------------------------------
    resolved         it ended since the fault came and the newest attempt began      ok
    resolved         it had ended before that                                        none: a stale word confirms nothing
    firing           an attempt began less than `settle_s` ago                       unknown: it could not have been resolved yet
    firing           since before its target was acted on, less than `settle_s` ago  unknown, as above
    firing           older than `stale_after_s`, or than its sender says it holds    unknown: its sender may be gone
    firing           else                                                            not_ok

`settle_s` is how long its sender may take to say that it is over. Before it has passed a firing word fails no recovery, however new it is;
after it, one fails it however old it is, for an Alertmanager says nothing of what goes on firing (until repeat_interval).

**Whose word.** Who is not trusted tells of a fault as a claim, which a probe looks into. So what they say answers no probe: else they would
confirm their own claim. Each caller's words are kept apart from those of others, and nobody's replace another's. Of one alert that several
trusted callers tell of (a pair of Alertmanagers) the newest word counts. Where there is no more room, who takes the most of it loses what
they said longest ago, and first those who are not trusted: no message pushes out what others said.

Of several alerts that match, one that is not_ok decides, then one that is unknown, then one that is ok. Where none says anything: unknown.

The end of an alert is by its sender's clock; the attempt's beginning by ours. Clocks that differ by a few seconds are allowed for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from error_daemon.ingest.alerts.alert import Alert
from error_daemon.ingest.alerts.fault import target_of
from error_daemon.model import Json, ReadingValue, Since
from error_daemon.model.access import Caller

CLOCKS_DIFFER_S = 5.0
MOST_ALERTS = 10_000
MOST_CHARACTERS = 16 << 20  # of all labels


@dataclass(frozen=True, slots=True)
class Word:
    """The newest one on an alert. `heard_at` is by our clock; `starts_at`, `ended_at` (of a resolved one) and `holds_until` by the
    sender's, 0: not said. `target`: the one that it names."""

    labels: Mapping[str, str]
    target: str
    is_firing: bool
    heard_at: float
    starts_at: float
    ended_at: float
    holds_until: float
    characters: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts a probe is about, and how it takes them. With neither name nor labels: those that name its target."""

    target: str
    name: str
    labels: Mapping[str, str]
    settle_s: float
    stale_after_s: float

    def matches(self, word: Word) -> bool:
        if not self.name and not self.labels:
            return word.target == self.target
        if self.name and word.labels.get("alertname") != self.name:
            return False
        return all(word.labels.get(name, "") == value for name, value in self.labels.items())


def wanted_of(params: Mapping[str, Json], target: str) -> Wanted:
    """Of a probe's params, filled."""
    return Wanted(
        target,
        str(params.get("alertname", "")),
        {str(name): str(value) for name, value in dict(params.get("labels", {})).items()},
        float(params.get("settle_s", 0.0)),
        float(params.get("stale_after_s", 0.0)),
    )


class _Said:
    """By one caller: the newest word on each alert."""

    def __init__(self, *, is_trusted: bool) -> None:
        self.is_trusted = is_trusted
        self.words: dict[str, Word] = {}  # by fingerprint, the newest last
        self.characters = 0

    def put(self, fingerprint: str, word: Word) -> None:
        self.drop(fingerprint)
        self.words[fingerprint] = word
        self.characters += word.characters

    def drop(self, fingerprint: str) -> None:
        word = self.words.pop(fingerprint, None)
        if word is not None:
            self.characters -= word.characters


class Heard:
    """The newest word of each caller on each alert, bounded."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, bool], _Said] = {}  # by the caller's key, and whether it is trusted

    def __len__(self) -> int:
        return sum(len(said.words) for said in self._said.values())

    def firing(self) -> int:
        return sum(word.is_firing for said in self._said.values() for word in said.words.values())

    def hear(self, alert: Alert, now: float, caller: Caller) -> None:
        characters = sum(len(name) + len(value) for name, value in alert.labels.items())
        word = Word(
            alert.labels,
            target_of(alert),
            alert.is_firing,
            now,
            alert.starts_ns / 1e9,
            alert.ends_at or now,
            alert.holds_until,
            characters,
        )
        who = caller.key, caller.is_trusted
        said = self._said.setdefault(who, _Said(is_trusted=caller.is_trusted))
        said.put(alert.fingerprint, word)
        while len(self) > MOST_ALERTS:
            self._make_place(lambda one: len(one.words))
        while sum(one.characters for one in self._said.values()) > MOST_CHARACTERS:
            self._make_place(lambda one: one.characters)

    def read(self, wanted: Wanted, since: Since, now: float) -> tuple[ReadingValue, str]:
        """The reading, and why."""
        said = list(self._says(wanted, since, now))
        for value in (ReadingValue.NOT_OK, ReadingValue.UNKNOWN, ReadingValue.OK):
            whys = [why for each, why in said if each is value]
            if whys:
                more = f", and {len(whys) - 1} more" if len(whys) > 1 else ""
                return value, whys[0] + more
        nothing = "nothing was heard of such an alert since"
        return ReadingValue.UNKNOWN, nothing + self._of_others(wanted)

    def _says(self, wanted: Wanted, since: Since, now: float) -> Iterator[tuple[ReadingValue, str]]:
        newest: dict[str, Word] = {}
        for fingerprint, word in self._matching(wanted, is_trusted=True):
            other = newest.get(fingerprint)
            if other is None or other.heard_at <= word.heard_at:
                newest[fingerprint] = word
        for word in newest.values():
            if (says := _says(word, wanted, since, now)) is not None:
                yield says

    def _of_others(self, wanted: Wanted) -> str:
        """For whoever wonders why a sender is not believed."""
        is_some = next(self._matching(wanted, is_trusted=False), None) is not None
        return " from anybody whose role is operator; others, who told of it, are not believed" if is_some else ""

    def _matching(self, wanted: Wanted, *, is_trusted: bool) -> Iterator[tuple[str, Word]]:
        for said in self._said.values():
            if said.is_trusted is is_trusted:
                yield from (item for item in said.words.items() if wanted.matches(item[1]))

    def _make_place(self, size: Callable[[_Said], int]) -> None:
        who = max(self._said, key=lambda one: (not self._said[one].is_trusted, size(self._said[one])))
        said = self._said[who]
        said.drop(next(iter(said.words)))
        if not said.words:
            del self._said[who]


def _says(word: Word, wanted: Wanted, since: Since, now: float) -> tuple[ReadingValue, str] | None:
    """What one alert says; None: nothing."""
    name = word.labels.get("alertname", "the alert")
    if not word.is_firing:
        ago_s = now - word.ended_at
        if word.ended_at + CLOCKS_DIFFER_S < max(since.opened_at, since.acted_at) or ago_s > wanted.stale_after_s:
            return None
        return ReadingValue.OK, f"{name} is resolved, {_ago(ago_s)}"
    heard_s = now - word.heard_at
    began_before = since.touched_at if word.starts_at <= since.touched_at else 0.0
    if now - max(since.acted_at, began_before) < wanted.settle_s:
        rest = f"what was done may take {wanted.settle_s:g} s to show in it"
        return ReadingValue.UNKNOWN, f"{name} fires, as heard {_ago(heard_s)}; {rest}"
    if heard_s > wanted.stale_after_s or 0.0 < word.holds_until < now - CLOCKS_DIFFER_S:
        return ReadingValue.UNKNOWN, f"{name} fired, but was heard of {_ago(heard_s)}: its sender may be gone"
    return ReadingValue.NOT_OK, f"{name} fires, as heard {_ago(heard_s)}"


def _ago(seconds: float) -> str:
    return f"{max(0.0, seconds):.0f} s ago"
