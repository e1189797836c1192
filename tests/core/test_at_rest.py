"""An error at rest is shown as before, and takes little memory: what errors have in common is kept once."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace

from error_daemon.core.at_rest import AtRest
from error_daemon.core.classify import Classification
from error_daemon.core.fingerprint import fingerprint
from error_daemon.core.ticket import Error
from error_daemon.model import ErrorType, Fault, Mode, RecoveryClass, ResponseClass, Severity, SlotRef, State
from error_daemon.model.fault import Priority
from tests.core.world import World, fault, house, rule

MOST_BYTES = 1024  # of an error at rest


def _error(number: int, **more: object) -> Error:
    one = Fault(
        ErrorType.NETWORK,
        "".join(["payment could not be ", "reserved"]),
        component="".join(["sh", "op"]),
        operation="checkout",
        attributes={"customer": str(number)},
        exception_type="shop.bank.ReservationError",
        exception_message=f"no answer for account {_letters(number)}",
        frames=("shop.web:dispatch", "".join(["shop.bank:", "call"])),
        source="client/python",
        fault_id=f"id-{number}",
    )
    one = replace(one, **more)  # type: ignore[arg-type]
    found = Classification(None, Severity.HIGH, ResponseClass.TRANSIENT, RecoveryClass.GRADUAL)
    error = Error(fingerprint(one), one, found, first_at=1.0 + number, state=State.OBSERVED)
    error.reason = f"no rule matches {one.component}"
    return error


def _letters(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "abcdefghij"))


def test_an_error_at_rest_is_shown_as_before() -> None:
    error, rest = _error(1), AtRest()
    before = error.view()
    rest.lay(error)
    assert error.view() == before
    assert before.because[-1] == "frames: shop.bank:call < shop.web:dispatch"


def test_what_errors_at_rest_have_in_common_is_kept_once() -> None:
    one, other, rest = _error(1), _error(2), AtRest()
    for error in (one, other):
        rest.lay(error)
    assert one.fault.component is other.fault.component
    assert one.fault.frames is other.fault.frames
    assert one.classification is other.classification
    assert one.reason is other.reason
    assert one.fault.exception_message != other.fault.exception_message


def test_what_errors_do_not_have_in_common_is_not_gathered() -> None:
    rest = AtRest()
    for number in range(5000):
        error = _error(number, message=f"message {number}", frames=(f"frame {number}",))
        error.classification = replace(error.classification, because=f"because {number}")
        rest.lay(error)
        assert error.view().message == f"message {number}"
    again, other = _error(1), _error(2)
    for error in (again, other):
        rest.lay(error)
    assert again.fault.component is other.fault.component
    assert max(len(held) for held in (rest._texts, rest._frames, rest._classifications)) <= 4100


def test_an_error_at_rest_takes_less_than_a_kibibyte() -> None:
    rest, kept = AtRest(), [_error(0)]
    rest.lay(kept[0])
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, 501):
            kept.append(_error(number))
            rest.lay(kept[-1])
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes / 500 < MOST_BYTES - 270  # which it takes in the tables by which it is found


def test_a_recorded_error_is_at_rest_until_its_next_fault() -> None:
    world = World(house(rule("seen", mode=Mode.OBSERVE)))
    first = replace(fault("seen"), fault_id="one", attributes={"customer": "4711"})
    error_id = world.report(first)
    world.commit()
    error = world.engine._board.by_id(error_id)
    assert error is not None
    assert error.slot is None, "it is recorded"
    assert (error.fault.fault_id, error.fault.attributes, error.fault.component) == ("", {}, "seen")
    assert world.view(error_id).because == fingerprint(first).because
    world.report(replace(first, fault_id="two"))
    assert error.count == 2


def test_an_error_whose_slot_is_not_released_is_as_it_was() -> None:
    world = World(house(rule("web")))
    error = world.engine._board.by_id(world.report(replace(fault(), fault_id="one")))
    assert error is not None
    assert isinstance(error.slot, SlotRef)
    assert error.slot.priority in Priority
    assert error.fault.fault_id == "one"
