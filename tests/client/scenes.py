"""Scenes: programs of their own, for what a whole process does. The process of the tests runs a gRPC server, and must not be
forked; and hooks of an interpreter are not to be played with in the one that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

_PROLOGUE = """
import asyncio, atexit, gc, logging, multiprocessing, os, signal, sys, threading
import error_recovery
address, spool_dir = sys.argv[1:3]
"""


def play(scene: str, address: str, spool_dir: Path, *, expected: int = 0, **environment: str) -> str:
    """Runs a program to its end; what it printed. It is a file beside the spool, since children that are spawned read it again."""
    spool_dir.mkdir(parents=True, exist_ok=True)
    program = spool_dir.parent / "scene.py"
    program.write_text(_PROLOGUE + textwrap.dedent(scene))
    done = subprocess.run(
        [sys.executable, str(program), address, str(spool_dir)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expected, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
