"""The faults that are sent: 819 bytes, 22 fields, 4 stack frames, as a Python application reports them.

Serialising a message for each fault would cost the sender more than sending it. So one message is serialised with a mark of fixed
length in it, and each fault is a copy of its bytes with the mark replaced. The mark is made of letters: digits would be masked, and
all faults would be equal.

    equal       the mark never changes: all faults fold into one error
    matched     it stands in the exception's message: each fault is an error of its own, fingerprinted in full; a rule observes it
    unmatched   the same, and no rule is for it
    recovered   it is the fault's explicit fingerprint, and the fault names one of TARGETS targets: each is recovered on its own
    critical    the same, and the fault is critical
"""

from __future__ import annotations

from collections.abc import Callable

from error_recovery.v1 import fault_pb2

FAULT_BYTES = 819
SORTS = {"equal": "equal", "distinct, observed": "matched", "distinct, no rule": "unmatched"}  # for people → kind
TARGETS = 400
_MARK = "ZZZZZZZZ"
_TARGET = "target-###"
_LETTERS = b"ABCDEFGHIJKLMNOP"

Builder = Callable[[int], bytes]  # number of the fault → a serialised Fault


def builder(kind: str) -> Builder:
    """`kind` is one of those above. Different numbers below 2^32 give different faults, except for `equal`."""
    if kind == "equal":
        fixed = _template("bench-matched", "").replace(_MARK.encode(), _word(0))
        return lambda _number: fixed
    mark, target = _MARK.encode(), _TARGET.encode()
    if kind in ("recovered", "critical"):
        severity = fault_pb2.SEVERITY_CRITICAL if kind == "critical" else fault_pb2.SEVERITY_MEDIUM
        template = _template("bench-recovered", _TARGET, severity)
        names = [target_name(number).encode() for number in range(TARGETS)]
        return lambda number: template.replace(mark, _word(number)).replace(target, names[number % TARGETS])
    template = _template({"matched": "bench-matched", "unmatched": "bench-unmatched"}[kind], "")
    return lambda number: template.replace(mark, _word(number))


def target_name(number: int) -> str:
    return f"target-{number:03d}"


def _word(number: int) -> bytes:
    return bytes(_LETTERS[number >> shift & 15] for shift in (28, 24, 20, 16, 12, 8, 4, 0))


def _template(component: str, target: str, severity: fault_pb2.Severity.ValueType = fault_pb2.SEVERITY_MEDIUM) -> bytes:
    fault = _fault(component, target)
    fault.severity = severity
    fault.exception.stack_trace += "." * (FAULT_BYTES - fault.ByteSize())
    assert fault.ByteSize() == FAULT_BYTES, f"{fault.ByteSize()} bytes: the fault below has grown"
    return fault.SerializeToString()


def _fault(component: str, target: str) -> fault_pb2.Fault:
    frames = [
        fault_pb2.Frame(module=module, function=function, line=line, in_application=True)
        for module, function, line in (
            ("shop.web", "dispatch", 118),
            ("shop.checkout", "pay", 64),
            ("shop.bank", "reserve", 231),
            ("shop.bank", "call", 77),
        )
    ]
    trace = (
        "Traceback (most recent call last):\n"
        "  shop/web.py, line 118, in dispatch\n  shop/checkout.py, line 64, in pay\n  shop/bank.py, line 231, in reserve\n"
    )
    return fault_pb2.Fault(
        fault_id="0190f6d2-7f0a-7c55-9a3e-5a2f0c1d9b11",
        type=fault_pb2.ERROR_TYPE_NETWORK,
        message="payment could not be reserved",
        context=fault_pb2.Context(
            component=component,
            operation="checkout",
            node="node-17",
            environment="production",
            attributes={"region": "eu-central", "customer": "4711"},
        ),
        exception=fault_pb2.Exception(
            type="shop.bank.ReservationError",
            message=f"no answer from 10.1.2.3 for account {'x' * 8 if target else _MARK} after 31 s",
            stack_trace=trace,
            frames=frames,
        ),
        fingerprint=_MARK if target else "",
        target=target,
        retry_count=2,
        count=1,
        affected_tasks=1,
        source="client/python",
    )
