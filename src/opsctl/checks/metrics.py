"""Metrics as programs tell them of themselves: a line for each series (Prometheus' text format)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LINE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def series(text: str, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """Labels and value of each series of that name; what is no number is left out."""
    for line in _LINE.finditer(text):
        if line["name"] == name:
            try:
                yield dict(_LABEL.findall(line["labels"] or "")), float(line["value"])
            except ValueError:
                continue


def single(text: str, name: str) -> float | None:
    """The value of a metric that has one series; None where it has none."""
    return next((value for _labels, value in series(text, name)), None)
