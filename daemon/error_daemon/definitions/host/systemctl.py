"""The units that a command of systemctl or service is about.

Options of systemctl stand anywhere, and many take a value, which is no unit. Where one is not known, or leads to another host, another
manager (`--user`) or another root, nothing is said; neither is of patterns, processes and paths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from error_daemon.definitions.commands.options import listed, read
from error_daemon.definitions.commands.runs import Run

_VERBS = re.compile(
    r"start|stop|(try-)?restart|(try-)?reload-or-restart|reload|kill|is-active|is-failed|status|reset-failed|(re)?enable|disable|show|isolate|freeze|thaw"
)
_OPTIONS = listed(
    "a f i l q r T v n: o: p: P: s: t: after all before dry-run fail failed firmware-setup force full global ignore-dependencies"
    " legend? mkdir marked no-ask-password no-block no-legend no-pager no-reload no-wall no-warn now plain quiet read-only recursive"
    " reverse runtime show-transaction show-types stdin system user value verbose wait with-dependencies"
    " boot-loader-entry: boot-loader-menu: capsule: check-inhibitors: drop-in: host: image: image-policy: job-mode: kill-value: kill-who:"
    " kill-whom: lines: machine: message: output: preset-mode: property: reboot-argument: root: signal: state: timestamp: type: what:"
    " when: C: H: M:"
)
_ELSEWHERE = frozenset({"user", "global", "host", "machine", "root", "image", "capsule", "C", "H", "M"})
_NO_NAME = re.compile(r"[*?\[$/]|^[0-9]+$")


def units_named(run: Run) -> list[str]:
    words: Sequence[str] = ()
    if run.program == "systemctl":
        given = read(run.arguments, _OPTIONS, is_mixed=True)
        if given and given.words and _VERBS.fullmatch(given.words[0]) and not given.options & _ELSEWHERE:
            words = given.words[1:]
    elif run.program == "service" and len(run.arguments) > 1 and not run.arguments[0].startswith("-"):
        words = run.arguments[:1]
    return [word for word in words if word and not _NO_NAME.search(word)]
