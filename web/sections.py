"""How the page of an entry is divided: for an activity as article 30 counts, for others by what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from retention.inventory_document.shape import schema
from ropa.article30 import is_processor
from ropa.change_words import label
from web.words import free_code, language, named, stem_of

Told = Mapping[str, Any]


def _code(said: Told, here: Sequence[Told]) -> str:
    return free_code(stem_of(said.get("name") or {}, "purpose"), (one["id"] for one in here))


@dataclass(frozen=True)
class Child:
    """Entries inside an entry: in which list, and what they are called in the schema."""

    definition: str
    keys: tuple[str, ...]


CHILDREN: Mapping[str, Child] = {
    "purposes": Child(
        "purpose",
        (
            "name",
            "legal_basis",
            "aim",
            "balancing_test",
            "limitation",
            "special",
            "on_behalf_of",
            "subject_groups",
            "references",
        ),
    )
}


@dataclass(frozen=True)
class Section:
    """Some keys of an entry under one heading. `child`, `inside`: of which entry inside it, "" for a new one."""

    name: str
    title: str
    keys: tuple[str, ...]
    letter: str = ""
    article: str = ""
    child: str = ""
    inside: str = ""

    def heading(self, entry: Told) -> str:
        if not self.child:
            return _(self.title)
        found = self.of(entry)
        return named(found.get("name") or {}, self.inside) if found else _(self.title)

    def of(self, entry: Told) -> dict[str, Any]:
        """What of the entry the section is about."""
        if not self.child:
            return {key: entry[key] for key in self.keys if key in entry}
        return dict(next((one for one in entry.get(self.child) or () if one["id"] == self.inside), {}))

    def put(self, entry: Told, said: Told | None) -> dict[str, Any]:
        """The entry with the section as it is said; None takes an entry inside it out."""
        if not self.child:
            kept = {key: value for key, value in entry.items() if key not in self.keys}
            return {**kept, **(said or {})}
        here = list(entry.get(self.child) or ())
        at = next((n for n, one in enumerate(here) if one["id"] == self.inside), len(here))
        new = [{**said, "id": self.inside or _code(said, here)}] if said is not None else []
        return {**entry, self.child: [*here[:at], *new, *here[at + 1 :]]}

    def demands(self, key: str) -> bool:
        """Whether a gap is shown where the key says nothing."""
        return bool(self.article) and key in (*self.keys[:1], "legal_basis")

    def meets(self, where: str) -> bool:
        """Whether a field that article 30 demands (its place as that says it) stands in this section."""
        last = where.rpartition(".")[2]
        if self.child:
            return where.endswith(f".{self.child}.{self.inside}.{last}")
        return last in {*self.keys, *MEETS.get(self.letter, ())}

    def with_required(self, required: Sequence[str]) -> Section:
        more = [key for key in required if key != "id" and key not in self.keys]
        return replace(self, keys=(*self.keys, *more))


MEETS: Mapping[str, tuple[str, ...]] = {
    "a": ("contact", "joint_controllers", "representative", "dpo"),
    "b": ("purposes", "name"),
    "c": ("datasets", "subjects", "items"),
    "f": ("grounds",),
}
"""What article 30's fields are called where a section has them under another name."""


_REST = gettext_noop("Further")

_SECTIONS: Mapping[str, tuple[Section, ...]] = {
    "activities": (
        Section("controller", gettext_noop("Controller and data protection officer"), (), "a", "30(1)(a)"),
        Section("what", gettext_noop("The processing activity"), ("name", "role", "owner", "review"), "b", "30(1)(b)"),
        Section("data", gettext_noop("Data subjects and personal data"), (), "c", "30(1)(c)"),
        Section("recipients", gettext_noop("Categories of recipients"), ("recipients",), "d", "30(1)(d)"),
        Section("transfers", gettext_noop("Transfers to third countries"), ("transfers",), "e", "30(1)(e)"),
        Section("limits", gettext_noop("Time limits of erasure"), (), "f", "30(1)(f)"),
        Section("security", gettext_noop("Security measures"), ("security_measures",), "g", "30(1)(g)"),
        Section(
            "informed",
            gettext_noop("What is told to the data subjects"),
            ("sources", "provision", "automated_decisions"),
        ),
        Section("dpia", gettext_noop("Impact assessment"), ("dpia",)),
        Section("processor", gettext_noop("On behalf of another controller"), ("on_behalf_of", "mandate")),
    ),
    "registers": (
        Section("what", gettext_noop("The register"), ("name", "medium", "place", "hosting", "owner", "review")),
        Section("reach", gettext_noop("How it is reached"), ("connection", "ledger", "identities")),
        Section("backups", gettext_noop("Backups"), ("backups",)),
        Section("life", gettext_noop("Its life"), ("lifecycle", "migrates_to", "copy_of", "closed_on", "declared")),
    ),
    "datasets": (
        Section(
            "what",
            gettext_noop("The dataset"),
            ("name", "register", "activity", "subjects", "items", "subject_groups", "data_categories"),
        ),
        Section("where", gettext_noop("Where it lies"), ("grain", "subject_kind", "enforced_by", "mapping")),
        Section("policy", gettext_noop("How far nights go"), ("policy",)),
        Section("end", gettext_noop("With what else it ends"), ("follows", "steps", "no_reason_to_keep")),
        Section("owner", gettext_noop("Who answers for it"), ("owner", "review")),
    ),
}
_ELSEWHERE: Mapping[str, frozenset[str]] = {
    "activities": frozenset({"purposes"}),
    "datasets": frozenset({"grounds", "ceilings"}),
    "notices": frozenset({"passages"}),
}
"""Keys that have pages of their own."""


def sections_of(kind: str, entry: Told) -> list[Section]:
    """The sections of an entry, in the order of its page; what no other names stands in the last."""
    definition = str(schema()["properties"][kind]["items"]["$ref"]).rpartition("/")[2]
    every = [key for key in schema()["$defs"][definition]["properties"] if key not in ("id", "addition")]
    if kind not in _SECTIONS:
        return [Section("all", label(kind, language()), tuple(k for k in every if k not in _ELSEWHERE.get(kind, ())))]
    found = list(_SECTIONS[kind])
    if kind == "activities":
        purposes = [
            Section(f"purposes-{one['id']}", "", CHILDREN["purposes"].keys, "", "30(1)(b)", "purposes", one["id"])
            for one in entry.get("purposes") or ()
        ]
        found[2:2] = purposes
        if is_processor(entry):
            found = [_of_processor(one) for one in found]
    named_already = {key for one in found if not one.child for key in one.keys} | _ELSEWHERE.get(kind, frozenset())
    rest = tuple(key for key in every if key not in named_already)
    return [*found, Section("rest", _REST, rest)] if rest else found


HEAD: tuple[Section, ...] = (
    Section(
        "who",
        gettext_noop("Who it is"),
        ("name", "short_name", "business_id", "contact", "line_of_business", "services", "accreditations"),
    ),
    Section("dpo", gettext_noop("Data protection officer and representative"), ("dpo", "representative")),
    Section("others", gettext_noop("Other controllers"), ("joint_controllers", "related_organisations")),
    Section(
        "all",
        gettext_noop("What holds for all activities"),
        ("security_measures", "provision", "automated_decisions", "listings"),
    ),
    Section(
        "time",
        gettext_noop("Time and facts"),
        ("language", "time_zone", "financial_year_end", "financial_years", "first_plausible_day", "facts"),
    ),
)
"""What the record says of the organisation itself."""

_PROCESSOR = {"b": ("b", "30(2)(b)"), "e": ("c", "30(2)(c)"), "g": ("d", "30(2)(d)")}


def _of_processor(section: Section) -> Section:
    """The same section as article 30(2) counts it; what that does not ask for has no letter."""
    if section.name == "processor":
        return replace(section, letter="a", article="30(2)(a)")
    letter, article = _PROCESSOR.get(section.letter, ("", ""))
    return replace(section, letter=letter, article=article)


def opening(kind: str) -> list[Section]:
    """Sections of entries that are not there yet."""
    if kind != "activities":
        return []
    return [Section("purposes-new", gettext_noop("A new purpose"), CHILDREN["purposes"].keys, child="purposes")]
