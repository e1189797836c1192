"""Programs of others that a bench needs: installed as root with apt, else said in one line what is missing and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path


class Missing(Exception):
    """What is missing, and how to get it."""


def require(what: str, package_by_file: Mapping[str, str], say: Callable[[str], None]) -> None:
    """A file is a name that is looked for in PATH, or a path. Raises Missing."""
    missing = sorted({package for file, package in package_by_file.items() if not _is_there(file)})
    if not missing:
        return
    how = f"{what} needs: apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{how} (as root)")
    say(f"installing {', '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-qy", "--no-install-recommends", *missing]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{how} (tried: {done.stderr.strip().splitlines()[-1:]})")


def _is_there(file: str) -> bool:
    return Path(file).exists() if "/" in file else shutil.which(file) is not None
