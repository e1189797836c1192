"""The connection to the daemon: calls with a deadline, and its refusals as sentences with the mend.

How a status code ends the command (failure.py has the numbers):

    UNAVAILABLE, DEADLINE_EXCEEDED   nothing listens at the address → no daemon; something does → try again later
    RESOURCE_EXHAUSTED, ABORTED      try again later, with the delay that the daemon asks for
    NOT_FOUND                        not found
    UNAUTHENTICATED, PERMISSION_DENIED  refused: who you are is not known there, or not enough
    everything else                  refused by the daemon

Whether something listens is asked of the socket itself: the daemon may answer UNAVAILABLE too, and grpc's own words for a
connection that failed differ from version to version.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from error_cli.failure import Exit, Failure
from error_cli.handshake import problem_of_handshake
from error_cli.listening import problem_of_listening
from error_cli.phrase import duration
from error_cli.wishes import Wishes

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its log lines would stand between ours

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from error_recovery.security import Insecure, Metadata, Security, open_channel
from error_recovery.v1 import audit_pb2_grpc, fault_pb2_grpc, recovery_pb2, recovery_pb2_grpc

if TYPE_CHECKING:
    from error_recovery.v1.hook_pb2_grpc import HookServiceStub
    from error_recovery.v1.view_pb2_grpc import ViewServiceStub
    from error_recovery.v1.workflow_pb2_grpc import WorkflowServiceStub

_CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment never leads to a daemon on this host
    ("grpc.max_receive_message_length", 256 << 20),  # 10,000 rows of history with their details
)
_LISTENS_WITHIN_S = 1.0
_MENDS_OF_ACCESS = {
    "NO_IDENTITY": "name your token with --token-file, or your certificate with --tls-cert",
    "UNKNOWN_TOKEN": "its line must be in the file that access.tokens names in the daemon's recovery.conf",
    "ROLE_MISSING": "roles are in the daemon's recovery.conf: [access], and in the file of tokens",
    "ADDRESS_NOT_ALLOWED": "see access.allow in the daemon's recovery.conf",
}
_ERROR_ID_PREFIX = re.compile(r"[0-9a-f]{1,15}")

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT", bound=Message)


class Daemon:
    """A daemon at an address. Every call either answers or raises Failure."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata | None, wishes: Wishes, security: Security) -> None:
        self.address = wishes.address
        self._security = security
        self._metadata = metadata
        self._channel = channel
        self.recovery = recovery_pb2_grpc.RecoveryServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.faults = fault_pb2_grpc.FaultServiceStub(channel)
        self._timeout_s = wishes.timeout_s

    @property
    def hooks(self) -> HookServiceStub:
        from error_recovery.v1.hook_pb2_grpc import HookServiceStub

        return HookServiceStub(self._channel)

    @property
    def workflows(self) -> WorkflowServiceStub:
        from error_recovery.v1.workflow_pb2_grpc import WorkflowServiceStub

        return WorkflowServiceStub(self._channel)

    @property
    def views(self) -> ViewServiceStub:
        from error_recovery.v1.view_pb2_grpc import ViewServiceStub

        return ViewServiceStub(self._channel)

    def ask(self, method: Callable[..., ResponseT], request: Message, at_least_s: float = 0.0) -> ResponseT:
        """Call a unary method of a service. `at_least_s`: it may take this long by its nature."""
        within_s = max(self._timeout_s, at_least_s)
        try:
            return method(request, timeout=within_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._failure(error, within_s) from error

    def watch(self, error_id: str) -> Iterator[recovery_pb2.Event]:
        """Events of an error, or of all for "", from now on until the daemon ends the stream. No deadline."""
        return self.stream(self.recovery.Watch, recovery_pb2.WatchRequest(error_id=error_id))

    def stream(self, method: Callable[..., Any], request: Message) -> Iterator[Any]:
        """Call a method that answers with a stream, until the daemon ends it. No deadline. It is called now, not when it is read."""
        return self._told(method(request, metadata=self._metadata))

    def _told(self, stream: Any) -> Iterator[Any]:
        try:
            yield from stream
        except grpc.RpcError as error:
            raise self._failure(error) from error
        finally:
            stream.cancel()

    def error_id(self, text: str) -> str:
        """The whole error id of a prefix that a person typed; anything else as it is, for the daemon to judge."""
        if not _ERROR_ID_PREFIX.fullmatch(text):
            return text
        request = recovery_pb2.GetErrorRequest(error_id=text)
        return self.ask(self.recovery.GetError, request).error.error_id

    def _failure(self, error: grpc.RpcError, within_s: float = 0.0) -> Failure:
        code, said = error.code(), error.details() or ""
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            problem = problem_of_listening(self.address, _LISTENS_WITHIN_S)
            if problem is not None:
                return _no_daemon(self.address, problem)
            wrong = problem_of_handshake(self.address, self._security)
            if wrong:
                return Failure(Exit.NO_DAEMON, f"no secure connection to {self.address}: {wrong[0]}", *wrong[1:])
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failure(
                Exit.LATER,
                f"the daemon at {self.address} did not answer within {duration(within_s)}",
                "it may be busy: try again, or give it longer with --timeout",
            )
        return _refusal(code, said, _details(error), self.address)


@contextmanager
def connect(wishes: Wishes) -> Iterator[Daemon]:
    """A daemon to ask. Connects with the first call."""
    security = Security(wishes.tls_ca, wishes.tls_cert, wishes.tls_key, wishes.tls_name, wishes.token_file)
    try:
        channel, metadata = open_channel(wishes.address, security, _CHANNEL_OPTIONS)
    except OSError as problem:
        said = (problem.strerror or str(problem)).lower()
        raise Failure(Exit.USAGE, f"{problem.filename} cannot be read: {said}", "see: error-cli --help") from problem
    except Insecure as problem:
        raise Failure(Exit.USAGE, str(problem)) from problem
    with channel:
        yield Daemon(channel, metadata, wishes, security)


def _no_daemon(address: str, problem: OSError) -> Failure:
    if isinstance(problem, PermissionError):
        return Failure(
            Exit.NO_DAEMON,
            f"you may not open {address}: permission denied",
            "try it as root, or as a member of the socket's group",
        )
    return Failure(
        Exit.NO_DAEMON,
        f"no daemon answers at {address}: is it running? ({(problem.strerror or str(problem)).lower()})",
        "start error_daemon there, or name another address with --address",
    )


def _refusal(code: grpc.StatusCode, said: str, details: status_pb2.Status, address: str) -> Failure:
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return Failure(Exit.REFUSED, f"the daemon refused it: {said or 'bad input'}", *_fields(details, said))
    if code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED):
        return Failure(Exit.LATER, f"the daemon cannot take it now: {said or 'too much to do'}", _when(details))
    if code is grpc.StatusCode.NOT_FOUND:
        return Failure(Exit.NOT_FOUND, said or "the daemon knows nothing of that name")
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        return Failure(Exit.REFUSED, f"not possible now: {said or 'the daemon gave no reason'}")
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return Failure(Exit.REFUSED, f"not for you: {said or 'the daemon gave no reason'}", *_access(details))
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Failure(
            Exit.REFUSED,
            "the daemon is older than this error-cli: it does not know this command",
            "see: error-cli status",
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return Failure(
            Exit.LATER, f"the daemon at {address} cannot answer now: {said or 'no reason given'}", _when(details)
        )
    name = code.name.lower().replace("_", " ")
    return Failure(
        Exit.REFUSED, f"the daemon answered with an error: {said or name}", "see: journalctl -u error-recovery"
    )


def _fields(details: status_pb2.Status, said: str) -> Iterator[str]:
    """One sentence for each field that is wrong, unless the message has said just that."""
    bad = error_details_pb2.BadRequest()
    for detail in details.details:
        if detail.Unpack(bad):
            sentences = (f"{violation.field}: {violation.description}" for violation in bad.field_violations)
            yield from (sentence for sentence in sentences if sentence != said)


def _access(details: status_pb2.Status) -> Iterator[str]:
    """How to get in."""
    info = error_details_pb2.ErrorInfo()
    for detail in details.details:
        if detail.Unpack(info) and info.reason in _MENDS_OF_ACCESS:
            yield _MENDS_OF_ACCESS[info.reason]


def _when(details: status_pb2.Status) -> str:
    retry = error_details_pb2.RetryInfo()
    for detail in details.details:
        if detail.Unpack(retry):
            return f"try again in {duration(retry.retry_delay.ToTimedelta().total_seconds())}"
    return "try again in a moment"


def _details(error: grpc.RpcError) -> status_pb2.Status:
    """The google.rpc.Status that came with the refusal; an empty one where none did, or where it can't be read."""
    status = status_pb2.Status()
    for metadatum in error.trailing_metadata() or ():
        if metadatum.key == "grpc-status-details-bin":
            try:
                status.ParseFromString(metadatum.value)
            except DecodeError:  # the plain message has to do
                return status_pb2.Status()
    return status
