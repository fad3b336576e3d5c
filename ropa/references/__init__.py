"""The references library: laws, authorities and standards that Finnish notices name, and what became of them.

`references()` is every row by id, `Reference.status_on` says whether it is still so, `mentions` finds rows in a
running text. Plain Python. `docs/reference/law-library.md` says what a row is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ropa.references.loading import FILE, load
from ropa.references.mentions import Finder, Mention
from ropa.references.rows import KINDS, STATUSES, Reference

__all__ = ["FILE", "KINDS", "STATUSES", "Finder", "Mention", "Reference", "load", "mentions", "references"]


@cache
def references() -> Mapping[str, Reference]:
    """Rows by id, in the order of the file. Raises RuleError that names the row if the library itself is wrong."""
    return load(FILE)


@cache
def _finder() -> Finder:
    return Finder(references().values())


def mentions(text: str) -> list[Mention]:
    """What a text names, from left to right, none inside another: in its cases, by its number, section by section."""
    return _finder().mentions(text)
