"""The servicers of the interoperability tests, on stubs as protoc makes them: AsyncTests for grpc.aio, PlainTests for grpc.server."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    # grpcio-tools makes both from the file, found by sys.path, which begins with the project's root
    pb2, pb2_grpc = grpc.protos_and_services("tests/rpc/wire/interop.proto")

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"


def said_first(context: Any) -> list[tuple[str, Any]]:
    """What its caller wants to hear in the headers. What it wants in the trailers is set."""
    asked = context.invocation_metadata()
    context.set_trailing_metadata([pair for pair in asked if pair.key == TRAILING])
    return [pair for pair in asked if pair.key == INITIAL]


def payload(size: int) -> Any:
    return pb2.Payload(body=bytes(size))


def refuse(context: Any, status: Any) -> bool:
    """Whether another status than OK was asked for."""
    if status.code:
        context.set_code(status.code)
        context.set_details(status.message)
    return bool(status.code)


def pack(context: Any, wanted: Any) -> None:
    """All answers of a call are packed, but for those that shall not be."""
    if not wanted.value:
        context.disable_next_message_compression()


def simple_answer(request: Any, context: Any) -> Any:
    if request.HasField("response_compressed"):
        context.set_compression(grpc.Compression.Gzip)
        pack(context, request.response_compressed)
    if refuse(context, request.response_status):
        return pb2.SimpleResponse()
    return pb2.SimpleResponse(payload=payload(request.response_size))


def packed_answers(request: Any, context: Any) -> Iterator[Any]:
    context.set_compression(grpc.Compression.Gzip)
    for parameters in request.response_parameters:
        pack(context, parameters.compressed)
        yield pb2.StreamingOutputResponse(payload=payload(parameters.size))


class AsyncTests(pb2_grpc.TestServiceServicer):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        self.running = 0

    async def EmptyCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        return pb2.Empty()

    async def UnaryCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        if initial := said_first(context):
            await context.send_initial_metadata(initial)
        return simple_answer(request, context)

    async def StreamingOutputCall(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        for answer in packed_answers(request, context):
            yield answer

    async def StreamingInputCall(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        self.running += 1
        try:
            sizes = [len(request.payload.body) async for request in request_iterator]
        finally:
            self.running -= 1
        return pb2.StreamingInputResponse(aggregated_payload_size=sum(sizes))

    async def FullDuplexCall(self, request_iterator: Any, context: Any) -> None:  # noqa: N802
        self.running += 1
        try:
            if initial := said_first(context):
                await context.send_initial_metadata(initial)
            while (request := await context.read()) is not EOF:
                if refuse(context, request.response_status):
                    return
                for parameters in request.response_parameters:
                    await asyncio.sleep(parameters.interval_us / 1e6)
                    await context.write(pb2.StreamingOutputResponse(payload=payload(parameters.size)))
        finally:
            self.running -= 1


class PlainTests(pb2_grpc.TestServiceServicer):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        self.running = 0
        self.threads: set[int] = set()

    def EmptyCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.threads.add(threading.get_ident())
        return pb2.Empty()

    def UnaryCall(self, request: Any, context: Any) -> Any:  # noqa: N802
        if initial := said_first(context):
            context.send_initial_metadata(initial)
        return simple_answer(request, context)

    def StreamingOutputCall(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        yield from packed_answers(request, context)

    def StreamingInputCall(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        self.running += 1
        try:
            sizes = [len(request.payload.body) for request in request_iterator]
        finally:
            self.running -= 1
        return pb2.StreamingInputResponse(aggregated_payload_size=sum(sizes))

    def FullDuplexCall(self, request_iterator: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self.running += 1
        over = threading.Event()
        try:
            if initial := said_first(context):
                context.send_initial_metadata(initial)
            assert context.add_callback(over.set)
            for request in request_iterator:
                if refuse(context, request.response_status):
                    return
                for parameters in request.response_parameters:
                    over.wait(parameters.interval_us / 1e6)
                    yield pb2.StreamingOutputResponse(payload=payload(parameters.size))
        finally:
            self.running -= 1


EOF: Any = vars(grpc.aio)["EOF"]
