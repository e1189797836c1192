"""What is kept of an error that nothing is done about and that is recorded: there may be a million of them.

At rest, an error waits for its next fault, which brings everything along with it. Until then it is only shown and, where it is watched,
learned from. So of its newest fault that is kept which is shown, or says what made it equal to others; why it was grouped is worked out
again when somebody asks. What many errors have in common (a component, an exception's type, the frames of a stack, a classification, a
reason) is kept once for all of them.
"""

from __future__ import annotations

from error_daemon.core.classify import Classification
from error_daemon.core.ticket import Error
from error_daemon.model import Fault

_MOST_IN_COMMON = 4096  # of each kind; when there are more, what recurs is soon back
_NO_ATTRIBUTES: dict[str, str] = {}
_Key = tuple[object, ...]


class AtRest:
    """The values that errors at rest have in common."""

    __slots__ = ("_classifications", "_frames", "_texts")

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._frames: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._classifications: dict[_Key, Classification] = {}

    def lay(self, error: Error) -> None:
        """Keep no more of it than is needed. It has no ticket and no slot, and its newest fault came to this daemon: of one that is
        known from the record alone nobody could work out why it was grouped."""
        if len(self._texts) > _MOST_IN_COMMON:
            self._texts.clear()
        error.fault = self._what_is_shown(error.fault)
        error.classification = self._shared(error.classification)
        error.reason = self._texts.setdefault(error.reason, error.reason)
        error.forget_because()

    def _what_is_shown(self, fault: Fault) -> Fault:
        one, frames = self._texts.setdefault, fault.frames
        if len(self._frames) > _MOST_IN_COMMON:
            self._frames.clear()
        # By position: with their names, so many arguments take five times as long.
        return Fault(
            fault.type,
            one(fault.message, fault.message),
            fault.severity,
            one(fault.component, fault.component),
            "",
            one(fault.node, fault.node),
            "",
            one(fault.hardware_id, fault.hardware_id),
            _NO_ATTRIBUTES,
            one(fault.exception_type, fault.exception_type),
            fault.exception_message,
            self._frames.setdefault(frames, frames),
            fault.explicit_fingerprint,
            one(fault.target, fault.target),
        )

    def _shared(self, classification: Classification) -> Classification:
        rule, because = classification.rule, classification.because
        key = (id(rule), classification.severity, classification.response_class, classification.recovery_class, because)
        if len(self._classifications) > _MOST_IN_COMMON:
            self._classifications.clear()
        # What is kept keeps its rule, and so the rule's id is its own.
        return self._classifications.setdefault(key, classification)
