"""Programs that run what they are given: those that only start another one, shells, and interpreters of scripts.

Their options are listed as options.py reads them. Left out on purpose are those with which they do something else (`sudo -l`, `ionice -p`),
read the code that they run (`python3 -c`, `perl -e`, `env -S`), or run it where this host's files say nothing (`sudo -R`, `sudo -h`).
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.definitions.commands.options import Options, listed


@dataclass(frozen=True, slots=True)
class Starter:
    """`before`: how many arguments come between its options and the program."""

    options: Options
    before: int = 0


STARTERS = {
    "sudo": Starter(
        listed(
            "A B b E H i k N n P S s C: D: g: p: r: T: t: u: askpass background bell preserve-env? set-home login reset-timestamp no-update"
            " non-interactive preserve-groups stdin shell close-from: chdir: group: prompt: role: command-timeout: type: user:"
        )
    ),
    "doas": Starter(listed("n u:")),
    "env": Starter(
        listed(
            "i v u: C: ignore-environment debug unset: chdir: block-signal? default-signal? ignore-signal? list-signal-handling"
        )
    ),
    "nice": Starter(listed("n: adjustment:")),
    "ionice": Starter(listed("t c: n: ignore class: classdata:")),
    "timeout": Starter(listed("f p v k: s: foreground preserve-status verbose kill-after: signal:"), 1),
    "setsid": Starter(listed("c f w ctty fork wait")),
    "nohup": Starter(listed("")),
    "chrt": Starter(
        listed(
            "a b d f i o r v R T: P: D: all-tasks batch deadline fifo idle other rr verbose reset-on-fork"
            " sched-runtime: sched-period: sched-deadline:"
        ),
        1,
    ),
    "stdbuf": Starter(listed("i: o: e: input: output: error:")),
    "time": Starter(listed("a p q v f: o: append portability quiet verbose format: output:")),
    "taskset": Starter(listed("a c all-tasks cpu-list"), 1),
    "numactl": Starter(
        listed(
            "a b l C: i: m: N: P: p: all balancing localalloc cpunodebind: interleave: membind: physcpubind: preferred: preferred-many:"
        )
    ),
    "prlimit": Starter(
        listed(
            "c? d? e? f? i? l? m? n? q? r? s? t? u? v? x? y? as? core? cpu? data? fsize? locks? memlock? msgqueue? nice? nofile? nproc?"
            " rss? rtprio? rttime? sigpending? stack? verbose"
        )
    ),
}
SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
SHELL_OPTIONS = listed(
    "a b c e f h i k l m n p r s t u v x B C E H P T o: O: login norc noprofile noediting posix restricted verbose rcfile: init-file:"
)
INTERPRETERS = {
    "python": listed("b B d E i I O P q R s S u v x W: X: check-hash-based-pycs:"),
    "pypy": listed("b B d E i I O P q R s S u v x W: X:"),
    "perl": listed("a c f n p s S t T u U w W X I:"),
    "ruby": listed("a l n p s S U v w K? T? W? C: E: I: r: verbose"),
    "node": listed(
        "i r: require: import: inspect? inspect-brk? no-deprecation no-warnings trace-deprecation trace-warnings"
        " enable-source-maps max-old-space-size? max-http-header-size? use-strict"
    ),
    "php": listed("n q H c: d: z:"),
    "lua": listed("i v E W l:"),
}


def options_of_interpreter(program: str) -> Options | None:
    """Of a shell or an interpreter, by its name without its version; None for anything else."""
    if program in SHELLS:
        return SHELL_OPTIONS
    return INTERPRETERS.get(program.rstrip("0123456789."))
