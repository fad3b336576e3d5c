"""What the page of an entry tells: its sections in words, what article 30 misses, how it differs, its history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _

from retention.inventory_document.shape import schema
from retention.models import Connection
from ropa.article30 import State, fields
from ropa.change_words import Teller, label, text_in
from ropa.changes import difference
from ropa.draft import alike, entry_of, head_of, rows_of
from ropa.entry_history import Past, history_of
from ropa.kinds import KINDS, Kind, kind_of
from ropa.law import LANGUAGES
from ropa.models import DataCategory, Purpose
from ropa.wording import rule_in_words, table
from web.access import Place
from web.choice_words import choice_in_words
from web.connector_words import kind_of_system
from web.record import record_of, version_of
from web.sections import CHILDREN, Section, opening, sections_of
from web.slot_form import SlotForm, slots_of
from web.words import Sign, language, named, told_apart

LAST_CHANGES = 6
"""Changes that stand beside a section that is being edited; the page of its history has all."""


def definition_of(kind: str) -> str:
    """The name of a kind's entries in the schema."""
    return str(schema()["properties"][kind]["items"]["$ref"]).rpartition("/")[2]


@dataclass
class Open:
    """One entry on its page. `parts`: its own sections, and those of the entries that stand inside it."""

    place: Place
    kind: Kind
    code: str
    entry: dict[str, Any]

    @property
    def name(self) -> str:
        return named(self.entry.get("name") or {}, self.code)

    def sections(self) -> list[Section]:
        return sections_of(self.kind.name, self.entry)

    def section(self, name: str) -> Section:
        found = next((one for one in [*self.sections(), *opening(self.kind.name)] if one.name == name), None)
        if found is None:
            raise Http404
        return found

    def form(self, section: Section, sent: Any = None) -> SlotForm:
        definition = CHILDREN[section.child].definition if section.child else definition_of(self.kind.name)
        within = (self.kind.name, section.child) if section.child else (self.kind.name,)
        slots = slots_of(definition, section.keys, self.offered, within)
        return SlotForm(sent, slots, section.of(self.entry))

    def offered(self, kind: str) -> Sequence[tuple[str, str]]:
        """What a field that names entries offers: all of that list."""
        if kind == "connections":
            rows = Connection.objects.filter(organisation=self.place.organisation).order_by("code")
            return [(one.code, f"{one.code} ({kind_of_system(one.kind)})") for one in rows]
        if kind == "purposes":
            purposes = Purpose.objects.filter(activity__organisation=self.place.organisation)
            found = purposes.order_by("activity__position", "activity", "position", "pk")
            return told_apart((one.code, named(one.name, one.code)) for one in found)
        if kind == "items":
            categories = DataCategory.objects.filter(organisation=self.place.organisation).order_by("position", "pk")
            items = [one for listed in categories.values_list("items", flat=True) for one in listed]
            return told_apart((one["id"], named(one.get("name") or {}, one["id"])) for one in items)
        rows = rows_of(kind_of(kind), self.place.organisation).order_by("position", "pk")
        return told_apart((one.code, named(one.name, one.code)) for one in rows)


def told(opened: Open, section: Section, names: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Any]]:
    """What a section says: a row a key, "none, because" as such, and what is not said where it ought to be."""
    said = section.of(opened.entry)
    for key in section.keys:
        value = said.get(key)
        if value is None and not section.demands(key):
            continue
        none = isinstance(value, Mapping) and "none_because" in value
        inner = value["value"] if isinstance(value, Mapping) and "value" in value else value
        members = inner if isinstance(inner, list) else _parts(inner)
        yield {
            "label": label(key, language()),
            "none": text_in(value["none_because"], language()) if none and isinstance(value, Mapping) else "",
            "missing": value is None,
            "values": []
            if none or value is None
            else [choice_in_words(one, (opened.kind.name, key), names) for one in members],
        }


def _parts(value: Any) -> list[Any]:
    """What stands on lines of its own: the fields of a group that says nothing together."""
    together = {"name", "trigger", "article", "none_because", *LANGUAGES}
    if isinstance(value, Mapping) and len(value) > 1 and not together & set(value):
        return [{key: inner} for key, inner in value.items()]
    return [value]


def names_in(opened: Open) -> Mapping[str, Mapping[str, str]]:
    """What the entries are called that this one names."""
    wanted = {one for one in schema()["properties"] if one in {kind.name for kind in KINDS}}
    text = str(opened.entry)
    found = {}
    for kind in sorted(wanted):
        codes = rows_of(kind_of(kind), opened.place.organisation).values_list("code", "name")
        here = {code: named(name, code) for code, name in codes.filter(code__in=_words(text))}
        if here:
            found[kind] = here
    return found


def _words(text: str) -> list[str]:
    """Everything in quotes that may be an id."""
    return list({word for word in text.split("'") if word and len(word) <= 60 and " " not in word})[:500]


def states(opened: Open) -> dict[str, Sign]:
    """Whether each section says what article 30 demands."""
    if opened.kind.name != "activities":
        return {}
    document = _around(opened)
    found: dict[str, list[State]] = {}
    for one in fields(document, opened.place.today.isoformat()):
        section = next((s for s in opened.sections() if (s.letter or s.child) and s.meets(one.where)), None)
        if section is not None:
            found.setdefault(section.name, []).append(one.state)
    return {
        name: Sign("late", _("missing")) if State.MISSING in found_of else Sign("ok", _("complete"))
        for name, found_of in found.items()
    }


def _around(opened: Open) -> dict[str, Any]:
    """The entry with what else article 30 asks about it: its datasets, and lists that may cover it."""
    organisation = opened.place.organisation
    datasets = rows_of(kind_of("datasets"), organisation).filter(activity__code=opened.code)
    lists = ("subject_groups", "data_categories", "recipients", "transfers", "security_measures")
    return {
        "organisation": head_of(organisation),
        "activities": [opened.entry],
        "datasets": [entry_of(kind_of("datasets"), one) for one in datasets],
        **{name: [entry_of(kind_of(name), one) for one in rows_of(kind_of(name), organisation)] for name in lists},
    }


def law_of(article: str) -> str:
    """What the article says of a section: `30(1)(d)`."""
    if not article:
        return ""
    paragraph, _bracket, point = article.removesuffix(")").rpartition("(")
    return str(table(language())["article30"].get(paragraph, {}).get(point, ""))


def differs(opened: Open) -> list[str]:
    """How the draft's entry differs from the version in force."""
    version = version_of(opened.place)
    if version is None:
        return []
    listed = record_of(version).document.get(opened.kind.name) or ()
    before = {opened.kind.name: [one for one in listed if one["id"] == opened.code]}
    after = {opened.kind.name: [opened.entry]}
    teller = Teller(before, after, language())
    return [teller.line(one) for one in difference(before, after)][:40]


def rules_of(opened: Open) -> list[dict[str, Any]]:
    """The time limits of an activity's datasets, and of a dataset: they are changed on pages of their own."""
    if opened.kind.name == "activities":
        rows = rows_of(kind_of("datasets"), opened.place.organisation).filter(activity__code=opened.code)
        every = [entry_of(kind_of("datasets"), one) for one in rows[:100]]
    elif opened.kind.name == "datasets":
        every = [opened.entry]
    else:
        return []
    return [
        {
            "code": one["id"],
            "name": named(one.get("name") or {}, one["id"]),
            "rules": [
                {"where": where, "code": rule["id"], "text": rule_in_words(rule, language())}
                for where in ("grounds", "ceilings")
                for rule in one.get(where) or ()
            ],
        }
        for one in every
    ]


def history(opened: Open, section: Section) -> list[Past]:
    """The last changes of the section's fields."""
    return narrowed(section, history_of(opened.kind, opened.place.organisation, opened.code))[:LAST_CHANGES]


def narrowed(section: Section, pasts: Iterable[Past]) -> list[Past]:
    """The changes of what a section is about, with that alone before and after."""
    found = []
    for past in pasts:
        before, after = _of(section, past.before), _of(section, past.after)
        if not alike(before or {}, after or {}):
            found.append(replace(past, before=before, after=after))
    return found


def _of(section: Section, entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What of an entry the section is about, as the entry has it; of an entry inside, None where it is not there."""
    if entry is None or not section.child:
        return None if entry is None else section.of(entry)
    inside = section.of(entry)
    return {section.child: [inside]} if inside else None
