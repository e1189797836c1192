"""Every way to write a definitions file wrongly → the place and the words of the problem. All of a file in one pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from error_daemon.definitions.loader import load_definitions
from error_daemon.errors import ConfigError, Problem

Expected = tuple[int, int, str]  # line, column, part of the message

# A line that begins with "+" is put below the sound definitions of SOUND; everything else stands alone.
SOUND = """\
version: 1
targets:
  web: {kind: process, command: [/bin/web], pid_file: web.pid, probes: [answers]}
  db: {kind: database}
probes:
  answers: {kind: tcp, host: localhost, port: 80}
strategies:
  restart: {kind: process_restart}
  look: {kind: retry}
ladders:
  usual: {1: [look], 3: [restart]}
"""
BELOW = SOUND.count("\n")
RULE = "rules:\n- {id: r, when: {}, target: web, ladder: usual}\n"


def problems_of(directory: Path, text: str) -> tuple[Problem, ...]:
    (directory / "a.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_definitions(directory)
    return caught.value.problems


def check(directory: Path, text: str, expected: list[Expected]) -> None:
    found = [(p.line, p.column, f"{p.message} ({p.mend})") for p in problems_of(directory, text)]
    assert [place[:2] for place in found] == [place[:2] for place in expected], found
    for (_, _, message), (_, _, part) in zip(found, expected, strict=True):
        assert part in message


ALONE: dict[str, tuple[str, list[Expected]]] = {
    "an open bracket": ("version: 1\nrules: [\n", [(3, 1, "not YAML")]),
    "a tab for indentation": ("version: 1\nprobes:\n\ta: 1\n", [(3, 1, "not YAML")]),
    "two documents": ("version: 1\n---\nversion: 1\n", [(2, 1, "but found another document")]),
    "a control character": ("version: 1\nrules: [\x07]\n", [(2, 9, "a character that YAML does not allow")]),
    "an escape beyond Unicode": ('version: "\\UFFFFFFFF"\n', [(1, 13, "a number beyond all bounds")]),
    "half a character": (
        'version: 1\nprobes: {"\\ud800": {kind: process}}\n',
        [(2, 10, "half a character")],
    ),
    "an undefined alias": ("version: *nothing\n", [(1, 10, "undefined alias")]),
    "a tag": ("version: !!int 1\n", [(1, 10, "tags are not used here")]),
    "an object tag": ("version: 1\nrules: !!python/object:os.system []\n", [(2, 8, "tags are not used here")]),
    "a list at the top": ("- version: 1\n", [(1, 1, "a definitions file is a mapping")]),
    "text at the top": ("hello\n", [(1, 1, "a definitions file is a mapping")]),
    "no version": ("rules: []\n", [(1, 1, "`version` is missing")]),
    "a version to come": ("version: 2\n", [(1, 10, "`2` is not known here (known: 1)")]),
    "a section misspelled": (
        "version: 1\nstrategys: {}\n",
        [(2, 1, "unknown key `strategys` (did you mean `strategies`?)")],
    ),
    "a key written twice": (
        "version: 1\nversion: 1\n",
        [(2, 1, "`version` is written twice (the first one is in line 1)")],
    ),
    "a key that is a list": ("version: 1\n? [a]\n: b\n", [(2, 3, "no key")]),
    "an alias that contains itself": ("version: 1\nrules: &a [*a]\n", [(2, 8, "nested more than 32 deep")]),
    "nesting without end": ("[" * 5000, [(1, 32, "nested more than 32 deep")]),
    "rules as a mapping": ("version: 1\nrules: {a: b}\n", [(2, 8, "a mapping is not a list")]),
    "probes as a list": ("version: 1\nprobes: [a]\n", [(2, 9, "a list is not a mapping")]),
    "a probe that is text": ("version: 1\nprobes:\n  a: tcp\n", [(3, 6, "`tcp` is not a mapping")]),
    "a probe with nothing": ("version: 1\nprobes:\n  a:\n", [(3, 5, "is not a mapping")]),
    "no kind": ("version: 1\nprobes:\n  a: {port: 80}\n", [(3, 3, "`kind` is missing")]),
    "an unknown kind": (
        "version: 1\nprobes:\n  a: {kind: htp}\n",
        [(3, 13, "unknown kind `htp` (did you mean `http`? known: tcp, http, exec, process, file)")],
    ),
    "a name with a space": (
        "version: 1\nprobes:\n  a b: {kind: process}\n",
        [(3, 3, "`a b` is not a name")],
    ),
    "a key misspelled in a probe": (
        "version: 1\nprobes:\n  a:\n    kind: tcp\n    host: h\n    prot: 80\n",
        [(3, 3, "`port` is missing"), (6, 5, "unknown key `prot` (did you mean `port`?)")],
    ),
    "a port too high": (
        "version: 1\nprobes:\n  a: {kind: tcp, host: h, port: 70000}\n",
        [(3, 33, "`70000` is not 65535 or less")],
    ),
    "a port that is a word": (
        "version: 1\nprobes:\n  a: {kind: tcp, host: h, port: no}\n",
        [(3, 33, "`no` is not a whole number")],
    ),
    "an empty host": ("version: 1\nprobes:\n  a: {kind: tcp, host: '', port: 1}\n", [(3, 24, "must not be empty")]),
    "a list for a text": (
        "version: 1\nprobes:\n  a: {kind: tcp, host: [h], port: 1}\n",
        [(3, 24, "a list is not text")],
    ),
    "a duration without unit": (
        "version: 1\nprobes:\n  a: {kind: process, timeout: 5}\n",
        [(3, 31, "'5' is not a duration")],
    ),
    "a timeout of nothing": (
        "version: 1\nprobes:\n  a: {kind: process, timeout: 0s}\n",
        [(3, 31, "is not more than 0")],
    ),
    "a negative duration": ("version: 1\nprobes:\n  a: {kind: process, timeout: -1s}\n", [(3, 31, "is not")]),
    "a URL without scheme": (
        "version: 1\nprobes:\n  a: {kind: http, url: localhost/healthz}\n",
        [(3, 24, "`localhost/healthz` is not a URL")],
    ),
    "a URL with a broken address": (
        'version: 1\nprobes:\n  a: {kind: http, url: "http://[::1/"}\n',
        [(3, 24, "`http://[::1/` is not a URL: Invalid IPv6 URL")],
    ),
    "a status of no kind": (
        "version: 1\nprobes:\n  a: {kind: http, url: http://h, success_status: ok}\n",
        [(3, 50, "`ok` is not an HTTP status")],
    ),
    "statuses upside down": (
        "version: 1\nprobes:\n  a: {kind: http, url: http://h, success_status: 300-200}\n",
        [(3, 50, "300 is above 200")],
    ),
    "a method with a space": (
        "version: 1\nprobes:\n  a: {kind: http, url: http://h, method: GET /}\n",
        [(3, 42, "`GET /` is not an HTTP method")],
    ),
    "a header of two lines": (
        'version: 1\nprobes:\n  a: {kind: http, url: http://h, headers: {A: "b\\nc"}}\n',
        [(3, 47, "a header is one line")],
    ),
    "a regular expression that does not compile": (
        "version: 1\nprobes:\n  a: {kind: file, path: /x, pattern: '('}\n",
        [(3, 38, "`(` is not a regular expression")],
    ),
    "a regular expression of uncertain future": (
        "version: 1\nprobes:\n  a: {kind: file, path: /x, pattern: '[[a]'}\n",
        [(3, 38, "is not a regular expression: Possible nested set")],
    ),
    "a home directory": (
        "version: 1\nprobes:\n  a: {kind: file, path: ~/x}\n",
        [(3, 25, "~ is not expanded")],
    ),
    "a ratio above one": (
        "version: 1\nprobes:\n  a: {kind: file, path: /, min_free_ratio: 20}\n",
        [(3, 44, "`20` is not 1 or less")],
    ),
    "an absent file with a size": (
        "version: 1\nprobes:\n  a: {kind: file, path: /x, exists: no, min_bytes: 1}\n",
        [(3, 52, "exists is false")],
    ),
    "a command as one string": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: rm -rf /}\n",
        [(3, 28, "never a shell: write a list")],
    ),
    "an empty command": ("version: 1\nstrategies:\n  a: {kind: exec, command: []}\n", [(3, 28, "must not be empty")]),
    "an empty program": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: ['']}\n",
        [(3, 28, "name of the program is empty")],
    ),
    "a program by a relative path": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [bin/tool]}\n",
        [(3, 28, "begin it with / or ./")],
    ),
    "a mapping in a command": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [/bin/x, {a: b}]}\n",
        [(3, 37, "a mapping is not text")],
    ),
    "a NUL in a command": (
        'version: 1\nstrategies:\n  a: {kind: exec, command: [/bin/x, "a\\0b"]}\n',
        [(3, 37, "NUL")],
    ),
    "a variable with an equals sign": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [x], environment: {a=b: c}}\n",
        [(3, 47, "`a=b` is not the name of an environment variable")],
    ),
    "an exit code too high": (
        "version: 1\nstrategies:\n  a: {kind: exec, command: [x], success_exit_codes: [0, 256]}\n",
        [(3, 57, "`256` is not 255 or less")],
    ),
    "a signal misspelled": (
        "version: 1\nstrategies:\n  a: {kind: process_restart, stop_signal: SIGTREM}\n",
        [(3, 43, "`SIGTREM` is not a signal: did you mean `SIGTERM`?")],
    ),
    "too many attempts": (
        "version: 1\nstrategies:\n  a: {kind: retry, max_attempts: 6}\n",
        [(3, 34, "`6` is not 5 or less")],
    ),
    "no attempts": (
        "version: 1\nstrategies:\n  a: {kind: retry, max_attempts: 0}\n",
        [(3, 34, "`0` is not 1 or more")],
    ),
    "a backoff that shrinks": (
        "version: 1\nstrategies:\n  a: {kind: retry, backoff: {factor: 0.5}}\n",
        [(3, 38, "`0.5` is not 1 or more")],
    ),
    "a backoff with its base above its cap": (
        "version: 1\nstrategies:\n  a: {kind: retry, backoff: {base: 5s, cap: 1s}}\n",
        [(3, 36, "the base of the backoff is 5s, above its cap, which is 1s")],
    ),
    "a timeout above its bound": (
        "version: 1\nstrategies:\n  a: {kind: retry, timeout: 10m}\n",
        [(3, 29, "timeout is 600s, above timeout_max, which is 240s")],
    ),
    "a timeout below its bound": (
        "version: 1\nstrategies:\n  a: {kind: retry, timeout: 1s, timeout_min: 2s}\n",
        [(3, 29, "timeout is 1s, below timeout_min, which is 2s")],
    ),
    "a restart that could not start the process again": (
        "version: 1\nstrategies:\n  a: {kind: process_restart, timeout: 2s}\n",
        [(3, 39, "timeout is 2s, too short to start the process again after a stop_grace of 2s")],
    ),
    "bounds that cross": (
        "version: 1\nstrategies:\n  a: {kind: retry, timeout: 3s, timeout_min: 4s, timeout_max: 2s}\n",
        [(3, 29, "above timeout_max"), (3, 29, "below timeout_min"), (3, 46, "timeout_min is 4s, above timeout_max")],
    ),
    "an unknown type of errors": (
        "version: 1\nstrategies:\n  a: {kind: retry, for_errors: [data, netwrok]}\n",
        [(3, 39, "`netwrok` is not known here (did you mean `network`?)")],
    ),
    "an operation of no kind": (
        "version: 1\nstrategies:\n  a: {kind: retry, operation: {kind: tcp}}\n",
        [(3, 38, "unknown kind `tcp` (known: exec, http)")],
    ),
    "a key misspelled in an operation": (
        "version: 1\nstrategies:\n  a: {kind: retry, operation: {kind: exec, command: [x], cdw: /}}\n",
        [(3, 58, "unknown key `cdw` (did you mean `cwd`?)")],
    ),
    "a process without pid file": (
        "version: 1\ntargets:\n  a: {kind: process, command: [x]}\n",
        [(3, 3, "`pid_file` is missing")],
    ),
    "a probe of a pid file that the target has not": (
        "version: 1\nprobes:\n  p: {kind: process}\ntargets:\n  t: {kind: host, probes: p}\n",
        [(5, 27, "`p` looks at the pid file of its target, but a host has none (give the probe a pid_file)")],
    ),
    "a restart of what is no process": (
        "version: 1\nstrategies:\n  a: {kind: process_restart, for_targets: [process, service]}\n",
        [(3, 43, "process_restart is not for service")],
    ),
    "level six": ("version: 1\nladders:\n  a: {6: [x]}\n", [(3, 7, "`6` is not a level: levels are 1 to 5")]),
    "a level of no number": ("version: 1\nladders:\n  a: {one: [x]}\n", [(3, 7, "levels are 1 to 5")]),
    "an unknown kind of strategy that is a part of some": (
        "version: 1\nstrategies:\n  a: {kind: restart}\n",
        [
            (
                *(3, 13),
                "unknown kind `restart` (did you mean `process_restart` or `group_restart`? known: retry, "
                "exponential_backoff, exec, http, process_restart, group_restart, handler)",
            )
        ],
    ),
    "an unknown kind of strategy that is like none": (
        "version: 1\nstrategies:\n  a: {kind: reboot}\n",
        [(3, 13, "unknown kind `reboot` (known: retry, ")],
    ),
    "a weight of nothing": ("version: 1\ntargets:\n  a: {kind: host, weight: 0}\n", [(3, 27, "is not more than 0")]),
    "a weight beyond all others": (
        "version: 1\ntargets:\n  a: {kind: host, weight: 1001}\n",
        [(3, 27, "`1001` is not 1000 or less")],
    ),
    "a weight that is no number": (
        "version: 1\ntargets:\n  a: {kind: host, weight: nan}\n",
        [(3, 27, "`nan` is not a finite number")],
    ),
    "a dependency on nothing there is": (
        "version: 1\ntargets:\n  web: {kind: host, depends_on: [wbe, db]}\n  db: {kind: database}\n",
        [(3, 34, "no target is called `wbe` (did you mean `web`?)")],
    ),
    "a target that depends on itself": (
        "version: 1\ntargets:\n  a: {kind: host, depends_on: a}\n",
        [(3, 31, "`a` depends on itself (take it out of its depends_on)")],
    ),
    "two cycles of dependencies": (
        "version: 1\ntargets:\n  a: {kind: host, depends_on: [b, d]}\n  b: {kind: host, depends_on: [c]}\n"
        "  c: {kind: host, depends_on: [d, a]}\n  d: {kind: host, depends_on: [e]}\n  e: {kind: host, depends_on: [d]}\n",
        [
            (5, 35, "`a` depends on itself: a -> b -> c -> a (take one of these out of depends_on)"),
            (7, 32, "`d` depends on itself: d -> e -> d"),
        ],
    ),
    "a group restart without the time for it": (
        "version: 1\nstrategies:\n  a: {kind: group_restart, timeout: 2s}\n",
        [(3, 37, "timeout is 2s, too short to start the process again after a stop_grace of 2s (at least 3s)")],
    ),
    "a group that is none": (
        "version: 1\nstrategies:\n  a: {kind: group_restart, include: all}\n",
        [(3, 37, "`all` is not known here (known: dependents, dependencies, both)")],
    ),
    "a signal for a group": (
        "version: 1\nstrategies:\n  a: {kind: group_restart, stop_signal: SIGINT}\n",
        [(3, 28, "unknown key `stop_signal`")],
    ),
    "a group restart of what is no process": (
        "version: 1\nstrategies:\n  a: {kind: group_restart, for_targets: host}\n",
        [(3, 41, "group_restart is not for host (it restarts targets of kind process)")],
    ),
    "bulkheads as a mapping": ("version: 1\nbulkheads: {a: b}\n", [(2, 12, "a mapping is not a list")]),
    "a bulkhead without anything": (
        "version: 1\nbulkheads:\n- {}\n",
        [(3, 3, "`id` is missing"), (3, 3, "`max_concurrency` is missing")],
    ),
    "a bulkhead that lets nothing through": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 0}\n",
        [(3, 28, "`0` is not 1 or more")],
    ),
    "a bulkhead with less than no queue": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, queue_size: -1}\n",
        [(3, 43, "`-1` is not 0 or more")],
    ),
    "a bulkhead that waits for no time": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, timeout: 0s}\n",
        [(3, 40, "is not more than 0")],
    ),
    "a bulkhead for what is no tenancy": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, per_tenant: some}\n",
        [(3, 43, "`some` is not true or false")],
    ),
    "a condition of a bulkhead misspelled": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, when: {level: 3}}\n",
        [(3, 38, "unknown key `level` (did you mean `levels`?)")],
    ),
    "levels that there are not": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, when: {levels: [5, 6]}}\n",
        [(3, 50, "`6` is not a level: levels are 1 to 5")],
    ),
    "levels as a mapping": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, when: {levels: {5: 6}}}\n",
        [(3, 46, "a mapping is not a list")],
    ),
    "a priority that is a severity": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, when: {priorities: [high, medium]}}\n",
        [(3, 57, "`medium` is not known here (known: critical, high, normal, low)")],
    ),
    "a tenant that does not compile": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, when: {tenant: {regex: '('}}}\n",
        [(3, 54, "`(` is not a regular expression")],
    ),
    "a bulkhead for a rule that there is not": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, when: {rules: [r]}}\n",
        [(3, 46, "no rule is called `r`")],
    ),
    "two bulkheads of one id": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1}\n- {id: a, max_concurrency: 2}\n",
        [(4, 8, "two bulkheads are called `a`")],
    ),
    "a bulkhead called by a word of fallback": (
        "version: 1\nbulkheads:\n- {id: wait, max_concurrency: 1}\n",
        [(3, 8, "no bulkhead can be called `wait`: that is a word of fallback")],
    ),
    "a fallback that there is not": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, fallback: drop}\n",
        [(3, 41, "no bulkhead is called `drop` (known: a, wait, fail)")],
    ),
    "a word of fallback misspelled": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, fallback: fial}\n",
        [(3, 41, "no bulkhead is called `fial` (did you mean `fail`?)")],
    ),
    "a bulkhead that falls back on itself": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, fallback: a}\n",
        [(3, 41, "the fallback of `a` leads back to it: a -> a (end it with wait or fail)")],
    ),
    "a cycle of fallbacks": (
        "version: 1\nbulkheads:\n- {id: a, max_concurrency: 1, fallback: b}\n- {id: b, max_concurrency: 1, fallback: c}\n"
        "- {id: c, max_concurrency: 1, fallback: b}\n",
        [(5, 41, "the fallback of `b` leads back to it: b -> c -> b (end it with wait or fail)")],
    ),
    "an empty ladder": ("version: 1\nladders:\n  a: {}\n", [(3, 6, "must not be empty")]),
    "an empty level": ("version: 1\nladders:\n  a: {1: []}\n", [(3, 10, "must not be empty")]),
    "an unknown strategy in a ladder": (
        "version: 1\nladders:\n  a: {1: [x]}\n",
        [(3, 11, "no strategy is called `x`")],
    ),
    "a merge key": (
        "version: 1\nprobes:\n  a: &a {kind: process}\n  b: {<<: *a, kind: process}\n",
        [(4, 7, "unknown key `<<`")],
    ),
}

BELOW_SOUND: dict[str, tuple[str, list[Expected]]] = {
    "a rule without id": ("- {when: {}, ladder: usual}", [(2, 3, "`id` is missing")]),
    "a rule without when": ("- {id: a, ladder: usual}", [(2, 3, "`when` is missing")]),
    "a rule without ladder": ("- {id: a, when: {}}", [(2, 3, "`ladder` is missing")]),
    "two rules of one id": (
        "- {id: a, when: {}, ladder: usual}\n- {id: a, when: {}, ladder: usual}",
        [(3, 8, "two rules are called `a`")],
    ),
    "an unknown ladder": (
        "- {id: a, when: {}, ladder: usaul}",
        [(2, 29, "no ladder is called `usaul` (did you mean `usual`?)")],
    ),
    "an unknown target": (
        "- {id: a, when: {}, ladder: usual, target: wbe}",
        [(2, 44, "no target is called `wbe` (did you mean `web`?)")],
    ),
    "an unknown strategy": (
        "- {id: a, when: {}, ladder: {1: restrat}}",
        [(2, 33, "no strategy is called `restrat` (did you mean `restart`?)")],
    ),
    "approval without asking": (
        "- {id: a, when: {}, ladder: usual, target: web, approval: {expires: 1h}, mode: auto}",
        [
            (
                2,
                49,
                "approval is written, but mode is auto: nobody is asked (write mode: approve, or leave approval out)",
            )
        ],
    ),
    "approval without a mode": (
        "- {id: a, when: {}, ladder: usual, approval: {expires: 1h}}",
        [(2, 36, "approval is written, but mode is observe: nobody is asked")],
    ),
    "approval that nobody can give in time": (
        "- {id: a, when: {}, ladder: usual, mode: approve, approval: {expires: 0s}}",
        [(2, 71, "is not more than 0")],
    ),
    "approval misspelled": (
        "- {id: a, when: {}, ladder: usual, mode: approve, approval: {expire: 1s}}",
        [(2, 62, "unknown key `expire` (did you mean `expires`?)")],
    ),
    "approval of what nobody can verify": (
        "- {id: a, when: {}, ladder: {1: look}, target: db, mode: approve}",
        [(2, 58, "mode is approve, but `db` has no probes: a recovery cannot be verified")],
    ),
    "an unknown recovery class": (
        "- {id: a, when: {}, ladder: usual, recovery_class: soon}",
        [(2, 52, "`soon` is not known here (known: immediate, gradual, emergency)")],
    ),
    "isolation by nothing there is": (
        "- {id: a, when: {}, ladder: usual, response_class: cascading, isolate: lok}",
        [(2, 72, "no strategy is called `lok` (did you mean `look`?)")],
    ),
    "isolation of what does not spread": (
        "- {id: a, when: {}, ladder: usual, isolate: look}\n"
        "- {id: b, when: {}, ladder: usual, isolate: look, response_class: transient}",
        [
            (2, 36, "isolate is for errors that spread, but response_class is absent (write response_class: cascading"),
            (3, 36, "isolate is for errors that spread, but response_class is transient"),
        ],
    ),
    "isolation by a restart of a database": (
        "- {id: a, when: {}, ladder: {1: look}, target: db, response_class: cascading, isolate: restart}",
        [(2, 88, "`restart` restarts a process, but `db` is of kind database")],
    ),
    "a bulkhead for a rule misspelled": (
        "- {id: shop-down, when: {}, ladder: usual}\n"
        "bulkheads:\n- {id: a, max_concurrency: 1, when: {rules: [shop-down, shop-dwon]}}",
        [(4, 57, "no rule is called `shop-dwon` (did you mean `shop-down`?)")],
    ),
    "an unknown mode": ("- {id: a, when: {}, ladder: usual, mode: atuo}", [(2, 42, "did you mean `auto`?")]),
    "an unknown severity": (
        "- {id: a, when: {}, ladder: usual, severity: bad}",
        [(2, 46, "known: info, low, medium, high, critical")],
    ),
    "an unknown response class": (
        "- {id: a, when: {}, ladder: usual, response_class: x}",
        [(2, 52, "known: transient")],
    ),
    "a condition misspelled": (
        "- {id: a, when: {componet: x}, ladder: usual}",
        [(2, 18, "unknown key `componet` (did you mean `component`?)")],
    ),
    "a condition without value": ("- {id: a, when: {component: }, ladder: usual}", [(2, 28, "must not be empty")]),
    "no type at all": ("- {id: a, when: {type: []}, ladder: usual}", [(2, 24, "must not be empty")]),
    "an unknown type": ("- {id: a, when: {type: sytem}, ladder: usual}", [(2, 24, "did you mean `system`?")]),
    "a message regex that does not compile": (
        "- {id: a, when: {message: {regex: '*'}}, ladder: usual}",
        [(2, 35, "`*` is not a regular expression")],
    ),
    "a message regex misspelled": (
        "- {id: a, when: {message: {regx: a}}, ladder: usual}",
        [(2, 18, "`regex` is missing"), (2, 28, "unknown key `regx` (did you mean `regex`?)")],
    ),
    "an automatic rule that nobody can verify": (
        "- {id: a, when: {}, ladder: {1: look}, target: db, mode: auto}",
        [(2, 58, "mode is auto, but `db` has no probes: a recovery cannot be verified")],
    ),
    "a restart of a database": (
        "- {id: a, when: {}, ladder: usual, target: db}",
        [(2, 29, "`restart` restarts a process, but `db` is of kind database")],
    ),
    "a restart of a database in a rule's own ladder": (
        "- {id: a, when: {}, ladder: {2: [look, restart]}, target: db}",
        [(2, 40, "process_restart needs a target of kind process")],
    ),
    "an entry above the ladder": (
        "- {id: a, when: {}, ladder: usual, entry_level: 4}",
        [(2, 49, "entry_level is 4, but the ladder ends at level 3")],
    ),
    "an entry at level six": ("- {id: a, when: {}, ladder: usual, entry_level: 6}", [(2, 49, "`6` is not 5 or less")]),
    "a key misspelled in verify": (
        "- {id: a, when: {}, ladder: usual, verify: {wihtin: 1s}}",
        [(2, 45, "unknown key `wihtin` (did you mean `within`?)")],
    ),
    "a broken rule between sound and wrong ones": (
        "- {id: a, when: {}, ladder: usual}\n- {id: b}\n- {id: c, when: {}, ladder: x}",
        [(3, 3, "`ladder` is missing"), (3, 3, "`when` is missing"), (4, 29, "no ladder is called `x`")],
    ),
}


# Below these definitions stand the rules of IN_A_GROUP.
GROUP = """\
version: 1
targets:
  web: {kind: process, command: [/bin/web], pid_file: web.pid, depends_on: [db, cache]}
  db: {kind: database}
  cache: {kind: process, command: [/bin/cache], pid_file: cache.pid, depends_on: host}
  host: {kind: host}
  report: {kind: process, command: [/bin/report], pid_file: report.pid, depends_on: web}
  mail: {kind: application, depends_on: [report]}
strategies:
  down: {kind: group_restart, include: dependencies}
  up: {kind: group_restart, timeout: 10s}
  all: {kind: group_restart, include: both, for_targets: process}
  cut: {kind: exec, command: [/bin/cut], for_targets: [host, database]}
  look: {kind: retry}
rules:
"""

IN_A_GROUP: dict[str, tuple[str, list[Expected]]] = {
    "a restart of dependents that are no processes": (
        "- {id: a, when: {}, target: cache, ladder: {1: look, 4: [look, up]}}",
        [
            (
                1,
                64,
                "`up` restarts `cache` with its dependents, but `mail` is of kind application (group_restart needs every one",
            )
        ],
    ),
    "a restart of dependencies that are no processes": (
        "- {id: a, when: {}, target: report, ladder: {4: down}}",
        [
            (
                1,
                49,
                "`down` restarts `report` with its dependencies, but `db` is of kind database, `host` is of kind host",
            )
        ],
    ),
    "a restart both ways": (
        "- {id: a, when: {}, target: report, ladder: {4: all}}",
        [
            (
                *(1, 49),
                "`all` restarts `report` with its dependents and dependencies, but `mail` is of kind application, "
                "`db` is of kind database, `host` is of kind host",
            )
        ],
    ),
    "a group restart of a database": (
        "- {id: a, when: {}, target: db, ladder: {4: up}}",
        [
            (
                1,
                45,
                "`up` restarts a process, but `db` is of kind database (group_restart needs a target of kind process)",
            )
        ],
    ),
    "isolation that is for other targets": (
        "- {id: a, when: {}, target: web, ladder: {1: look, 2: cut}, response_class: cascading, isolate: cut}",
        [(1, 97, "`cut` is for targets of kind database, host, but `web` is of kind process (take another strategy)")],
    ),
    "isolation by the restart of a group of other things": (
        "- {id: a, when: {}, target: web, ladder: {1: look}, response_class: cascading, isolate: down}",
        [(1, 89, "`down` restarts `web` with its dependencies, but `db` is of kind database")],
    ),
}


@pytest.mark.parametrize("case", IN_A_GROUP)
def test_what_is_wrong_with_a_group_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = IN_A_GROUP[case]
    below = GROUP.count("\n")
    check(tmp_path, f"{GROUP}{text}\n", [(line + below, column, part) for line, column, part in expected])


def test_a_group_restart_that_is_limited_to_processes_may_stand_in_a_ladder_that_others_share(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GROUP + "- {id: a, when: {}, target: db, ladder: {4: all}}\n")
    assert load_definitions(tmp_path).rules[0].target == "db"


# A group of four, each with a grace of 2 s and a second to start again.
FOUR = """\
version: 1
targets:
  a: {kind: process, command: [/bin/a], pid_file: a.pid}
  b: {kind: process, command: [/bin/b], pid_file: b.pid, depends_on: a}
  c: {kind: process, command: [/bin/c], pid_file: c.pid, depends_on: a}
  d: {kind: process, command: [/bin/d], pid_file: d.pid, depends_on: [b, c]}
strategies:
  restart: {kind: group_restart, timeout: 10s}
"""


@pytest.mark.parametrize("target", ["target: a, when: {}", "when: {}", "when: {target: '[ad]'}"])
def test_a_timeout_is_too_short_where_a_group_could_be_stopped_and_not_started_again(
    target: str, tmp_path: Path
) -> None:
    text = FOUR + f"rules:\n- {{id: r, {target}, ladder: {{3: restart}}}}\n"
    message = (
        "timeout is 10s, too short to start the 4 processes of the group of `a` again after a stop_grace of 2s each"
    )
    check(tmp_path, text, [(8, 43, f"{message} (at least 12s)")])


@pytest.mark.parametrize("target", ["target: b, when: {}", "when: {target: 'b*'}"])
def test_the_time_that_a_group_restart_needs_is_that_of_the_largest_group_it_may_be_for(
    target: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(FOUR + f"rules:\n- {{id: r, {target}, ladder: {{3: restart}}}}\n")
    assert load_definitions(tmp_path).strategies["restart"].timeout_min_s == 6.0


@pytest.mark.parametrize("case", ALONE)
def test_what_is_wrong_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = ALONE[case]
    check(tmp_path, text, expected)


@pytest.mark.parametrize("case", BELOW_SOUND)
def test_what_is_wrong_with_a_rule_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = BELOW_SOUND[case]
    check(tmp_path, f"{SOUND}rules:\n{text}\n", [(line + BELOW, column, part) for line, column, part in expected])


def test_the_definitions_that_the_broken_rules_stand_below_are_sound(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SOUND + RULE)
    assert load_definitions(tmp_path).rules[0].id == "r"


def test_all_problems_of_all_files_come_in_one_pass_in_the_order_of_their_places(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nprobes:\n  p: {kind: tcp, port: x}\nladders:\n  l: {1: [nothing]}\n")
    problems = problems_of(tmp_path, "version: 1\ntargets:\n  t: {kind: host, probes: [p, q]}\nrules:\n- {id: r}\n")
    assert [(Path(problem.file).name, problem.line, problem.message) for problem in problems] == [
        ("a.yaml", 3, "no probe is called `q`"),  # p is wrong, but there
        ("a.yaml", 5, "`ladder` is missing"),
        ("a.yaml", 5, "`when` is missing"),
        ("b.yaml", 3, "`host` is missing"),
        ("b.yaml", 3, "`x` is not a whole number"),
        ("b.yaml", 5, "no strategy is called `nothing`"),
    ]


def test_names_are_not_called_unknown_where_a_file_that_may_define_them_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nprobes: {\n")
    problems = problems_of(tmp_path, "version: 1\ntargets:\n  t: {kind: host, probes: [p]}\n")
    assert [Path(problem.file).name for problem in problems] == ["b.yaml"]


def test_a_name_defined_in_two_files_is_a_problem_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\nprobes:\n  p: {kind: process}\n")
    first = tmp_path / "a.yaml"
    first.write_text("version: 1\nprobes:\n  p: {kind: process}\n")
    with pytest.raises(ConfigError) as caught:
        load_definitions(tmp_path)
    (problem,) = caught.value.problems
    assert str(problem) == f"{tmp_path / 'b.yaml'}:3:3: `p` is defined twice in probes (the first one is in {first}:3)"


def test_rules_of_one_id_in_two_files_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("version: 1\n" + RULE)
    problems = problems_of(tmp_path, SOUND + RULE)
    assert [(Path(problem.file).name, problem.line) for problem in problems] == [("b.yaml", 3)]


def test_rules_are_not_called_unknown_where_one_has_no_readable_id(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        "version: 1\nrules:\n- {id: [r]}\nbulkheads:\n- {id: a, max_concurrency: 1, when: {rules: s}}\n",
    )
    assert {problem.line for problem in problems} == {3}


def test_a_wrong_rule_and_a_wrong_bulkhead_are_there_for_those_that_name_them(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        "version: 1\nrules:\n- {id: r}\nbulkheads:\n- {id: a, max_concurrency: 1, when: {rules: r}, fallback: b}\n- {id: b}\n",
    )
    assert [problem.message for problem in problems] == [
        "`ladder` is missing",
        "`when` is missing",
        "`max_concurrency` is missing",
    ]


def test_a_chain_of_dependencies_may_be_of_any_length(tmp_path: Path) -> None:
    chain = [f"  t{n}: {{kind: host, depends_on: t{n + 1}}}" for n in range(5000)]
    problems = problems_of(tmp_path, "\n".join(["version: 1", "targets:", *chain, "  t5000: {kind: hots}"]))
    assert [problem.line for problem in problems] == [5003]


def test_a_few_lines_of_aliases_to_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)]
    problems = problems_of(tmp_path, "\n".join(lines))
    assert [problem.message for problem in problems] == ["more than 100000 values, with all aliases written out"]


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "#" * (1 << 20) + "#")
    assert [problem.message for problem in problems] == ["is larger than 1048576 bytes"]


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("version: 1\n# ä ".encode() + b"\xff")
    with pytest.raises(ConfigError, match=r"a.yaml:2:5: is not UTF-8 from here on"):
        load_definitions(tmp_path)


def test_a_directory_and_a_fifo_are_no_definitions_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    os.mkfifo(tmp_path / "b.yaml")
    with pytest.raises(ConfigError) as caught:
        load_definitions(tmp_path)
    assert [problem.message for problem in caught.value.problems] == [
        "cannot be read: Is a directory",
        "is not a regular file",
    ]


def test_an_absent_directory_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such directory"):
        load_definitions(tmp_path / "absent")
