"""What entries refer to: by id, in a circle, and where a notice's passages say that they are held.

Which key holds ids of which list stands in the schema, as `refers_to`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext, pgettext, pgettext_lazy

from retention.domain.periods import Period
from retention.inventory_document.findings import Finding, Whole, parsed, unknown
from retention.inventory_document.shape import Steps, properties_of, schema
from ropa.places import NoPlaceError, at
from ropa.references import references

CHAINS = {"migrates_to": "registers", "copy_of": "registers", "successor": "activities", "same_as": "contact_points"}
"""Keys by which an entry names another of its own list: following them must come to an end."""
_SINGULAR = {
    "registers": pgettext_lazy("what is not there", "register"),
    "activities": pgettext_lazy("what is not there", "activity"),
    "references": pgettext_lazy("what is not there", "reference"),
    "subject_groups": pgettext_lazy("what is not there", "subject group"),
    "data_categories": pgettext_lazy("what is not there", "data category"),
    "recipients": pgettext_lazy("what is not there", "recipient"),
    "purposes": pgettext_lazy("what is not there", "purpose"),
    "contact_points": pgettext_lazy("what is not there", "contact point"),
    "items": pgettext_lazy("what is not there", "item"),
}
AGAIN = "every"
"""A key whose period says how often something is done."""
_INSIDE = {"purposes": "activities", "items": "data_categories"}
"""Lists whose entries stand inside those of another."""


Rule = Mapping[str, Any]


class Ids:
    """The ids of each list of a document, and what the schema says of its parts: looked up once for a check."""

    def __init__(self, whole: Whole) -> None:
        self._whole = whole
        self._known: dict[str, Collection[str]] = {}
        self._properties: dict[int, tuple[Rule, Mapping[str, Rule]]] = {}

    def of(self, name: str) -> Collection[str]:
        if name not in self._known:
            self._known[name] = set(self._found(name))
        return self._known[name]

    def properties(self, rule: Rule) -> Mapping[str, Rule]:
        """What the schema lets a mapping hold by this rule of it."""
        if not rule:
            return {}
        known = self._properties.get(id(rule))
        if known is None:
            # the rule is kept beside, so that nothing else gets its number
            known = self._properties[id(rule)] = rule, properties_of(rule)
        return known[1]

    def _found(self, name: str) -> Iterator[str]:
        outer = _INSIDE.get(name)
        for entry in self._listed(self._whole.document.get(outer or name)):
            yield from (str(one.get("id")) for one in (self._listed(entry.get(name)) if outer else [entry]))

    @staticmethod
    def _listed(value: Any) -> list[Mapping[str, Any]]:
        return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def entry_findings(whole: Whole) -> Iterator[Finding]:
    """References to what is not there, circles, and passages that are held nowhere."""
    ids = Ids(whole)
    for name in properties_of(""):
        if isinstance(whole.document.get(name), list):
            for steps, entry in whole.entries(name):
                yield from _references(ids, entry, steps, properties_of(name))
                yield from _periods(entry, steps, properties_of(name))
    for key, name in CHAINS.items():
        yield from _chained(whole, key, name)
    yield from _of_the_libraries(whole)
    for steps, _ in whole.entries("notices"):
        for place, passage in whole.entries(*steps, "passages"):
            yield from _held(whole, passage, place)


def _references(ids: Ids, value: Mapping[str, Any], steps: Steps, rules: Mapping[str, Any]) -> Iterator[Finding]:
    for key, part in value.items():
        rule = rules.get(key, {})
        target = rule.get("refers_to")
        if target and isinstance(part, str):
            yield from unknown(part, ids.of(target), str(_SINGULAR[target]), (*steps, key))
        elif target:
            for position, one in enumerate(part):
                yield from unknown(one, ids.of(target), str(_SINGULAR[target]), (*steps, key, position))
        elif isinstance(part, Mapping):
            yield from _references(ids, part, (*steps, key), ids.properties(rule))
        elif isinstance(part, list):
            inner = ids.properties(rule.get("items", {}))
            for position, one in enumerate(part):
                if isinstance(one, Mapping):
                    yield from _references(ids, one, (*steps, key, position), inner)


def _periods(value: Mapping[str, Any], steps: Steps, rules: Mapping[str, Any]) -> Iterator[Finding]:
    """What is written for a period is one; what happens again and again takes some time between."""
    for key, part in value.items():
        rule, place = rules.get(key, {}), (*steps, key)
        if rule is _period() and isinstance(part, str):
            found = parsed(place, lambda part=part: Period.parse(part))  # type: ignore[misc]
            if isinstance(found, Finding):
                yield found
            elif key == AGAIN and found == Period(0, 0):
                yield Finding(place, gettext("%(part)s is no time: how often is it?") % {"part": part})
        elif isinstance(part, Mapping):
            yield from _periods(part, place, properties_of(rule))
        elif isinstance(part, list):
            inner = properties_of(rule.get("items", {}))
            for position, one in enumerate(part):
                if isinstance(one, Mapping):
                    yield from _periods(one, (*place, position), inner)


def _period() -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema()["$defs"]["period"]
    return found


def _of_the_libraries(whole: Whole) -> Iterator[Finding]:
    """What is cited by an id of a library is there."""
    for steps, cited in whole.entries("references"):
        if "row" in cited:
            yield from unknown(
                cited["row"],
                references(),
                pgettext("what is not there", "row of the references library"),
                (*steps, "row"),
            )
    for steps, limit in whole.entries("time_limits"):
        if "law" in limit:
            yield from unknown(
                limit["law"], whole.laws, pgettext("what is not there", "row of the law library"), (*steps, "law")
            )


def _chained(whole: Whole, key: str, name: str) -> Iterator[Finding]:
    where = {entry["id"]: steps for steps, entry in whole.entries(name)}
    after = {entry["id"]: entry[key] for _, entry in whole.entries(name) if isinstance(entry.get(key), str)}
    for start, second in after.items():
        seen = {start}
        here = second
        while here in after and here not in seen:
            seen.add(here)
            here = after[here]
        if here == start:
            yield Finding((*where[start], key), gettext("goes in a circle: it comes back to this entry"))


def _held(whole: Whole, passage: Mapping[str, Any], steps: Steps) -> Iterator[Finding]:
    places = passage.get("held_in") or []
    if places and passage.get("not_content"):
        yield Finding((*steps, "not_content"), gettext("is said of a passage that is held in the inventory"))
    for position, place in enumerate(places):
        try:
            at(whole.document, place)
        except NoPlaceError as error:
            yield Finding((*steps, "held_in", position), str(error))
    if not places and not passage.get("not_content"):
        yield Finding(steps, gettext("is assigned to no place of the inventory, nor marked not_content"), warning=True)
