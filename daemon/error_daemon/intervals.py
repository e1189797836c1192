"""The intervals of a Beta distribution, for people who ask how sure a success rate is. Pure; too slow for the fault path.

Exact, from the regularised incomplete beta function (NIST DLMF 8.17), by its continued fraction (8.17.22) and Lentz's method as modified
by Thompson and Barnett ("Coulomb and Bessel functions of complex arguments and order", J. Comp. Phys. 64, 1986).
"""

from __future__ import annotations

from math import exp, lgamma, log

_STEPS = 40  # bisection: right to 1e-12
_TERMS = 5000  # some sqrt(max(alpha, beta)) are needed: enough for 1e9 samples; it ends where they change nothing
_TINY = 1e-300


def beta_interval(alpha: float, beta: float, mass: float = 0.9) -> tuple[float, float]:
    """The central interval that holds `mass` of Beta(alpha, beta), both above 0."""
    tail = (1.0 - mass) / 2.0
    return _quantile(alpha, beta, tail), _quantile(alpha, beta, 1.0 - tail)


def beta_cumulative(alpha: float, beta: float, x: float) -> float:
    """How likely a draw from Beta(alpha, beta) is to be at most x."""
    if x <= 0.0:
        return 0.0
    return _cumulative(alpha, beta, x) if x < 1.0 else 1.0


def _quantile(alpha: float, beta: float, share: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if _cumulative(alpha, beta, middle) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _cumulative(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, from the side where its fraction converges."""
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _lower(b, a, 1.0 - x)  # where rounding calls both sides the far one, either will do
    return _lower(a, b, x)


def _lower(a: float, b: float, x: float) -> float:
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(max(x, _TINY)) + b * log(1.0 - x)) / a
    return front * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, from its first term on."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _away(1.0 + even * d)
        c = _away(1.0 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _away(1.0 + odd * d)
        c = _away(1.0 + odd / c)
        step = d * c
        result *= step
        if abs(step - 1.0) < 1e-12:
            break
    return result


def _away(value: float) -> float:
    """Never zero, since it is divided by."""
    return value if abs(value) > _TINY else _TINY
