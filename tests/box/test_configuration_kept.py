"""What becomes of configuration when it is installed again. Below a directory; nothing of a host is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.box.host import ROOT

CONF = "etc/recovery.conf"


class Installation:
    """A checkout with its versions of the files, and the host that they are installed into."""

    def __init__(self, directory: Path) -> None:
        self.checkout, self.host = directory / "checkout", directory / "host"
        for part in ("install", "etc"):
            shutil.copytree(ROOT / part, self.checkout / part)

    def install(self) -> str:
        script = self.checkout / "install" / "configuration.sh"
        environment = {**os.environ, "DESTDIR": str(self.host)}
        return subprocess.run([script], env=environment, capture_output=True, text=True, check=True).stdout

    def release(self, text: str) -> None:
        """The next version of recovery.conf."""
        (self.checkout / CONF).write_text(text)

    def there(self, name: str = CONF) -> str | None:
        path = self.host / name
        return path.read_text() if path.exists() else None


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path)
    installation.release("one")
    assert installation.install() == ""
    return installation


def test_all_of_it_is_installed_with_its_rights(installation: Installation) -> None:
    for path in (ROOT / "etc" / "recovery").rglob("*"):
        if path.is_file() and path.name != "schema.json" and path.suffix != ".pyc":
            there = installation.host / path.relative_to(ROOT)
            assert there.read_bytes() == path.read_bytes()
            assert there.stat().st_mode & 0o777 == (0o755 if os.access(path, os.X_OK) else 0o644)


def test_what_was_not_edited_is_replaced(installation: Installation) -> None:
    installation.release("two")
    assert installation.install() == ""
    assert installation.there() == "two"
    assert installation.there(f"{CONF}.new") is None


def test_what_was_edited_stays_and_the_new_one_is_beside_it_and_said(installation: Installation) -> None:
    (installation.host / CONF).write_text("mine")
    installation.release("two")
    assert (
        "/etc/recovery.conf was edited and stays as it is; the new one is /etc/recovery.conf.new"
        in installation.install()
    )
    assert (installation.there(), installation.there(f"{CONF}.new")) == ("mine", "two")


def test_what_was_deleted_stays_away_and_only_another_version_is_said(installation: Installation) -> None:
    (installation.host / CONF).unlink()
    assert installation.install() == ""
    installation.release("two")
    assert "/etc/recovery.conf was deleted and stays so" in installation.install()
    assert (installation.there(), installation.there(f"{CONF}.new")) == (None, "two")


def test_a_file_that_was_there_before_any_installation_is_nobodys_to_replace(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    (installation.host / "etc").mkdir(parents=True)
    (installation.host / CONF).write_text("of another hand")
    installation.install()
    assert installation.there() == "of another hand"


def test_who_has_taken_over_the_new_one_has_nothing_beside_it_any_more(installation: Installation) -> None:
    (installation.host / CONF).write_text("mine")
    installation.release("two")
    installation.install()
    (installation.host / CONF).write_text("two")
    assert installation.install() == ""
    assert installation.there(f"{CONF}.new") is None
