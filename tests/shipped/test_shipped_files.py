"""The shipped definitions as files: sound, harmless until somebody says otherwise, listed on their page, and used in a test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from error_daemon.definitions.polkit import allowed_actions
from error_daemon.model import Definitions, Mode, Strategy
from tests.box.host import ROOT
from tests.definitions.writing import load_definitions
from tests.shipped.recovery_host import needs_of_the_page

RECOVERY = ROOT / "etc" / "recovery"
EXAMPLES = sorted((RECOVERY / "definitions").glob("6*.yaml.example"))
SCRIPTS = sorted((RECOVERY / "scripts").iterdir())
UNITS = sorted((RECOVERY / "units").iterdir())
TESTS = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_shipped_*.py"))
DESTRUCTIVE = re.compile(r"restart|kill|clean-oldest|stop|rm\b")


def in_force(example: Path, place: Path) -> Definitions:
    """The example alone, as an operator puts it in force."""
    shutil.copytree(RECOVERY / "scripts", place / "scripts")
    (place / "definitions").mkdir()
    shutil.copy(example, place / "definitions" / example.with_suffix("").name)
    return load_definitions(place / "definitions")


def what_it_does(strategy: Strategy) -> str:
    """Its command, or its action, with what the shipped unit that it starts runs."""
    params = strategy.params
    unit = RECOVERY / "units" / str(params.get("unit") or "-")
    started = re.findall(r"^ExecStart=(.*)", unit.read_text(), re.MULTILINE) if unit.exists() else []
    return " ".join([*params.get("command", []), str(params.get("action") or ""), *started])


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name.split(".")[0])
def example(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_it_loads_alone_and_only_observes(example: Path, tmp_path: Path) -> None:
    definitions = in_force(example, tmp_path)
    assert {rule.mode for rule in definitions.rules} == {Mode.OBSERVE}


def test_it_says_that_it_only_observes_so_that_one_word_puts_it_in_force(example: Path) -> None:
    text = example.read_text()
    assert text.count("\n    mode: observe ") == text.count("\n  - id: ") > 0


def test_every_target_has_probes_and_nothing_is_defined_in_vain(example: Path, tmp_path: Path) -> None:
    definitions = in_force(example, tmp_path)
    assert {target for rule in definitions.rules if (target := rule.target)} == set(definitions.targets)
    used = {name for target in definitions.targets.values() for name in target.probes}
    used |= {step.probe for workflow in definitions.workflows for step in workflow.steps if step.probe}
    assert used == set(definitions.probes)
    assert all(target.probes for target in definitions.targets.values())
    climbed = {name for rule in definitions.rules for names in rule.ladder.values() for name in names}
    assert climbed == set(definitions.strategies)


def test_what_destroys_stands_at_level_3_or_above(example: Path, tmp_path: Path) -> None:
    definitions = in_force(example, tmp_path)
    for rule in definitions.rules:
        for level, names in rule.ladder.items():
            for name in names:
                does = what_it_does(definitions.strategies[name])
                assert level >= 3 or not DESTRUCTIVE.search(does), f"{name} at level {level}: {does}"


def test_the_scripts_that_it_runs_are_shipped(example: Path, tmp_path: Path) -> None:
    definitions = in_force(example, tmp_path)
    params = [entry.params for entry in definitions.strategies.values()]
    params += [entry.params for entry in definitions.probes.values()]
    for program in [one["command"][0] for one in params if "command" in one]:
        assert not program.startswith(str(tmp_path)) or os.access(program, os.X_OK), program


def test_it_tells_how_to_report_the_fault(example: Path) -> None:
    text = example.read_text()
    assert "error-cli report " in text or "run-job " in text, "run-job reports by itself"


def test_it_is_used_in_a_test_and_listed_on_the_page(example: Path) -> None:
    assert example.name in TESTS
    assert example.name in (ROOT / "docs" / "shipped.md").read_text()


def test_the_polkit_rule_has_every_unit_that_it_asks_systemd_for_and_the_page_what_is_to_be_copied(
    example: Path, tmp_path: Path
) -> None:
    definitions = in_force(example, tmp_path)
    needs = needs_of_the_page()[example.with_suffix("").name]
    commands = [strategy.params.get("command", []) for strategy in definitions.strategies.values()]
    asked_for = {word for command in commands for word in command if word.endswith(".service")}
    started = {str(strategy.params.get("unit")) for strategy in definitions.strategies.values()}
    allowed = allowed_actions(definitions)
    assert asked_for <= set(allowed)
    assert set(needs.copied) == (asked_for | started) & {unit.name for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_needed_by_some_definition_and_says_where_it_goes(unit: Path) -> None:
    assert any(unit.name in needs.copied for needs in needs_of_the_page().values())
    assert "/etc/systemd/system" in unit.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_executable_listed_and_can_be_read_by_its_interpreter(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert f"`{script.name}" in (ROOT / "docs" / "shipped.md").read_text()
    interpreter = script.read_text().splitlines()[0].removeprefix("#!")
    assert interpreter in {"/bin/sh", "/usr/bin/python3"}
    if interpreter == "/bin/sh":
        subprocess.run([interpreter, "-n", str(script)], check=True)
