"""Variables in texts of definitions: `${port}`. Only texts are filled, once, and a filled value is never looked at again.

    ${name}     the value of that variable
    $${         a literal ${
    $           anything else with a dollar is itself

A target has `target` (its name), `instance` (if it is a member of a family) and variables of its own. An attempt adds what
is known of the fault: `fault.type` ... `fault.attributes.NAME`, `error_id`, `attempt_id`, `level`. Those come from outside: where they
may stand is the business of definitions/checks/fault_variables.py, and what a fault did not say is the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

OF_TARGETS = ("target", "instance")
OF_ATTEMPTS = ("error_id", "attempt_id", "level")
ATTRIBUTE = "fault.attributes."
_PARTS = ("type", "severity", "component", "operation", "node", "environment", "message", "exception", "source")
OF_FAULTS = tuple(f"fault.{part}" for part in _PARTS)
RESERVED = frozenset((*OF_TARGETS, *OF_ATTEMPTS, "fault"))
MAX_VALUE_CHARACTERS = 8192  # at most 4 bytes each; the kernel takes 128 KiB in one argument
_MAX_FILLED_CHARACTERS = 8 * MAX_VALUE_CHARACTERS  # in one order, of what comes from the fault

_VARIABLE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")


def is_from_fault(name: str) -> bool:
    """Whether it is known only when there is an attempt."""
    return name in OF_ATTEMPTS or name.startswith("fault.")


def has_variables(value: Any) -> bool:
    """Whether anything is to be filled in: in a text, or in the texts of a mapping or list."""
    return any("${" in text for text in _texts(value))


def varies_with_fault(params: Any) -> bool:
    """Whether a variable in it is known only when there is an attempt."""
    return any(is_from_fault(name) for text in _texts(params) for name in variables_in(text))


def variables_in(text: str) -> list[str]:
    """Their names, in their order."""
    return [found[1] for found in _VARIABLE.finditer(text) if found[1] is not None]


def parts_of(text: str) -> Iterator[tuple[str, str]]:
    """The text in its pieces: (literal, "") and ("", name of a variable)."""
    position = 0
    for found in _VARIABLE.finditer(text):
        if found.start() > position:
            yield text[position : found.start()], ""
        yield ("${", "") if found[1] is None else ("", found[1])
        position = found.end()
    if position < len(text):
        yield text[position:], ""


def fill(value: Any, values: Mapping[str, str], *, keeps_fault: bool = False) -> Any:
    """`value` with each text in it filled, at any depth; keys stay what they are. Raises ValueError where a variable of the target
    is missing. With `keeps_fault`, what is only known in an attempt stays as it is written."""

    def one(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "${"
        if is_from_fault(name):
            return found[0] if keeps_fault else values.get(name, "")
        if name not in values:
            raise ValueError(f"the target has no variable {name!r}")
        return values[name]

    if isinstance(value, str):
        return _VARIABLE.sub(one, value) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: fill(each, values, keeps_fault=keeps_fault) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [fill(each, values, keeps_fault=keeps_fault) for each in value]
    return value


def fill_from_fault(params: Any, of_target: Mapping[str, str], of_fault: Mapping[str, str]) -> Any:
    """As `fill`. What a fault says must not keep its own recovery from running: no half characters, no NUL, and never more of it
    than a program can be started with, however often it is named."""
    named = sum(is_from_fault(name) for text in _texts(params) for name in variables_in(text))
    most = min(MAX_VALUE_CHARACTERS, _MAX_FILLED_CHARACTERS // max(1, named))
    return fill(params, {**{name: _clean(text, most) for name, text in of_fault.items()}, **of_target})


def _clean(text: str, most: int) -> str:
    return text[:most].replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
