"""Who somebody is to the separation of duties: an account, and the name under which it is known.

What was given on a command line has a name only. Two are one person where their accounts are the same, and where their
names are, however they are written: renaming an account makes nobody else of it, and an account that was deleted is not
forgotten.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


def person(who: str) -> str:
    """Whom `role:name` names, however it is written; "" where it names nobody."""
    return unicodedata.normalize("NFKC", who.partition(":")[2]).strip().casefold()


@dataclass(frozen=True, slots=True)
class Person:
    """`who`: role and name as text; `account`: the number of the user account, None where there was none."""

    who: str
    account: int | None = None

    @property
    def name(self) -> str:
        """As names are held against each other; "" where the text names nobody."""
        return person(self.who)

    @property
    def is_somebody(self) -> bool:
        """Whether it names anybody: a role alone does not."""
        return self.name != "" or self.account is not None

    def is_same(self, other: Person) -> bool:
        """Whether both may be one person. A role without a name is nobody."""
        if self.account is not None and self.account == other.account:
            return True
        return self.name != "" and self.name == other.name

    def is_among(self, others: Iterable[Person]) -> bool:
        """Whether one of these may be the same person."""
        return any(self.is_same(other) for other in others)


def persons_apart(everybody: Iterable[Person]) -> list[Person]:
    """These without whoever may be one of those before; nobody is left out too."""
    apart: list[Person] = []
    for one in everybody:
        if one.is_somebody and not one.is_among(apart):
            apart.append(one)
    return apart
