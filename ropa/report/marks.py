"""Where "added" is worth saying: beside a published notice, and once, not again on all that stands inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

RULES = frozenset({"grounds", "ceilings"})
"""Each rule stands in a row of its own in the retention column, far from its dataset's mark."""


def marked_once(document: Document) -> Document:
    """The document with `addition` where a reader learns something by it: nowhere, if no notice was published."""
    if not document.get("notices"):
        return {key: _without(value) for key, value in document.items()}
    return {key: _once(value, False) for key, value in document.items()}


def _once(value: Any, marked: bool) -> Any:
    if isinstance(value, list):
        return [_once(one, marked) for one in value]
    if not isinstance(value, Mapping):
        return value
    inside = marked or bool(value.get("addition"))
    return {
        key: part if key in RULES else _once(part, inside)
        for key, part in value.items()
        if not (marked and key == "addition")
    }


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _without(part) for key, part in value.items() if key != "addition"}
    return value
