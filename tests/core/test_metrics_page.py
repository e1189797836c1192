"""What docs/metrics.md says of bounds and weights is what the metrics do."""

from __future__ import annotations

import re
from pathlib import Path

from error_daemon.core.metrics import GOALS, LAYERS, quality, rate_figures, time_figures
from error_daemon.model import RECOVERY_TARGETS

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text()


def test_the_goals_on_the_page_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([<>]) ([\d.]+) \|", PAGE, re.MULTILINE)
    assert rows == [(goal.figure, ">" if goal.is_above else "<", f"{goal.bound:g}") for goal in GOALS]


def test_the_weights_on_the_page_are_those_of_the_score() -> None:
    parts = quality(rate_figures([]), time_figures([]), []).parts
    rows = re.findall(r"^\| ([\w ]+) \| (0\.\d\d) \|", PAGE, re.MULTILINE)
    assert rows == [(part.name, f"{part.weight:.2f}") for part in parts]


def test_the_layers_on_the_page_have_the_types_of_the_table() -> None:
    for layer in LAYERS:
        [types] = re.findall(rf"^\| {layer.name} \| ([\w, ]+) \| <", PAGE, re.MULTILINE)
        assert set(types.split(", ")) == {item.value for item in layer.types}


def test_the_recovery_classes_on_the_page_are_those_of_the_model() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) s \| (\d+) % \|", PAGE, re.MULTILINE)
    assert rows == [
        (name.value, f"{time_s:g}", f"{share * 100:g}") for name, (time_s, share) in RECOVERY_TARGETS.items()
    ]
