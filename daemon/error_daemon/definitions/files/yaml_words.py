"""What a YAML library has against a text, in words for the person who wrote it.

The library says what it was doing when it could not go on, which is often lines below the mistake. Here is what people usually did
to get there, and whether the place is where it began (a quote that nothing closes) or where it ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

_QUOTES = "put a text that has signs of YAML in it between quotes"


@dataclass(frozen=True, slots=True)
class _Sentence:
    says: str  # a regular expression for the words of the library: what it was doing, and what it met
    message: str
    mend: str = ""
    is_where_it_began: bool = False


_SENTENCES = (
    _Sentence("simple key.*could not find expected ':'", "a key without its colon", "write `key: value`", True),
    _Sentence("quoted scalar.*end of stream", "a quote that nothing closes", "", True),
    _Sentence("flow (sequence|node|mapping).*(stream end|end of stream)", "a bracket that nothing closes", "", True),
    _Sentence("flow sequence.*expected ',' or '\\]'", "a comma or a ] is missing before this", _QUOTES),
    _Sentence("flow mapping.*expected ',' or '}'", "a comma or a } is missing before this", _QUOTES),
    _Sentence(
        "mapping values are not allowed here",
        "a `:` where no key can be",
        "indent the line as its neighbours are, and put a text with `: ` in it between quotes",
    ),
    _Sentence("character '\\\\t'", "a tab", "YAML is indented with spaces"),
    _Sentence("character '([@`%&!|>])'", "{} begins something special", _QUOTES),
    _Sentence("undefined alias '(.*)'", "`*{}` stands for something that is not there", _QUOTES),
    _Sentence("scanning an (alias|anchor)", "what follows * or & is no name", _QUOTES),
    _Sentence(
        "block (mapping|collection|sequence).*expected <block end>",
        "indented unlike the lines above it",
        "indent it as its neighbours are",
    ),
)


def in_words(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> tuple[yaml.Mark | None, str, str]:
    """Place, message and mend."""
    said = ", ".join(part for part in (error.context, error.problem) if part)
    end = error.problem_mark or error.context_mark
    conflict = next((number for number, line in enumerate(lines) if re.match(r"(<{7}|>{7}) ", line)), None)
    if conflict is not None and end is not None:
        place = yaml.Mark(end.name, 0, conflict, 0, None, 0)
        return place, "a conflict of git that was not resolved", "take the lines with <<<<<<<, ======= and >>>>>>> out"
    for sentence in _SENTENCES:
        if match := re.search(sentence.says, said):
            begin = error.context_mark if sentence.is_where_it_began else None
            return begin or end, sentence.message.replace("{}", match[match.lastindex or 0]), sentence.mend
    return end, said, str(error.note or "")
