"""Rules are loaded, found again, loaded anew and unloaded by a real nft, in a network of their own. Skipped where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCENE = """
import subprocess, sys
from pathlib import Path
from error_daemon.tuning import carry, memo
from error_daemon.tuning.change import RELOAD_UNITS
from error_daemon.tuning.firewall import KNOB, plan_firewall
from error_daemon.tuning.knobs import Knobs

RULES = "table inet error_recovery {{\\n chain input {{\\n type filter hook input priority 0; tcp dport {port} accept\\n }}\\n}}\\n"
knobs = Knobs(Path(sys.argv[1]))


def changes(port):
    plan = plan_firewall(RULES.format(port=port), "", {}, "/usr/sbin/nft")
    names = [change.knob for change in plan.changes]
    return plan_firewall(RULES.format(port=port), "", {name: knobs.read(name) for name in names}, "/usr/sbin/nft").changes


def loaded():
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


followed = []
with memo.opened(knobs.root) as kept:
    done = carry.apply(changes(50051), knobs, kept, followed.append)
    assert [one.came for one in done] == ["set"] * 3, done
    assert followed == [RELOAD_UNITS]
    assert loaded().count("tcp dport 50051 accept") == 1
    assert not any(change.is_wanted for change in changes(50051))
    carry.apply(changes(50052), knobs, kept, followed.append)
    assert "50051" not in loaded() and loaded().count("tcp dport 50052 accept") == 1
    subprocess.run(["nft", "flush", "table", "inet", "error_recovery"], check=True)
    assert [change.knob for change in changes(50052) if change.is_wanted] == [KNOB]
    carry.apply(changes(50052), knobs, kept, followed.append)
    assert "tcp dport 50052 accept" in loaded()
    done = carry.undo(["firewall"], knobs, kept, followed.append)
print(loaded().strip(), *(one.came for one in done), [path.name for path in (knobs.root / "etc").rglob("*") if path.is_file()])
"""


def why_not() -> str:
    if os.geteuid() != 0:
        return "a network of one's own needs root"
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        return "nft and unshare are needed"
    tried = subprocess.run(["unshare", "--net", "nft", "list", "ruleset"], capture_output=True, text=True, check=False)
    return f"no rules can be loaded here: {tried.stderr.strip()}" if tried.returncode else ""


def test_rules_are_loaded_loaded_anew_and_what_was_there_before_comes_back(tmp_path: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    command = ["unshare", "--net", sys.executable, "-c", SCENE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # somebody had emptied the table in between, so that empty table is what was there before
    chain = "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n"
    assert done.stdout == f"table inet error_recovery {{\n{chain}}} restored restored restored []\n"
