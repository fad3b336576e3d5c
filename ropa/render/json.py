"""The report as JSON: for machines, and what the other formats are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any


def to_json(report: Mapping[str, Any]) -> bytes:
    """Sorted keys, UTF-8, one line per row of a list, a newline at the end: the same report gives the same bytes."""
    out = BytesIO()
    out.writelines(_parts(report))
    return out.getvalue()


def _parts(report: Mapping[str, Any]) -> Iterator[bytes]:
    """The file piece by piece: of a large record it has tens of megabytes."""
    yield b"{"
    for number, key in enumerate(sorted(report)):
        yield b",\n" if number else b"\n"
        yield _line(key) + b": "
        value = report[key]
        if isinstance(value, list) and value:
            yield b"["
            for place, row in enumerate(value):
                yield b",\n " if place else b"\n "
                yield _line(row)
            yield b"\n]"
        else:
            yield _line(value)
    yield b"\n}\n"


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True).encode("utf-8")


def content_digest(report: Mapping[str, Any]) -> str:
    """SHA-256 of the JSON form, hex. The other forms print it: it ties paper to the file, and the file to the manifest.

    A form can't print its own digest, nor the manifest's, which holds that digest.
    """
    digest = hashlib.sha256()
    for part in _parts(report):
        digest.update(part)
    return digest.hexdigest()
