"""PostgreSQL's text form of an array: one text is bound far faster than a list of thousands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def array_text(values: Iterable[object]) -> str:
    """Of values whose text has no character that the form itself uses: numbers, UUIDs, digests in hex."""
    return "{" + ",".join(map(str, values)) + "}"


def array_of_texts(values: Sequence[str]) -> str:
    """Of any texts without NUL: each in quotes, so that `NULL`, commas and braces are text too."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        joined = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return f'{{"{joined}"}}'
