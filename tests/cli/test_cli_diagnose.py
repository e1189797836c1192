"""`error-cli diagnose`: the worst first, what to do about it, and something to say where no daemon answers."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

SECRET = "hunter22-and-more"
DEFINITIONS = f"""\
version: 1
targets: {{web: {{kind: host, probes: web-answers}}}}
probes: {{web-answers: {{kind: http, url: "http://root:{SECRET}@localhost/", headers: {{Authorization: "{SECRET}-2"}}}}}}
strategies: {{cure: {{kind: exec, command: [sh], timeout: 10s}}}}
rules: [{{id: web-down, when: {{}}, target: web, ladder: {{3: cure}}}}]
"""


def a_host(tmp_path: Path) -> Path:
    """Settings of a daemon that does not run, with definitions, and a log."""
    (tmp_path / "definitions").mkdir()
    (tmp_path / "state").mkdir(mode=0o750)
    definitions = tmp_path / "definitions" / "a.yaml"
    definitions.write_text(DEFINITIONS)
    definitions.chmod(0o600)
    (tmp_path / "recovery.log").write_text('{"event":"fault","message":"login failed: password=' + SECRET + '"}\n')
    config = tmp_path / "recovery.conf"
    config.write_text(
        f'listen = "unix:{tmp_path}/nobody.sock"\nstate_dir = "{tmp_path}/state"\n'
        f'definitions_dir = "{tmp_path}/definitions"\n[log]\nfile = "{tmp_path}/recovery.log"\n'
    )
    return config


def test_the_worst_comes_first_with_its_mend_and_what_is_good_is_short(cli: Cli) -> None:
    done = cli.run("diagnose")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "",
        "✗ store",
        "  ✗ writer: nothing can be written: No space left on device",
        "      → make room",
        "  ! rows that wait: 120,000 rows of at most 200,000",
        "      → see its writer and the disk",
        "",
        "! limits",
        "  ! open files: 20,000 of the 65,535 that are meant",
        "      → sudo error-cli tune limits --apply",
        "  ✓ processes",
        "",
        "? clock",
        "  ? offset: adjtimex may not be called here",
        "",
        "✓ workers: ready, lost",
        "",
        "1 bad ✗, 2 notices !, 1 unavailable ?, 3 good ✓",
    ]


def test_all_of_it_has_a_line_for_what_is_good_too(cli: Cli) -> None:
    out = cli.run("diagnose", "--all").stdout
    assert "✓ workers\n  ✓ ready: 4 workers, with 0 attempts and looks\n  ✓ lost: none since the start\n" in out


def test_nothing_bad_is_exit_code_0(cli: Cli, daemon: CannedDaemon) -> None:
    answer = daemon.answers["Diagnose"]
    assert isinstance(answer, recovery_pb2.DiagnoseResponse)
    del answer.diagnostics[-1]
    assert cli.run("diagnose").returncode == 0


def test_json_has_all_of_it(cli: Cli) -> None:
    told = json.loads(cli.run("diagnose", "--json").stdout)
    assert (told["answers"], told["pid"], len(told["diagnostics"])) == (True, 4242, 7)
    assert told["diagnostics"][1] == {
        "area": "workers",
        "name": "lost",
        "standing": "good",
        "says": "none since the start",
        "mend": "",
        "figures": {},
    }


def test_a_standing_that_is_newer_than_error_cli_is_shown_as_it_is(cli: Cli, daemon: CannedDaemon) -> None:
    answer = daemon.answers["Diagnose"]
    assert isinstance(answer, recovery_pb2.DiagnoseResponse)
    answer.diagnostics.add(area="clock", name="leap", standing="odd", says="a second is missing")
    assert "  odd leap: a second is missing\n" in cli.run("diagnose").stdout


def test_without_a_daemon_that_is_said_first_and_what_is_seen_from_outside_follows(
    cli_alone: Cli, tmp_path: Path
) -> None:
    done = cli_alone.run("diagnose", "--config", str(a_host(tmp_path)))
    assert done.returncode == 1
    first, _, area, answer = done.stdout.splitlines()[:4]
    assert first.startswith("no diagnosis from the daemon at unix:")
    assert area == "✗ daemon"
    assert answer.startswith("  ✗ answer: no daemon answers at unix:")
    assert "  ✗ address: nobody listens at unix:" in done.stdout
    assert "definitions" in done.stdout
    assert "permissions" in done.stdout


def test_wrong_settings_are_said_from_outside(cli_alone: Cli, tmp_path: Path) -> None:
    config = a_host(tmp_path)
    config.write_text("worker_treads = 3\n")
    out = cli_alone.run("diagnose", "--config", str(config)).stdout
    assert "  ✗ settings: 1 error: " in out
    assert "worker_treads" in out


def test_a_daemon_that_is_too_old_to_diagnose_is_looked_at_from_outside(cli: Cli, daemon: CannedDaemon) -> None:
    daemon.refuse("Diagnose", grpc.StatusCode.UNIMPLEMENTED)
    out = cli.run("diagnose").stdout
    assert "the daemon is older than this error-cli" in out
    assert " listens at 127.0.0.1:" in out


def test_the_bundle_has_everything_but_secrets_and_is_its_owners_alone(cli: Cli, tmp_path: Path) -> None:
    file, config = tmp_path / "support.tar.gz", a_host(tmp_path)
    done = cli.run("diagnose", "--bundle", str(file), "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    with tarfile.open(file) as tar:
        names = {name.removeprefix("error-recovery/") for name in tar.getnames()}
        texts = [member.read().decode() for name in tar.getnames() if (member := tar.extractfile(name))]
    wanted = {"diagnosis.json", "status.json", "versions.json", "recovery.conf", "definitions/a.yaml", "recovery.log"}
    assert wanted <= names
    assert SECRET not in "".join(texts)
    assert "login failed" in "".join(texts)
    assert all(f"  {name}  " in done.stdout for name in wanted)
    assert "not in it: " in done.stdout


def test_a_bundle_never_takes_the_place_of_a_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.tar.gz"
    file.write_text("mine")
    done = cli.run("diagnose", "--bundle", str(file))
    assert done.returncode == 5
    assert done.stderr == f"error-cli: there is no bundle: {file}: File exists\n"
    assert file.read_text() == "mine"
