"""Builds the C++ echo (echo.cc) with g++ and Debian's gRPC, into build/bench/; not again where it is newer than its source."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.contender import ROOT
from bench.packages import require

_NEEDED = {
    "g++": "g++",
    "pkg-config": "pkg-config",
    "protoc": "protobuf-compiler",
    "grpc_cpp_plugin": "protobuf-compiler-grpc",
    "/usr/include/grpcpp/grpcpp.h": "libgrpc++-dev",
    "/usr/include/google/protobuf/message.h": "libprotobuf-dev",
}
_HERE = Path(__file__).resolve().parent


def build_echo(say: Callable[[str], None]) -> Path:
    """The program. Raises Missing, and CalledProcessError where it does not compile."""
    out = ROOT / "build" / "bench"
    program = out / "echo"
    source, contract = _HERE / "echo.cc", _HERE / "echo.proto"
    if program.exists() and program.stat().st_mtime > max(source.stat().st_mtime, contract.stat().st_mtime):
        return program
    require("the C++ echo", _NEEDED, say)
    say("building the C++ echo")
    out.mkdir(parents=True, exist_ok=True)
    plugin = _output("sh", "-c", "command -v grpc_cpp_plugin").strip()
    _run(
        "protoc",
        f"-I{_HERE}",
        f"--cpp_out={out}",
        f"--grpc_out={out}",
        f"--plugin=protoc-gen-grpc={plugin}",
        str(contract),
    )
    sources = [str(source), str(out / "echo.pb.cc"), str(out / "echo.grpc.pb.cc")]
    libraries = _output("pkg-config", "--cflags", "--libs", "grpc++", "protobuf").split()
    _run("g++", "-std=c++17", "-O2", f"-I{out}", *sources, "-o", str(program), *libraries, "-pthread")
    return program


def library_version() -> str:
    return _output("pkg-config", "--modversion", "grpc++").strip()


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
