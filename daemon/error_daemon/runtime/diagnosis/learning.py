"""What was learned of strategies: how much there is to go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from error_daemon.model import Diagnostic, Json
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("learning")
_FEW = 5  # attempts; below, the prior says more than they do


def learning(strategies: Sequence[Mapping[str, Json]], *, is_withheld: bool) -> list[Diagnostic]:
    """`strategies`: what the record has of each for each error type. `is_withheld`: it could not be read back at the start."""
    if is_withheld:
        says = "what was learned could not be read at the start: nothing new is learned, so that it is not lost"
        return [_AREA.bad("learned", says, "mend the record (area store), then systemctl restart error-recovery")]
    samples = int(sum(strategy["samples"] for strategy in strategies))
    if not samples:
        return [
            _AREA.good(
                "learned", "nothing was tried yet: strategies are chosen by what is expected of any", samples=0.0
            )
        ]
    few = sum(strategy["samples"] < _FEW for strategy in strategies)
    pairs = some(len(strategies), "pair of strategy and error type", "pairs of strategy and error type")
    says = f"{some(samples, 'attempt')} of {pairs}"
    return [_AREA.good("learned", f"{says}; {few} with fewer than {_FEW}" if few else says, samples=float(samples))]
