"""The table of metrics in docs/observability.md, made from the catalogue: `python -m tests.runtime.metric_table` writes it."""

from __future__ import annotations

from pathlib import Path

from error_daemon.runtime.monitoring.catalogue import CATALOGUE

PAGE = Path(__file__).parents[2] / "docs/observability.md"
BEGIN, END = "<!-- metrics: made by tests/runtime/metric_table.py -->\n", "<!-- end of metrics -->"


def table() -> str:
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.shown_name}` | {metric.kind.value} | {labels} | {metric.help} |")
    return "\n".join(rows) + "\n"


def in_page(text: str) -> str:
    return text.partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
