"""The environment that the installed unit gives the daemon: `EnvironmentFile=-/etc/default/error-recovery`.

Who looks from outside has another one, and would read other settings than the daemon does. Lines as systemd.exec(5) has them: NAME=VALUE,
with or without quotes around the value; those that begin with # or ; are comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FILE = "/etc/default/error-recovery"
_LINE = re.compile(r"""\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"]*)"|'([^']*)'|(.*?))\s*""")


def unit_environment(root: Path = Path("/")) -> dict[str, str]:
    """Empty where there is no such file, or it may not be read."""
    try:
        lines = (root / FILE.lstrip("/")).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = (_LINE.fullmatch(line) for line in lines if not line.lstrip().startswith(("#", ";")))
    return {match[1]: next((value for value in match.groups()[1:] if value), "") for match in found if match}


def as_the_unit(environment: Mapping[str, str], root: Path = Path("/")) -> dict[str, str]:
    """What this process has, over what the unit's file says."""
    return {**unit_environment(root), **environment}
