"""The kinds of entries of an inventory: which list of the document is which table, and which key is which field.

A key has its field's name (`id` is `code`), and means the field's default where it is left out. What decides is
always written out, so that a published snapshot does not lean on today's defaults; what says nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import models

from ropa.models import (
    Activity,
    Ceiling,
    ContactPoint,
    DataCategory,
    Dataset,
    DisposalMethod,
    Ground,
    MarketingRule,
    Notice,
    Organisation,
    Passage,
    Purpose,
    Recipient,
    Reference,
    Register,
    Right,
    SecurityMeasure,
    Source,
    SubjectGroup,
    TimeLimit,
    Transfer,
)

POLICY = {"mode": "observe", "approval": "one", "grace": "P0D", "waves": False}
"""What happens in a dataset about which nothing was decided: it is counted, and nothing goes (V3)."""
NO_BOUND = "none"
"""`yields_to` of a ceiling that yields to nothing; its row holds an empty list."""


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the document. `absent`: what it says where it is left out, as it is written; `shown`: even then.

    Rows and documents share their lists and mappings: whoever changes one makes a new one.
    """

    key: str
    field: str
    absent: Any = None
    shown: bool = False
    read: Callable[[Any], Any] = _same
    write: Callable[[Any], Any] = _same


@dataclass(frozen=True)
class Kind:
    """One list of entries.

    name      its key in the document, or in its parent entry
    refers    keys that name an entry of another list by id, and are a foreign key of the row: key -> that list
    children  lists that stand inside an entry: their rows point at it by `parent`
    """

    name: str
    model: type[models.Model]
    keys: tuple[Key, ...]
    refers: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Kind, ...] = ()
    parent: str = ""


def _day(written: Any) -> Any:
    return None if written is None else date.fromisoformat(written)


def _iso(day: Any) -> Any:
    return None if day is None else day.isoformat()


def _listed(condition: Any) -> Any:
    return [dict(condition)] if isinstance(condition, Mapping) else condition


def _bounds(written: Any) -> Any:
    return [] if written == NO_BOUND else written


def _bounds_written(stored: Any) -> Any:
    return stored or NO_BOUND


def _policy(written: Any) -> Any:
    return {**POLICY, **(written or {})}


def _keys(model: type[models.Model], *shown: str, **special: Key) -> tuple[Key, ...]:
    """A key per field of the model; `shown` fields are written out always, `special` ones are as given."""
    found = []
    for one in model._meta.concrete_fields:
        if one.primary_key or one.remote_field is not None or one.name == "position":
            continue
        if one.name in special:
            found.append(special[one.name])
            continue
        absent = one.get_default() if one.has_default() else "" if _is_text(one) else None
        by_day: dict[str, Any] = {}
        if isinstance(one, models.DateField):
            absent, by_day = _iso(absent), {"read": _day, "write": _iso}
        key = "id" if one.name == "code" else one.name
        found.append(Key(key, one.name, absent, one.name in shown, **by_day))
    return tuple(found)


def _is_text(one: Any) -> bool:
    return isinstance(one, models.CharField | models.TextField) and not one.null


_CONDITION = Key("condition", "condition", [], read=_listed)

ORGANISATION = _keys(Organisation, "language", "time_zone", "financial_year_end", "first_plausible_day")

KINDS: tuple[Kind, ...] = (
    Kind("registers", Register, _keys(Register, "lifecycle", "declared")),
    Kind(
        "activities",
        Activity,
        _keys(Activity, "role"),
        children=(Kind("purposes", Purpose, _keys(Purpose), parent="activity"),),
    ),
    Kind("subject_groups", SubjectGroup, _keys(SubjectGroup, "declared")),
    Kind("data_categories", DataCategory, _keys(DataCategory)),
    Kind("sources", Source, _keys(Source)),
    Kind("recipients", Recipient, _keys(Recipient, "disclosed")),
    Kind("transfers", Transfer, _keys(Transfer)),
    Kind("security_measures", SecurityMeasure, _keys(SecurityMeasure)),
    Kind("rights", Right, _keys(Right)),
    Kind("marketing_rules", MarketingRule, _keys(MarketingRule)),
    Kind("time_limits", TimeLimit, _keys(TimeLimit)),
    Kind("disposal_methods", DisposalMethod, _keys(DisposalMethod)),
    Kind("contact_points", ContactPoint, _keys(ContactPoint)),
    Kind("references", Reference, _keys(Reference)),
    Kind(
        "notices",
        Notice,
        _keys(Notice),
        children=(Kind("passages", Passage, _keys(Passage), parent="notice"),),
    ),
    Kind(
        "datasets",
        Dataset,
        _keys(
            Dataset,
            "enforced_by",
            policy=Key("policy", "policy", {}, shown=True, read=_policy, write=_policy),
        ),
        refers={"register": "registers", "activity": "activities"},
        children=(
            Kind(
                "grounds",
                Ground,
                _keys(Ground, "rounding", "status", condition=_CONDITION),
                parent="dataset",
            ),
            Kind(
                "ceilings",
                Ceiling,
                _keys(
                    Ceiling,
                    "rounding",
                    "status",
                    condition=_CONDITION,
                    yields_to=Key("yields_to", "yields_to", NO_BOUND, shown=True, read=_bounds, write=_bounds_written),
                ),
                parent="dataset",
            ),
        ),
    ),
)
"""In the order of the document. A kind comes after those that its entries refer to."""


def kind_of(name: str) -> Kind:
    """The kind of a list of the document. Raises KeyError."""
    return next(kind for kind in KINDS if kind.name == name)
