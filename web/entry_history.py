"""The history of an entry of the draft: each change with its person and reason, and by field what was and what came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from retention.inventory_document.shape import schema
from ropa.change_words import Teller, Told, label, value_in_words
from ropa.changes import Change, difference
from ropa.draft import rows_of
from ropa.entry_history import Past, history_of, history_of_head
from ropa.kinds import KINDS, Kind
from ropa.rights import Verb
from web.access import Place, page
from web.entries import here_in_menu, kind_or_404
from web.entry_told import definition_of, narrowed
from web.paging import paged
from web.sections import HEAD, Section, sections_of
from web.shell import shown
from web.words import language, named

CHANGES = 20
"""Changes of a page."""
MOST_MEMBERS = 40
"""Members of a list that are shown of one field; the entry's own page has all."""
MOST_NAMES = 1_000
RULES = Section("rules", gettext_noop("Retention rules"), ("grounds", "ceilings"))

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """How an entry stands in a document that holds nothing else.

    `within`: how many steps lead to its fields; `keys`: the fields in the order in which they are told.
    """

    document: Callable[[Document], Document]
    within: int
    keys: Sequence[str]


def _keys(kind: str, section: Section | None) -> tuple[str, ...]:
    """The fields of an entry, or of one inside it, in the schema's order, which is that of its page."""
    fields = schema()["$defs"][definition_of(kind)]["properties"]
    if section is not None and section.child:
        inside = str(fields[section.child]["items"]["$ref"]).rpartition("/")[2]
        fields = schema()["$defs"][inside]["properties"]
    return tuple(fields)


@page(GET=Verb.READ)
def history(request: HttpRequest, place: Place, kind: str, code: str) -> HttpResponse:
    """Every change of an entry, the newest first; `?section=` of one of its sections, or of one entry inside it."""
    found = kind_or_404(kind)
    pasts = history_of(found, place.organisation, code)
    stands = bool(pasts and pasts[0].after is not None)
    if not pasts and not rows_of(found, place.organisation).filter(code=code).exists():
        raise Http404
    last: Document = next((one for past in pasts for one in (past.after, past.before) if one is not None), {})
    section = _section(found, last, pasts, request.GET.get("section", ""))
    context = {
        "title": named(last.get("name") or {}, code),
        "kind_name": label(kind, language()),
        "list": reverse("web:entries", args=[place.organisation.slug, kind]),
        "entry": reverse("web:entry", args=[place.organisation.slug, kind, code]) if stands or not pasts else "",
        "heading": _heading(section, last, pasts) if section is not None else "",
        **_told(
            request,
            place,
            pasts,
            section,
            Shape(lambda entry: {kind: [{**entry, "id": code}]}, 2, _keys(kind, section)),
        ),
    }
    return shown(request, place, "web/entry_history.html", context, here=here_in_menu(kind))


@page(GET=Verb.READ)
def head_history(request: HttpRequest, place: Place) -> HttpResponse:
    """The same of what the draft says of the organisation itself."""
    asked = request.GET.get("section", "")
    section = next((one for one in HEAD if one.name == asked), None)
    if asked and section is None:
        raise Http404
    context = {
        "title": _("The organisation in the record"),
        "kind_name": _("The whole record"),
        "list": reverse("web:record", args=[place.organisation.slug]),
        "entry": reverse("web:head", args=[place.organisation.slug]),
        "heading": section.heading({}) if section is not None else "",
        **_told(
            request,
            place,
            history_of_head(place.organisation),
            section,
            Shape(lambda entry: {"organisation": entry}, 1, tuple(schema()["$defs"]["organisation"]["properties"])),
        ),
    }
    return shown(request, place, "web/entry_history.html", context, here="record")


def _section(kind: Kind, last: Document, pasts: Sequence[Past], name: str) -> Section | None:
    """What is asked for: a section with fields of its own, a dataset's rules, or one entry that stood inside."""
    if not name:
        return None
    own = [*sections_of(kind.name, last), *([RULES] if kind.name == "datasets" else [])]
    found = next((one for one in own if one.name == name and one.keys), None)
    if found is not None:
        return found
    child, _dash, inside = name.partition("-")
    section = Section(name, "", (), child=child, inside=inside)
    if child not in {one.name for one in kind.children} or _once(section, pasts) is None:
        raise Http404
    return section


def _once(section: Section, pasts: Iterable[Past]) -> Document | None:
    """The newest that was said of an entry inside, also where it is gone."""
    said = (section.of(entry) for past in pasts for entry in (past.after, past.before) if entry is not None)
    return next((one for one in said if one), None)


def _heading(section: Section, last: Document, pasts: Sequence[Past]) -> str:
    if not section.child:
        return section.heading(last)
    said = _once(section, pasts) or {}
    if "trigger" in said:
        return value_in_words(said, language(), (section.child,))
    return named(said.get("name") or {}, section.inside)


def _told(
    request: HttpRequest,
    place: Place,
    pasts: Sequence[Past],
    section: Section | None,
    shape: Shape,
) -> dict[str, Any]:
    """One page of the changes, those of the section."""
    wanted = narrowed(section, pasts) if section is not None else list(pasts)
    published = _published(place, wanted)
    pages = paged(request, list(zip(wanted, published, strict=True)), CHANGES)
    nothing: Document = {section.child: [{"id": section.inside}]} if section is not None and section.child else {}
    within = shape.within + 2 * bool(nothing)  # the list and the name of an entry inside are the page's heading
    sides = [
        (past, version, shape.document(past.before or nothing), shape.document(past.after or nothing))
        for past, version in pages.rows
    ]
    names = _names(place, [side for _past, _version, *both in sides for side in both])
    return {
        "pages": pages,
        "section": section,
        "changes": [
            {
                "past": past,
                "what": _what(past, section),
                "published": version,
                "fields": [_field(one) for one in _rows(before, after, names, within, shape.keys)],
            }
            for past, version, before, after in sides
        ],
    }


def _rows(before: Document, after: Document, names: Document, within: int, keys: Sequence[str]) -> list[Told]:
    order = {key: number for number, key in enumerate(keys)}

    def place(one: Change) -> int:
        return order.get(str(one.steps[within]), len(order)) if len(one.steps) > within else len(order)

    changes = sorted(difference(before, after), key=place)
    return Teller(before, after, language(), (names, names)).rows(changes, within)


def _field(told: Told) -> dict[str, Any]:
    return {
        "place": told.place,
        **{
            side: {"members": members[:MOST_MEMBERS], "more": max(len(members) - MOST_MEMBERS, 0)}
            for side, members in (("before", told.before), ("after", told.after))
        },
    }


def _what(past: Past, section: Section | None) -> dict[str, Any]:
    """What kind of change it is, and whether there are two sides to show."""
    if past.before is not None and past.after is not None:
        return {"word": pgettext("change", "Changed"), "both": True}
    itself = section is None or bool(section.child)
    if past.after is None:
        word = pgettext("change", "Taken out") if itself else pgettext("change", "Taken out with the entry")
    elif not past.known:
        word = pgettext("change", "The oldest that is kept: what it said before is not known")
    else:
        word = pgettext("change", "Added") if itself else pgettext("change", "Added with the entry")
    return {"word": word, "both": False, "gone": past.after is None}


def _published(place: Place, pasts: Sequence[Past]) -> list[dict[str, Any] | None]:
    """For each change (the newest first) the first version that has it so; None where the next change came first."""
    versions: list[Any] = list(
        place.organisation.versions.filter(withdrawal=None)
        .order_by("published_at", "number")
        .values("number", "published_at", "in_force_from")
    )
    until = [None, *(past.when for past in pasts)]
    return [
        next(
            (
                one
                for one in versions
                if one["published_at"] >= past.when and (end is None or one["published_at"] < end)
            ),
            None,
        )
        for past, end in zip(pasts, until, strict=False)
    ]


def _names(place: Place, documents: Iterable[Document]) -> dict[str, list[dict[str, Any]]]:
    """What the entries are or were last called that these name, as lists of a document. One query."""
    words = sorted({one for document in documents for one in _ids(document)})[:MOST_NAMES]
    models = [(kind.name, kind.model) for kind in KINDS]
    models += [(child.name, child.model) for kind in KINDS for child in kind.children if child.name == "purposes"]
    asked: list[Any] = [
        model.history.filter(organisation=place.organisation, code__in=words)  # type: ignore[attr-defined]
        .order_by()
        .values_list(Value(name), F("history_id"), F("code"), F("name"))
        for name, model in models
    ]
    found: dict[str, dict[str, Any]] = {}
    for kind, _number, code, name in sorted(asked[0].union(*asked[1:], all=True), key=lambda row: row[1]):
        found.setdefault(kind, {})[code] = name
    return {kind: [{"id": code, "name": name} for code, name in of.items()] for kind, of in found.items()}


def _ids(value: Any) -> Iterator[str]:
    """Every word in a document that may name an entry."""
    if isinstance(value, str):
        if len(value) <= 60 and " " not in value:
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner)
