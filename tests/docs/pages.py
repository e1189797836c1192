"""The pages that people read, and how to read them: text, code blocks, links."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MADE = ("var", "build", "dist", "node_modules", "__pycache__")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / name).read_text()


@cache
def files() -> tuple[str, ...]:
    """All that belongs to the project: paths from the root. Not what make, tools and running daemons have left there."""
    found = []
    for at, directories, names in os.walk(ROOT):
        if "pyvenv.cfg" in names:  # make VENV=...
            directories.clear()
            continue
        directories[:] = [name for name in directories if not name.startswith(".") and name not in _MADE]
        found += [str((Path(at) / name).relative_to(ROOT)) for name in names if not name.endswith(".pyc")]
    return tuple(sorted(found))


@cache
def code() -> str:
    """Of all programs that are shipped, in one text."""
    return "\n".join(page(path) for path in files() if re.match(r"(daemon|cli|client|bench)/.*\.py$", path))


@cache
def pages() -> tuple[str, ...]:
    return tuple(path for path in files() if path.endswith(".md"))


def prose(name: str) -> str:
    """A page without its code blocks: in those, paths and names may be the reader's own."""
    return _FENCED.sub("", page(name))


def code_blocks(name: str) -> str:
    """The rest of it; of a file that is no page, what is set off in its comments."""
    if not name.endswith(".md"):
        return "\n".join(re.findall(r"^#   .*$", page(name), re.MULTILINE))
    fenced: list[str] = _FENCED.findall(page(name))
    return "\n".join(fenced + re.findall(r"^    .*$", prose(name), re.MULTILINE))


def anchors(name: str) -> set[str]:
    """What a link may name after #, as GitHub makes it of each heading."""
    headings = re.findall(r"^#+ (.+)$", prose(name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
