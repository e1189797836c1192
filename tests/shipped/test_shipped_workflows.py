"""60-gpu-memory.yaml.example and 60-quantisation.yaml.example: people are led through them by a real daemon, with a made-up nvidia-smi.

They need no booted host: nothing of what the daemon itself does in them is for root.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from error_recovery.v1 import fault_pb2, workflow_pb2_grpc
from error_recovery.v1 import workflow_pb2 as pb
from tests.box.host import ROOT
from tests.e2e.daemon_process import PATIENCE_S, DaemonProcess, a_fault, running
from tests.waiting import eventually

RECOVERY = ROOT / "etc" / "recovery"
SMI = """\
#!/bin/sh
# What is asked is the name of a file beside this one; without it there are no devices.
cd "$(dirname "$0")" || exit 9
[ ! -e hangs ] || exec sleep 60
asked=$(echo "$1" | sed 's/^--//; s/=/-/')
[ -e "$asked" ] || { echo "No devices were found"; exit 6; }
cat "$asked"
"""


class Gpus:
    """What the made-up nvidia-smi says."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        (directory / "nvidia-smi").write_text(SMI)
        (directory / "nvidia-smi").chmod(0o755)

    def says(self, asked: str, text: str) -> None:
        (self.directory / asked).write_text(text + "\n")

    def heal(self) -> None:
        self.says("query-gpu-driver_version", "550.54.15")
        self.says("list-gpus", "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-1)")
        self.says("query-gpu-index,memory.total", "0, 40960")
        self.says("query-gpu-index,memory.free", "0, 39000")
        self.says("query-gpu-index,uuid,memory.used", "0, GPU-1, 500")
        self.says("query-compute-apps-gpu_uuid,pid,used_memory", "")
        self.says("query-gpu-index,persistence_mode", "0, Enabled")
        self.says("query-gpu-index,ecc.errors.uncorrected.volatile.total,retired_pages.pending", "0, 0, No")

    @property
    def path(self) -> str:
        return f"{self.directory}:{os.environ['PATH']}"


def gpu_check(gpus: Gpus | None, *what: str, **environment: str) -> tuple[int, str]:
    path = gpus.path if gpus else "/usr/bin:/bin"
    command = ["/bin/sh", str(RECOVERY / "scripts" / "gpu-check"), *what]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": path, **environment}, check=False)
    return done.returncode, done.stdout.strip()


@pytest.fixture
def gpus(tmp_path: Path) -> Gpus:
    return Gpus(tmp_path / "gpus")


class Shipped(DaemonProcess):
    """A daemon with one of the shipped files in force, its scripts beside it, and `mode: auto`."""

    def __init__(self, directory: Path, example: str, changes: dict[str, str], path: str) -> None:
        text = (RECOVERY / "definitions" / example).read_text().replace("mode: observe", "mode: auto")
        for old, new in {"../scripts": str(RECOVERY / "scripts"), **changes}.items():
            assert old in text, old
            text = text.replace(old, new)
        super().__init__(directory, text)
        self.environment["PATH"] = path

    @property
    def workflows(self) -> workflow_pb2_grpc.WorkflowServiceStub:
        return workflow_pb2_grpc.WorkflowServiceStub(self.channel)

    def opened_run(self, error_id: str) -> pb.WorkflowRun:
        def look() -> pb.WorkflowRun | None:
            request = pb.ListRunsRequest(state="active", error_id=error_id)
            runs = self.workflows.ListRuns(request, timeout=PATIENCE_S).runs
            return runs[0] if runs and runs[0].attempt_id else None

        return eventually("the recovery has opened a run", look)

    def done(self, run: pb.WorkflowRun, step: str, *, force: bool = False) -> pb.CompleteStepResponse:
        number = [one.id for one in run.steps].index(step) + 1
        note = "seen by hand" if force else ""
        request = pb.CompleteStepRequest(run_id=run.run_id, step=number, by="ann", note=note, force=force)
        return self.workflows.CompleteStep(request, timeout=PATIENCE_S)

    def is_done(self, run: pb.WorkflowRun, step: str) -> None:
        answer = self.done(run, step)
        assert answer.went_on, answer.reading.detail

    def is_not_done(self, run: pb.WorkflowRun, step: str, value: str, says: str) -> None:
        answer = self.done(run, step)
        assert not answer.went_on
        assert (answer.reading.value, says in answer.reading.detail) == (value, True), answer.reading.detail


def test_a_person_is_led_to_a_gpu_that_has_its_memory_again(tmp_path: Path, gpus: Gpus) -> None:
    """60-gpu-memory.yaml.example"""
    quick = {"within: 20s": "within: 300ms", '"30"]': '"1"]'}
    daemon = Shipped(tmp_path, "60-gpu-memory.yaml.example", quick, gpus.path)
    with running(daemon):
        fault = a_fault(
            "CUDA error: out of memory",
            type=fault_pb2.ERROR_TYPE_RESOURCE,
            context=fault_pb2.Context(component="gpu-worker"),
        )
        error_id = daemon.report(fault).error_id
        run = daemon.opened_run(error_id)
        daemon.is_not_done(run, "driver", "not_ok", "No devices were found")
        gpus.heal()
        gpus.says("query-gpu-index,uuid,memory.used", "0, GPU-1, 30000")
        gpus.says("query-gpu-index,memory.free", "0, 10")
        daemon.is_done(run, "driver")
        daemon.is_done(run, "seen")
        if not daemon.done(run, "kernel-log").went_on:
            daemon.done(run, "kernel-log", force=True)  # the log of the host of this test can't be read
        gpus.says("query-gpu-index,ecc.errors.uncorrected.volatile.total,retired_pages.pending", "0, 3, Yes")
        daemon.is_not_done(run, "ecc", "not_ok", "3 uncorrected errors")
        assert daemon.done(run, "ecc", force=True).went_on
        daemon.is_not_done(run, "holders", "not_ok", "30000 MiB with no process")
        gpus.heal()
        daemon.is_done(run, "holders")
        daemon.is_done(run, "persistence")
        daemon.is_done(run, "reset")
        answer = daemon.done(run, "verify")
        assert answer.run.state == "completed", answer.reading.detail
        daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()
        assert [one.strategy_id for one in daemon.history(error_id)] == ["gpu-look-again", "gpu-memory-by-hand"]


def test_a_person_is_led_to_a_quantisation_that_moves_again(tmp_path: Path) -> None:
    """60-quantisation.yaml.example"""
    job, log, kept = tmp_path / "job.pid", tmp_path / "job.log", tmp_path / "kept"
    changes = {
        "/run/quantisation/job.pid": str(job),
        "/var/log/quantisation/job.log": str(log),
        "/var/lib/quantisation": str(kept),
        "within: 20s": "within: 300ms",
    }
    daemon = Shipped(tmp_path / "daemon", "60-quantisation.yaml.example", changes, os.environ["PATH"])
    working = "while True: pass"
    with running(daemon):
        fault = a_fault(
            "timed out after 4 h",
            type=fault_pb2.ERROR_TYPE_TIMEOUT,
            context=fault_pb2.Context(component="quantisation"),
        )
        run = daemon.opened_run(daemon.report(fault).error_id)
        daemon.is_done(run, "progress")
        daemon.is_not_done(run, "bound", "unknown", "the job has ended, or was never started")
        with subprocess.Popen([sys.executable, "-c", working]) as process:
            try:
                job.write_text(f"{process.pid}\n")
                daemon.is_done(run, "bound")
                daemon.is_done(run, "memory")
                daemon.is_done(run, "calibration")
                daemon.is_not_done(run, "checkpoint", "not_ok", "nothing was kept")
                kept.mkdir()
                (kept / "layer-7.safetensors").write_text("weights")
                daemon.is_done(run, "checkpoint")
                daemon.is_done(run, "limit")
                daemon.is_done(run, "run")
                daemon.is_not_done(run, "verify", "not_ok", "")
                log.write_text("layer 8 of 80\n")
                assert daemon.done(run, "verify").run.state == "completed"
                daemon.wait_for_state(run.error_id, "watching")
            finally:
                process.kill()


# --- what the probes see


@pytest.mark.parametrize(
    ("what", "asked", "said", "code", "sees"),
    [
        (("seen", "2"), "list-gpus", "GPU 0: A\nGPU 1: B", 0, "2 of 2 GPUs are seen"),
        (("seen", "2"), "list-gpus", "GPU 0: A", 1, "1 of 2 GPUs are seen"),
        (("total", "8000"), "query-gpu-index,memory.total", "0, 8192", 0, "GPU 0: 8192 MiB in all"),
        (("total", "8000"), "query-gpu-index,memory.total", "0, [N/A]", 1, "GPU 0 reports [N/A]"),
        (("free", "4000"), "query-gpu-index,memory.free", "0, 5000\n1, 12", 1, "GPU 1 has 12 MiB free, 4000 are wanted"),
        (("persistence",), "query-gpu-index,persistence_mode", "0, Enabled\n1, Disabled", 1, "off for GPU 1"),
        (
            ("ecc",),
            "query-gpu-index,ecc.errors.uncorrected.volatile.total,retired_pages.pending",
            "0, [N/A], [N/A]",
            0,
            "GPU 0 has no ECC",
        ),
    ],
)  # fmt: skip
def test_a_probe_of_gpus_says_what_it_sees(
    gpus: Gpus, what: tuple[str, ...], asked: str, said: str, code: int, sees: str
) -> None:
    gpus.says(asked, said)
    found, words = gpu_check(gpus, *what)
    assert (found, sees in words) == (code, True), words


def test_memory_of_a_process_that_is_gone_is_found(gpus: Gpus) -> None:
    gpus.heal()
    gpus.says("query-compute-apps-gpu_uuid,pid,used_memory", f"GPU-1, {os.getpid()}, 20000")
    assert gpu_check(gpus, "leftovers")[0] == 0
    gpus.says("query-compute-apps-gpu_uuid,pid,used_memory", "GPU-1, 4194999, 20000")
    code, said = gpu_check(gpus, "leftovers")
    assert (code, "processes that are gone: 4194999" in said) == (1, True), said


def test_where_nothing_can_be_seen_the_probes_say_so(gpus: Gpus) -> None:
    code, said = gpu_check(None, "seen", "1")
    assert (code, "nvidia-smi is not here" in said) == (75, True), said
    (gpus.directory / "hangs").touch()
    code, said = gpu_check(gpus, "free", "1", GPU_CHECK_WITHIN="1")
    assert (code, "did not answer within 1 s" in said) == (75, True), said
    assert gpu_check(gpus, "nonsense")[0] == 75


def test_an_xid_of_the_hardware_is_told_from_one_of_a_program(tmp_path: Path, gpus: Gpus) -> None:
    journal = gpus.directory / "journalctl"
    lines = "NVRM: Xid (PCI:0000:3b:00): 31, pid=1, MMU Fault"
    for more, code in (("", 0), ("\nNVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.", 1)):
        journal.write_text(f"#!/bin/sh\ncat <<'EOF'\n{lines}{more}\nEOF\n")
        journal.chmod(0o755)
        found, said = gpu_check(gpus, "xid", "30")
        assert found == code, said
    assert re.search(r": 79, .*fallen off the bus", said)


def test_a_job_that_does_nothing_is_told_from_one_that_works(tmp_path: Path) -> None:
    check = ["/bin/sh", str(RECOVERY / "scripts" / "job-check"), "busy", str(tmp_path / "pid")]
    with subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({PATIENCE_S})"]) as idle:
        try:
            (tmp_path / "pid").write_text(str(idle.pid))
            still = lambda: subprocess.run(check, capture_output=True, check=False).returncode == 1  # noqa: E731
            eventually("it is seen to do nothing, once its interpreter has started", still)
        finally:
            idle.kill()
    assert subprocess.run(check, capture_output=True, check=False).returncode == 75
