"""Where a value comes from, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.cli.views.blocks import Line, Span, line
from opsctl.inputs.explain import Explanation, Layer


def explain_view(found: Explanation) -> Iterator[Line]:
    for text in found.lines():
        yield line(
            Span(text, "dim" if text.lstrip().startswith("over ") else "" if text[:1] == " " else "strong")
        )


def explain_json(found: Explanation) -> dict[str, Any]:
    return {
        "path": found.path,
        "host": found.host or None,
        "holds": _layer(found.holds) if found.holds else None,
        "overrode": [_layer(layer) for layer in found.overrode],
        "by_host": [explain_json(one) for one in found.by_host],
        "uses": [explain_json(one) for one in found.uses],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    place = layer.place
    return {
        "value": layer.value,
        "source": layer.source,
        "file": place.file if place else None,
        "line": place.line if place else None,
    }
