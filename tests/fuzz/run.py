"""
`make fuzz SECONDS=600`: atheris on the wire server. Inputs that reach something new are kept in var/fuzz/wire; so is one that broke it.

atheris is no dependency: `make fuzz` installs it beside the others, where there is a build of it for the machine's Python.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, default=Path("var/fuzz/wire"))
    asked = parser.parse_args()
    asked.corpus.mkdir(parents=True, exist_ok=True)
    os.nice(19)
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["error_daemon.rpc.wire", "hpack"]):
        from tests.fuzz import wire_target
    arguments = [
        sys.argv[0],
        str(asked.corpus),
        f"-max_total_time={asked.seconds}",
        "-timeout=10",  # seconds for one input: more is a hang
        "-max_len=2000",
        "-rss_limit_mb=1024",
        f"-artifact_prefix={asked.corpus}/",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, wire_target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
