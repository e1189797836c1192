"""The rings of network cards (A4): 4,096 packets each way, or what the hardware has at most.

A ring is what the card fills while no CPU looks. A burst of faults that does not fit is lost, and sent again by TCP 200 ms later: by then
a recovery should have been over. Setting a ring makes most drivers take the link down for a moment. A card that has no rings to set
(virtual ones, often) is said, and left alone.

At boot udev sets them again, with ethtool, when the card appears: by its hardware address, because names may change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from error_daemon.tuning.change import Change, Plan

FILE = "/etc/udev/rules.d/81-error-recovery-tune.rules"
WANTED = 4_096
_WHY = "a burst that does not fit in the card's ring is lost, and comes 200 ms late"
_HEAD = "# Made by: error-cli tune nic --apply; error-cli tune nic --undo takes it back\n"


@dataclass(frozen=True, slots=True)
class RingSizes:
    """Packets; `most`: what the hardware can have."""

    rx: int
    tx: int
    rx_most: int
    tx_most: int


@dataclass(frozen=True, slots=True)
class Card:
    """`sizes` None: it has no rings that can be set, and `problem` says why. `address`: its hardware address."""

    name: str
    address: str
    sizes: RingSizes | None
    problem: str = ""


def plan_rings(cards: Mapping[str, Card], saved: str | None, ethtool: str) -> Plan:
    """`cards`: by name. `saved`: the text of FILE. `ethtool`: path of that program, "" where it is not installed."""
    changes: list[Change] = []
    lacks = [f"{card.name}: {card.problem}" for card in cards.values() if card.sizes is None]
    kept = set(re.findall(r'ATTR\{address\}=="([0-9a-f:]+)"', saved or ""))
    for card in cards.values():
        of_card = list(_of_card(card))
        if any(change.is_wanted for change in of_card):
            kept.add(card.address)
        changes += of_card
    if not cards:
        lacks.append("there is no network card, only virtual interfaces")
    if kept and ethtool:
        text = _HEAD + "".join(_rule(card, ethtool) for card in cards.values() if card.address in kept)
        changes.append(
            Change("nic", f"file:{FILE}", saved, text, "so that it is so after a boot, too", f"write {FILE}")
        )
    elif kept:
        lacks.append("ethtool is not installed: nothing sets the rings at boot, so they last until then")
    return Plan("nic", tuple(changes), tuple(lacks))


def _of_card(card: Card) -> list[Change]:
    sizes = card.sizes
    if sizes is None:
        return []
    both = (("rx", sizes.rx, sizes.rx_most), ("tx", sizes.tx, sizes.tx_most))
    return [
        Change(
            "nic",
            f"ring:{card.name}:{way}",
            str(now),
            str(max(now, min(WANTED, most))),
            _WHY if most >= WANTED else f"{_WHY}; {most:,} is all that this card has",
            f"ethtool -G {card.name} {way} {max(now, min(WANTED, most))} (the link may pause)",
        )
        for way, now, most in both
        if most
    ]


def _rule(card: Card, ethtool: str) -> str:
    wanted = [f"{change.knob.rpartition(':')[2]} {change.proposed}" for change in _of_card(card)]
    match = f'ACTION=="add", SUBSYSTEM=="net", DRIVERS=="?*", ATTR{{address}}=="{card.address}"'
    return f'{match}, RUN+="{ethtool} -G $name {" ".join(wanted)}"\n'
