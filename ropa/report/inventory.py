"""An inventory as a report reads it: names by id, datasets by activity, entries by what they are about.

Looked up once: a record may have thousands of activities and tens of thousands of datasets.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ropa.report.texts import Report, Told, text_in
from ropa.wording import rule_in_words, statute_in_words, table

Document = Mapping[str, Any]

_BESIDE = ("id", "name", "reason", "purpose", "law", "status", "addition", "records", "action")
"""Keys of a rule that its words do not depend on."""


@dataclass(slots=True)
class Reach:
    """The entries of one list: those that name an activity, those that name only registers, and the rest."""

    of_activity: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    of_register: dict[str, list[Document]] = field(default_factory=lambda: defaultdict(list))
    everywhere: list[Document] = field(default_factory=list)


@dataclass
class Inventory:
    """One record's part of a document, and the language that it is told in."""

    document: Document
    language: str
    record: str
    extras: bool
    as_of: str
    whole: Document = field(default_factory=dict)
    """The document that `document` is a part of: entries of the other record have names here too."""
    _rules: dict[str, str] = field(default_factory=dict)
    _reach: dict[str, Reach] = field(default_factory=dict)
    _once: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> Mapping[str, Any]:
        return table(self.language)

    def entries(self, kind: str) -> Sequence[Document]:
        listed: Sequence[Document] = self.document.get(kind) or ()
        return listed

    def text(self, texts: Any) -> Told:
        return text_in(texts, self.language)

    @cached_property
    def _names(self) -> dict[str, dict[str, Told]]:
        names: dict[str, dict[str, Told]] = defaultdict(dict)
        listed = [
            (kind, entries)
            for document in (self.whole, self.document)
            for kind, entries in document.items()
            if isinstance(entries, list)
        ]
        for kind, entries in listed:
            names[kind].update({one["id"]: self.text(one.get("name")) for one in entries})
            for child in {"activities": ("purposes",), "data_categories": ("items",)}.get(kind, ()):
                names[child].update(
                    {inner["id"]: self.text(inner.get("name")) for one in entries for inner in one.get(child) or ()}
                )
        return names

    def name(self, kind: str, code: str) -> Told:
        """An entry's name; its id where the record has no such entry."""
        return self._names.get(kind, {}).get(code) or {"text": code, "lang": self.language}

    def knows(self, kind: str, code: str) -> bool:
        return code in self._names.get(kind, {})

    @cached_property
    def purposes(self) -> dict[tuple[str, str], Told]:
        """Names of purposes by activity and purpose."""
        return {
            (activity["id"], one["id"]): self.text(one.get("name"))
            for activity in self.entries("activities")
            for one in activity.get("purposes") or ()
        }

    @cached_property
    def datasets(self) -> list[Document]:
        """In the order of the registers, and within a register in the document's."""
        order = {register["id"]: number for number, register in enumerate(self.entries("registers"))}
        return sorted(self.entries("datasets"), key=lambda one: order.get(one["register"], len(order)))

    @cached_property
    def datasets_of_activity(self) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = defaultdict(list)
        for one in self.datasets:
            found[one.get("activity", "")].append(one)
        return found

    @cached_property
    def datasets_of_register(self) -> dict[str, list[Document]]:
        found: dict[str, list[Document]] = defaultdict(list)
        for one in self.datasets:
            found[one["register"]].append(one)
        return found

    def registers_of(self, activity: str) -> list[str]:
        """Where an activity's datasets lie, in the order of the registers."""
        return list(dict.fromkeys(one["register"] for one in self.datasets_of_activity[activity]))

    def reach(self, kind: str) -> Reach:
        if kind not in self._reach:
            reach = Reach()
            for entry in self.entries(kind):
                for activity in entry.get("activities") or ():
                    reach.of_activity[activity].append(entry)
                if not entry.get("activities"):
                    for register in entry.get("registers") or ():
                        reach.of_register[register].append(entry)
                    if not entry.get("registers"):
                        reach.everywhere.append(entry)
            self._reach[kind] = reach
        return self._reach[kind]

    def own(self, kind: str, activity: str) -> list[Document]:
        """Entries that name the activity."""
        return self.reach(kind).of_activity[activity]

    def lying(self, kind: str, activity: str) -> list[Document]:
        """Entries about registers in which the activity's datasets lie; those that name it too are its own."""
        found = {
            entry["id"]: entry
            for register in self.registers_of(activity)
            for entry in self.reach(kind).of_register[register]
        }
        return list(found.values())

    def rule(self, rule: Document) -> str:
        """A rule in words; the same rule stands at many datasets. Raises RuleError."""
        key = json.dumps({one: value for one, value in rule.items() if one not in _BESIDE}, sort_keys=True)
        if key not in self._rules:
            names = {into: self.name("datasets", into)["text"]} if (into := rule.get("into")) else {}
            self._rules[key] = rule_in_words(rule, self.language, names)
        return self._rules[key]

    def once(self, built: Report) -> Report:
        """A part of the report, the same object where an equal one was built before: tens of thousands are equal."""
        equal: Report = self._once.setdefault(json.dumps(built), built)
        return equal

    def statute(self, law: str) -> str:
        return statute_in_words(law, self.language)
