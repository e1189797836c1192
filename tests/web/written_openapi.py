"""
The OpenAPI document of the REST API, as it should be now: `python -m tests.web.written_openapi` writes it (`make openapi`),
`--print` only shows it.

Comments are not in what protoc generates for programs, so proto/ is read again here.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

import error_recovery.v1
from error_daemon.web.api.api import described
from error_daemon.web.api.endpoints import ENDPOINTS
from error_daemon.web.api.openapi import document

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "daemon" / "error_daemon" / "web" / "api" / "openapi.json"
_MESSAGE, _ENUM, _FIELD = 4, 5, 2  # numbers of fields in descriptor.proto


def load_contract() -> None:
    """All of it, so that the descriptor pool knows its services."""
    for module in pkgutil.iter_modules(error_recovery.v1.__path__, "error_recovery.v1."):
        if module.name.endswith("_pb2"):
            importlib.import_module(module.name)


def text() -> str:
    load_contract()
    endpoints = [(endpoint, described(endpoint)) for endpoint in ENDPOINTS]
    return json.dumps(document(endpoints, dict(_comments(_described_files()))), indent=1) + "\n"


def _described_files() -> Sequence[FileDescriptorProto]:
    proto = ROOT / "proto"
    with tempfile.NamedTemporaryFile() as written:
        include = resources.files(grpc_tools) / "_proto"
        files = map(str, sorted((proto / "error_recovery" / "v1").glob("*.proto")))
        options = [
            "protoc",
            f"-I{proto}",
            f"-I{include}",
            "--include_source_info",
            f"--descriptor_set_out={written.name}",
        ]
        assert protoc.main([*options, *files]) == 0, "proto/ is broken"
        return FileDescriptorSet.FromString(Path(written.name).read_bytes()).file


def _comments(files: Sequence[FileDescriptorProto]) -> Iterator[tuple[str, str]]:
    for file in files:
        for location in file.source_code_info.location:
            says = " ".join(f"{location.leading_comments} {location.trailing_comments}".split())
            if says and (name := _name(file, location.path)):
                yield f"{file.package}.{name}", says


def _name(file: FileDescriptorProto, path: Sequence[int]) -> str:
    """Of what stands at a place of a file; empty for what is none of ours: a service, an entry of a map."""
    kind: Any = {_MESSAGE: file.message_type, _ENUM: file.enum_type}.get(path[0]) if path else None
    if kind is None or len(path) not in (2, 4) or (len(path) == 4 and path[2] != _FIELD):
        return ""
    named = kind[path[1]]
    if len(path) == 2:
        return str(named.name)
    inner = named.field if path[0] == _MESSAGE else named.value
    return f"{named.name}.{inner[path[3]].name}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(text())
    else:
        PLACE.write_text(text())
