"""How a report becomes what JSON knows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from error_daemon.rpc.plain import plain


class _Kind(str, Enum):
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class _Part:
    count: int
    _hidden: int = 7

    @property
    def double(self) -> int:
        return 2 * self.count

    @property
    def _secret(self) -> int:
        return self._hidden


def test_a_dataclass_becomes_its_fields_and_its_properties() -> None:
    assert plain(_Part(2)) == {"count": 2, "double": 4}


def test_enums_become_their_values_as_keys_too() -> None:
    said = plain({_Kind.GOOD: _Kind.GOOD, 3: (_Part(1), None)})
    assert said == {"good": "good", "3": [{"count": 1, "double": 2}, None]}
    assert {type(value) for value in (*said, said["good"])} == {str}


def test_there_is_no_figure_without_an_end() -> None:
    assert plain([float("inf"), float("nan"), 0.5]) == [None, None, 0.5]
