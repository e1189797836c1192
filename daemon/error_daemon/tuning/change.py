"""What tuning would change, as values.

A **knob** is one thing of the host that can be read and set (knobs.py), and its value is a text: a kernel setting, a ring of a network
card, a whole file. A **change** is a knob, what it has now and what is proposed for it. Where both are the same there is nothing to do,
and the change is only shown. A plan of an area is made of facts alone, and the same facts give the same plan: what was applied is
planned as nothing to do.

Nothing is ever lowered: who has more than is proposed keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Area = Literal["sysctl", "nic", "limits", "firewall", "polkit"]
AREAS: tuple[Area, ...] = ("sysctl", "nic", "limits", "firewall", "polkit")
ONLY_BY_NAME: frozenset[str] = frozenset(
    ("nic", "firewall")
)  # these can cut a connection, an operator's own among them

RELOAD_UNITS = "systemctl daemon-reload"  # a change's `then`


@dataclass(frozen=True, slots=True)
class Change:
    """`now` None: it is not there. `does`: what applying it does, in words. `then`: a command that has to follow."""

    area: Area
    knob: str  # "value:net.core.somaxconn", "ring:eth0:rx", "file:/etc/sysctl.d/...", "table:error_recovery"
    now: str | None
    proposed: str | None
    why: str
    does: str = ""
    then: str = ""

    @property
    def is_wanted(self) -> bool:
        return self.now != self.proposed


@dataclass(frozen=True, slots=True)
class Plan:
    """Of one area. `lacks`: why something could not be looked at or can't be had here, a sentence each."""

    area: Area
    changes: tuple[Change, ...] = ()
    lacks: tuple[str, ...] = ()
