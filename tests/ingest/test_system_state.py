"""How the host is, from files as the kernel writes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from error_daemon.ingest.system_state import gpus, hardware, processes, system_state

STAT = "{pid} ({name}) {state} 1 1 1 0 -1 4194560 0 0 0 0 {utime} 5 0 0 20 0 {threads} 0 {start} 1000000 {pages} 0 0 0"


def a_host(root: Path) -> Path:
    """With three processes, a hot zone, an AMD card with a connector, and an NVIDIA card."""
    files = {
        "proc/cpuinfo": "processor : 0\nmodel name\t: A Fast CPU\nmodel name\t: A Fast CPU\n",
        "proc/sys/kernel/osrelease": "6.1.0-test\n",
        "proc/loadavg": "1.50 0.70 0.30 2/345 6789\n",
        "proc/meminfo": "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\nSwapTotal: 0 kB\n",
        "proc/pressure/io": "some avg10=12.34 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00\n",
        "proc/1/stat": STAT.format(pid=1, name="init", state="S", utime=1, threads=1, start=1, pages=10),
        "proc/20/stat": STAT.format(pid=20, name="a) R (b", state="D", utime=1, threads=4, start=9, pages=1000),
        "proc/30/stat": "30 (half",
        "sys/class/thermal/thermal_zone0/temp": "45000\n",
        "sys/class/thermal/thermal_zone1/temp": "71500\n",
        "sys/class/drm/card0/device/vendor": "0x1002\n",
        "sys/class/drm/card0/device/gpu_busy_percent": "87\n",
        "sys/class/drm/card0/device/mem_info_vram_used": "1000\n",
        "sys/class/drm/card0-DP-1/device/vendor": "0x1002\n",
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t A100\nIRQ: 1\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_what_the_kernel_says_is_read(tmp_path: Path) -> None:
    state = system_state(a_host(tmp_path), 0.0)
    assert state["hardware"]["cpu"] == "A Fast CPU"
    assert (state["hardware"]["kernel"], state["hardware"]["hottest_celsius"]) == ("6.1.0-test", 71.5)
    assert state["load"] == [1.5, 0.7, 0.3]
    assert state["memory"] == {"MemTotal_bytes": 2 << 20, "MemAvailable_bytes": 1 << 20, "SwapTotal_bytes": 0}
    assert state["pressure"] == {"cpu": None, "memory": None, "io": 12.34}
    assert state["gpus"] == [
        {"card": "card0", "vendor": "0x1002", "busy_percent": 87, "memory_used_bytes": 1000},
        {"card": "0000:01:00.0", "vendor": "nvidia", "model": "A100"},
    ]
    assert (state["processes"]["seen"], state["processes"]["threads"], state["processes"]["waiting_for_disk"]) == (
        2,
        5,
        1,
    )
    largest = state["processes"]["by_memory"][0]
    assert largest == {"pid": 20, "name": "a) R (b", "memory_bytes": 1000 * os.sysconf("SC_PAGE_SIZE")}


def test_where_there_is_nothing_to_read_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    state = system_state(tmp_path, 0.0)
    assert (state["load"], state["memory"], state["gpus"], state["processes"]["seen"]) == ([], {}, [], 0)
    assert hardware(tmp_path)["hottest_celsius"] is None
    assert list(processes(tmp_path)) == []
    assert gpus(tmp_path) == []


def test_this_host_has_a_state_that_json_can_hold_and_shows_who_uses_the_cpu() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            for _ in range(200):
                state = json.loads(json.dumps(system_state(cpu_s=0.2)))
                if busy.pid in {process["pid"] for process in state["processes"]["by_cpu"]}:
                    break
            else:
                raise AssertionError(state)
        finally:
            busy.kill()
    assert state["memory"]["MemTotal_bytes"] > 0
    assert os.getpid() in {process.pid for process in processes(Path("/"))}
