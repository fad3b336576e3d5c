"""Where data goes, as a version of the record says: from which registers, to whom, to which countries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from babel import Locale
from django.utils.translation import gettext as _

from ropa.change_words import text_in
from ropa.wording import table
from web.words import language, named

Entry = Mapping[str, Any]
Document = Mapping[str, Any]
_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
EEA = frozenset(_EEA.split())
"""The European Economic Area: what goes to these countries is no transfer (chapter V of the GDPR)."""
EVERY = ""
"""The register of what is said of the whole organisation."""


@dataclass(frozen=True)
class Abroad:
    """A transfer to a country, or to one outside the EEA that nobody names (""). `certain`: without an if."""

    country: str
    certain: bool
    safeguards: tuple[str, ...] = ()
    condition: str = ""

    @property
    def outside(self) -> bool:
        return self.country not in EEA

    @property
    def kind(self) -> str:
        """How it is drawn."""
        return "" if not self.outside else "out" if self.certain else "perhaps"

    @property
    def name(self) -> str:
        if not self.country:
            return _("Country not named")
        return str(Locale.parse(language()).territories.get(self.country, self.country))


@dataclass
class Flow:
    """One recipient: from which registers it gets data, and where that goes on to."""

    code: str
    name: str
    role: str = ""
    condition: str = ""
    registers: list[str] = field(default_factory=list)
    activities: list[str] = field(default_factory=list)
    abroad: list[Abroad] = field(default_factory=list)
    unnamed: bool = False


@dataclass(frozen=True)
class Flows:
    """All flows of one version.

    registers  code -> name, those that somebody gets data from; EVERY: what is said of all of them
    nobody     activities that say why nobody gets their data: name and reason
    unsaid     names of activities of which no recipient is said
    outside    "yes": something leaves the EEA; "no": somebody said that nothing does; "unsaid": nobody said anything
    """

    registers: Mapping[str, str]
    flows: Sequence[Flow]
    nobody: Sequence[tuple[str, str]]
    unsaid: Sequence[str]
    outside: str

    @property
    def countries(self) -> list[Abroad]:
        """Every country once, certain ones before those with an if."""
        found: dict[str, Abroad] = {}
        for flow in self.flows:
            for one in flow.abroad:
                if one.country not in found or (one.certain and not found[one.country].certain):
                    found[one.country] = one
        return sorted(found.values(), key=lambda one: (not one.country, one.name))


def flows_of(document: Document) -> Flows:
    """What a version says of recipients and transfers."""
    return _Reader(document).read()


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.names = {one["id"]: named(one["name"], one["id"]) for one in document.get("registers") or ()}
        self.activities = {one["id"]: named(one["name"], one["id"]) for one in document.get("activities") or ()}
        self.of_activity: dict[str, list[str]] = {}
        self.of_category: dict[str, list[str]] = {}
        for dataset in document.get("datasets") or ():
            self._note(self.of_activity, [dataset.get("activity")], dataset["register"])
            self._note(self.of_category, dataset.get("data_categories") or (), dataset["register"])
        self.choices = table(language())["choices"]

    def _note(self, where: dict[str, list[str]], keys: Sequence[str | None], register: str) -> None:
        for key in keys:
            found = where.setdefault(key or "", [])
            if register not in found:
                found.append(register)

    def read(self) -> Flows:
        flows = {one["id"]: self._recipient(one) for one in self.document.get("recipients") or ()}
        nobody, told = [], set[str]()
        for activity in self.document.get("activities") or ():
            said = activity.get("recipients") or {}
            if "none_because" in said:
                nobody.append((self.activities[activity["id"]], text_in(said["none_because"], language())))
            for text in said.get("value") or ():
                self._inline(flows, activity["id"], text_in(text, language()))
            if said or activity.get("role") == "processor":  # art. 30(2) asks no processor for recipients
                told.add(activity["id"])
        outside = self._transfers(flows)
        for flow in flows.values():
            told.update(flow.activities)
            told.update(one for one, registers in self.of_activity.items() if set(registers) & set(flow.registers))
        everybody = any(flow.registers == [EVERY] for flow in flows.values())
        used = {code for flow in flows.values() for code in flow.registers}
        unsaid = [] if everybody else [name for code, name in self.activities.items() if code not in told]
        names = {code: name for code, name in self.names.items() if code in used}
        if EVERY in used:
            names[EVERY] = _("All registers")
        return Flows(names, list(flows.values()), nobody, unsaid, outside)

    def _recipient(self, entry: Entry) -> Flow:
        flow = Flow(entry["id"], named(entry["name"], entry["id"]))
        flow.role = self.choices["recipients.role"].get(entry.get("role"), "") if entry.get("role") else ""
        flow.condition = text_in(entry.get("condition"), language())
        flow.activities = [one for one in entry.get("activities") or () if one in self.activities]
        flow.registers = self._registers(entry)
        return flow

    def _registers(self, entry: Entry) -> list[str]:
        """Those that an entry names; those where the data of its activities or categories lie; all of them."""
        found = list(entry.get("registers") or ())
        for activity in entry.get("activities") or ():
            found += self.of_activity.get(activity, [])
        if not found:
            for category in entry.get("data_categories") or ():
                found += self.of_category.get(category, [])
        known = [one for one in dict.fromkeys(found) if one in self.names]
        return known or ([] if entry.get("activities") else [EVERY])

    def _inline(self, flows: dict[str, Flow], activity: str, name: str) -> Flow:
        """A recipient that only an activity names: one of the same name is the same."""
        key = f"={name.casefold()}"
        flow = next((one for one in flows.values() if one.name.casefold() == name.casefold()), None)
        flow = flow or flows.setdefault(key, Flow(key, name))
        if activity not in flow.activities:
            flow.activities.append(activity)
        for register in self.of_activity.get(activity, []):
            if register not in flow.registers and EVERY not in flow.registers:
                flow.registers.append(register)
        return flow

    def _transfers(self, flows: dict[str, Flow]) -> str:
        said = set()
        for entry in self.document.get("transfers") or ():
            said.add(entry["status"])
            if entry["status"] in {"yes", "conditional"}:
                for flow in self._going(flows, entry):
                    flow.abroad += [one for one in self._abroad(entry) if one not in flow.abroad]
        for activity in self.document.get("activities") or ():
            told = activity.get("transfers") or {}
            said.update({"none"} if "none_because" in told else ())
            for one in told.get("value") or ():
                said.add("yes")
                name = text_in(one.get("recipient"), language()) or _("Recipient not named")
                abroad = Abroad(one["country"], certain=True, safeguards=(text_in(one["safeguard"], language()),))
                self._inline(flows, activity["id"], name).abroad.append(abroad)
        if said & {"yes", "conditional"}:
            return "yes"
        return "no" if "none" in said else "unsaid"

    def _going(self, flows: dict[str, Flow], entry: Entry) -> list[Flow]:
        """Whose data a transfer entry is about: the recipients it names, or somebody whom nobody names."""
        found = [flows[one] for one in entry.get("recipients") or () if one in flows]
        if found:
            return found
        flow = flows.setdefault(f"?{entry['id']}", Flow(f"?{entry['id']}", _("Recipient not named"), unnamed=True))
        flow.registers = self._registers(entry)
        return [flow]

    def _abroad(self, entry: Entry) -> Iterator[Abroad]:
        safeguards = tuple(self.choices["safeguards"].get(one, one) for one in entry.get("safeguards") or ())
        condition = text_in(entry.get("condition"), language())
        for country in entry.get("countries") or [""]:
            yield Abroad(country, entry["status"] == "yes", safeguards, condition)
