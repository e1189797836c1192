"""What a test is about: the rule, its target, and a fault that the rule is for."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.engine import Engine
from error_daemon.core.policy import Policy
from error_daemon.errors import NotFound, Refused
from error_daemon.ingest.decode import decode
from error_daemon.ingest.marks import PASS
from error_daemon.model import (
    Condition,
    Definitions,
    ErrorType,
    Mode,
    Probe,
    RepeatWish,
    Rule,
    Severity,
    Strategy,
    Target,
)
from error_daemon.runtime.repeat.sample import text_for
from error_daemon.runtime.repeat.subject import Subject, subject_of

NOW = 1_790_000_000.0
FIX, CLEAR = Strategy("fix", "exec"), Strategy("clear", "exec", error_types=frozenset({ErrorType.DATA}))
RESTART = Strategy("restart", "process_restart", target_kinds=frozenset({"process"}))


def glob(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text))


def rule(rule_id: str, of: str | None = "web", mode: Mode = Mode.AUTO, **when: object) -> Rule:
    ladder = {1: ("fix", "clear"), 3: ("restart",)}
    return Rule(rule_id, Condition(**when), ladder, target=of, mode=mode)  # type: ignore[arg-type]


def subject(*rules: Rule, **wish: str) -> Subject:
    definitions = Definitions(
        rules=rules,
        targets={name: Target(name, "service", probes=("port",)) for name in ("web", "web-2", "db")},
        strategies={one.id: one for one in (FIX, CLEAR, RESTART, Strategy("other", "exec"))},
        probes={"port": Probe("port", "tcp")},
    )
    return subject_of(definitions, Engine(definitions, Policy()), RepeatWish(**wish), NOW)  # type: ignore[arg-type]


# --- a text that a pattern matches


@pytest.mark.parametrize(
    "pattern",
    [
        r".*refused.*",
        r"(a|b)+\d{3}",
        r"(?i)HELLO \w+",
        r"(?P<x>ab)c(?P=x)",
        r"a(?=b)b",
        r"a(?!b)c",
        r"\bfoo\b",
        r"[^\d\s]+",
        r"[^a-z_]",
        r"^abc$",
        r"(?:a)?b{2,}?",
        r"[\w-]+@[a-z]+\.com",
        r"[\s]x[^y]",
        r"[^ -~]+",
    ],
)
def test_a_text_is_found_for_what_people_write_as_expressions(pattern: str) -> None:
    text = text_for(re.compile(pattern))
    assert text is not None
    assert re.fullmatch(pattern, text)


@given(st.lists(st.sampled_from(["*", "?", "[abc]", "[!abc]", "[a-c]", "web", "é", ".", "(", " ", "7"]), max_size=6))
def test_a_text_is_found_for_every_glob(parts: list[str]) -> None:
    written = "".join(parts)
    text = text_for(glob(written))
    assert text is not None
    assert fnmatch.fnmatchcase(text, written)


def test_what_is_likely_is_taken_if_it_fits_and_where_nothing_is_found_that_is_said() -> None:
    assert text_for(None, "web") == "web"
    assert text_for(None) == ""
    assert text_for(glob("web*"), "db", "web-2") == "web-2"
    assert text_for(re.compile(r"x(?<=y)")) is None
    assert text_for(re.compile(r"[^ -~é\n]+")) is None


# --- the rule and its target


def test_the_only_rule_in_mode_auto_needs_no_name() -> None:
    assert subject(rule("seen", mode=Mode.OBSERVE, component=glob("x")), rule("acts")).rule.id == "acts"
    with pytest.raises(Refused, match=r"say what is to be tested .*: one, two"):
        subject(rule("one", component=glob("a")), rule("two"))
    with pytest.raises(Refused, match="rules in mode auto: none"):
        subject(rule("one", mode=Mode.OBSERVE))


def test_of_the_rules_of_a_target_the_first_in_mode_auto_is_taken_and_else_the_first() -> None:
    watches = rule("watches", mode=Mode.OBSERVE, component=glob("x"))
    acts, more = rule("acts", component=glob("y")), rule("more")
    assert subject(watches, acts, more, target="web").rule.id == "acts"
    assert subject(watches, rule("asks", mode=Mode.APPROVE), target="web").rule.id == "watches"
    with pytest.raises(Refused, match="no rule is for target db"):
        subject(acts, target="db")
    with pytest.raises(Refused, match="rule acts is for target web, not db"):
        subject(acts, rule="acts", target="db")


def test_a_rule_without_a_target_takes_the_one_that_is_named_and_that_it_is_for() -> None:
    any_web = rule("any", None, target=glob("web*"))
    found = subject(any_web, target="web-2")
    assert (found.target.id, found.fault.target) == ("web-2", "web-2")
    with pytest.raises(Refused, match="say which with --target"):
        subject(any_web)
    with pytest.raises(Refused, match="not for faults that name target db"):
        subject(any_web, rule="any", target="db")
    assert subject(rule("one", None, target=glob("d*"))).target.id == "db"


def test_a_rule_that_wants_another_target_named_than_it_recovers_gets_one() -> None:
    assert subject(rule("root", "db", target=glob("web*"))).fault.target == "web"
    with pytest.raises(Refused, match="no defined target fits"):
        subject(rule("root", "db", target=glob("nowhere")))


def test_a_strategy_must_stand_in_the_ladder_and_fit() -> None:
    found = subject(rule("acts"), strategy="fix")
    assert (found.strategy, found.ladder) == ("fix", {1: ("fix",)})
    with pytest.raises(Refused, match="no rule is for strategy other"):
        subject(rule("acts"), strategy="other")
    with pytest.raises(Refused, match="other does not stand in the ladder of rule acts"):
        subject(rule("acts"), strategy="other", rule="acts")
    with pytest.raises(Refused, match="restart does not fit target web of kind service"):
        subject(rule("acts"), strategy="restart")
    with pytest.raises(NotFound, match="no strategy 'nonsense' is defined"):
        subject(rule("acts"), strategy="nonsense")


def test_the_type_of_the_fault_is_one_that_the_strategy_helps_with() -> None:
    assert decode(subject(rule("acts"), strategy="clear").payload(1, NOW), NOW).type is ErrorType.DATA
    with pytest.raises(Refused, match="clear does not fit"):
        subject(rule("acts", types=frozenset({ErrorType.NETWORK})), strategy="clear")


# --- the fault


def test_the_fault_is_what_the_rule_is_for_and_the_same_in_each_pass() -> None:
    found = subject(
        rule(
            "picky",
            types=frozenset({ErrorType.SYSTEM, ErrorType.NETWORK}),
            min_severity=Severity.HIGH,
            component=glob("shop-*"),
            operation=glob("r?n"),
            node=glob("node-[0-9]"),
            environment=glob("prod*"),
            exception=glob("*.OperationalError"),
            message=re.compile(".*refused by \\d+.*"),
            source=glob("sensor/pidfd"),
            target=glob("web"),
            attributes={"region": glob("eu-*"), "tenant": glob("?*")},
        )
    )
    first, second = (decode(found.payload(number, NOW), NOW) for number in (1, 2))
    assert first.attributes[PASS] == "pass 1"
    assert second.attributes[PASS] == "pass 2"
    engine = Engine(Definitions(), Policy())
    assert engine.fingerprint(first) == engine.fingerprint(second)
    assert (first.severity, first.target, first.source) == (Severity.HIGH, "web", "sensor/pidfd")
    assert "region eu-" in found.said()


def test_a_rule_that_another_one_stands_before_is_not_tested_through_it() -> None:
    with pytest.raises(Refused, match="rule first, which stands before it, takes a fault that rule second is for"):
        subject(rule("first"), rule("second"), rule="second")


def test_a_rule_for_which_no_fault_can_be_made_says_so() -> None:
    with pytest.raises(Refused, match="no message could be found"):
        subject(rule("odd", message=re.compile("x(?<=y)")))
