"""Where "added" is worth saying: beside a published notice, and once, not again on all that stands inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

RULES = frozenset({"grounds", "ceilings"})
"""Each rule stands in a row of its own in the retention column, far from its dataset's mark."""


def marked_once(document: Document) -> Document:
    """The document with `addition` where a reader learns something by it: nowhere, if no notice was published.

    What needs no change is the same object: a large document is not held twice.
    """
    published = bool(document.get("notices"))
    return {key: _once(value, marked=not published, rules=not published) for key, value in document.items()}


def _once(value: Any, marked: bool, rules: bool) -> Any:
    """`marked`: the mark stands outside already, or is not said; `rules`: that holds of rules, too."""
    if isinstance(value, list):
        made = [_once(one, marked, rules) for one in value]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    if not isinstance(value, Mapping):
        return value
    inside = marked or bool(value.get("addition"))
    kept = {
        key: part if key in RULES and not rules else _once(part, inside, rules)
        for key, part in value.items()
        if not (marked and key == "addition")
    }
    same = len(kept) == len(value) and all(kept[key] is part for key, part in value.items())
    return value if same else kept
