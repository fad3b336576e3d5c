"""The part of an inventory document that some activities need, made ready for another inventory.

What an activity needs: its datasets with their registers; every entry that says it is about the activity or, naming
no activity, about such a register; and what those refer to, as far as the schema's `refers_to` leads. What stays behind
is the company's own (OWN): how a register is reached, who owns what, which agreement is signed, what was decided. Rules
come as proposals, everything as added. An entry that was about the whole company is about the activities that need it:
more is not known of the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retention.domain.rules import Status
from retention.inventory_document.shape import properties_of
from ropa.kinds import KINDS

Document = Mapping[str, Any]
Entry = Mapping[str, Any]

OWN: Mapping[str, frozenset[str]] = {
    "registers": frozenset(
        {"alias", "printed_ordinal", "place", "hosting", "lifecycle", "migrates_to", "copy_of", "closed_on", "declared"}
        | {"owner", "review", "notes", "backups", "connection", "ledger", "identities"}
    ),
    "activities": frozenset({"owner", "review", "ended_on", "successor", "on_behalf_of", "mandate", "dpia"}),
    "purposes": frozenset({"on_behalf_of", "balancing_test"}),
    "subject_groups": frozenset({"declared"}),
    "recipients": frozenset({"declared", "agreement"}),
    "transfers": frozenset({"documentation"}),
    "rights": frozenset({"contact_points"}),
    "datasets": frozenset({"owner", "review", "mapping", "policy"}),
    "grounds": frozenset({"records"}),
    "ceilings": frozenset({"records"}),
}
"""Keys that say something of one company only. Status is not among them: a rule that is taken over is a proposal."""

NOT_TAKEN = frozenset({"notices", "contact_points"})
"""Lists that are one company's own altogether."""

ABOUT = frozenset({"activities", "registers", "purposes", "cascade_to"})
"""Keys that say what an entry is about: limited to what comes along, never a reason to bring more."""

REFERS: Mapping[str, Mapping[str, str]] = {kind.name: kind.refers for kind in KINDS if kind.refers}
"""What an entry stands in: a dataset's register and activity."""

INSIDE = {"purposes": "activities", "items": "data_categories"}


@dataclass(frozen=True, slots=True)
class Part:
    """Lists of entries as another inventory may take them, and the places of what stays behind."""

    lists: Mapping[str, list[dict[str, Any]]]
    left_out: tuple[str, ...]


def part_of(document: Document, activities: Collection[str], brings: Mapping[str, Iterable[str]]) -> Part:
    """What these activities need of a document, `brings` beside it. Raises LookupError for an activity it lacks."""
    source = _Source(document)
    for code in activities:
        if code not in source.entries["activities"]:
            raise LookupError(code)
    chosen = source.closure([(name, code) for name, codes in brings.items() for code in codes], frozenset(activities))
    needed_by: dict[tuple[str, str], list[str]] = {one: [] for one in chosen}
    for activity in activities:
        for one in source.closure([("activities", activity), *source.about(activity)], frozenset(activities)):
            needed_by.setdefault(one, []).append(activity)
    ready = _Ready(source, needed_by)
    lists = {
        name: [ready.entry(name, entry) for code, entry in entries.items() if (name, code) in needed_by]
        for name, entries in source.entries.items()
    }
    return Part({name: entries for name, entries in lists.items() if entries}, tuple(ready.left_out))


class _Source:
    """The entries of a document by list and id, and what refers to what."""

    def __init__(self, document: Document) -> None:
        self.entries: dict[str, dict[str, Entry]] = {
            name: {entry["id"]: entry for entry in document.get(name) or ()}
            for name, rule in properties_of("").items()
            if rule.get("type") == "array" and name not in NOT_TAKEN
        }
        self.holders = {
            (inner, one["id"]): (outer, code)
            for inner, outer in INSIDE.items()
            for code, entry in self.entries[outer].items()
            for one in entry.get(inner) or ()
        }
        self.of_activity: dict[str, list[tuple[str, str]]] = {}
        self.of_register: dict[str, list[tuple[str, str]]] = {}
        self._look_up()

    def closure(self, first: list[tuple[str, str]], activities: frozenset[str]) -> set[tuple[str, str]]:
        """These, what is about their registers, and all that is needed by any of it; no activity but these."""
        waiting = list(first)
        chosen: set[tuple[str, str]] = set()
        while waiting:
            name, code = waiting.pop()
            name, code = self.holders.get((name, code), (name, code))
            if (name, code) in chosen or code not in self.entries.get(name, {}):
                continue
            if name == "activities" and code not in activities:
                continue
            chosen.add((name, code))
            waiting += self._needed(name, self.entries[name][code])
            if name == "registers":
                waiting += self._about_register(code, activities)
        return chosen

    def about(self, activity: str) -> Iterator[tuple[str, str]]:
        """The activity's datasets, and what says that it is about this activity."""
        yield from self.of_activity.get(activity, ())

    def _about_register(self, register: str, activities: frozenset[str]) -> Iterator[tuple[str, str]]:
        for name, code in self.of_register.get(register, ()):
            whose = self._whose(name, self.entries[name][code])
            if not whose or whose & activities:
                yield name, code

    def _look_up(self) -> None:
        """What is about each activity, and what about each register only: a record may have thousands of both."""
        for name, entries in self.entries.items():
            for code, entry in entries.items():
                said, registers = entry.get("activities") or (), entry.get("registers") or ()
                about = said or (() if registers else self._whose(name, entry))
                for activity in {*about, *([entry["activity"]] if "activity" in entry else ())}:
                    self.of_activity.setdefault(activity, []).append((name, code))
                for register in () if said else registers:
                    self.of_register.setdefault(register, []).append((name, code))

    def _whose(self, name: str, entry: Entry) -> frozenset[str]:
        """The activities of the purposes that an entry is limited to; none if it is not."""
        purposes = () if name == INSIDE["purposes"] else entry.get("purposes") or ()
        return frozenset(self.holders["purposes", one][1] for one in purposes if ("purposes", one) in self.holders)

    def _needed(self, name: str, entry: Entry) -> Iterator[tuple[str, str]]:
        for key, target in REFERS.get(name, {}).items():
            yield target, entry[key]
        taken = {key: value for key, value in entry.items() if key not in OWN.get(name, ())}
        for key, target, code in _references(taken, properties_of(name)):
            if key not in ABOUT and target not in NOT_TAKEN:
                yield target, code


def _references(value: Entry, rules: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Key, list and id of everything that a value refers to by the schema."""
    for key, part in value.items():
        rule = rules.get(key, {})
        if target := rule.get("refers_to"):
            yield from ((key, target, code) for code in ([part] if isinstance(part, str) else part))
        elif isinstance(part, Mapping):
            yield from _references(part, properties_of(rule))
        elif isinstance(part, list):
            for one in part:
                if isinstance(one, Mapping):
                    yield from _references(one, properties_of(rule.get("items", {})))


def with_references(value: Entry, rules: Mapping[str, Any], to: Callable[[str, str], str | None]) -> dict[str, Any]:
    """The value with each reference as `to(list, id)` gives it; those that become None go, and lists left empty."""
    made: dict[str, Any] = {}
    for key, part in value.items():
        rule = rules.get(key, {})
        if target := rule.get("refers_to"):
            codes = [to(target, code) for code in ([part] if isinstance(part, str) else part)]
            kept = list(dict.fromkeys(code for code in codes if code is not None))
            if kept:
                made[key] = kept[0] if isinstance(part, str) else kept
        elif isinstance(part, Mapping):
            made[key] = with_references(part, properties_of(rule), to)
        elif isinstance(part, list):
            inner = properties_of(rule.get("items", {}))
            made[key] = [with_references(one, inner, to) if isinstance(one, Mapping) else one for one in part]
        else:
            made[key] = part
    return made


class _Ready:
    """Entries made ready for another inventory. `left_out`: where something of the company's own stood."""

    def __init__(self, source: _Source, needed_by: Mapping[tuple[str, str], list[str]]) -> None:
        self.source = source
        self.needed_by = needed_by
        self.left_out: list[str] = []

    def entry(self, name: str, entry: Entry) -> dict[str, Any]:
        rules = properties_of(name)
        ready = self._taken(name, self._without_elsewhere(name, entry), rules, f"{name}[{entry['id']}]")
        ready = with_references(ready, rules, self._there)
        about = self.needed_by[name, entry["id"]]
        of_others = bool(entry.get("activities")) and not ready.get("activities")
        if about and "activities" in rules and (of_others or not ready.get("registers")):
            ready["activities"] = about
        return ready

    def _without_elsewhere(self, name: str, entry: Entry) -> Entry:
        """A category without the items that lie only in registers which do not come along."""
        if name != INSIDE["items"]:
            return entry
        kept = [
            one
            for one in entry.get("items") or ()
            if not one.get("registers") or any(self._there("registers", code) for code in one["registers"])
        ]
        return {**entry, "items": kept} if "items" in entry else entry

    def _there(self, target: str, code: str) -> str | None:
        return code if self.source.holders.get((target, code), (target, code)) in self.needed_by else None

    def _taken(self, name: str, entry: Entry, rules: Mapping[str, Any], place: str) -> dict[str, Any]:
        own = OWN.get(name, frozenset())
        self.left_out += [f"{place}.{key}" for key in entry if key in own and entry[key] not in (None, [], {}, "")]
        taken = {
            key: [
                self._taken(key, one, properties_of(rules[key].get("items", {})), f"{place}.{key}[{one['id']}]")
                if isinstance(one, Mapping) and "id" in one
                else one
                for one in part
            ]
            if isinstance(part, list)
            else part
            for key, part in entry.items()
            if key not in own
        }
        if "status" in rules and name in {"grounds", "ceilings"}:
            taken["status"] = Status.PROPOSED.value
        if "addition" in rules:
            taken["addition"] = True
        return taken
