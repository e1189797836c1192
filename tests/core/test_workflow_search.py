"""Which workflows fit an error, or a few words."""

from __future__ import annotations

import fnmatch
import re

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.workflow_search import for_fault, for_words
from error_daemon.model import Condition, ErrorType, Fault, FoundWorkflow, Severity, Workflow, WorkflowStep


def glob(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text))


def workflow(name: str, when: Condition, description: str = "", step: str = "look") -> Workflow:
    return Workflow(name, when, (WorkflowStep("first", step),), name=name, description=description)


NEVER = Condition(component=glob("never"))
GPU = workflow("gpu-memory", NEVER, "CUDA out of memory; a GPU that is not detected", "Ask nvidia-smi.")
QUANTISATION = workflow("quantisation-timeout", NEVER, "A quantisation job takes too long", "Is the memory swapped?")


def names(found: list[FoundWorkflow]) -> list[str]:
    return [one.workflow.id for one in found]


def test_the_workflow_that_asks_for_more_is_the_first() -> None:
    several = [
        workflow("all", Condition()),
        workflow("type", Condition(types=frozenset({ErrorType.HARDWARE}))),
        workflow("types", Condition(types=frozenset({ErrorType.HARDWARE, ErrorType.SYSTEM}))),
        workflow("wild", Condition(component=glob("gpu*"), message=glob("*memory*"))),
        workflow("exact", Condition(component=glob("gpu.0"), message=glob("*memory*"))),
        workflow(
            "whole",
            Condition(
                frozenset({ErrorType.HARDWARE}), Severity.LOW, component=glob("gpu.0"), attributes={"bus": glob("1")}
            ),
        ),
        workflow("other", Condition(component=glob("disk"))),
    ]
    fault = Fault(ErrorType.HARDWARE, "out of memory", component="gpu.0", attributes={"bus": "1"})
    found = for_fault(several, fault)
    assert names(found) == ["whole", "exact", "wild", "type", "types", "all"]
    assert found[0].because == "it is for errors of this type, severity, component, attribute bus"
    assert found[-1].because == "it is for all errors"


def test_what_shares_words_with_an_error_is_after_what_is_for_it() -> None:
    general = workflow("any", Condition())
    found = for_fault([GPU, general, QUANTISATION], Fault(ErrorType.TASK, "CUDA error: out of memory"))
    assert names(found) == ["any", "gpu-memory"], "one word in common is not enough"
    assert found[1].because == "it has the words cuda, out, memory"


def test_plain_words_find_the_workflow_that_has_them_in_its_name_first() -> None:
    both = [QUANTISATION, GPU]
    assert names(for_words(both, "cuda out of memory")) == ["gpu-memory", "quantisation-timeout"]
    assert names(for_words(both, "the quantizing of a model")) == ["quantisation-timeout"]
    assert names(for_words(both, "nvidia")) == ["gpu-memory"]
    assert for_words(both, "the rain") == []
    assert for_words(both, "quantum") == [], "it begins alike, and goes on otherwise"


def test_of_a_long_text_no_more_than_the_first_words_are_looked_for() -> None:
    rain = " ".join(f"rain{number}" for number in range(60))
    assert for_words([GPU], f"{rain} cuda") == []
    assert names(for_words([GPU], f"cuda {rain}")) == ["gpu-memory"]


@given(st.text(max_size=40))
def test_any_words_are_answered_each_workflow_once(text: str) -> None:
    found = for_words([QUANTISATION, GPU], text)
    assert len(set(names(found))) == len(found)
    assert all(one.score > 0 for one in found)
