"""Packages of npm for tests of other languages' clients: `make services` puts them beside the virtual environment's own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

NODE = shutil.which("node")


def node_modules(name: str) -> Path:
    """As a program's NODE_PATH. ES modules take none, but `createRequire` does."""
    return Path(sys.prefix) / name / "node_modules"


def needs_node(name: str) -> pytest.MarkDecorator:
    is_there = NODE is not None and node_modules(name).is_dir()
    return pytest.mark.skipif(not is_there, reason=f"make services installs {name} where node and npm are")
