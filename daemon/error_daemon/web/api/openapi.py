"""
The REST API described: an OpenAPI 3.1 document, made from the table, the descriptors of the messages and the comments in proto/.

Strict where the API is (reading.py): what the document allows is taken, or refused for what it means; what it does not allow is refused.
What the methods bound stands in limits.py, too.
Source: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from error_daemon.web.api.endpoints import Endpoint
from error_daemon.web.api.fields import enum_of, fields_of, is_map, is_message, key_and_value, message_in
from error_daemon.web.api.limits import BY_NAME, ID, LIMITS, REQUIRED, TEXT, TOGETHER, Schema
from error_daemon.web.api.reading import RANGES, short_names

Comments = Mapping[str, str]
"""Full name of a message, field, enum or value → what proto/ says of it."""

_ABOUT = (
    "Steer and see error-recovery over HTTP. Every path is a method of its gRPC API, with the same roles, checks and words; "
    "docs/api.md tells more. Times are seconds since 1970 (UTC); whole numbers of 64 bits are texts in answers."
)
_REFUSALS = {
    "400": "A field is wrong, or not known: `errors` says which, and what there is.",
    "401": "Nobody knows who calls.",
    "403": "It is not for this caller: `reason` and `detail` say why.",
    "404": "What was named is not known.",
    "405": "The path has no such method: the header Allow has those that it has.",
    "409": "Known, but not possible in its present state.",
    "413": "The body is too large.",
    "415": "A change is application/json, and nothing else.",
    "429": "Not now: come back after `retry_after_s`.",
    "503": "The record cannot be read now.",
}
_WIDE = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
_FLOATING = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def document(endpoints: Sequence[tuple[Endpoint, MethodDescriptor]], comments: Comments) -> Schema:
    """What `json.dumps` takes."""
    schemas = _Schemas(comments)
    paths: dict[str, Schema] = {}
    for endpoint, method in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.verb.lower()] = _operation(endpoint, method, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "error-recovery", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **dict(sorted(schemas.made.items()))},
            "responses": {status: _refusal(says) for status, says in _REFUSALS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, method: MethodDescriptor, schemas: _Schemas) -> Schema:
    fields = fields_of(method.input_type)
    rest = [field for name, field in fields.items() if name not in endpoint.in_path]
    made: Schema = {
        "operationId": method.name,
        "summary": endpoint.says,
        "tags": [method.containing_service.name.removesuffix("Service").lower()],
        "parameters": [schemas.parameter(fields[name], "path") for name in endpoint.in_path],
        "responses": {str(endpoint.status): _answer(method, schemas), **_refusals(endpoint)},
    }
    if endpoint.verb == "GET":
        made["parameters"] += [schemas.parameter(field, "query") for field in rest]
    else:
        body = schemas.request(method.input_type.name, rest)
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


def _answer(method: MethodDescriptor, schemas: _Schemas) -> Schema:
    if method.server_streaming:
        says = f"Server-Sent Events; the data of each is {method.output_type.name} in JSON."
        schemas.reference(method.output_type)
        return {"description": says, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    return {
        "description": "Done." if method.output_type.fields else "Done; there is nothing to say.",
        "content": {"application/json": {"schema": schemas.reference(method.output_type)}},
    }


def _refusals(endpoint: Endpoint) -> Schema:
    of_a_change = ("409", "413", "415")
    return {
        status: {"$ref": f"#/components/responses/{status}"}
        for status in _REFUSALS
        if endpoint.verb != "GET" or status not in of_a_change
    }


def _refusal(says: str) -> Schema:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": says, "content": {"application/problem+json": problem}}


class _Schemas:
    """Of messages: as answers have them in `made`, by name; as requests may be, one by one."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments
        self.made: dict[str, Schema] = {}

    # --- answers

    def reference(self, message: Descriptor) -> Schema:
        if message.name not in self.made:
            self.made[message.name] = {}  # it may hold messages of its own type
            self.made[message.name] = self._answered(message)
        return {"$ref": f"#/components/schemas/{message.name}"}

    def _answered(self, message: Descriptor) -> Schema:
        fields = fields_of(message).items()
        return self._described(
            message.full_name,
            {
                "type": "object",
                "properties": {name: self._described(field.full_name, self._whole(field)) for name, field in fields},
                "required": [name for name, field in fields if not field.has_presence],
            },
        )

    def _whole(self, field: FieldDescriptor) -> Schema:
        if is_map(field):
            return {"type": "object", "additionalProperties": self._single(key_and_value(field)[1])}
        single = self._single(field)
        return {"type": "array", "items": single} if field.is_repeated else single

    def _single(self, field: FieldDescriptor) -> Schema:
        if is_message(field):
            return self.reference(message_in(field))
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            return self._enum(enum_of(field))
        if field.cpp_type in _WIDE:
            return {"type": "string", "pattern": "^-?[0-9]+$"}
        if field.cpp_type in RANGES:
            return {"type": "integer"}
        if field.cpp_type in _FLOATING:
            return {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
        return {"type": "boolean"} if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else {"type": "string"}

    def _enum(self, enum: EnumDescriptor) -> Schema:
        if enum.name not in self.made:
            self.made[enum.name] = self._described(
                enum.full_name, {"type": "string", "enum": list(enum.values_by_name)}
            )
        return {"$ref": f"#/components/schemas/{enum.name}"}

    # --- requests

    def parameter(self, field: FieldDescriptor, place: str) -> Schema:
        """Of a path or a query."""
        is_id = place == "path" and field.type == FieldDescriptor.TYPE_STRING
        allowed = ID if is_id else self._allowed(field)
        made: Schema = {"name": field.name, "in": place, "required": place == "path", "schema": allowed}
        return self._described(field.full_name, made)

    def request(self, name: str, fields: Sequence[FieldDescriptor]) -> Schema:
        """Of a body, or of a message in it."""
        required = {"required": [*REQUIRED[name]]} if name in REQUIRED else {}
        return {
            "type": "object",
            "properties": {field.name: self._described(field.full_name, self._allowed(field)) for field in fields},
            "additionalProperties": False,
            **required,
            **TOGETHER.get(name, {}),
        }

    def _allowed(self, field: FieldDescriptor) -> Schema:
        limits = LIMITS.get(".".join(field.full_name.split(".")[-2:]), BY_NAME.get(field.name))
        if limits is not None:
            return dict(limits)
        if field.is_repeated:
            single = self._allowed_one(field)
            return {"type": "array", "items": single, "maxItems": 100}
        return self._allowed_one(field)

    def _allowed_one(self, field: FieldDescriptor) -> Schema:
        if is_message(field):
            message = message_in(field)
            return self.request(message.name, list(fields_of(message).values()))
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            return {"type": "string", "enum": [*short_names(enum_of(field)), *enum_of(field).values_by_name]}
        if field.cpp_type in RANGES:
            least, most = RANGES[field.cpp_type]
            return {"type": "integer", "minimum": least, "maximum": most}
        if field.cpp_type in _FLOATING:
            return {"type": "number", "minimum": -1e300, "maximum": 1e300}
        return {"type": "boolean"} if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else dict(TEXT)

    def _described(self, name: str, schema: Schema) -> Schema:
        says = self._comments.get(name)
        return {**schema, "description": says} if says else schema


_PROBLEM: Schema = {
    "type": "object",
    "description": "Why it was refused (RFC 9457).",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "reason": {"type": "string", "description": "For programs, where it is not for this caller."},
        "retry_after_s": {"type": "number"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
