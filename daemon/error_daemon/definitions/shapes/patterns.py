"""What a text must look like: a glob, or a regular expression."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from error_daemon.definitions.shapes.entry import Entry
from error_daemon.definitions.shapes.fields import Glob, Regex
from error_daemon.definitions.shapes.values import glob_or_regex


class RegexEntry(Entry):
    """A pattern that is a regular expression instead of a glob."""

    regex: Regex = Field(description="Regular expression for the whole text: write .* where anything may stand.")


Pattern = Annotated[Annotated[Glob, Tag("glob")] | Annotated[RegexEntry, Tag("regex")], Discriminator(glob_or_regex)]
