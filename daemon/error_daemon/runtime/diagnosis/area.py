"""What an area says of the things that it looks at."""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.model import Diagnostic, Standing


@dataclass(frozen=True, slots=True)
class Area:
    name: str

    def good(self, name: str, says: str, **figures: float) -> Diagnostic:
        return Diagnostic(self.name, name, Standing.GOOD, says, figures=figures)

    def notice(self, name: str, says: str, mend: str, **figures: float) -> Diagnostic:
        """It works, and could be better."""
        return Diagnostic(self.name, name, Standing.NOTICE, says, mend, figures)

    def bad(self, name: str, says: str, mend: str, **figures: float) -> Diagnostic:
        """It harms recovery now."""
        return Diagnostic(self.name, name, Standing.BAD, says, mend, figures)

    def unavailable(self, name: str, says: str, mend: str = "") -> Diagnostic:
        """It can't be seen here, and this is why."""
        return Diagnostic(self.name, name, Standing.UNAVAILABLE, says, mend)


def size(count: float) -> str:
    """Bytes, in the unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"


def span(seconds: float) -> str:
    """A duration, in the unit that fits."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def some(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
