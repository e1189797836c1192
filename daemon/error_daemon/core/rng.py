"""The engine's own seeded random source, so that the same seed gives the same history on every machine and version.

SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014) for the bits; gamma by
Marsaglia and Tsang ("A simple method for generating gamma variables", 2000); beta as a ratio of gammas.
"""

from __future__ import annotations

from math import cos, log, pi, sqrt

_MASK = (1 << 64) - 1


class Generator:
    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & _MASK

    def bits(self) -> int:
        """64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """In (0, 1]: never 0, so that its logarithm exists."""
        return ((self.bits() >> 11) + 1) * 2.0**-53

    def normal(self) -> float:
        """Standard normal, by Box and Muller."""
        return sqrt(-2.0 * log(self.uniform())) * cos(2.0 * pi * self.uniform())

    def gamma(self, shape: float) -> float:
        """Gamma(shape, 1), for shape > 0."""
        if shape < 1.0:
            return float(self.gamma(shape + 1.0) * self.uniform() ** (1.0 / shape))
        d = shape - 1.0 / 3.0
        c = 1.0 / sqrt(9.0 * d)
        while True:
            x = self.normal()
            v = (1.0 + c * x) ** 3
            if v > 0.0 and log(self.uniform()) < 0.5 * x * x + d - d * v + d * log(v):
                return d * v

    def beta(self, alpha: float, beta: float) -> float:
        """Beta(alpha, beta), for both > 0."""
        x = self.gamma(alpha)
        return x / (x + self.gamma(beta))
