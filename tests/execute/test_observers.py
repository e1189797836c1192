"""What observers say of real processes, files, pages, programs, databases and units."""

from __future__ import annotations

import asyncio
import http.server
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from error_daemon.model import Json, Observation, Observer, Probe
from tests.execute.rig import PoolRig, observe_round, with_pool
from tests.waiting import soon

Looks = list[Observation]


def look(*observers: Observer, target: dict[str, Json] | None = None) -> Looks:
    async def body(rig: PoolRig) -> Looks:
        return list((await rig.observe(observe_round(*observers, target=target))).values())

    return with_pool(body)


def one(kind: str, timeout_s: float = 10.0, target: dict[str, Json] | None = None, **params: Json) -> Observation:
    [seen] = look(Observer(kind, kind, params, timeout_s), target=target)
    return seen


# --- files


def test_files_are_told_by_what_is_in_them_and_not_by_when_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".hidden").write_text("two")
    (tmp_path / "link").symlink_to("a")
    observer = Observer("files", "files", {"paths": [str(tmp_path)]})

    async def body(rig: PoolRig) -> Looks:
        seen = [(await rig.observe(observe_round(observer)))["files"]]
        (tmp_path / "a").write_text("one")
        os.utime(tmp_path / "a", (1, 1))
        seen.append((await rig.observe(observe_round(observer)))["files"])
        (tmp_path / "a").write_text("two")
        seen.append((await rig.observe(observe_round(observer)))["files"])
        return seen

    first, same, changed = with_pool(body)
    names = {os.path.relpath(path, tmp_path): said for path, said in first.facts.items()}
    assert {name: said.partition(",")[0] for name, said in names.items()} == {
        ".": "directory",
        "a": "3 bytes",
        "below": "directory",
        "below/.hidden": "3 bytes",
        "link": "link to a",
    }
    assert same.facts == first.facts
    assert {path for path in first.facts if first.facts[path] != changed.facts[path]} == {str(tmp_path / "a")}


def test_what_is_to_be_ignored_is_no_part_of_the_state(tmp_path: Path) -> None:
    for name in ("kept", "x.log", "sub/y.tmp", "sub/z"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# written at {name}\nsame\n")
    ignore = ["*.log", f"{tmp_path}/sub/*.tmp"]
    seen = one("files", paths=[f"{tmp_path}/**"], ignore=ignore, ignore_lines=["^# written"])
    contents = {path: said for path, said in seen.facts.items() if said != "directory"}
    assert contents.keys() == {f"{tmp_path}/kept", f"{tmp_path}/sub/z"}
    assert len(set(contents.values())) == 1, "but for the ignored lines they are the same"


def test_a_file_that_is_not_there_is_a_state_and_one_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    assert one("files", paths=[f"{tmp_path}/nothing"]).facts == {f"{tmp_path}/nothing": "not there"}
    assert one("files", paths=[f"{tmp_path}/no*"]).facts == {}
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert one("files", paths=[str(fifo)]).facts == {str(fifo): "neither a file nor a directory"}
    assert "is missing" in one("files").problem
    too_long = str(tmp_path) + "/\udcff" + 300 * "x"  # a name of bytes that are no characters
    assert one("files", paths=[too_long]).problem == f"{tmp_path}/?{300 * 'x'}: File name too long"


def test_more_files_than_a_frame_carries_still_differ_when_one_of_them_does(tmp_path: Path) -> None:
    for number in range(1500):
        (tmp_path / f"{number:04}").touch()
    observer = Observer("files", "files", {"paths": [f"{tmp_path}/*"]})

    async def body(rig: PoolRig) -> Looks:
        first = (await rig.observe(observe_round(observer)))["files"]
        (tmp_path / "1499").write_text("changed")
        return [first, (await rig.observe(observe_round(observer)))["files"]]

    first, changed = with_pool(body)
    [name] = [name for name in first.facts if name.startswith("and ")]
    assert first.facts[name] != changed.facts[name]


# --- processes


def test_a_second_process_of_the_same_program_is_seen_although_the_pid_file_names_a_living_one(tmp_path: Path) -> None:
    script = tmp_path / "service.sh"
    script.write_text("#!/bin/sh\nread nothing\n")
    script.chmod(0o755)
    target = {"command": [str(script), "--port", "1"], "pid_file": str(tmp_path / "pid")}
    observer = Observer("process", "process")

    async def body(rig: PoolRig) -> Looks:
        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(target["command"], stdin=subprocess.PIPE)

        async def seen() -> Observation:
            return (await rig.observe(observe_round(observer, target=target)))["process"]

        looks = [await seen()]
        with start() as first:
            (tmp_path / "pid").write_text(f"{first.pid}\n")
            await soon("it runs", lambda: b"service.sh" in Path(f"/proc/{first.pid}/cmdline").read_bytes())
            looks.append(await seen())
            with start() as second:
                await soon("it runs", lambda: b"service.sh" in Path(f"/proc/{second.pid}/cmdline").read_bytes())
                looks.append(await seen())
                second.kill()
            first.kill()
        looks.append(await seen())
        return looks

    none, single, double, dead = with_pool(body)
    state, number = "process of the pid file", "processes of its command"
    assert none.facts == {state: "there is no pid file", number: "0"}
    assert single.facts == {state: "lives", number: "1"}
    assert single.others["process"].startswith("pid ")
    assert double.facts == {state: "lives", number: "2"}
    assert dead.facts == {state: "dead", number: "0"}


def test_processes_are_counted_by_name_and_the_very_same_may_be_wanted(tmp_path: Path) -> None:
    me = Path("/proc/self/cmdline").read_bytes().split(b"\0")[0].decode()
    (tmp_path / "pid").write_text(str(os.getpid()))
    seen = one("process", pid_file=str(tmp_path / "pid"), program=os.path.basename(me), same_process=True)
    assert seen.facts["process"].startswith(f"pid {os.getpid()}, started ")
    assert int(seen.facts[f"processes {os.path.basename(me)}"]) >= 1
    assert str(os.getpid()) in seen.others["pids"].split(", ")
    (tmp_path / "pid").write_text("nonsense")
    assert "holds no pid" in one("process", pid_file=str(tmp_path / "pid")).problem


# --- programs, pages


def test_what_a_program_prints_is_its_state_without_what_is_to_be_ignored() -> None:
    command = ["/bin/sh", "-c", "echo at $(date +%s.%N); echo rows 3; echo gone >&2; exit 3"]
    seen = one("exec", command=command, ignore=["at [0-9.]+"])
    assert seen.facts == {"exit code": "3", "output": "\nrows 3\ngone"}
    assert "did not end within" in one("exec", timeout_s=0.2, command=["sleep", "60"]).problem
    assert "was not found" in one("exec", command=["no-such-program"]).problem


def test_what_is_too_long_to_be_shown_is_told_by_its_digest() -> None:
    def printed(last: str) -> str:
        return one("exec", command=["/bin/sh", "-c", f"seq 1 2000; echo {last}"]).facts["output"]

    assert printed("a").startswith("8894 bytes, sha256 ")
    assert printed("a") != printed("b")
    assert printed("a") == printed("a")


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"\xff\xfe" if self.path == "/raw" else f"total 7, request {id(self)}".encode()
        self.send_response(200 if self.path != "/gone" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the base class's
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_is_its_status_and_its_body_without_what_is_to_be_ignored(site: str) -> None:
    ignore = ["request [0-9]+"]
    page, gone, raw, closed, bad = look(
        Observer("page", "http", {"url": f"{site}/", "ignore": ignore}),
        Observer("gone", "http", {"url": f"{site}/gone", "ignore": ignore}),
        Observer("raw", "http", {"url": f"{site}/raw"}),
        Observer("closed", "http", {"url": "http://127.0.0.1:1/"}),
        Observer("bad", "http", {"url": "nonsense"}),
    )
    assert page.facts == {"status": "200", "body": "total 7, "}
    assert gone.facts["status"] == "404"
    assert raw.facts["body"].startswith("2 bytes that are no text, sha256 ")
    assert closed.facts == {"status": "none"}, "that nobody answers is a state"
    assert bad.problem


# --- databases


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_the_rows_of_a_query_are_read_and_nothing_can_be_written(tmp_path: Path, engine: str) -> None:
    path = str(tmp_path / "till.db")
    connect = sqlite3.connect if engine == "sqlite" else duckdb.connect
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE receipts (id INTEGER, what TEXT)")
        connection.execute("INSERT INTO receipts VALUES (1, 'tea'), (2, 'é')")
        connection.commit()
    params = {"engine": engine, "database": path}
    rows, wrong, written, nowhere = look(
        Observer("rows", "sql", {**params, "query": "SELECT id, what FROM receipts ORDER BY id"}, 30.0),
        Observer("wrong", "sql", {**params, "query": "SELECT nonsense"}, 30.0),
        Observer("written", "sql", {**params, "query": "DELETE FROM receipts"}, 30.0),
        Observer("nowhere", "sql", {**params, "database": path + "x", "query": "SELECT 1"}, 30.0),
    )
    assert rows.facts == {"rows": '["id", "what"]\n[1, "tea"]\n[2, "é"]'}
    assert "nonsense" in wrong.problem
    assert "read" in written.problem.lower(), written
    assert "there is no file" in nowhere.problem


# --- whatever goes wrong


def test_an_observer_that_nobody_knows_and_a_worker_that_dies_are_problems_and_no_states() -> None:
    observers = [Observer("odd", "odd"), Observer("hangs", "exec", {"command": ["sleep", "60"]}, 30.0)]
    probe = Probe("looks", "exec", {"command": ["sleep", "60"]}, 30.0)

    async def body(rig: PoolRig) -> dict[str, Observation]:
        asking = asyncio.ensure_future(rig.observe(observe_round(*observers, probes=[probe])))
        await soon("a worker is there", lambda: bool(rig.pool.pids()))
        [pid] = rig.pool.pids()
        children = f"/proc/{pid}/task/{pid}/children"
        await soon("both programs run", lambda: len(Path(children).read_text().split()) == 2)
        os.kill(pid, 9)
        return await asking

    seen = with_pool(body)
    assert [name for name, one in seen.items() if "SIGKILL" in one.problem] == ["odd", "hangs", "probe looks"]
    assert "no observer of kind 'odd' is known" in one("odd").problem


def test_a_worker_that_observes_imports_no_database() -> None:
    program = (
        "import sys; import error_daemon.execute.worker; from error_daemon.execute import observers;"
        "[observers.make(kind) for kind in ('process', 'unit', 'files', 'http', 'exec', 'sql')];"
        "print(sorted({'duckdb', 'sqlite3', 'grpc', 'pydantic', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
