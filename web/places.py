"""Where a document is wrong, and what is, as its reader calls things: names in place of ids where they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import Problem
from retention.domain.events import CATALOGUE
from ropa.change_words import label, labels
from ropa.places import on_the_way
from ropa.wording import table
from web.words import day, language, named

Document = Mapping[str, Any]
_PLACE = re.compile(r"[a-z_]+(?:\[[^\]]*\]|\.[a-z_0-9-]+)*")
_STEP = re.compile(r"([a-z_]+)|\[([^\]]*)\]")
_DAY = re.compile(r"(?<![0-9-])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9-])")
_PLACES = re.compile(r"\b[a-z_]+\[[A-Za-z0-9_-]+\](?:\.[a-z_]+(?:\[[A-Za-z0-9_-]+\])?)*")
_QUOTED = re.compile(r"'([A-Za-z0-9_-]{1,60})'")
JOINT = " › "


def in_words(problem: Problem, document: Document | None = None) -> str:
    """A problem as one line. `document`: knows what its entries are called."""
    where, what = where_in_words(problem.path, document), calling(problem.message, document)
    return _("%(where)s: %(what)s") % {"where": where, "what": what} if where else what


def where_in_words(path: str, document: Document | None = None) -> str:
    """`recipients[ulosotto].name` as Recipients › Enforcement authority › Name; other places stay as they are."""
    if path in ("file", "document", ""):
        return {"file": _("The file"), "document": _("The file")}.get(path, "")
    if not _PLACE.fullmatch(path) or path.split("[", maxsplit=1)[0].split(".", maxsplit=1)[0] not in labels():
        return path
    names = iter(
        [named(one.get("name") or {}, str(one.get("id", ""))) for one in on_the_way(document, path)] if document else ()
    )
    return JOINT.join(
        label(key, language()) if key else next(names, code) for key, code in _STEP.findall(path) if key or code
    )


def named_in(kind: str, code: str, document: Document) -> str:
    """What an entry of a list is called."""
    found = next((one for one in document.get(kind) or () if one["id"] == code), None)
    return named(found.get("name") or {}, code) if found else code


def calling(message: str, document: Document | None = None) -> str:
    """A message with the names of entries and events where it has ids or places, and days as they are written."""
    known = {**_events(), **(_names(document) if document else {})}
    message = _PLACES.sub(lambda found: where_in_words(found[0], document), message)
    told = _QUOTED.sub(lambda found: f"“{known[found[1]]}”" if found[1] in known else found[0], message)
    return _DAY.sub(lambda found: _day(found[0]), told)


def _day(written: str) -> str:
    try:
        return day(date.fromisoformat(written))
    except ValueError:
        return written


def _events() -> dict[str, str]:
    words = table(language())["events"]
    return {name: str(words[name][0]) for name in CATALOGUE if name in words}


def _names(document: Document) -> dict[str, str]:
    """What ids are called, but for those that entries of two lists share under different names."""
    found: dict[str, set[str]] = {}
    for members in document.values():
        for entry in members if isinstance(members, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("name"), Mapping) and "id" in entry:
                found.setdefault(str(entry["id"]), set()).add(named(entry["name"], str(entry["id"])))
    return {code: next(iter(names)) for code, names in found.items() if len(names) == 1}
