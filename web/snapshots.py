"""Single entries of published versions: a snapshot is large, and most pages want one entry of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from ropa.models import Version

Entries = Mapping[str, Mapping[str, Any]]


def entry_in_force(version: Version, kind: str, code: str) -> Mapping[str, Any] | None:
    """The entry as the version has it; None where it has none."""
    return _entries(version.digest, version.pk).get(kind, {}).get(code)


@lru_cache(maxsize=4)
def _entries(digest: str, pk: int) -> Mapping[str, Entries]:
    """By kind and id. A version never changes, so what was read of it once is read."""
    document = json.loads(Version.objects.values_list("snapshot", flat=True).get(pk=pk, digest=digest))
    return MappingProxyType(
        {kind: {one["id"]: one for one in listed} for kind, listed in document.items() if isinstance(listed, list)}
    )
