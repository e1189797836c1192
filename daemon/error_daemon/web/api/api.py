"""The REST API: the table joined to the services that gRPC serves, too."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from error_daemon.calls import Method, Service, Shape
from error_daemon.errors import InvariantError
from error_daemon.exchange import Route
from error_daemon.web.api.endpoints import ENDPOINTS, Endpoint
from error_daemon.web.api.events import Events
from error_daemon.web.api.served_openapi import openapi_route
from error_daemon.web.api.unary import Unary


def routes(services: Sequence[Service], most_streams: int = 64) -> list[Route]:
    """Of every endpoint whose service is among these. `most_streams`: of events, at once. Raises InvariantError where a service has no such
    method."""
    served = {f"{service.name}/{method.name}": method for service in services for method in service.methods}
    names = {service.name for service in services}
    made = []
    for endpoint in ENDPOINTS:
        if endpoint.method.partition("/")[0] in names:
            method = served.get(endpoint.method)
            if method is None:
                raise InvariantError(f"{endpoint.path} is {endpoint.method}, which nobody serves")
            made.append(_route(endpoint, method, most_streams))
    return [*made, openapi_route()]


def _route(endpoint: Endpoint, method: Method, most_streams: int) -> Route:
    if method.shape is Shape.UNARY:
        return Unary(endpoint, method, _request_type(endpoint)).route()
    return Events(endpoint, method, _request_type(endpoint), most_streams).route()


def _request_type(endpoint: Endpoint) -> type[Message]:
    kind: type[Message] = message_factory.GetMessageClass(described(endpoint).input_type)
    return kind


def described(endpoint: Endpoint) -> MethodDescriptor:
    service, _, name = endpoint.method.partition("/")
    found: MethodDescriptor = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return found
