"""Where a finding is mended: the page of what it is about, with the section open in which it stands.

Addresses are made from the document at hand: however many places a finding has, nothing is looked up for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from ropa.change_words import label
from ropa.findings import Finding
from ropa.kinds import KINDS
from ropa.places import on_the_way
from ropa.wording import rule_in_words
from web.sections import HEAD, Section, sections_of
from web.words import language, named

SHOWN = 3
"""Places of one finding that are links; of the others it is said how many."""
LOOKED_AT = 300
"""Places of one finding that are looked at for them: many may lie on one page."""

ABSENT: Mapping[str, str] = {
    "CONTACT_POINT": "contact_points",
    "SUBJECT_CATEGORIES": "subject_groups",
    "DATA_CATEGORIES": "data_categories",
    "SOURCES": "sources",
    "RECIPIENTS": "recipients",
    "PROCESSORS": "recipients",
    "TRANSFER": "transfers",
    "RETENTION_PERIOD": "datasets",
    "TOM": "security_measures",
    "WITHDRAW_CONSENT": "rights",
    "COMPLAINT": "rights",
    "REPLY_DEADLINE": "rights",
    "NOTICE_DATE": "notices",
}
"""Checks that find nothing of a whole list: in which list it would stand. `RIGHT_…` stands among the rights."""
OF_HEAD: Mapping[str, str] = {
    "CTRL_NAME": "who",
    "CTRL_ADDRESS": "who",
    "CTRL_BUSINESS_ID": "who",
    "DPO": "dpo",
    "MANDATORY_PROVISION": "all",
    "AUTOMATED_DECISION": "all",
}
"""Checks that find nothing of the organisation itself: in which section it would stand."""

Document = Mapping[str, Any]
_STEP = re.compile(r"([a-z_]+)(?:\[([A-Za-z0-9_-]+)\])?")


@dataclass(frozen=True)
class Mend:
    """One place to go to. `writers`: a page that opens only for those who may change the draft."""

    name: str
    address: str
    writers: bool = False


@dataclass(frozen=True)
class Mends:
    shown: Sequence[Mend]
    more: int


def mends_of(finding: Finding, slug: str, document: Document) -> Mends:
    """The first pages on which it is mended, each once, and of how many places more it speaks."""
    found: dict[str, Mend] = {}
    seen = 0
    for place in islice(finding.where, LOOKED_AT):
        one = _mend(place, finding.check, slug, document)
        if one is not None and one.address not in found and len(found) == SHOWN:
            break
        seen += 1
        if one is not None:
            found.setdefault(one.address, one)
    return Mends(list(found.values()), len(finding.where) - seen)


def _mend(place: str, check: str, slug: str, document: Document) -> Mend | None:
    (first, code), (key, inside) = [*_STEP.findall(place), ("", ""), ("", "")][:2]
    if first == "organisation":
        return _of_organisation(key, check, slug)
    if first not in {one.name for one in KINDS}:
        return None
    if not code:
        return Mend(label(first, language()), reverse("web:entries", args=[slug, first]))
    on_way = on_the_way(document, place)
    name = " › ".join(called(one) for one in on_way[:2]) or code
    if first == "datasets" and key in ("grounds", "ceilings") and inside:
        return Mend(name, reverse("web:rule", args=[slug, code, key, inside]))
    if first == "notices" and key == "passages" and inside:
        address = reverse("web:begin-passages", args=[slug, code])
        return Mend(f"{called(on_way[0])} › {inside}", f"{address}?{urlencode({'passage': inside})}", writers=True)
    entry = on_way[0] if on_way else {}
    address = reverse("web:entry", args=[slug, first, code])
    return Mend(name, address + _opened(_section(sections_of(first, entry), key, inside)))


def _of_organisation(key: str, check: str, slug: str) -> Mend:
    kind = ABSENT.get(check, "rights" if check.startswith("RIGHT_") else "")
    if kind and not key:
        return Mend(label(kind, language()), reverse("web:entries", args=[slug, kind]))
    section = next((one for one in HEAD if key in one.keys or (not key and OF_HEAD.get(check) == one.name)), None)
    name = section.heading({}) if section is not None else _("The organisation in the record")
    return Mend(name, reverse("web:head", args=[slug]) + _opened(section))


def _section(sections: Sequence[Section], key: str, inside: str) -> Section | None:
    for one in sections:
        if one.name == f"{key}-{inside}" or (one.keys and not one.child and key in one.keys):
            return one
    return None


def _opened(section: Section | None) -> str:
    return "" if section is None else f"?edit={section.name}#{section.name}"


def called(entry: Document) -> str:
    """What an entry of a list is called; a rule, by what it says."""
    if "trigger" in entry and "name" not in entry:
        return rule_in_words(entry, language())
    return named(entry.get("name") or {}, str(entry.get("id", "")))
