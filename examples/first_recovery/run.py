"""`make run`: start the daemon, break a real service twice, and watch it come back.

    1  the service's process is killed with -9: the daemon sees it die, restarts it, and asks it whether it sells again
    2  its data file is corrupted: the service reports the exception; the application's own handler cannot heal it, so the
       daemon goes up the ladder and restores the last good file

Everything is real: a daemon process, a service process, sockets, a DuckDB record under ./var. Exits with 1 if a recovery did not happen.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc

from error_recovery.v1 import recovery_pb2, recovery_pb2_grpc

HERE = Path(__file__).parent
DEFAULT_HTTP = "127.0.0.1:8089"
DEFAULT_PORT = "18573"
DEFAULT_LISTEN = "127.0.0.1:50051"
PATIENCE_S = 30.0


class NotRecovered(Exception):
    """What was to be shown did not happen."""


def say(text: str, style: str = "") -> None:
    colours = {"bold": "1", "good": "1;32", "bad": "1;31", "quiet": "2"}
    is_coloured = style and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(f"\033[{colours[style]}m{text}\033[0m" if is_coloured else text, flush=True)


# --- laying out ./var


def lay_out(var: Path, port: str, listen: str, http: str) -> Path:
    """The service, its definitions and the daemon's settings under `var`; the path of the settings."""
    shop, definitions = var / "shop", var / "definitions"
    for directory in (shop, definitions):
        directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "shop.py", shop)
    stock = json.dumps({"apples": 12, "pears": 7, "plums": 40})
    (shop / "stock.json").write_text(stock)
    (shop / "stock.good.json").write_text(stock)
    (shop / "shop.pid").unlink(missing_ok=True)
    written = (HERE / "definitions" / "shop.yaml").read_text()
    (definitions / "shop.yaml").write_text(written.replace(DEFAULT_PORT, port).replace(DEFAULT_LISTEN, listen))
    settings = var / "recovery.conf"
    lines = {
        "listen": listen,
        "http.listen": http,
        "state_dir": str(var / "state"),
        "definitions_dir": str(definitions),
        "flap_threshold": "2s",
    }
    settings.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()))
    return settings


# --- the processes


def environment(listen: str) -> dict[str, str]:
    """That of this process, with the programs of this virtual environment first and the daemon's address."""
    here = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{here}:{os.environ.get('PATH', '')}", "ERROR_RECOVERY_ADDRESS": listen}


@contextlib.contextmanager
def running_daemon(settings: Path, var: Path, listen: str) -> Iterator[recovery_pb2_grpc.RecoveryServiceStub]:
    with (var / "daemon.log").open("ab") as log:
        command = [sys.executable, "-m", "error_daemon", "--config", str(settings)]
        daemon = subprocess.Popen(command, stderr=log, env=environment(listen), start_new_session=True)
    try:
        with grpc.insecure_channel(listen) as channel:
            wait_until_serving(channel, daemon, var / "daemon.log")
            yield recovery_pb2_grpc.RecoveryServiceStub(channel)
    finally:
        daemon.terminate()
        daemon.wait()


def wait_until_serving(channel: grpc.Channel, daemon: subprocess.Popen[bytes], log: Path) -> None:
    ready = grpc.channel_ready_future(channel)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            tail = "\n".join(log.read_text().splitlines()[-5:])
            raise NotRecovered(f"the daemon ended with {daemon.returncode}:\n{tail}")
        with contextlib.suppress(grpc.FutureTimeoutError):
            ready.result(timeout=0.2)
            return
    raise NotRecovered(f"the daemon does not serve after {PATIENCE_S:.0f} s; see {log}")


@contextlib.contextmanager
def running_shop(var: Path, port: str, listen: str) -> Iterator[None]:
    """The service as an init script would start it. Who restarts it from then on is the daemon."""
    directory = var / "shop"
    with (directory / "shop.log").open("ab") as log:
        shop = subprocess.Popen(
            ["python3", "shop.py", port],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(listen),
            start_new_session=True,
        )
    threading.Thread(target=shop.wait, daemon=True).start()  # reaps it
    (directory / "shop.pid").write_text(f"{shop.pid}\n")
    try:
        wait_until_selling(port)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(shop_pid(var), signal.SIGTERM)


def shop_pid(var: Path) -> int:
    return int((var / "shop" / "shop.pid").read_text().split()[0])


def check_free(what: str, address: str) -> None:
    """Nobody else may listen there: it would be taken for ours."""
    host, _, port = address.rpartition(":")
    with socket.socket() as taken:
        if taken.connect_ex((host, int(port))) == 0:
            mend = "make run RUN_ARGS='--listen 127.0.0.1:50061 --http 127.0.0.1:8099 --port 18583 --var var2'"
            raise NotRecovered(
                f"something listens on {address} already, where {what} should: stop it, or use others: {mend}"
            )


def ask_shop(port: str) -> int:
    """The status of GET /stock; 0 when nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=2)
    try:
        connection.request("GET", "/stock")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def wait_until_selling(port: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while ask_shop(port) != 200:
        if time.monotonic() > deadline:
            raise NotRecovered(f"the shop on port {port} does not sell after {PATIENCE_S:.0f} s")
        time.sleep(0.005)


# --- what is seen


class Story:
    """Prints the daemon's events, with the time since the service was broken, until its error has ended."""

    def __init__(self, stub: recovery_pb2_grpc.RecoveryServiceStub) -> None:
        self._stub = stub

    @contextlib.contextmanager
    def told(self, rule: str) -> Iterator[list[recovery_pb2.Event]]:
        """Break something inside; on leaving, its events up to the end have been printed and are in the list."""
        stream = self._stub.Watch(recovery_pb2.WatchRequest(), timeout=PATIENCE_S)
        stream.initial_metadata()  # the daemon is listening to us from here on
        events: list[recovery_pb2.Event] = []
        broken_at = time.time()
        yield events
        try:
            for event in stream:
                if event.error.rule == rule and event.error.error_id == (events[0] if events else event).error.error_id:
                    if not events:
                        ms = (event.at - broken_at) * 1000
                        say(f"  {ms:8.1f} ms  fault     {event.error.message} (error {event.error.error_id})", "bold")
                    self._tell(event, broken_at)
                    events.append(event)
                    if event.error.state in ("watching", "failed", "observed") and event.kind == "state":
                        break
        except grpc.RpcError as error:
            raise NotRecovered(f"no end in sight: {error.code().name}") from None
        finally:
            stream.cancel()  # type: ignore[no-untyped-call]

    def _tell(self, event: recovery_pb2.Event, broken_at: float) -> None:
        style = {"verdict": "bold"}.get(event.kind, "")
        say(f"  {(event.at - broken_at) * 1000:8.1f} ms  {event.kind:<9} {event.text}", style)
        for reading in event.readings:
            say(f"               probe     {reading.probe}: {reading.value} ({reading.detail})", "quiet")


def check(events: list[recovery_pb2.Event], levels: list[int]) -> None:
    """The error was recovered, after attempts at these levels."""
    end = events[-1].error
    tried = [event.attempt.level for event in events if event.kind == "verdict"]
    if end.state != "watching" or tried != levels:
        raise NotRecovered(f"{end.error_id} is {end.state} after attempts at levels {tried}: {end.reason}")


def explain(stub: recovery_pb2_grpc.RecoveryServiceStub, events: list[recovery_pb2.Event]) -> None:
    """Why the attempt was made that helped, once decision and attempt are in the record, which is written every 100 ms."""
    helped = [event.attempt.attempt_id for event in events if event.kind == "verdict"][-1]
    deadline = time.monotonic() + 5.0
    while True:
        answer = recovery_pb2.ExplainResponse()
        try:
            answer = stub.Explain(recovery_pb2.ExplainRequest(id=helped))
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND or time.monotonic() > deadline:
                raise
        if answer.attempt.attempt_id or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for sentence in answer.sentences:
        say(f"  why: {sentence}", "quiet")


# --- the two acts


def kill_the_process(stub: recovery_pb2_grpc.RecoveryServiceStub, var: Path, port: str) -> None:
    victim = shop_pid(var)
    say(f"\n1. kill -9 {victim}: the shop is gone", "bold")
    with Story(stub).told("shop-process-died") as events:
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        wait_until_selling(port)
        down_ms = (time.monotonic() - killed) * 1000
    check(events, [3])
    explain(stub, events)
    say(f"  recovered: it sells again, as process {shop_pid(var)}, {down_ms:.0f} ms after it was killed", "good")


def corrupt_the_data(stub: recovery_pb2_grpc.RecoveryServiceStub, var: Path, port: str) -> None:
    say("\n2. stock.json is overwritten with rubbish: every request fails", "bold")
    with Story(stub).told("shop-cannot-read-its-stock") as events:
        (var / "shop" / "stock.json").write_text("{ rubbish")
        broken = time.monotonic()
        if ask_shop(port) != 500:
            raise NotRecovered("the shop did not notice that its stock is rubbish")
        wait_until_selling(port)
        down_ms = (time.monotonic() - broken) * 1000
    check(events, [1, 3])
    explain(stub, events)
    say(f"  recovered: level 1 could not heal it, level 3 did, {down_ms:.0f} ms after it broke", "good")


def wait_for_attachment(stub: recovery_pb2_grpc.RecoveryServiceStub) -> None:
    """The restarted shop offers its handler again."""
    deadline = time.monotonic() + PATIENCE_S
    while "shop" not in stub.GetStatus(recovery_pb2.GetStatusRequest()).applications:
        if time.monotonic() > deadline:
            raise NotRecovered("the shop did not attach its handler")
        time.sleep(0.02)


def main() -> int:
    arguments = _arguments()
    var, listen, port = arguments.var.resolve(), arguments.listen, arguments.port
    try:
        check_free("the daemon", listen)
        check_free("the shop", f"127.0.0.1:{port}")
        settings = lay_out(var, port, listen, arguments.http)
        with running_shop(var, port, listen), running_daemon(settings, var, listen) as stub:
            say(f"error_daemon serves on {listen}; the shop sells on http://127.0.0.1:{port}/stock", "bold")
            wait_for_attachment(stub)
            kill_the_process(stub, var, port)
            wait_for_attachment(stub)
            corrupt_the_data(stub, var, port)
            say("\nBoth recoveries were verified by a probe, recorded and learned from.", "good")
            if not arguments.once:
                serve(listen, arguments.http)
    except NotRecovered as error:
        say(f"\nnot recovered: {error}", "bad")
        say(f"the daemon's log: {var / 'daemon.log'}", "quiet")
        return 1
    return 0


def serve(listen: str, http: str) -> None:
    """Until Ctrl-C."""
    cli = os.path.relpath(Path(sys.executable).parent / "error-cli")
    address = "" if listen == DEFAULT_LISTEN else f" --address {listen}"
    say("\nThe daemon keeps serving; Ctrl-C ends it.", "bold")
    if http:
        say(f"In a browser, on this host: http://{http}/", "bold")
    say("In another terminal:", "bold")
    for what in ("status", "errors list", "history", "metrics", "errors watch"):
        say(f"  {cli}{address} {what}")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with contextlib.suppress(KeyboardInterrupt):
        stop.wait()
    say("\nstopping")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description="Break a real service twice, and watch it come back.")
    parser.add_argument("--once", action="store_true", help="end after the two recoveries")
    parser.add_argument("--var", type=Path, default=Path("var"), help="where everything is written (default: ./var)")
    parser.add_argument("--listen", default=DEFAULT_LISTEN, help="the daemon's address")
    parser.add_argument("--http", default=DEFAULT_HTTP, help="where it serves HTTP; empty: nowhere")
    parser.add_argument("--port", default=DEFAULT_PORT, help="the shop's port")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
