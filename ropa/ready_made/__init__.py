"""Ready-made activities to start an inventory from, in three languages: data, read strictly.

Each file is one line of business. An activity comes with what it needs, written as in an inventory document; nothing
in it is decided, and every rule is a proposal of the law library. Plain Python.
"""

from __future__ import annotations

from functools import cache

from ropa.ready_made.loading import DIRECTORY, SECTORS, Offered, ReadyMade, load

__all__ = ["SECTORS", "Offered", "ReadyMade", "ready_made"]


@cache
def ready_made() -> ReadyMade:
    """The library. Raises RuleError that names the file and the key."""
    return load(DIRECTORY)
