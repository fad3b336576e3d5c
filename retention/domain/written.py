"""Rules as a document writes them, read into what they mean. Every error names its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from enum import StrEnum
from typing import Any, Literal, TypeVar

from retention.domain import events
from retention.domain.errors import RuleError
from retention.domain.periods import FinancialYears, Period, Rounding
from retention.domain.rules import (
    Absence,
    Action,
    Ceiling,
    Condition,
    FactValue,
    Follow,
    Ground,
    Hold,
    Kind,
    RuleSet,
    Status,
    Step,
    StepAction,
    Trigger,
)

Document = Mapping[str, Any]
Choice = TypeVar("Choice", bound=StrEnum)

_DECIDING = {"id", "trigger", "period", "rounding", "action", "condition", "if_absent", "status"}
_SAID = {"law", "reason", "records", "addition"}
SHARED_KEYS = frozenset(_DECIDING | _SAID)
GROUND_KEYS = SHARED_KEYS | {"kind", "purpose", "ends_on", "review_by"}
CEILING_KEYS = SHARED_KEYS | {"yields_to"}
STEP_KEYS = frozenset(_DECIDING | {"fields", "into", "columns", "law", "reason"})
FOLLOW_KEYS = frozenset({"dataset", "by", "action"})

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")  # a day of a week, 2026-W01-1, is as long and no such day


def parse_ground(document: Document, path: str) -> Ground:
    """One reason to keep. Raises RuleError naming the place of the first thing that is wrong."""
    _only(document, GROUND_KEYS, path)
    kind = _choice(Kind, document, "kind", path)
    ends_on = tuple(_event(name, f"{path}.ends_on") for name in _listed(document.get("ends_on", ()), f"{path}.ends_on"))
    if kind is Kind.OBLIGATION and ends_on:
        raise RuleError("an obligation by law cannot end earlier than the law says", f"{path}.ends_on")
    period = document.get("period")
    return Ground(
        id=_text(document, "id", path),
        kind=kind,
        trigger=parse_trigger(document.get("trigger"), f"{path}.trigger"),
        period=None if period is None else _period(period, f"{path}.period"),
        action=_choice(Action, document, "action", path),
        rounding=_rounding(document.get("rounding", "none"), f"{path}.rounding"),
        conditions=_conditions(document.get("condition", ()), f"{path}.condition"),
        if_absent=_absence(document, path),
        ends_on=ends_on,
        status=_choice(Status, document, "status", path, Status.CONFIRMED),
        review_by=parse_day(document["review_by"], f"{path}.review_by") if document.get("review_by") else None,
        purpose=str(document.get("purpose") or ""),
        law=str(document.get("law") or ""),
    )


def parse_ceiling(document: Document, path: str) -> Ceiling:
    """One longest time. Raises RuleError naming the place of the first thing that is wrong."""
    _only(document, CEILING_KEYS, path)
    return Ceiling(
        id=_text(document, "id", path),
        trigger=parse_trigger(document.get("trigger"), f"{path}.trigger"),
        period=_period(document.get("period"), f"{path}.period"),
        action=_choice(Action, document, "action", path),
        rounding=_rounding(document.get("rounding", "none"), f"{path}.rounding"),
        conditions=_conditions(document.get("condition", ()), f"{path}.condition"),
        if_absent=_absence(document, path),
        status=_choice(Status, document, "status", path, Status.CONFIRMED),
        yields_to=_yields_to(document.get("yields_to", "none"), f"{path}.yields_to"),
        law=str(document.get("law") or ""),
    )


def parse_follow(document: Document, path: str) -> Follow:
    """`{dataset, by, action}`: what a dataset follows. Raises RuleError naming the place of what is wrong."""
    _only(document, FOLLOW_KEYS, path)
    return Follow(
        dataset=_text(document, "dataset", path),
        by=str(document.get("by") or ""),
        action=_choice(Action, document, "action", path, Action.DELETE),
    )


def parse_step(document: Document, path: str) -> Step:
    """One step, unconfirmed unless it says so. Raises RuleError naming the place of the first thing that is wrong."""
    _only(document, STEP_KEYS, path)
    columns = document.get("columns") or {}
    if not isinstance(columns, Mapping):
        raise RuleError("is not a mapping", f"{path}.columns")
    return Step(
        id=_text(document, "id", path),
        trigger=parse_trigger(document.get("trigger"), f"{path}.trigger"),
        period=_period(document.get("period"), f"{path}.period"),
        action=_choice(StepAction, document, "action", path),
        rounding=_rounding(document.get("rounding", "none"), f"{path}.rounding"),
        conditions=_conditions(document.get("condition", ()), f"{path}.condition"),
        if_absent=_absence(document, path),
        status=_choice(Status, document, "status", path, Status.UNCONFIRMED),
        fields=tuple(str(name) for name in _listed(document.get("fields") or (), f"{path}.fields")),
        into=str(document.get("into") or ""),
        columns=tuple(sorted((str(name), str(value)) for name, value in columns.items())),
        law=str(document.get("law") or ""),
    )


def parse_rules(document: Document, years: FinancialYears, first_plausible_day: date, path: str) -> RuleSet:
    """All that decides about one dataset. Raises RuleError naming the place of the first thing that is wrong."""
    follows = tuple(parse_follow(one, f"{path}.follows[{n}]") for n, one in enumerate(document.get("follows") or ()))
    if follows and (document.get("grounds") or document.get("no_reason_to_keep")):
        raise RuleError("follows others: what keeps them keeps it, and it has no ground of its own", f"{path}.follows")
    return RuleSet(
        grounds=tuple(parse_ground(rule, _at(path, "grounds", rule)) for rule in document.get("grounds") or ()),
        ceilings=tuple(parse_ceiling(rule, _at(path, "ceilings", rule)) for rule in document.get("ceilings") or ()),
        follows=follows,
        steps=tuple(parse_step(step, _at(path, "steps", step)) for step in document.get("steps") or ()),
        no_reason_to_keep=bool(document.get("no_reason_to_keep")),
        financial_years=years,
        first_plausible_day=first_plausible_day,
    )


def _at(path: str, what: str, rule: Document) -> str:
    return f"{path}.{what}[{rule.get('id', '?')}]"


def parse_trigger(written: Any, path: str) -> Trigger:
    """An event's name, or `{latest_of: […]}` / `{earliest_of: […]}`. Raises RuleError."""
    if isinstance(written, str):
        return Trigger((_event(written, path),))
    if isinstance(written, Mapping) and len(written) == 1:
        (choose, members), *_ = written.items()
        if choose in ("latest_of", "earliest_of"):
            names = _listed(members, f"{path}.{choose}")
            if not names:
                raise RuleError("names no event", f"{path}.{choose}")
            return Trigger(tuple(_event(name, f"{path}.{choose}") for name in names), choose)
    raise RuleError("is no event's name and neither latest_of nor earliest_of a list of them", path)


def parse_hold(document: Document, path: str) -> Hold:
    """`{reason, from, released}`. Raises RuleError."""
    _only(document, frozenset({"reason", "from", "released"}), path)
    released = document.get("released")
    return Hold(
        start=parse_day(document.get("from"), f"{path}.from"),
        released=None if released is None else parse_day(released, f"{path}.released"),
        reason=str(document.get("reason", "")),
    )


def parse_day(written: Any, path: str) -> date:
    """A day as `YYYY-MM-DD`. Raises RuleError."""
    if isinstance(written, date):
        return written
    if isinstance(written, str) and DAY.fullmatch(written):
        with suppress(ValueError):
            return date.fromisoformat(written)
    raise RuleError(f"{written!r} is not a day such as 2026-06-30", path)


def _only(document: Document, keys: frozenset[str], path: str) -> None:
    if not isinstance(document, Mapping):
        raise RuleError("is not a mapping", path)
    unknown = sorted(set(document) - keys)
    if unknown:
        raise RuleError(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(keys))}", path)


def _text(document: Document, key: str, path: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise RuleError("is missing" if value is None else f"{value!r} is no text", f"{path}.{key}")
    return value


def _choice(kind: type[Choice], document: Document, key: str, path: str, default: Choice | None = None) -> Choice:
    value = document.get(key)
    if value is None and default is not None:
        return default
    try:
        return kind(str(value))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        what = "is missing" if value is None else f"{value!r} is none of the known"
        raise RuleError(f"{what}: {known}", f"{path}.{key}") from None


def _absence(document: Document, path: str) -> Absence | None:
    return _choice(Absence, document, "if_absent", path) if document.get("if_absent") else None


def _period(written: Any, path: str) -> Period:
    try:
        return Period.parse(written)
    except RuleError as error:
        raise RuleError(error.message, path) from None


def _rounding(written: Any, path: str) -> Rounding:
    try:
        return Rounding(str(written))
    except RuleError as error:
        raise RuleError(error.message, path) from None


def _event(name: Any, path: str) -> str:
    return events.event(str(name), path).name


def _listed(written: Any, path: str) -> Sequence[Any]:
    if isinstance(written, str) or not isinstance(written, Sequence):
        raise RuleError("is not a list", path)
    return written


def _conditions(written: Any, path: str) -> tuple[Condition, ...]:
    listed = [written] if isinstance(written, Mapping) else _listed(written or (), path)
    return tuple(_condition(one, path) for one in listed)


def _condition(written: Any, path: str) -> Condition:
    if not isinstance(written, Mapping) or set(written) != {"fact", "is"}:
        raise RuleError("a condition is written {fact: …, is: …}", path)
    value: FactValue = written["is"]
    if not isinstance(value, (bool, int, str)):
        raise RuleError(f"a fact cannot be {value!r}", path)
    return Condition(str(written["fact"]), value)


def _yields_to(written: Any, path: str) -> Literal["any_basis"] | frozenset[Kind]:
    if written in (None, "none"):
        return frozenset()
    if written == "any_basis":
        return "any_basis"
    kinds: Iterable[Any] = _listed(written, path)
    try:
        return frozenset(Kind(kind) for kind in kinds)
    except ValueError:
        known = ", ".join(kind.value for kind in Kind)
        raise RuleError(f"{written!r} is neither none, any_basis nor a list of {known}", path) from None
