"""How to explore what comes from a known distribution: the Gittins index.

An attempt with a strategy is worth what it brings, and what it shows. Where strategies are independent, and each attempt to come counts
`discount` times the one before it, both together are one number that depends on the attempts with that strategy alone, and to take the
strategy with the highest is the best that anybody can do (Gittins, "Bandit Processes and Dynamic Allocation Indices", J. R. Statist. Soc.
B 41, 1979). The number is the sure success rate that one would as gladly take for ever: the highest `sure` for which

    V(helped, failed) = max(0, mean - sure + discount * (mean * V(helped + 1, failed) + (1 - mean) * V(helped, failed + 1)))

is more than 0, where `mean` is that of the distribution after so many attempts. After MOST attempts nothing more is learned.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.policy.world import Range

MOST = 400
_SURES = 64
_RATES = 64

Table = NDArray[np.float64]  # [attempts that helped, attempts that did not]


def index(within: Range, discount: float, helped: int, failed: int) -> float:
    """`within`: before the first attempt the success rate is as likely to be anywhere in there."""
    return float(_indices(within, discount)[min(helped, MOST), min(failed, MOST)])


def mean(within: Range, helped: int, failed: int) -> float:
    """Of the rate, after so many attempts."""
    return float(_means(within)[min(helped, MOST), min(failed, MOST)])


@cache
def _indices(within: Range, discount: float) -> Table:
    low, high = within
    step = (high - low) / _SURES
    sures = (low + step * np.arange(_SURES))[:, None]
    means = _means(within)
    found: Table = means.copy()
    helped = np.arange(MOST + 1)
    later = np.maximum(0.0, (means[helped, MOST - helped] - sures) / (1.0 - discount))
    for total in range(MOST - 1, -1, -1):
        helped = np.arange(total + 1)
        mean = means[helped, total - helped]
        later = np.maximum(0.0, mean - sures + discount * (mean * later[:, 1:] + (1.0 - mean) * later[:, :-1]))
        found[helped, total - helped] = np.maximum(mean, np.where(later > 0.0, sures + step / 2, 0.0).max(axis=0))
    return found


@cache
def _means(within: Range) -> Table:
    low, high = within
    rates = low + (high - low) * (np.arange(_RATES) + 0.5) / _RATES
    helped, failed = np.arange(MOST + 1)[:, None] * np.log(rates), np.arange(MOST + 1)[:, None] * np.log(1.0 - rates)
    found = np.empty((MOST + 1, MOST + 1))
    for one in range(MOST + 1):
        logs = helped[one] + failed
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        found[one] = weights @ rates / weights.sum(axis=1)
    return found
