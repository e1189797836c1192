"""Variables: which are known, where they may stand, and that what comes out is sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.definitions.writing import loaded, refused

TARGETS = """\
targets:
  web: {kind: service, unit: "web@${port}.service", probes: answers, variables: {port: 8080, dir: /srv/web, odd: a b}}
  db: {kind: database, probes: listens, variables: {port: 99999}}
  bare: {kind: host}
"""
SOUND = (
    TARGETS
    + "probes:\n  answers: {kind: http, url: 'http://h:${port}/${target}'}\n  listens: {kind: tcp, host: h, port: 1}\n"
)
OBSERVED = "strategies: {s: {kind: retry}}\nrules: [{id: r, ladder: {1: s}, "
EXEC = "strategies: {s: {kind: exec, command: [/x, "
ANY = "rules: [{id: r, when: {}, ladder: {1: s}}]"
ANY_BARE = ANY.replace("{},", "{}, target: bare,")
PORT = "probes: {p: {kind: tcp, host: h, port: '${port}'}}"
RULE = "rules: [{id: r, when: {}, target: web, ladder: {1: s}}]\n"


def test_definitions_keep_the_text_of_probes_and_strategies_and_fill_that_of_targets(tmp_path: Path) -> None:
    strategy = "strategies: {s: {kind: exec, command: [./tool, '--port=${port}', '$$${', --, '${fault.message}'], cwd: '${dir}/x'}}\n"
    made = loaded(tmp_path, SOUND + strategy + RULE)
    assert made.targets["web"].params == {"unit": "web@8080.service"}
    assert made.targets["web"].variables == {"port": "8080", "dir": "/srv/web", "odd": "a b"}
    assert made.probes["answers"].params["url"] == "http://h:${port}/${target}"
    assert made.strategies["s"].params["command"] == [
        f"{tmp_path}/tool",
        "--port=${port}",
        "$$${",
        "--",
        "${fault.message}",
    ]
    assert made.strategies["s"].params["cwd"] == "${dir}/x"


def test_a_directory_whose_name_looks_like_a_variable_is_none(tmp_path: Path) -> None:
    directory = tmp_path / "${x}"
    directory.mkdir()
    text = "targets: {a: {kind: process, command: [./x], pid_file: p}}\nprobes: {p: {kind: file, path: x}}\n"
    made = loaded(directory, text)
    assert made.targets["a"].params["pid_file"] == f"{directory}/p"
    assert made.probes["p"].params["path"] == f"{tmp_path}/$${{x}}/x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("probes: {a: {kind: tcp, host: '${hots}', port: 1}}", "no target has a variable `hots`"),
        ("probes: {a: {kind: tcp, host: '${prot}', port: 1}}", "(did you mean `port`?; $${prot} is a plain ${prot})"),
        ("probes: {a: {kind: tcp, host: '${port', port: 1}}", "a variable has no end: write ${name}, or $${ for a plain ${"),
        ("probes: {a: {kind: tcp, host: h, port: ${port}}}", 'write a text with variables in quotes: "${port}"'),
        ("probes: {a: {kind: tcp, host: '${}', port: 1}}", "`${}` is not a variable: write $${ for a plain ${"),
        ("probes: {a: {kind: tcp, host: '${a:-b}', port: 1}}", "`${a:-b}` is not a variable"),
        ("probes: {a: {kind: file, path: /, min_bytes: '${port}'}}", "is not a whole number (variables stand in texts, and in port)"),
        ("targets: {b: {kind: host, variables: {port: '${target}'}}}", "the value of a variable is plain text"),
        ("targets: {b: {kind: host, variables: {level: 1}}}", "`level` has a meaning of its own"),
        ("strategies: {a: {kind: retry, name: '${target}'}}", "`${target}`: no variable can stand here, but in texts of targets"),
        (OBSERVED + "when: {component: '${fault.component}'}}]", "no variable can stand here"),
        (OBSERVED + "when: {message: {regex: '${fault.message}'}}}]", "no variable can stand here"),
        (EXEC + "'${port}']}}\n" + ANY, "`${port}` is not a variable of `bare` (write variables: {port: ...} there)"),
        (EXEC + "'${instance}']}}\n" + ANY_BARE, "`${instance}` is for members of families, and `bare` is none"),
        ("targets: {b: {kind: service, unit: '${target}'}}", "for `b`: `b` is not the name of a unit"),
        ("targets: {b: {kind: process, command: ['${target}/x'], pid_file: /p}}", "for `b`: `b/x` is neither absolute"),
        ("targets: {b: {kind: host, probes: p}}\n" + PORT, "`${port}` is not a variable of `b`"),
        ("targets: {b: {kind: host, probes: p, variables: {port: http}}}\n" + PORT, "for `b`: `http` is not a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_variable_is_told_once(text: str, expected: str, tmp_path: Path) -> None:
    found = refused(tmp_path, SOUND, b=f"{text}\n")
    assert len(found) == 1, found
    assert expected in found[0]


def test_a_plain_dollar_brace_and_what_is_in_a_message_of_others_are_no_variables(tmp_path: Path) -> None:
    text = "strategies: {s: {kind: exec, command: [/bin/sh, -c, 'echo $${HOME} $HOME $$'], name: 'a ${b}'}}\n"
    when = "rules: [{id: r, when: {message: 'bad substitution ${HOME}'}, ladder: {1: s}}]\n"
    assert loaded(tmp_path, text + when).rules[0].when.message


def test_each_place_is_told_once_however_many_targets_lack_the_variable(tmp_path: Path) -> None:
    targets = "targets: {t-*: {kind: host, instances: [a, b, c, d, e]}, x: {kind: host, variables: {v: 1}}}\n"
    text = (
        targets + "strategies: {s: {kind: http, url: 'http://${v}/${w}'}}\nrules: [{id: r, when: {}, ladder: {1: s}}]\n"
    )
    assert [found.partition(": ")[2] for found in refused(tmp_path, text)] == [
        "`${v}` is not a variable of `t-a`, `t-b`, `t-c` and 2 more (write variables: {v: ...} there)",
        "no target has a variable `w` (known: target, instance, v; $${w} is a plain ${w})",
    ]


def command_of(tmp_path: Path, command: str) -> list[str]:
    strategies = f"strategies:\n  s: {{kind: exec, command: {command}}}\n"
    try:
        loaded(tmp_path, strategies)
    except Exception:  # noqa: BLE001 `refused` says how
        return refused(tmp_path, strategies)
    return []


M = '"${fault.message}"'


@pytest.mark.parametrize(
    "command",
    [
        f"[/bin/tool, --, {M}]",
        f"[/bin/tool, --message=x, --, first, {M}, {M}]",
        '[/bin/tool, "--message=${fault.message}"]',
        '[/bin/tool, "-m${fault.message}"]',
        '[/bin/tool, "about ${fault.component}: ${fault.message}"]',
        '[/bin/tool, "${error_id}", "${level}", "${attempt_id}"]',
        '[/bin/tool, --, "${fault.attributes.tenant}"]',
        f"[/usr/bin/python3, /srv/mend.py, --, {M}]",
        f"[/bin/sh, -c, 'tool \"$1\"', sh, --, {M}]",
        f"[/bin/sh, -ec, 'tool \"$1\"', --, {M}]",
        f"[bash, -o, pipefail, /srv/mend.sh, --, {M}]",
        f"[perl, -e, 'print @ARGV', --, {M}]",
        f"[python3, -m, mend, now, --, {M}]",
        f"[sudo, -u, shop, /bin/tool, --, {M}]",
        f"[timeout, 5s, /bin/tool, test, --, {M}]",
        f"[/bin/tool, test, --, {M}]",
        f"[/bin/tool, --, -c, {M}]",
    ],
)
def test_what_a_fault_says_may_be_an_argument(command: str, tmp_path: Path) -> None:
    assert command_of(tmp_path, command) == []


CODE = "would become code here"
OPTION = (
    "could become an option here (put an argument -- before it, if the program takes that, or write --option=${...})"
)
OTHERS = "which runs other programs"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (f"[{M}]", "can't be the program"),
        ('["/bin/${fault.component}"]', "can't be the program"),
        (f"[/bin/tool, {M}]", OPTION),
        ('[/bin/tool, "${fault.type}${fault.message}"]', OPTION),
        ('[/bin/tool, "${target}${fault.message}"]', OPTION),
        (f"[/bin/tool, {M}, --]", OPTION),
        (f"[/bin/sh, -c, {M}]", CODE),
        (f"[/bin/sh, -c, 'echo {M[1:-1]}']", CODE),
        (f"[bash, -euxc, 'echo {M[1:-1]}']", CODE),
        (f"[bash, -o, pipefail, -c, 'echo {M[1:-1]}']", CODE),
        (f"[bash, --, {M}]", CODE),
        (f"[python3.12, --, {M}]", CODE),
        (f"[sh, -c, --, {M}]", CODE),
        (f"[sh, -c, -x, --, {M}]", CODE),
        (f"[sh, -e, --, {M}]", CODE),
        (f"[sh, -o, errexit, --, {M}]", CODE),
        (f"[perl, -I, /srv/lib, --, {M}]", CODE),
        (f"[awk, --eval, --eval, --, {M}]", CODE),
        (f"[find, /srv, --, {M}]", OTHERS),
        (f"[/usr/bin/python3, 'x{M[1:-1]}.py']", CODE),
        (f"[perl, -ne, 'x{M[1:-1]}']", CODE),
        (f"[perl, '-ex{M[1:-1]}']", CODE),
        (f"[node, '--eval=x{M[1:-1]}']", CODE),
        (f"[node, --eval, 'x{M[1:-1]}']", CODE),
        (f"[awk, '/{M[1:-1]}/']", CODE),
        (f"[psql, -c, 'select {M[1:-1]}']", CODE),
        (f"[mytool, -e, 'x{M[1:-1]}']", CODE),
        (f"[sudo, sh, -c, 'x{M[1:-1]}']", CODE),
        (f"[sudo, /bin/sh, -c, 'x{M[1:-1]}']", CODE),
        (f"[env, 'X={M[1:-1]}', /bin/tool]", OTHERS),
        (f"[env, --, {M}]", OTHERS),
        (f"[sudo, tool, --, {M}]", OTHERS),
        (f"[ssh, host, --, 'echo {M[1:-1]}']", OTHERS),
        (f"[sudo, ssh, /x, --, {M}]", OTHERS),
        (f"[xargs, --, {M}]", OTHERS),
        (f'["${{tool}}", --, {M}]', "nobody knows what that makes of it"),
        ('[/bin/tool, "--x=${fault.mesage}"]', "a fault has no `mesage` (did you mean `fault.message`?)"),
        ('[/bin/tool, "--x=${fault.attributes}"]', "a fault has no `attributes`"),
    ],
)
def test_what_a_fault_says_never_becomes_code_nor_an_option(command: str, expected: str, tmp_path: Path) -> None:
    text = f"targets: {{t: {{kind: host, variables: {{tool: /bin/x}}}}}}\nstrategies:\n  s: {{kind: exec, command: {command}}}\n"
    (found,) = refused(tmp_path, text)
    assert expected in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("strategies: {s: {kind: exec, command: [/x], environment: {PATH: '${fault.message}'}}}", "which decides what programs do"),
        ("strategies: {s: {kind: exec, command: [/x], environment: {LD_PRELOAD: 'x${fault.message}'}}}", "can't become LD_PRELOAD"),
        ("strategies: {s: {kind: exec, command: [/x], cwd: '/${fault.message}'}}", "can't stand here"),
        ("strategies: {s: {kind: http, url: 'http://h/${fault.message}'}}", "stands only in arguments and environment values"),
        ("strategies: {s: {kind: retry, operation: {kind: http, url: 'http://h/', body: '${error_id}'}}}", "can't stand here"),
        ("strategies: {s: {kind: retry, operation: {kind: exec, command: [/x, '${fault.message}']}}}", "could become an option"),
        ("probes: {p: {kind: exec, command: [/x, --, '${fault.message}']}}", "can't stand here"),
        ("targets: {t: {kind: process, pid_file: /p, command: [/x, --, '${level}']}}", "can't stand here"),
        ("strategies: {s: {kind: handler, application: '${fault.source}', handler: h}}", "can't stand here"),
    ],
)  # fmt: skip
def test_what_a_fault_says_stands_nowhere_else(text: str, expected: str, tmp_path: Path) -> None:
    (found,) = refused(tmp_path, text + "\n")
    assert expected in found


def test_the_fault_may_name_the_handler_of_an_application(tmp_path: Path) -> None:
    handler = "${fault.attributes.error_recovery.handler}"
    text = f"strategies:\n  own: {{kind: handler, application: shop, handler: '{handler}'}}\n"
    assert loaded(tmp_path, text).strategies["own"].params["handler"] == handler


def test_what_a_fault_says_may_stand_in_the_environment_of_strategies_and_their_operations(tmp_path: Path) -> None:
    text = "strategies:\n  a: {kind: exec, command: [/x], environment: {WHY: '${fault.message}'}}\n"
    text += "  b: {kind: retry, operation: {kind: exec, command: [/x, --, '${fault.node}'], environment: {WHY: '${fault.message}'}}}\n"
    assert set(loaded(tmp_path, text).strategies) == {"a", "b"}
