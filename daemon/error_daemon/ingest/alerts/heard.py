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

Of several alerts that match, one that is not_ok decides, then one that is unknown, then one that is ok. Where none says anything: unknown.

The end of an alert is by its sender's clock; the attempt's beginning by ours. Clocks that differ by a few seconds are allowed for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from error_daemon.ingest.alerts.alert import Alert
from error_daemon.ingest.alerts.fault import target_of
from error_daemon.model import Json, ReadingValue, Since

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


class Heard:
    """The newest word on each alert, bounded: that which was heard longest ago makes place."""

    def __init__(self) -> None:
        self._words: dict[str, Word] = {}  # the newest last
        self._characters = 0

    def __len__(self) -> int:
        return len(self._words)

    def firing(self) -> int:
        return sum(word.is_firing for word in self._words.values())

    def hear(self, alert: Alert, now: float) -> None:
        self._drop(alert.fingerprint)
        characters = sum(len(name) + len(value) for name, value in alert.labels.items())
        self._words[alert.fingerprint] = Word(
            alert.labels,
            target_of(alert),
            alert.is_firing,
            now,
            alert.starts_ns / 1e9,
            alert.ends_at or now,
            alert.holds_until,
            characters,
        )
        self._characters += characters
        while len(self._words) > MOST_ALERTS or self._characters > MOST_CHARACTERS:
            self._drop(next(iter(self._words)))

    def read(self, wanted: Wanted, since: Since, now: float) -> tuple[ReadingValue, str]:
        """The reading, and why."""
        said = list(self._said(wanted, since, now))
        for value in (ReadingValue.NOT_OK, ReadingValue.UNKNOWN, ReadingValue.OK):
            whys = [why for each, why in said if each is value]
            if whys:
                more = f", and {len(whys) - 1} more" if len(whys) > 1 else ""
                return value, whys[0] + more
        return ReadingValue.UNKNOWN, "nothing was heard of such an alert since"

    def _said(self, wanted: Wanted, since: Since, now: float) -> Iterator[tuple[ReadingValue, str]]:
        for word in self._words.values():
            if wanted.matches(word) and (says := _says(word, wanted, since, now)) is not None:
                yield says

    def _drop(self, fingerprint: str) -> None:
        word = self._words.pop(fingerprint, None)
        if word is not None:
            self._characters -= word.characters


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
