"""A small real gRPC server for the client's tests: it has what the client calls, and behaves as it is told.

    with FaultServer() as server:
        server.refusal = lambda fault: Refusal(...) or None      # asked for each fault of each batch
        server.status = grpc.StatusCode.INTERNAL                 # answers every batch with it
        server.poison = "message"                                # answers batches with such a fault INVALID_ARGUMENT
        server.batch_limit = 10                                  # answers larger batches RESOURCE_EXHAUSTED
        server.hold()                                            # batches hang until release()
        server.stop(); server.start()                            # goes away and comes back at the same address

`wait_for(condition)` waits on the server's own condition variable, with a deadline, and is woken by each thing that comes.
"""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import grpc

from error_recovery.v1 import fault_pb2, handler_pb2, handler_pb2_grpc

DEADLINE_S = 30.0
FAULT_SERVICE = "error_recovery.v1.FaultService"
Refuse = Callable[[fault_pb2.Fault], "fault_pb2.Refusal | None"]


class Session:
    """One Attach stream, from the daemon's side."""

    def __init__(self, offer: handler_pb2.Offer) -> None:
        self.offer = offer
        self.orders: queue.SimpleQueue[handler_pb2.AttachResponse | None] = queue.SimpleQueue()

    def run(self, attempt_id: str, handler: str, *, deadline_s: float = 20.0, level: int = 1) -> None:
        fault = fault_pb2.Fault(message="broken")
        run = handler_pb2.RunHandler(
            attempt_id=attempt_id, handler=handler, error_id="e1", fault=fault, level=level, deadline_s=deadline_s
        )
        self.orders.put(handler_pb2.AttachResponse(run=run))

    def cancel(self, attempt_id: str) -> None:
        self.orders.put(handler_pb2.AttachResponse(cancel=handler_pb2.CancelHandler(attempt_id=attempt_id)))


class FaultServer(handler_pb2_grpc.HandlerServiceServicer):
    """What the client calls, and the server that serves it on one unix socket."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fault-server-"))  # short: a socket's path has 107 bytes at most
        self.address = f"unix:{self._folder}/socket"
        self.changed = threading.Condition()
        self.faults: list[fault_pb2.Fault] = []
        self.batches: list[int] = []
        self.arrived = 0
        self.refusal: Refuse | None = None
        self.status: grpc.StatusCode | None = None
        self.batch_limit = 1024
        self.poison: str | None = None
        self.sessions: list[Session] = []
        self.results: list[handler_pb2.HandlerResult] = []
        self._open = threading.Event()
        self._open.set()
        self._server: grpc.Server | None = None

    def __enter__(self) -> FaultServer:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        server = grpc.server(futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers((self._fault_service(),))
        handler_pb2_grpc.add_HandlerServiceServicer_to_server(self, server)
        server.add_insecure_port(self.address)
        server.start()
        self._server = server

    def stop(self) -> None:
        if self._server is not None:
            for session in self.sessions:
                session.orders.put(None)
            self._server.stop(grace=None).wait(DEADLINE_S)
            self._server = None

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def wait_for(self, condition: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: bool(condition()), DEADLINE_S), "not seen within the deadline"

    @property
    def messages(self) -> list[str]:
        return [fault.message for fault in self.faults]

    def _fault_service(self) -> grpc.GenericRpcHandler[fault_pb2.ReportBatchRequest, fault_pb2.ReportBatchResponse]:
        """Of its calls the one that the client makes: it sends batches."""
        report_batch = grpc.unary_unary_rpc_method_handler(
            self._report_batch,
            request_deserializer=fault_pb2.ReportBatchRequest.FromString,
            response_serializer=fault_pb2.ReportBatchResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(FAULT_SERVICE, {"ReportBatch": report_batch})

    def _report_batch(
        self, request: fault_pb2.ReportBatchRequest, context: grpc.ServicerContext
    ) -> fault_pb2.ReportBatchResponse:
        with self.changed:
            self.arrived += 1
            self.changed.notify_all()
        self._open.wait(DEADLINE_S)
        if not context.is_active():
            return fault_pb2.ReportBatchResponse()
        if self.status is not None:
            context.abort(self.status, "as told")
        if any(fault.message == self.poison for fault in request.faults):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "as told")
        if len(request.faults) > self.batch_limit:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "received message larger than max")
        with self.changed:
            response = fault_pb2.ReportBatchResponse(batch_id=request.batch_id)
            for index, fault in enumerate(request.faults):
                refusal = self.refusal(fault) if self.refusal else None
                if refusal is None:
                    self.faults.append(fault)
                    response.accepted += 1
                else:
                    refusal.index = index
                    response.refusals.append(refusal)
            self.batches.append(len(request.faults))
            self.changed.notify_all()
        return response

    def Attach(  # noqa: N802
        self, request_iterator: Iterator[handler_pb2.AttachRequest], context: grpc.ServicerContext
    ) -> Iterator[handler_pb2.AttachResponse]:
        session = Session(next(request_iterator).offer)
        context.add_callback(lambda: session.orders.put(None))
        reader = threading.Thread(target=self._read, args=(request_iterator, session), daemon=True)
        reader.start()
        yield handler_pb2.AttachResponse(attached=handler_pb2.Attached(session_id=f"s{len(self.sessions)}"))
        with self.changed:
            self.sessions.append(session)
            self.changed.notify_all()
        yield from iter(session.orders.get, None)

    def _read(self, requests: Iterator[handler_pb2.AttachRequest], session: Session) -> None:
        try:
            for request in requests:
                with self.changed:
                    if request.HasField("offer"):
                        session.offer = request.offer
                    else:
                        self.results.append(request.result)
                    self.changed.notify_all()
        except grpc.RpcError:
            pass  # the stream ended
