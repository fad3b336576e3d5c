"""Editing the draft entry by entry: the document is taken, changed, and goes through the same door as an import.

So an edit is checked as the whole document is, has its person and reason in the history, and is all or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import Http404

from retention.inventory_document import export_document, import_document, read
from ropa.models import Organisation


@transaction.atomic
def edit(organisation: Organisation, kind: str, code: str, changes: Mapping[str, Any], by: str, reason: str) -> None:
    """Change one entry (`kind`: registers, datasets) of the draft by a JSON merge patch (RFC 7396).

    Raises DocumentError with every problem of the whole, Http404 if there is no such entry.
    """
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    document = read(export_document(organisation))
    entries = document[kind]
    place = next((n for n, entry in enumerate(entries) if entry["id"] == code), None)
    if place is None:
        raise Http404
    entries[place] = {**merged(entries[place], changes), "id": code}
    import_document(document, by, reason)


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
