"""Who looks from outside reads the settings as the unit's daemon does."""

from __future__ import annotations

from pathlib import Path

from error_daemon.runtime.environment import as_the_unit, unit_environment

TEXT = """# ERROR_RECOVERY_LISTEN=no
LOG_LEVEL=DEBUG
  ERROR_RECOVERY_LISTEN="unix:/run/x y"
ERROR_RECOVERY_STATE_DIR='/srv/state'
EMPTY=
no assignment
"""


def test_the_file_of_the_unit_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    assert unit_environment(tmp_path) == {}
    place = tmp_path / "etc/default/error-recovery"
    place.parent.mkdir(parents=True)
    place.write_text(TEXT)
    assert unit_environment(tmp_path) == {
        "LOG_LEVEL": "DEBUG",
        "ERROR_RECOVERY_LISTEN": "unix:/run/x y",
        "ERROR_RECOVERY_STATE_DIR": "/srv/state",
        "EMPTY": "",
    }
    assert as_the_unit({"LOG_LEVEL": "INFO"}, tmp_path)["LOG_LEVEL"] == "INFO"
