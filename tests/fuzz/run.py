"""
`make fuzz SECONDS=600 TARGET=wire`: atheris on what reads bytes of others. Inputs that reach something new are kept in var/fuzz/TARGET; so
is one that broke it.

atheris is no dependency: `make fuzz` installs it beside the others, where there is a build of it for the machine's Python.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

TARGETS = {
    "wire": ("error_daemon.rpc.wire", "hpack"),
    "sentry": ("error_daemon.ingest.sentry", "error_daemon.ingest.fitted", "error_daemon.web.unpacking"),
    "otlp": ("error_daemon.ingest.otlp", "error_daemon.ingest.fitted", "error_daemon.ingest.decode"),
    "syslog": ("error_daemon.ingest.syslog", "error_daemon.ingest.fitted"),
    "journal": ("error_daemon.ingest.journal", "error_daemon.ingest.fitted", "json"),
    "alert": ("error_daemon.ingest.alerts", "error_daemon.ingest.fitted", "json"),
}
"""Each is tests/fuzz/NAME_target.py; with the packages whose branches are followed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", choices=TARGETS, default="wire")
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    corpus = Path("var/fuzz") / asked.target
    corpus.mkdir(parents=True, exist_ok=True)
    os.nice(19)
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=list(TARGETS[asked.target])):
        target = import_module(f"tests.fuzz.{asked.target}_target")
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={asked.seconds}",
        "-timeout=10",  # seconds for one input: more is a hang
        "-max_len=2000",
        "-rss_limit_mb=1024",
        f"-artifact_prefix={corpus}/",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
