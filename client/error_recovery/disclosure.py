"""What of the application a fault may tell.

By default: messages, stack traces and attributes without what looks like a secret (scrub.py), and some lines of source
around the two innermost frames of the application. No values of local variables, and never anything of requests but their
route and their id (integrations/).

The application's own hook comes last and has the last word: it gets each fault and returns it, changed or not, or None to
withhold it. A hook that raises must neither lose the fault nor let through what it would have taken out: the fault goes
without its texts then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from error_recovery.scrub import Scrubber, scrubber
from error_recovery.text import fitted_in_the_middle
from error_recovery.v1 import fault_pb2

Hook: TypeAlias = "Callable[[fault_pb2.Fault], fault_pb2.Fault | None]"

_LOOKED_AT_BYTES = (
    64 << 10
)  # of one text; more than any field keeps, so that a secret is not cut in two before it is found

_log = logging.getLogger("error_recovery")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Settings of what is told; all are optional.

    keys               parts of keys whose values are secrets, besides those of scrub.py: ("patient",)
    patterns           regular expressions of what is a secret wherever it stands: (r"KD-[0-9]{8}",)
    tells_emails       False: e-mail addresses are scrubbed too
    tells_secrets      True: nothing is scrubbed, but by the hook
    tells_locals       True: values of local variables of the frames whose source is told, scrubbed
    source_lines       lines of source before and after the one that raised; 0: none
    hook               the application's own: a Fault → that Fault, or None to withhold it
    """

    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    tells_emails: bool = True
    tells_secrets: bool = False
    tells_locals: bool = False
    source_lines: int = 2
    hook: Hook | None = None

    def __post_init__(self) -> None:
        """Raises re.error for a pattern that is none: here, where it is written, and not when a fault comes."""
        self._scrubber()

    def cleaned(self, text: str) -> str:
        """A text as it may be told."""
        text = fitted_in_the_middle(text, _LOOKED_AT_BYTES)[0]
        return text if self.tells_secrets else self._scrubber().text(text)

    def cleaned_value(self, key: str, text: str) -> str:
        """The value of an attribute as it may be told."""
        text = fitted_in_the_middle(text, _LOOKED_AT_BYTES)[0]
        return text if self.tells_secrets else self._scrubber().value(key, text)

    def hooked(self, fault: fault_pb2.Fault) -> fault_pb2.Fault | None:
        """What the application's hook makes of it. Never raises."""
        if self.hook is None:
            return fault
        try:
            kept = self.hook(fault)
            if kept is None or isinstance(kept, fault_pb2.Fault):
                return kept
            problem = f"it returned a {type(kept).__name__}"
        except Exception as raised:  # noqa: BLE001  a user's hook may raise anything
            problem = f"it raised {type(raised).__name__}"
        _log.warning("the hook that scrubs faults failed, a fault is sent without its texts: %s", problem)
        return _without_texts(fault, f"texts were taken out, for the hook that scrubs them failed: {problem}")

    def _scrubber(self) -> Scrubber:
        return scrubber(self.keys, self.patterns, not self.tells_emails)


def _without_texts(fault: fault_pb2.Fault, reason: str) -> fault_pb2.Fault:
    fault.message = reason
    fault.exception.ClearField("message")
    fault.exception.ClearField("stack_trace")
    fault.context.ClearField("attributes")
    fault.shortened = True
    return fault
