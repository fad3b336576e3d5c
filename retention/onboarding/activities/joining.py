"""A part joined to a draft: what is new comes last, what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.utils.translation import gettext as _

from retention.domain.errors import Problem
from retention.inventory_document.shape import properties_of
from retention.onboarding.activities.part import INSIDE, REFERS, Part, with_references

Document = Mapping[str, Any]

OF_ITS_OWN = frozenset({"activities", "datasets"})
"""Lists in which two inventories never mean the same by one id."""

LONGEST = 60
"""Characters of an id, as the schema has it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What a draft would become. Places are those of the draft.

    `kept`: entries of the same id that were there and stay as they are; `linked`: of these, the ones that from now on
    are about the new activities too; `renamed`: purposes, items and datasets under a new id, since another entry has
    one of that id already, with the id; `left_out`: places in the source that are the other company's own.
    """

    document: dict[str, Any]
    added: tuple[str, ...]
    kept: tuple[str, ...]
    linked: tuple[str, ...]
    renamed: Mapping[str, str]
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]


def joined(draft: Document, part: Part, registers: Mapping[str, str]) -> Joined:
    """The draft with the part. `registers`: of the part's registers, those in whose place one of the draft stands."""
    problems = list(_problems(draft, part, registers))
    renamed = _renamed(draft, part)
    ids = {name: _spelt(draft, name, entries) for name, entries in part.lists.items() if name not in OF_ITS_OWN}
    ids["registers"] = {**ids.get("registers", {}), **registers}
    for target in (*INSIDE, "datasets"):
        ids[target] = {code: renamed[place] for place, code in _places(part.lists, target) if place in renamed}
    lying: dict[str, list[str]] = {entry["id"]: [] for entry in part.lists.get("activities", ())}
    for dataset in part.lists.get("datasets", ()):
        lying.setdefault(dataset["activity"], []).append(ids["registers"].get(dataset["register"], dataset["register"]))
    document: dict[str, Any] = dict(draft)
    added: list[str] = []
    kept: list[str] = []
    linked: list[str] = []
    for name, entries in part.lists.items():
        there = {entry["id"]: entry for entry in draft.get(name) or ()}
        for entry in (_named(name, one, ids) for one in entries):
            code = entry["id"]
            if code not in there:
                there[code] = entry
                added.append(f"{name}[{code}]")
                continue
            kept.append(f"{name}[{code}]")
            more = _linked(there[code], entry, lying)
            if more is not None:
                there[code] = more
                linked.append(f"{name}[{code}]")
        document[name] = list(there.values())
    _drop_lost_items(document, added)
    return Joined(document, tuple(added), tuple(kept), tuple(linked), renamed, part.left_out, tuple(problems))


def _spelt(draft: Document, name: str, entries: list[dict[str, Any]]) -> dict[str, str]:
    """Ids that differ only by capital letters from one of the draft's, and that one: no inventory has both."""
    there = {one["id"].lower(): one["id"] for one in draft.get(name) or ()}
    return {one["id"]: there[one["id"].lower()] for one in entries if one["id"].lower() in there}


def _problems(draft: Document, part: Part, registers: Mapping[str, str]) -> list[Problem]:
    there = {entry["id"] for entry in draft.get("registers") or ()}
    activities = {entry["id"].lower() for entry in draft.get("activities") or ()}
    brought = {entry["id"] for entry in part.lists.get("registers", ())}
    found = [
        Problem(f"activities[{entry['id']}]", _("the draft has an activity with this id already"))
        for entry in part.lists.get("activities", ())
        if entry["id"].lower() in activities
    ]
    for one, other in registers.items():
        if one not in brought:
            found.append(Problem(f"registers[{one}]", _("none of the chosen activities brings this register")))
        if other not in there:
            found.append(Problem(f"registers[{other}]", _("the draft has no such register")))
    return found


def _places(lists: Document, target: str) -> Iterator[tuple[str, str]]:
    """Place and id of each purpose, item or dataset."""
    if target not in INSIDE:
        yield from ((f"{target}[{one['id']}]", one["id"]) for one in lists.get(target) or ())
        return
    for holder in lists.get(INSIDE[target]) or ():
        for one in holder.get(target) or ():
            yield f"{INSIDE[target]}[{holder['id']}].{target}[{one['id']}]", one["id"]


def _renamed(draft: Document, part: Part) -> dict[str, str]:
    """Places in the part whose id the draft has elsewhere, and the id that they get: purposes and items have one each
    in the whole inventory, and a dataset of that id is another activity's."""
    renamed: dict[str, str] = {}
    for target in (*INSIDE, "datasets"):
        outer = INSIDE.get(target, target)
        holders = {one["id"].lower() for one in draft.get(outer) or ()} if target in INSIDE else set()
        taken = {code.lower() for _place, code in _places(draft, target)}
        new = {outer: [one for one in part.lists.get(outer, ()) if one["id"].lower() not in holders]}
        for place, code in _places(new, target):
            if code.lower() in taken:
                renamed[place] = _free(code, taken)
            taken.add(renamed.get(place, code).lower())
    return renamed


def _free(code: str, taken: Collection[str]) -> str:
    """`code-2` or the next one that is free, no longer than an id may be."""
    candidates = (f"{code[: LONGEST - len(f'-{n}')]}-{n}" for n in count(2))
    return next(one for one in candidates if one.lower() not in taken)


def _named(name: str, entry: dict[str, Any], ids: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The entry with the draft's own registers in the place of those that it came with, and the ids that are free."""

    def to(target: str, code: str) -> str:
        return ids.get(target, {}).get(code, code)

    made = with_references(entry, properties_of(name), to)
    for key, target in REFERS.get(name, {}).items():
        made[key] = to(target, made[key])
    made["id"] = to(name, made["id"])
    for target, outer in INSIDE.items():
        if name == outer:
            made[target] = [{**one, "id": to(target, one["id"])} for one in made.get(target) or ()]
    for ground in made.get("grounds") or ():
        if "purpose" in ground:
            ground["purpose"] = to("purposes", ground["purpose"])
    return made


def _linked(
    there: Mapping[str, Any], entry: Mapping[str, Any], lying: Mapping[str, list[str]]
) -> dict[str, Any] | None:
    """An entry that is about some activities or registers only is about the new ones too; None where nothing is to be
    said. `lying`: the new activities, and the registers where their data lie."""
    new = [code for code in entry.get("activities") or lying if code in lying]
    if there.get("activities"):
        key, wanted = "activities", new
    elif there.get("registers"):
        key, wanted = "registers", entry.get("registers") or [code for one in new for code in lying[one]]
    else:
        return None
    more = [code for code in dict.fromkeys(wanted) if code not in there[key]]
    return {**there, key: [*there[key], *more]} if more else None


def _drop_lost_items(document: Mapping[str, Any], added: list[str]) -> None:
    """A new source may name items of a category that was there already and has other items."""
    items = {item["id"] for category in document.get("data_categories") or () for item in category.get("items") or ()}

    def to(target: str, code: str) -> str | None:
        return code if target != "items" or code in items else None

    if "sources" in document:
        document["sources"][:] = [
            with_references(entry, properties_of("sources"), to) if f"sources[{entry['id']}]" in added else entry
            for entry in document["sources"]
        ]
