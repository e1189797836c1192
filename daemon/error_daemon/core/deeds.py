"""What a strategy does to a target, in words: what a person reads before they say yes to it.

The words are made of what is run, filled as it will be run: the command with its arguments, the request, the unit. What can be known for a
secret has gone from them (redact.py), and what is long is cut. The **digest** is of all that is run, before anything is hidden or cut:
where two are equal, the same is done to the same.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

from error_daemon.model import Json, Strategy, Target
from error_daemon.model.variables import fill_from_fault
from error_daemon.redact import redacted_text

_MOST_CHARACTERS = 600
_DIGEST_BYTES = 16
_NO_FAULT: Mapping[str, str] = {}


def does(
    strategy: Strategy, target: Target, members: Sequence[Target] = (), variables: Mapping[str, str] = _NO_FAULT
) -> str:
    """Begins with a verb: "runs /usr/bin/systemctl restart shop". `members`: of its group, if it takes one. `variables`: of the fault."""
    said = _words(strategy.kind, filled(strategy, target, variables), target, members)
    said = redacted_text(" ".join(said.split()))
    return said if len(said) <= _MOST_CHARACTERS else f"{said[:_MOST_CHARACTERS]} ..."


def digest(strategy: Strategy, target: Target, members: Sequence[Target], variables: Mapping[str, str]) -> str:
    variables = {**variables, "attempt_id": ""}  # which is another one after a restart, and does nothing otherwise
    touched = [[each.id, each.kind, each.params] for each in (target, *members)]
    whole = [strategy.id, strategy.kind, filled(strategy, target, variables), touched]
    return blake2b(json.dumps(whole, sort_keys=True).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def filled(strategy: Strategy, target: Target, variables: Mapping[str, str]) -> Mapping[str, Json]:
    """The strategy's params as they are run."""
    found: Mapping[str, Json] = fill_from_fault(strategy.params, {"target": target.id, **target.variables}, variables)
    return found


def _words(kind: str, params: Mapping[str, Json], target: Target, members: Sequence[Target]) -> str:
    say = _SAYING.get(kind)
    return say(params, target, members) if say else f"does what strategies of kind {kind} do"


def _retry(params: Mapping[str, Json], target: Target, members: Sequence[Target]) -> str:
    operation = params.get("operation")
    if not operation:
        return "does nothing to it: the probes look again"
    return f"{_words(str(operation['kind']), operation, target, members)}, again"


def _exec(params: Mapping[str, Json], _target: Target, _members: Sequence[Target]) -> str:
    where = f" in {params['cwd']}" if params.get("cwd") else ""
    return f"runs {_command(params.get('command'))}{where}"


def _http(params: Mapping[str, Json], _target: Target, _members: Sequence[Target]) -> str:
    body = str(params.get("body") or "")
    with_body = f" with a body of {len(body.encode())} bytes" if body else ""
    return f"sends {params.get('method', 'POST')} {params.get('url', '')}{with_body}"


def _process_restart(params: Mapping[str, Json], target: Target, _members: Sequence[Target]) -> str:
    of = f" that {target.params['pid_file']} names" if target.params.get("pid_file") else f" of {target.id}"
    grace_s, asks = params.get("stop_grace_s", 2.0), params.get("stop_signal", "SIGTERM")
    starts = f"then runs {_command(target.params.get('command'))}" if target.params.get("command") else "starts it anew"
    return f"ends the process{of} ({asks}, and SIGKILL after {grace_s:g} s), {starts}"


def _group_restart(_params: Mapping[str, Json], target: Target, members: Sequence[Target]) -> str:
    names = [member.id for member in members] or [target.id]
    if len(names) == 1:
        return f"restarts the process of {names[0]}"
    return f"stops {', '.join(reversed(names))}, in this order, and starts them in the opposite one"


def _unit(params: Mapping[str, Json], target: Target, _members: Sequence[Target]) -> str:
    unit = params.get("unit") or target.params.get("unit") or target.id
    graph = ", with what systemd restarts along with it" if params.get("graph") else ""
    return f"has systemd {params.get('action', 'restart')} {unit}{graph}"


def _handler(params: Mapping[str, Json], _target: Target, _members: Sequence[Target]) -> str:
    return f"asks the application {params.get('application')} to run its handler {params.get('handler')}"


def _guided(params: Mapping[str, Json], _target: Target, _members: Sequence[Target]) -> str:
    return f"leads a person through the workflow {params.get('workflow')}"


def _command(command: Json) -> str:
    return shlex.join(map(str, command or ()))


_SAYING: Mapping[str, Callable[[Mapping[str, Json], Target, Sequence[Target]], str]] = {
    "retry": _retry,
    "exponential_backoff": _retry,
    "exec": _exec,
    "http": _http,
    "process_restart": _process_restart,
    "group_restart": _group_restart,
    "unit": _unit,
    "handler": _handler,
    "guided": _guided,
}
