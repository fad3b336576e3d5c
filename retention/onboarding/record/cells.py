"""What one cell of a foreign record says: several names, a role, a day. What is doubtful is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.onboarding.record.columns import plain

MOST = 200
"""Names in one cell."""
_ROLES = {
    **dict.fromkeys(("controller", "rekisterinpitäjä", "personuppgiftsansvarig"), "controller"),
    **dict.fromkeys(
        ("processor", "käsittelijä", "henkilötietojen käsittelijä", "personuppgiftsbiträde", "biträde"), "processor"
    ),
}
_FINNISH = re.compile(r"([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([0-9]{4})")
_SHORT = re.compile(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2}")
_NONE = re.compile(r"(ei|eivät|inga|inget|ingen|nej|no|none|not|n/a|–)(?!\w)")


def _refused(place: str, message: str) -> DocumentError:
    return DocumentError([Problem(place, message)])


def words(text: str, place: str) -> str:
    """Text with something to read in it. Raises DocumentError for a dash alone."""
    if not re.search(r"\w", text):
        raise _refused(place, _("holds no word: empty it, or name it under none in the mapping"))
    return text


def listed(text: str, separators: Iterable[str], place: str) -> list[str]:
    """The names in a cell, each once, in their order; the whole cell where nothing parts it."""
    parts = [text]
    for separator in separators:
        parts = [piece for part in parts for piece in part.split(separator)]
    names = {plain(part): words(" ".join(part.split()), place) for part in parts if part.strip()}
    if len(names) > MOST:
        raise _refused(place, _("names more than %(most)s") % {"most": MOST})
    return list(names.values())


def role(text: str, place: str) -> str:
    """controller or processor. Raises DocumentError."""
    found = _ROLES.get(plain(text))
    if found is None:
        raise _refused(place, _("is neither controller nor processor, in Finnish, Swedish or English"))
    return found


def day(text: str, place: str) -> str:
    """31.12.2025 or 2025-12-31, as 2025-12-31. Raises DocumentError: 31.12.25 could be many a day."""
    found = _FINNISH.fullmatch(text)
    written = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else text
    if _SHORT.fullmatch(text):
        raise _refused(place, _("has a year of two digits, which is doubtful: write it whole, such as 31.12.2025"))
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
            raise ValueError
        return date.fromisoformat(written).isoformat()
    except ValueError:
        raise _refused(place, _("is no day such as 31.12.2025 or 2025-12-31")) from None


def reads_as_none(text: str) -> bool:
    """Whether a cell seems to say that there is none: `Ei luovuteta`."""
    return _NONE.match(plain(text)) is not None
