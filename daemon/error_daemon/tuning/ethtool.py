"""The rings of network cards, by the same ioctl as `ethtool -g` and `-G` use (SIOCETHTOOL, struct ethtool_ringparam of linux/ethtool.h)."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Protocol

from error_daemon.tuning.rings import Card, RingSizes

_SIOCETHTOOL = 0x8946
_GET, _SET = 0x10, 0x11  # ETHTOOL_GRINGPARAM, ETHTOOL_SRINGPARAM
_WORDS = 9  # cmd; most of rx, mini, jumbo, tx; then the same four as they are
_RX_MOST, _TX_MOST, _RX, _TX = 1, 4, 5, 8
_CLASS = "sys/class/net"


class Rings(Protocol):
    def read(self, card: str) -> RingSizes:
        """Raises OSError."""

    def set(self, card: str, sizes: RingSizes) -> None: ...


class KernelRings:
    def read(self, card: str) -> RingSizes:
        words = _asked(card, array.array("I", [_GET, *[0] * (_WORDS - 1)]))
        return RingSizes(words[_RX], words[_TX], words[_RX_MOST], words[_TX_MOST])

    def set(self, card: str, sizes: RingSizes) -> None:
        """What is not named in `sizes` stays as it is."""
        words = _asked(card, array.array("I", [_GET, *[0] * (_WORDS - 1)]))
        words[0], words[_RX], words[_TX] = _SET, sizes.rx, sizes.tx
        _asked(card, words)


def cards(root: Path, rings: Rings) -> dict[str, Card]:
    """Every interface with hardware behind it, by name."""
    found = {}
    for place in sorted((root / _CLASS).glob("*")):
        if (place / "device").exists():
            found[place.name] = _card(place, rings)
    return found


def _card(place: Path, rings: Rings) -> Card:
    address = (place / "address").read_text().strip() if (place / "address").exists() else ""
    try:
        sizes = rings.read(place.name)
    except OSError as error:
        why = (
            "its rings can't be set"
            if error.errno == errno.EOPNOTSUPP
            else f"its rings can't be seen: {error.strerror}"
        )
        return Card(place.name, address, None, why)
    return Card(place.name, address, sizes)


def _asked(card: str, words: array.array[int]) -> array.array[int]:
    name = os.fsencode(card)
    if len(name) > 15:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    request = struct.pack("16sP16x", name, words.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
    return words
