"""A what-if as a document: one item, its rules and holds, and a day; and the answer in the same words.

The format of `manage.py decide` and of the cases that the rules are held against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from retention.domain.decisions import Contract, Decision, Item, Occurrence, State, decide
from retention.domain.errors import DocumentError, Problem, RuleError
from retention.domain.events import event
from retention.domain.following import Followed, decide_following
from retention.domain.items import Recorded
from retention.domain.periods import FinancialYears, parse_financial_years
from retention.domain.rules import Follow, Hold, RuleSet
from retention.domain.written import parse_ceiling, parse_day, parse_ground, parse_hold, parse_step

KEYS = frozenset(
    {
        "id",
        "says",
        "today",
        "scope",
        "contracts",
        "events",
        "estimated",
        "facts",
        "grounds",
        "ceilings",
        "follows",
        "steps",
        "holds",
        "no_reason_to_keep",
        "first_seen",
        "financial_year_end",
        "financial_years",
        "expect",
    }
)


@dataclass(frozen=True)
class Case:
    """One item to decide about, and what is expected of the decision, if anything is."""

    id: str
    says: str
    today: date
    item: Item
    rules: RuleSet
    holds: tuple[Hold, ...]
    expect: Mapping[str, Any] | None
    followed: tuple[Case, ...] | None = None

    def decide(self) -> Decision:
        """The decision on the case's day."""
        if self.rules.follows:
            follow = self.rules.follows[0]
            theirs = None
            if self.followed is not None:
                theirs = [Followed(follow, one.item, one.rules, one.holds) for one in self.followed]
            return decide_following(self.item, self.rules, theirs, self.holds, self.today)
        return decide(self.item, self.rules, self.holds, self.today)


def parse_cases(documents: Any) -> tuple[list[Case], list[Problem]]:
    """Every case of a list that can be read, and what is wrong with each of the others.

    Raises DocumentError if it is no list.
    """
    if not isinstance(documents, list):
        raise DocumentError([Problem("", "is not a list of cases")])
    cases: dict[str, Case] = {}
    problems = []
    for number, document in enumerate(documents):
        path = f"[{number}]"
        try:
            case = parse_case(document, path)
        except RuleError as error:
            problems.append(Problem(error.path or path, error.message))
            continue
        if case.id in cases:
            problems.append(Problem(case.id, "stands here twice"))
        cases.setdefault(case.id, case)
    return list(cases.values()), problems


def parse_case(document: Any, path: str) -> Case:
    """One case. Raises RuleError naming the place of the first thing that is wrong."""
    if not isinstance(document, Mapping):
        raise RuleError("is not a mapping", path)
    path = str(document.get("id") or path)
    unknown = sorted(str(key) for key in set(document) - KEYS)
    if unknown:
        raise RuleError(f"unknown key {unknown[0]!r}", path)
    if "grounds" not in document and "follows" not in document:
        raise RuleError("has no grounds; an empty list says that none was written", path)
    first_seen = document.get("first_seen")
    return Case(
        id=path,
        says=str(document.get("says") or ""),
        today=parse_day(document.get("today"), f"{path}.today"),
        item=Item(
            contracts=tuple(
                _contract(contract, f"{path}.contracts[{n}]")
                for n, contract in enumerate(_sequence(document, "contracts", path))
            ),
            scope=_scope(document.get("scope", "subject"), f"{path}.scope"),
            events={name: _event(name, value, f"{path}.events") for name, value in _map(document, "events", path)},
            facts=dict(_map(document, "facts", path)),
            first_seen=None if first_seen is None else parse_day(first_seen, f"{path}.first_seen"),
            estimated=_estimated(document, path),
        ),
        rules=RuleSet(
            grounds=tuple(
                parse_ground(rule, f"{path}.grounds[{n}]")
                for n, rule in enumerate(_sequence(document, "grounds", path))
            ),
            ceilings=tuple(
                parse_ceiling(rule, f"{path}.ceilings[{n}]")
                for n, rule in enumerate(_sequence(document, "ceilings", path))
            ),
            steps=tuple(
                parse_step(step, f"{path}.steps[{n}]") for n, step in enumerate(_sequence(document, "steps", path))
            ),
            follows=(Follow("followed"),) if "follows" in document else (),
            no_reason_to_keep=bool(document.get("no_reason_to_keep", False)),
            financial_years=_financial_years(document, path),
        ),
        holds=tuple(
            parse_hold(hold, f"{path}.holds[{n}]") for n, hold in enumerate(_sequence(document, "holds", path))
        ),
        expect=document.get("expect"),
        followed=_followed(document, path),
    )


def _followed(document: Mapping[str, Any], path: str) -> tuple[Case, ...] | None:
    """Cases of the items that this one follows, on the same day; `unknown`: nobody can say which they are."""
    if document.get("follows") in (None, "unknown"):
        return None
    shared = {key: document[key] for key in ("today", "financial_year_end", "financial_years") if key in document}
    followed = []
    for n, one in enumerate(_sequence(document, "follows", path)):
        place = f"{path}.follows[{n}]"
        if not isinstance(one, Mapping):
            raise RuleError("is not a mapping", place)
        followed.append(parse_case({**shared, "id": place, **one}, path))
    return tuple(followed)


def _estimated(document: Mapping[str, Any], path: str) -> frozenset[str]:
    """The events whose day is an estimate."""
    names = [str(name) for name in _sequence(document, "estimated", path)]
    return frozenset(event(name, f"{path}.estimated").name for name in names)


def answer(decision: Decision) -> dict[str, Any]:
    """A decision as `expect` writes it: only what its state has."""
    fields: dict[str, Any] = {"state": decision.state.value}
    if decision.state in {State.KEEP, State.DUE, State.HELD}:
        fields["due_from"] = decision.due_from.isoformat() if decision.due_from else None
        fields["action"] = decision.action.value if decision.action else None
    if decision.state in {State.OPEN, State.KEEP}:
        fields["blocked"] = decision.blocked
    if decision.state in {State.DUE, State.HELD}:
        fields["why"] = decision.why.value if decision.why else None
    if decision.state is State.DUE:
        fields["overdue_days"] = decision.overdue_days
    if decision.estimated:
        fields["estimated"] = list(decision.estimated)
    if decision.steps:
        fields["steps"] = [
            {
                "id": one.step,
                "state": one.state.value,
                "due_from": one.due_from.isoformat() if one.due_from else None,
                "action": one.action.value,
                "fields": list(one.fields),
            }
            for one in decision.steps
        ]
    return fields


def _sequence(document: Mapping[str, Any], key: str, path: str) -> Sequence[Any]:
    found = document.get(key) or []
    if not isinstance(found, list):
        raise RuleError("is not a list", f"{path}.{key}")
    return found


def _map(document: Mapping[str, Any], key: str, path: str) -> Sequence[tuple[str, Any]]:
    found = document.get(key) or {}
    if not isinstance(found, Mapping):
        raise RuleError("is not a mapping", f"{path}.{key}")
    return [(str(name), value) for name, value in found.items()]


def _scope(written: Any, path: str) -> str | None:
    if written == "subject":
        return None
    kind, _, ref = str(written).partition(" ")
    if kind != "contract" or not ref:
        raise RuleError(f"{written!r} is neither 'subject' nor 'contract REF'", path)
    return ref


def _contract(written: Any, path: str) -> Contract:
    if not isinstance(written, Mapping) or not written.get("ref"):
        raise RuleError("a contract has a ref, started, ended and status", path)
    unknown = sorted(str(key) for key in set(written) - {"ref", "started", "ended", "status"})
    if unknown:
        raise RuleError(f"unknown key {unknown[0]!r}", path)
    status = written.get("status", "active")
    if status not in ("active", "closed"):
        raise RuleError(f"{status!r} is neither active nor closed", f"{path}.status")
    started, ended = (
        None if written.get(key) is None else parse_day(written[key], f"{path}.{key}") for key in ("started", "ended")
    )
    if started is not None and ended is not None and ended < started:
        raise RuleError(f"the contract ends on {ended}, before it starts on {started}", path)
    return Contract(str(written["ref"]), started, ended, status == "closed")


def _event(name: str, written: Any, path: str) -> Recorded:
    event(name, path)
    path = f"{path}.{name}"
    if written is None:
        return None
    if not isinstance(written, list):
        return parse_day(written, path)
    return tuple(_occurrence(one, f"{path}[{n}]") for n, one in enumerate(written))


def _occurrence(written: Any, path: str) -> Occurrence:
    if not isinstance(written, Mapping) or set(written) - {"of", "date", "purpose", "contract"}:
        raise RuleError("an occurrence is written {of: THING, date: DAY}", path)
    day = written.get("date")
    return Occurrence(
        None if day is None else parse_day(day, f"{path}.date"),
        str(written.get("of") or ""),
        str(written.get("purpose") or ""),
        str(written.get("contract") or ""),
    )


def _financial_years(document: Mapping[str, Any], path: str) -> FinancialYears:
    years = []
    for n, year in enumerate(_sequence(document, "financial_years", path)):
        place = f"{path}.financial_years[{n}]"
        if not isinstance(year, Mapping) or set(year) != {"start", "end"}:
            raise RuleError("a financial year has a start and an end", place)
        years.append((parse_day(year["start"], place), parse_day(year["end"], place)))
    try:
        return parse_financial_years(str(document.get("financial_year_end", "12-31")), years)
    except RuleError as error:
        raise RuleError(error.message, f"{path}.financial_year_end") from None
