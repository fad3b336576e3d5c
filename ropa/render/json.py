"""The report as JSON: for machines, and what the other formats are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def to_json(report: Mapping[str, Any]) -> bytes:
    """Sorted keys, two spaces, UTF-8, one newline at the end: the same report gives the same bytes."""
    text = json.dumps(report, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2)
    return text.encode("utf-8") + b"\n"


def content_digest(report: Mapping[str, Any]) -> str:
    """SHA-256 of the JSON form, hex. The other forms print it: it ties paper to the file, and the file to the manifest.

    A form can't print its own digest, nor the manifest's, which holds that digest.
    """
    return hashlib.sha256(to_json(report)).hexdigest()
