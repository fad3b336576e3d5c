"""The report as JSON: for machines, and what the other formats are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def to_json(report: Mapping[str, Any]) -> bytes:
    """Sorted keys, UTF-8, one line per row of a list, a newline at the end: the same report gives the same bytes."""
    out = bytearray(b"{")
    for number, key in enumerate(sorted(report)):
        out += b",\n" if number else b"\n"
        out += _line(key) + b": "
        value = report[key]
        if isinstance(value, list) and value:
            out += b"["
            for place, row in enumerate(value):
                out += b",\n " if place else b"\n "
                out += _line(row)
            out += b"\n]"
        else:
            out += _line(value)
    out += b"\n}\n"
    return bytes(out)


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True).encode("utf-8")


def content_digest(report: Mapping[str, Any]) -> str:
    """SHA-256 of the JSON form, hex. The other forms print it: it ties paper to the file, and the file to the manifest.

    A form can't print its own digest, nor the manifest's, which holds that digest.
    """
    return hashlib.sha256(to_json(report)).hexdigest()
