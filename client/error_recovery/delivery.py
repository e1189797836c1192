"""One batch of faults over the wire, and what the answer means for each of them.

Records are encoded `ReportBatchRequest`s with one fault each. By the encoding of protobuf, such messages put one behind the
other are one message with all their faults, so that a batch is made by joining bytes, and what comes from disk is sent as it
was written.

    answer                                             what becomes of the faults
    ------------------------------------------------   ----------------------------------------------------
    OK, no refusal                                     delivered
    OK, refusal INVALID_ARGUMENT                       that one is dropped
    OK, any other refusal                              that one is sent again after its retry_after_ms
    INVALID_ARGUMENT or RESOURCE_EXHAUSTED for all     sent again in halves; INVALID_ARGUMENT for a single one: dropped
    any other status, or none in time                  sent again when the daemon is back

gRPC is imported by the first call: an application that never reports does not pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from error_recovery.security import Insecure, Metadata, Security, open_channel
from error_recovery.v1 import fault_pb2

if TYPE_CHECKING:
    import grpc

REPORT_BATCH = "/error_recovery.v1.FaultService/ReportBatch"
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),  # a restarted daemon is found within two seconds
    ("grpc.use_local_subchannel_pool", 1),  # the back-off of one reporter is no business of another
    ("grpc.enable_http_proxy", 0),  # the daemon is on this host, whatever http_proxy says
)

_INVALID_ARGUMENT = 3
_RETRY_WHEN_UNSAID_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The daemon answered. `kept` are positions of the batch to send again after `retry_after_s`; `refused` were dropped."""

    kept: tuple[int, ...] = ()
    refused: int = 0
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TooMuch:
    """The daemon refused the batch as a whole: smaller ones may pass, or the same later."""

    is_invalid: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Away:
    """There was no answer: nobody is there, or not able to."""

    reason: str


class Wire(Protocol):
    """Sends batches to one daemon."""

    def send(self, batch: list[bytes], timeout_s: float) -> Answer | TooMuch | Away:
        """Blocks until answered, for at most `timeout_s`. Never raises."""
        ...

    def close(self) -> None:
        """Closes the connection; the next `send` opens it again."""
        ...


class GrpcWire:
    """A lazily opened channel to one daemon; for one thread.

    Calls block: unlike futures they need no thread of gRPC's own, which could not be started any more at interpreter exit.
    """

    def __init__(self, address: str, security: Security) -> None:
        self._address = address
        self._security = security
        self._channel: grpc.Channel | None = None
        self._metadata: Metadata | None = None

    def send(self, batch: list[bytes], timeout_s: float) -> Answer | TooMuch | Away:
        import grpc

        if self._channel is None:
            try:
                self._channel, self._metadata = open_channel(self._address, self._security, CHANNEL_OPTIONS)
            except (OSError, Insecure) as problem:
                return Away(str(problem))
        call = self._channel.unary_unary(
            REPORT_BATCH,
            request_serializer=None,  # the batch is encoded already
            response_deserializer=fault_pb2.ReportBatchResponse.FromString,
        )
        try:
            response = call(b"".join(batch), timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            answer = _understood_status(cast("grpc.Call", error))
            if isinstance(answer, Away) and self._security != Security():
                self.close()  # certificates and tokens may have been renewed: they are read again
            return answer
        return _understood(response, len(batch))

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


def record_of(fault: fault_pb2.Fault) -> bytes:
    """One fault as a batch of one, encoded."""
    return fault_pb2.ReportBatchRequest(faults=[fault]).SerializeToString()


def _understood(response: fault_pb2.ReportBatchResponse, size: int) -> Answer:
    refusals = {refusal.index: refusal for refusal in response.refusals if refusal.index < size}
    kept = {index: refusal for index, refusal in refusals.items() if refusal.code != _INVALID_ARGUMENT}
    delays_s = [refusal.retry_after_ms / 1000 or _RETRY_WHEN_UNSAID_S for refusal in kept.values()]
    return Answer(tuple(sorted(kept)), len(refusals) - len(kept), max(delays_s, default=0.0))


def _understood_status(error: grpc.Call) -> TooMuch | Away:
    import grpc

    code, reason = error.code(), f"{error.code().name}: {error.details()}"
    if code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED):
        return TooMuch(code is grpc.StatusCode.INVALID_ARGUMENT, reason)
    return Away(reason)
