"""Answers for programs: JSON, or YAML with the same names and values.

The mapping is protobuf's own for JSON (64-bit whole numbers are texts) with snake_case names, and fields that are zero are there. A
stream is one line of JSON, or one YAML document, for each message.

Both escape what is not ASCII: a text that came with a fault does nothing to a terminal. In YAML a text that does not begin with a
letter is quoted: parsers of YAML 1.2 take an error id such as 12e4567890123456 for a number, which those of 1.1 do not, and PyYAML
writes for the latter.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import yaml
    from google.protobuf.message import Message

FORMATS = ("table", "json", "yaml")
_FORMAT = "error_cli.format"  # in the meta of click's context, which a group shares with its commands


def choose(ctx: click.Context, output_format: str) -> None:
    """How this command's documents are printed."""
    ctx.meta[_FORMAT] = output_format


def document(message: Message) -> None:
    """A single answer as one document."""
    _write(content(message), indent=2)


def document_text(json: str) -> None:
    """A document that came as JSON, laid out as the others are."""
    from json import loads

    _write(loads(json), indent=2)


def json_line(message: Message) -> None:
    """One message of a stream: a line of JSON, or a YAML document."""
    _write(content(message), indent=None)
    sys.stdout.flush()


def _write(content: object, indent: int | None) -> None:
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.meta.get(_FORMAT) == "yaml":
        sys.stdout.write(_yaml(content, is_stream=indent is None))
        return
    from json import dumps

    sys.stdout.write(dumps(content, indent=indent, ensure_ascii=True) + "\n")


def content(message: Message) -> dict[str, Any]:
    """What is printed of it."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _yaml(content: object, *, is_stream: bool) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True  # an anchor is no part of an answer

    Dumper.add_representer(str, _represent_text)
    text: str = yaml.dump(
        content, Dumper=Dumper, sort_keys=False, allow_unicode=False, width=1 << 30, explicit_start=is_stream
    )
    return text


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None if text[:1].isalpha() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
