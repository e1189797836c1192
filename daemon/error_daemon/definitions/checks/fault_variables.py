"""Where variables of the fault may stand: in arguments and environment values of exec strategies and exec operations, as data; and as
the name of a handler of an application, which runs none but those that it offers.

A fault comes from outside, and whoever may report one chooses its texts. They must never become code, nor an option, nor choose what
is run. What a program makes of its arguments can't be known in general, so this leans to the safe side; what it refuses can always
be had another way: every exec strategy gets the fault in ER_* variables of its environment.

- Not in the program itself, and with them in its arguments the program is written out.
- Not in what is code to a program: the argument after `-c`, `-e`, `--eval` ... of any program, or glued to it; and of an interpreter (sh,
  python3, perl, awk, psql ...) nothing up to its script, which it would be or choose, and nothing at all where it isn't certain which
  argument that is.
- Not behind a program that runs another one or reads code from its arguments (env, sudo, ssh, xargs ...), unless that other one is
  written as a path before: `[sudo, /usr/local/bin/tool, --, "${fault.message}"]`.
- Not at the beginning of an argument, where `-x` would be an option, unless after an argument `--`.
- Not in a variable that a shell, an interpreter or the loader reads: PATH, LD_PRELOAD, BASH_ENV, PYTHONSTARTUP ...
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Sequence

from error_daemon.definitions.commands.known import INTERPRETERS, SHELLS, STARTERS
from error_daemon.definitions.complaints import Loc, did_you_mean, quoted
from error_daemon.definitions.files.written import Written
from error_daemon.errors import Problem
from error_daemon.model.variables import ATTRIBUTE, OF_ATTEMPTS, OF_FAULTS, is_from_fault, parts_of, variables_in

_ELSEWHERE = "take it from the environment: ER_MESSAGE, ER_COMPONENT ..."
_PLACES = "only in arguments and environment values of exec strategies and exec operations, and in the handler of a handler strategy"

_INTERPRETER = re.compile(
    rf"{'|'.join(sorted(SHELLS))}|(?:{'|'.join(INTERPRETERS)})[0-9.]*|(?:mk|pdk|c|tc|fi|r|ya|elvi|x?on)sh|nu|nodejs|deno|bun|luajit[0-9.]*"
    r"|[gmn]?awk|sed|jq|yq|Rscript|R|julia|tclsh[0-9.]*|wish|expect|guile|sbcl|emacs|vim?|nvim|ed|ex|gdb"
    r"|java|groovy|scala|kotlin|elixir|erl|ghc|runghc|stack|osascript|pwsh|powershell|psql|mysql|mariadb|sqlite3?|duckdb|redis-cli|mongosh?"
    r"|clickhouse(?:-client)?|bc|dc|m4|gnuplot|octave"
)
_NEVER = re.compile(
    r"ssh|su|runuser|xargs|parallel|watch|script|at|batch|chroot|unshare|nsenter|setpriv|capsh|systemd-run|systemd-nspawn|flock|strace|ltrace"
    r"|docker|podman|nerdctl|kubectl|crictl|ctr|lxc|lxc-attach|machinectl|ansible|salt|rsh|eval|exec|command|start-stop-daemon|daemonize"
    r"|busybox|toybox|find|make|gmake|ninja|entr|inotifywait|run-parts|crontab|screen|tmux|dtach|expect|rlwrap|unbuffer|socat|nc|ncat|scp|rsync|tar|git|trap|source|\."
)
_TAKES_CODE = (  # the options of some interpreters that surely take code
    (re.compile(r"(?:ba|da|a|z|k|mk)?sh|python[0-9.]*|pypy[0-9.]*"), re.compile(r"-[A-Za-z]*c")),
    (re.compile(r"perl[0-9.]*|ruby[0-9.]*|lua[0-9.]*"), re.compile(r"-[A-Za-z]*e")),
    (re.compile(r"node|nodejs"), re.compile(r"-e|--eval")),
    (re.compile(r"php[0-9.]*"), re.compile(r"-r")),
)
_CODE_OPTION = re.compile(
    r"-[A-Za-z]*[ceE]|--?(?:eval|exec|execute|command|print|expression|code|require|import|Command|EncodedCommand)"
)
_GLUED_CODE = re.compile(
    r"-[ceE].*|--?(?:eval|exec|execute|command|print|expression|code|require|import|Command)[= ].*", re.DOTALL
)
_ENVIRONMENT_CODE = re.compile(
    r"PATH|IFS|ENV|SHELL|SHELLOPTS|BASHOPTS|BASH_ENV|BASH_FUNC.*|PS[0-4]|PROMPT_COMMAND|CDPATH|GLOBIGNORE|HOME|LD_.*|GCONV_PATH|LOCPATH|NLSPATH"
    r"|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN|MALLOC_.*|GLIBC_TUNABLES|PYTHON.*|PERL.*|RUBY.*|GEM_.*|BUNDLE_.*|NODE_.*|npm_.*|PHPRC|PHP_INI.*|LUA.*"
    r"|JAVA.*|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|R_.*|GIT_.*|SSH_.*|EDITOR|VISUAL|PAGER|MANPAGER|BROWSER|LESS.*|TERMINFO.*|TMPDIR|XDG_.*"
    r"|DOCKER_.*|KUBECONFIG|AWS_.*|PSQL.*|PG.*|MYSQL_.*|.*_PROXY|.*_proxy|MAKEFLAGS|CC|CXX|SUDO_.*|ZDOTDIR|FPATH|DYLD_.*|OPENSSL_.*|CURL_HOME"
)


def check_fault_variables(entry: Written[object], texts: Sequence[tuple[Loc, str]]) -> Iterator[Problem]:
    """`texts` are those of the entry that have variables, and where they stand."""
    for at, text in texts:
        named = [name for name in variables_in(text) if is_from_fault(name)]
        if not named:
            continue
        problem = _unknown(named) or _misplaced(entry, at, text, named[0])
        if problem:
            yield entry.problem(*problem, at)


def _unknown(names: Sequence[str]) -> tuple[str, str] | None:
    for name in names:
        if name not in (*OF_FAULTS, *OF_ATTEMPTS) and not name.startswith(ATTRIBUTE):
            known = [*OF_FAULTS, ATTRIBUTE + "NAME"]
            return f"a fault has no {quoted(name.removeprefix('fault.'))}", did_you_mean(name, known)
    return None


def _misplaced(entry: Written[object], at: Loc, text: str, name: str) -> tuple[str, str] | None:
    """Message and mend for what stands where it must not."""
    shown = quoted("${" + name + "}")
    where = at[1:] if at[:1] == ("operation",) else at
    if entry.loc[0] == "strategies" and where == ("handler",):
        return None
    if entry.loc[0] != "strategies" or where[:1] not in (("command",), ("environment",)):
        return f"{shown} can't stand here", f"what is known of the fault stands {_PLACES}"
    if where[0] == "environment":
        variable = str(where[1])
        if _ENVIRONMENT_CODE.fullmatch(variable):
            return f"{shown} can't become {variable}, which decides what programs do", "take a variable of another name"
        return None
    holder = entry.data if where is at else entry.data["operation"]
    reason = _reason(holder["command"], int(where[1]))
    return (f"{shown} {reason[0]}", reason[1]) if reason else None


def _reason(command: Sequence[str], index: int) -> tuple[str, str] | None:
    """Why what comes from a fault can't stand in this argument, and what to do instead."""
    if index == 0:
        return "can't be the program, or a part of its name", "the definition alone says what is run"
    if variables_in(command[0]):
        return (
            f"can't be an argument of {quoted(command[0])}: nobody knows what that makes of it",
            "write the program out",
        )
    if _is_code(command, index):
        return "would become code here", _ELSEWHERE
    if (runner := _runner(command, index)) is not None:
        never = _NEVER.fullmatch(_base(command[runner]))
        mend = _ELSEWHERE if never else "write the whole path of what it runs"
        return f"would be read by {quoted(command[runner])}, which runs other programs", mend
    if _begins_with_fault(command[index]) and "--" not in command[1:index]:
        mend = "put an argument -- before it, if the program takes that, or write --option=${...}"
        return "could become an option here", mend
    return None


def _is_code(command: Sequence[str], index: int) -> bool:
    ended = "--" in command[1 : index - 1]
    if not ended and (_CODE_OPTION.fullmatch(command[index - 1]) or _GLUED_CODE.fullmatch(command[index])):
        return True
    return any(
        _INTERPRETER.fullmatch(_base(command[place])) and index <= _script_of(command, place, index)
        for place in _programs(command, index)
    )


def _script_of(command: Sequence[str], interpreter: int, index: int) -> int:
    """The last position that may be the code that an interpreter is given, or the file with it; `index`, if it may be that itself.

    Where an option is known to take code, that is the argument after it (`sh -c -- CODE` takes the one after that). Any other option may
    have a value or none: so the script is certain only where more arguments without a dash than with one come before."""
    takes_code = _takes_code(_base(command[interpreter]))
    options = others = 0
    for place in range(interpreter + 1, index):
        argument = command[place]
        if takes_code and not others and takes_code.fullmatch(argument):
            code = place + 2 if command[place + 1] == "--" else place + 1
            return index if command[place + 1].startswith("-") and code == place + 1 else code
        if argument == "--":
            return index
        options += argument.startswith("-")
        others += not argument.startswith("-")
        if others > options:
            return place
    return index


def _takes_code(base: str) -> re.Pattern[str] | None:
    return next((option for names, option in _TAKES_CODE if names.fullmatch(base)), None)


def _runner(command: Sequence[str], index: int) -> int | None:
    """The position of a program that might run what stands at `index`, or what comes after it."""
    for place in _programs(command, index):
        base = _base(command[place])
        if _NEVER.fullmatch(base):
            return place
        if base in STARTERS and not any(map(_is_program, command[place + 1 : index])):
            return place
    return None


def _programs(command: Sequence[str], index: int) -> Iterator[int]:
    """Positions before `index` where a program may be named: the first, paths, and where the first runs another, all before that."""
    bare = 1
    if _base(command[0]) in STARTERS:
        bare = next((place for place in range(1, index) if _is_program(command[place])), index)
    return (place for place in range(index) if place < bare or "/" in command[place])


def _is_program(argument: str) -> bool:
    return argument.startswith(("/", "./", "../")) and not variables_in(argument)


def _begins_with_fault(argument: str) -> bool:
    """Whether its first character may be one that a fault has. A variable of the target may be empty."""
    for literal, name in parts_of(argument):
        if literal:
            return False
        if name.startswith("fault."):
            return True
    return False


def _base(program: str) -> str:
    return os.path.basename(program)
