"""Whether a draft may destroy earlier, or more, or with fewer asked, than the versions that are or will be in force.

Rules are compared with rules (`retention.domain.shortening`), whatever items there are; beside them what nights do with
a dataset (V3), and where what we destroy ourselves is read from. Plain Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from retention.domain.evidence import canonical
from retention.domain.periods import Period, last_day, parse_financial_years
from retention.domain.rules import RuleSet, Status
from retention.domain.shortening import shortened
from retention.domain.written import parse_day, parse_rules

Document = Mapping[str, Any]

BY = {"automatic": 0, "one": 1, "two": 2}
"""How many persons approve."""
POLICY = {"mode": "observe", "approval": "one", "grace": "P0D", "waves": False}
FIRST_PLAUSIBLE_DAY = "1950-01-01"
YEAR_END = "12-31"
CALENDAR = ("financial_years", "financial_year_end", "first_plausible_day")
"""What of the organisation the rules are read with."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """One place in which a draft shortens; `way`: one of `retention.domain.shortening.Way`, or of these.

    destroys   nights begin to destroy here
    approval   fewer persons approve; `grace`: less time passes from then on; `waves`: a backlog goes at once
    reading    what we destroy here is read from elsewhere, or otherwise
    """

    path: str
    way: str
    before: str = ""
    after: str = ""

    def as_data(self) -> dict[str, str]:
        """As programs get it."""
        return {"path": self.path, "way": self.way, "before": self.before, "after": self.after}


def draft_shortens(versions: Sequence[Document], draft: Document) -> list[Shortened]:
    """Every place in which the draft shortens against one of these; none where there are no versions."""
    found = [one for version in versions for one in _against(version, draft)]
    return list({(one.path, one.way): one for one in reversed(found)}.values())[::-1]


@dataclass(frozen=True)
class Side:
    """One of the two documents; its entries are found by id, for a record has thousands."""

    document: Document

    @cached_property
    def datasets(self) -> Mapping[str, Document]:
        return {one["id"]: one for one in self.document.get("datasets") or ()}

    @cached_property
    def registers(self) -> Mapping[str, Document]:
        return {one["id"]: one for one in self.document.get("registers") or ()}

    @property
    def head(self) -> Document:
        head: Document = self.document["organisation"]
        return head


def _against(version: Document, draft: Document) -> Iterator[Shortened]:
    before, after = Side(version), Side(draft)
    followed = {
        follow["dataset"]
        for side in (before, after)
        for dataset in side.datasets.values()
        for follow in dataset.get("follows") or ()
    }
    same_calendar = all(before.head.get(key) == after.head.get(key) for key in CALENDAR)
    for new in after.datasets.values():
        old, path = before.datasets.get(new["id"]), f"datasets[{new['id']}]"
        if old is None:
            if _destroys(new):
                yield Shortened(path, "destroys", "", _mode(new))
            continue
        if not (same_calendar and old == new):  # the same words by the same calendar shorten nothing
            for one in shortened(_rules(old, before), _rules(new, after), new["id"] in followed):
                yield Shortened(f"{path}.{one.where}" if one.where else path, one.way.value, one.before, one.after)
            yield from _policy(old, new, path)
        if _destroys(new):
            yield from _reading(old, before, new, after, path)
    yield from _ledger(before, after)


def _rules(dataset: Document, side: Side) -> RuleSet:
    head = side.head
    years = [(parse_day(one["start"], ""), parse_day(one["end"], "")) for one in head.get("financial_years") or ()]
    return parse_rules(
        dataset,
        parse_financial_years(head.get("financial_year_end") or YEAR_END, years),
        parse_day(head.get("first_plausible_day") or FIRST_PLAUSIBLE_DAY, "organisation.first_plausible_day"),
        f"datasets[{dataset['id']}]",
    )


def _policy_of(dataset: Document) -> Document:
    return {**POLICY, **(dataset.get("policy") or {})}


def _mode(dataset: Document) -> str:
    return str(_policy_of(dataset)["mode"])


def _destroys(dataset: Document) -> bool:
    """Whether nights destroy here: by policy, by ourselves, and where we reach it."""
    ours = dataset.get("enforced_by", "us") == "us" and dataset.get("mapping") is not None
    return ours and _mode(dataset) == "purge"


def _policy(old: Document, new: Document, path: str) -> Iterator[Shortened]:
    if _destroys(new) and not _destroys(old):
        yield Shortened(path, "destroys", _mode(old), _mode(new))
    was, will, path = _policy_of(old), _policy_of(new), f"{path}.policy"
    if BY[will["approval"]] < BY[was["approval"]]:
        yield Shortened(f"{path}.approval", "approval", was["approval"], will["approval"])
    if _shorter(str(will["grace"]), str(was["grace"])):
        yield Shortened(f"{path}.grace", "grace", str(was["grace"]), str(will["grace"]))
    if was["waves"] and not will["waves"]:
        yield Shortened(f"{path}.waves", "waves")


def _shorter(new: str, old: str) -> bool:
    """Whether a grace could end earlier, whenever it begins."""
    now, was = Period.parse(new), Period.parse(old)
    if now.months >= was.months and now.days >= was.days:
        return False
    # a month has 28 to 31 days, and after each such run the calendar begins anew
    starts = [
        parse_day(f"{year}-{month:02}-{day:02}", "")
        for year in (2096, 2097, 2098, 2099, 2100, 2101, 2102, 2103)
        for month in range(1, 13)
        for day in (1, 28)
    ]
    starts += [last_day(start, "P0D", "end_of_month") for start in starts]
    return any(last_day(start, now) < last_day(start, was) for start in starts)


def _reading(old: Document, before: Side, new: Document, after: Side, path: str) -> Iterator[Shortened]:
    """What the items of a dataset that we destroy are read from, with what it follows and what its steps move into."""
    if _read_from(old, before) != _read_from(new, after):
        yield Shortened(path, "reading")
    for where, other in leans_on(new):
        theirs = [
            _read_from(side.datasets[other], side) if other in side.datasets else None for side in (before, after)
        ]
        if theirs[0] != theirs[1]:
            yield Shortened(f"{path}.{where}", "reading")
    head, was = after.head, before.head
    if head.get("time_zone") != was.get("time_zone"):
        yield Shortened("organisation.time_zone", "reading", str(was.get("time_zone")), str(head.get("time_zone")))
    asked = facts_asked(new, after) | facts_asked(old, before)
    facts = [document.get("facts") or {} for document in (was, head)]
    for name in sorted(asked):
        if facts[0].get(name) != facts[1].get(name):
            yield Shortened(f"organisation.facts.{name}", "reading", str(facts[0].get(name)), str(facts[1].get(name)))


def facts_asked(dataset: Document, side: Side) -> frozenset[str]:
    """The facts that the rules of a dataset ask, those of its steps and of what it follows among them."""
    followed = [side.datasets.get(follow["dataset"]) for follow in dataset.get("follows") or ()]
    sets = [_rules(one, side) for one in (dataset, *followed) if one is not None]
    of_steps = {condition.fact for step in sets[0].steps for condition in step.conditions}
    return frozenset(of_steps).union(*(rules.facts for rules in sets))


def leans_on(dataset: Document) -> Iterator[tuple[str, str]]:
    """The other datasets by whose registers this one's items go: where in the dataset one is named, and its id."""
    for follow in dataset.get("follows") or ():
        yield f"follows[{follow['dataset']}]", str(follow["dataset"])
    for step in dataset.get("steps") or ():
        if step.get("into") and step.get("status") == Status.CONFIRMED.value:
            yield f"steps[{step['id']}]", str(step["into"])


def _read_from(dataset: Document, side: Side) -> bytes:
    mapping = dataset.get("mapping") or {}
    register = side.registers.get(str(dataset.get("register"))) or {}
    named = side.registers.get(str((mapping.get("subject_key") or {}).get("via"))) or {}
    return canonical(
        [
            mapping,
            dataset.get("grain"),
            dataset.get("subject_kind"),
            dataset.get("register"),
            register.get("connection"),
            named.get("connection"),
            named.get("identities") or [],
        ]
    )


def _ledger(before: Side, after: Side) -> Iterator[Shortened]:
    """Where what is told of the persons of something that we destroy comes from."""
    destroyed = [dataset for dataset in after.datasets.values() if _destroys(dataset)]
    kinds = {dataset.get("subject_kind") for dataset in destroyed}
    kinds |= {
        theirs.get("subject_kind")
        for dataset in destroyed
        for follow in dataset.get("follows") or ()
        if (theirs := after.datasets.get(follow["dataset"])) is not None
    }
    told = [
        {
            str(register["id"]): canonical(
                [
                    register.get("connection"),
                    [source for source in register.get("ledger") or () if source.get("subject_kind") in kinds],
                ]
            )
            for register in side.registers.values()
            if any(source.get("subject_kind") in kinds for source in register.get("ledger") or ())
        }
        for side in (before, after)
    ]
    for code in sorted({*told[0], *told[1]}):
        if told[0].get(code) != told[1].get(code):
            yield Shortened(f"registers[{code}].ledger", "reading")
