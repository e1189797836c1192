"""The pages of docs/ as they are installed: whatever they link to among themselves is there. Below a directory; no host is needed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.box.host import ROOT

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\(([^)#:]+)[^):]*\)")


def test_all_of_docs_is_installed_and_no_link_within_it_leads_nowhere(tmp_path: Path) -> None:
    place = "/opt/error-recovery/releases/1"
    subprocess.run([ROOT / "install/pages.sh", place], env={**os.environ, "DESTDIR": str(tmp_path)}, check=True)
    installed = tmp_path / place.lstrip("/") / "share/doc/error-recovery"
    there = {file.relative_to(installed) for file in installed.rglob("*") if file.is_file()}
    assert there == {file.relative_to(DOCS) for file in DOCS.rglob("*") if file.is_file()}
    linked = {
        (page.parent / link).resolve() for page in installed.rglob("*.md") for link in _LINK.findall(page.read_text())
    }
    within = {file for file in linked if file.is_relative_to(installed.resolve())}
    assert installed.resolve() / "dashboard.png" in within
    assert [str(file) for file in within if not file.exists()] == []
    assert (installed / "api.md").stat().st_mode & 0o777 == 0o644
