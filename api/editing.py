"""Editing the draft entry by entry: a merge patch on the entry as the document has it, through the door of an import.

So an edit is checked as the whole document is, has its person and reason in the history, and is all or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404

from retention.inventory_document import edit_entry
from ropa.models import Organisation


def edit(organisation: Organisation, kind: str, code: str, changes: Mapping[str, Any], by: str, reason: str) -> Any:
    """Change one entry (`kind`: the list of the document) of the draft by a JSON merge patch (RFC 7396).

    Raises DocumentError with every problem of the whole, Http404 if there is no such entry.
    """

    def change(entry: dict[str, Any] | None) -> Mapping[str, Any]:
        if entry is None:
            raise Http404
        patched: Mapping[str, Any] = merged(entry, changes)
        return patched

    return edit_entry(organisation, kind, code, change, by, reason)


def merged(target: Any, patch: Any) -> Any:
    """What a JSON merge patch makes of a value: null takes a key out, a list replaces a list."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
