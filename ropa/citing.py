"""Which rules of an inventory cite a row of the law library, and what a change of the law does to them beforehand.

A change of the library changes no rule: a rule is executed as it is written and published. What is found here is what
somebody should decide about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, Literal

import yaml

from retention.domain.errors import RuleError
from retention.domain.periods import FinancialYears, Period, Rounding, last_day, parse_financial_years
from retention.domain.rules import Condition, Kind
from retention.domain.written import parse_day, parse_trigger
from ropa.law import LawRule, library, versions_of
from ropa.law.rows import YieldsTo
from ropa.wording import DIRECTORY, day_in_words

Document = Mapping[str, Any]
State = Literal["as_law", "otherwise", "not_in_force", "unknown"]
Library = Callable[[date], Mapping[str, LawRule]]


@dataclass(frozen=True, slots=True)
class Citing:
    """A place that cites a row: as the law says, otherwise (`differs` names the keys), or a row that is not law."""

    path: str
    law: str
    state: State
    differs: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        return {"path": self.path, "law": self.law, "state": self.state, "differs": list(self.differs)}


@dataclass(frozen=True, slots=True)
class Effect:
    """A place whose row changes on `day`, with an example that starts on `start`.

    `written` is the example's last day by the rule as it is written, `old` and `new` by the law's two versions; None
    where there is no period to count (a criterion, no law yet, or none any more: then `successor` may name what came
    instead). `begins` and `ends` say that the row comes into force, or ceases to be.
    """

    path: str
    law: str
    day: date
    start: date
    written: date | None
    old: date | None
    new: date | None
    ends: bool
    successor: str = ""
    begins: bool = False

    def as_data(self) -> dict[str, Any]:
        days = {key: getattr(self, key) for key in ("day", "start", "written", "old", "new")}
        shown = {key: day and day.isoformat() for key, day in days.items()}
        ends = {"begins": self.begins, "ends": self.ends, "successor": self.successor}
        return {"path": self.path, "law": self.law, **shown, **ends}


def cited(document: Document) -> Iterator[tuple[str, Document, str]]:
    """Every place that cites a row by its id: the place, what stands there, the id."""
    for dataset in document.get("datasets") or ():
        for kind in ("grounds", "ceilings"):
            for rule in dataset.get(kind) or ():
                if rule.get("law"):
                    yield f"datasets[{dataset['id']}].{kind}[{rule['id']}]", rule, rule["law"]
    for limit in document.get("time_limits") or ():
        if limit.get("law"):
            yield f"time_limits[{limit['id']}]", limit, limit["law"]
    for activity in document.get("activities") or ():
        for purpose in activity.get("purposes") or ():
            law = ((purpose.get("legal_basis") or {}).get("value") or {}).get("law")
            if law and versions_of(law):
                yield f"activities[{activity['id']}].purposes[{purpose['id']}].legal_basis", {}, law


def citing(document: Document, law: str | None, day: date, on: Library = library) -> list[Citing]:
    """The places that cite a row (or any row, for None), and whether they say what it says on that day."""
    rows = on(day)
    return [_citing(path, rule, id_, rows.get(id_)) for path, rule, id_ in cited(document) if law is None or id_ == law]


def _citing(path: str, rule: Document, law: str, row: LawRule | None) -> Citing:
    if row is None:
        return Citing(path, law, "not_in_force" if versions_of(law) else "unknown")
    differs = tuple(_differs(rule, row))
    return Citing(path, law, "otherwise" if differs else "as_law", differs)


def _differs(rule: Document, row: LawRule) -> Iterator[str]:
    """Keys in which a rule is written otherwise; what a row or a published sentence does not say cannot differ."""
    if "kind" in rule and row.kind is not None and rule["kind"] != row.kind.value:
        yield "kind"
    if "trigger" in rule and row.trigger is not None:
        try:
            same = parse_trigger(rule["trigger"], "trigger") == row.trigger
        except RuleError:
            same = False
        if not same:
            yield "trigger"
    if row.period is not None and "period" in rule and Period.parse(rule["period"]) != row.period:
        yield "period"
    if row.period is not None and "period" not in rule and "action" in rule and "trigger" in rule:
        yield "period"
    if "action" not in rule:
        return
    if row.period is not None and str(rule.get("rounding") or "none") != str(row.rounding):
        yield "rounding"
    if row.condition is not None and row.condition not in _conditions(rule):
        yield "condition"
    if "kind" in rule and not set(row.ends_on) <= set(rule.get("ends_on") or ()):
        yield "ends_on"
    if "kind" not in rule and row.bound == "maximum" and _yields_to(rule) != row.yields_to:
        yield "yields_to"


def _conditions(rule: Document) -> list[Condition]:
    written = rule.get("condition") or ()
    return [Condition(one["fact"], one["is"]) for one in ([written] if isinstance(written, Mapping) else written)]


def _yields_to(rule: Document) -> YieldsTo:
    written = rule.get("yields_to") or "none"
    if written == "any_basis":
        return "any_basis"
    return frozenset() if written == "none" else frozenset(Kind(one) for one in written)


def effects(document: Document, before: date, after: date, on: Library = library) -> list[Effect]:
    """What changes after one day and by another for the places that cite a row: each change by itself, in its order.

    An example starts on the first of the two days.
    """
    years = _years(document)
    found = []
    for path, rule, law in cited(document):
        for day, old, new in _changes(law, before, after, on):
            successor = old.successor if old is not None and new is None else ""
            found.append(
                Effect(
                    path,
                    law,
                    day,
                    before,
                    _written(rule, before, years),
                    _last(old, before, years),
                    _last(new or on(day).get(successor), before, years),
                    ends=new is None,
                    successor=successor,
                    begins=old is None,
                )
            )
    return found


def _changes(law: str, before: date, after: date, on: Library) -> Iterator[tuple[date, LawRule | None, LawRule | None]]:
    """The first day of each new state of a row after one day and by another, with the row before and on it."""
    row, will = on(before).get(law), on(after).get(law)
    while row is not None and row.in_force_to is not None and row.in_force_to < after:
        day = row.in_force_to + timedelta(days=1)
        new = on(day).get(law)
        if _times(row) != _times(new):
            yield day, row, new
        row = new
    if row is None and will is not None:
        yield will.in_force_from, None, will


def _times(row: LawRule | None) -> Any:
    if row is None:
        return None
    return (row.kind, row.bound, row.trigger, row.period, row.rounding, row.ends_on, row.condition, row.yields_to)


def _last(row: LawRule | None, start: date, years: FinancialYears) -> date | None:
    return last_day(start, row.period, row.rounding, years) if row is not None and row.period is not None else None


def _written(rule: Document, start: date, years: FinancialYears) -> date | None:
    if "period" not in rule:
        return None
    return last_day(start, rule["period"], Rounding(str(rule.get("rounding") or "none")), years)


def _years(document: Document) -> FinancialYears:
    head = document.get("organisation") or {}
    days = [(parse_day(one["start"], ""), parse_day(one["end"], "")) for one in head.get("financial_years") or ()]
    return parse_financial_years(head.get("financial_year_end") or "12-31", days)


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load((DIRECTORY / "law.yaml").read_text(encoding="utf-8"))
    return found


def said(key: str, language: str, **parts: Any) -> str:
    """A phrase of `law.yaml`. Raises KeyError for one that is not there."""
    return _words()[key][language].format(**parts)


def citing_in_words(one: Citing, language: str) -> str:
    """One place as one line."""
    differs = ", ".join(said(key, language) for key in one.differs)
    return said(one.state, language, path=one.path, law=one.law, differs=differs)


def effect_in_words(one: Effect, language: str) -> str:
    """One change as one line, with its example."""

    def day(value: date | None) -> str:
        return said("no_day", language) if value is None else day_in_words(value, language)

    parts = {key: day(getattr(one, key)) for key in ("day", "start", "written", "old", "new")}
    key = "begins" if one.begins else "changes"
    if one.ends:
        key = "replaced" if one.successor else "ends"
    return said(key, language, path=one.path, law=one.law, successor=one.successor, **parts)
