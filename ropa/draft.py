"""The draft: an organisation's rows as a document, and a document as its rows.

One table per kind of entry says which key of the document is which field, and what is meant where the key is left
out. What decides is always written out, so that a published snapshot does not lean on today's defaults; what says
nothing (no statement, an empty list) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import models

from retention.domain.evidence import canonical
from ropa.models import Activity, Ceiling, Dataset, Ground, Organisation, Purpose, Register

Document = Mapping[str, Any]

POLICY = {"mode": "observe", "approval": "one", "grace": "P0D", "waves": False}
"""What happens in a dataset about which nothing was decided: it is counted, and nothing goes (V3)."""
NO_BOUND = "none"
"""`yields_to` of a ceiling that yields to nothing; its row holds an empty list."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the document. `absent`: what its field holds where the key is left out; `shown`: even then."""

    key: str
    field: str
    absent: Any = None
    shown: bool = False
    read: Callable[[Any], Any] = deepcopy
    write: Callable[[Any], Any] = deepcopy


def _day(written: Any) -> Any:
    return None if written is None else date.fromisoformat(written)


def _iso(day: Any) -> Any:
    return None if day is None else day.isoformat()


def _listed(condition: Any) -> Any:
    return [deepcopy(dict(condition))] if isinstance(condition, Mapping) else deepcopy(condition)


def _bounds(written: Any) -> Any:
    return [] if written == NO_BOUND else deepcopy(written)


def _bounds_written(stored: Any) -> Any:
    return deepcopy(stored) or NO_BOUND


def _policy(written: Any) -> Any:
    return {**POLICY, **(written or {})}


def _statement(key: str) -> Key:
    return Key(key, key)


_NAME = (Key("id", "code"), Key("name", "name"))
_STATEMENTS = Key("statements", "statements", [])

ORGANISATION = (
    Key("slug", "slug"),
    Key("name", "name"),
    Key("business_id", "business_id", ""),
    Key("language", "language", "fi", shown=True),
    Key("time_zone", "time_zone", "Europe/Helsinki", shown=True),
    Key("financial_year_end", "financial_year_end", "12-31", shown=True),
    Key("financial_years", "financial_years", []),
    Key("first_plausible_day", "first_plausible_day", "1950-01-01", shown=True, read=_day, write=_iso),
    Key("contact", "contact", {}),
    *map(_statement, ("joint_controllers", "representative", "dpo", "security_measures")),
    Key("notice", "notice", {}),
    Key("facts", "facts", {}),
)
REGISTER = (
    *_NAME,
    Key("medium", "medium"),
    _statement("place"),
    Key("lifecycle", "lifecycle", "active", shown=True),
    Key("declared", "declared", True, shown=True),
    _STATEMENTS,
    Key("notes", "notes", {}),
    _statement("backups"),
    Key("connection", "connection", ""),
    Key("ledger", "ledger", []),
    Key("identities", "identities", []),
)
ACTIVITY = (
    *_NAME,
    Key("role", "role", "controller", shown=True),
    *map(_statement, ("on_behalf_of", "recipients", "transfers", "security_measures", "sources")),
    _STATEMENTS,
)
PURPOSE = (*_NAME, _STATEMENTS, _statement("legal_basis"))
DATASET = (
    *_NAME,
    *map(_statement, ("subjects", "items")),
    _STATEMENTS,
    Key("grain", "grain"),
    Key("subject_kind", "subject_kind", ""),
    Key("enforced_by", "enforced_by", "us", shown=True),
    Key("mapping", "mapping"),
    Key("policy", "policy", {}, shown=True, read=_policy, write=_policy),
    Key("no_reason_to_keep", "no_reason_to_keep"),
)
_RULE_END = (
    Key("status", "status", "unconfirmed", shown=True),
    Key("law", "law", ""),
    Key("reason", "reason", {}),
    Key("addition", "addition", False),
)
GROUND = (
    Key("id", "code"),
    Key("kind", "kind"),
    Key("purpose", "purpose", ""),
    Key("trigger", "trigger"),
    Key("period", "period", ""),
    Key("rounding", "rounding", "none", shown=True),
    Key("action", "action"),
    Key("condition", "condition", [], read=_listed),
    Key("if_absent", "if_absent", ""),
    Key("ends_on", "ends_on", []),
    Key("review_by", "review_by", read=_day, write=_iso),
    *_RULE_END,
)
CEILING = (
    Key("id", "code"),
    Key("trigger", "trigger"),
    Key("period", "period"),
    Key("rounding", "rounding", "none", shown=True),
    Key("action", "action"),
    Key("condition", "condition", [], read=_listed),
    Key("if_absent", "if_absent", ""),
    Key("yields_to", "yields_to", NO_BOUND, shown=True, read=_bounds, write=_bounds_written),
    *_RULE_END,
)


def normalised(document: Document) -> dict[str, Any]:
    """The draft that this document makes: what decides written out, what says nothing left out."""
    return {
        "seloste": 1,
        "organisation": _written(ORGANISATION, _fields(ORGANISATION, document["organisation"])),
        "registers": [_written(REGISTER, _fields(REGISTER, one)) for one in document.get("registers") or ()],
        "activities": [_activity(one) for one in document.get("activities") or ()],
        "datasets": [_dataset(one) for one in document.get("datasets") or ()],
    }


def _activity(document: Document) -> dict[str, Any]:
    purposes = [_written(PURPOSE, _fields(PURPOSE, one)) for one in document.get("purposes") or ()]
    return {**_written(ACTIVITY, _fields(ACTIVITY, document)), "purposes": purposes}


def _dataset(document: Document) -> dict[str, Any]:
    return {
        **_written(DATASET, _fields(DATASET, document)),
        "register": document["register"],
        "activity": document["activity"],
        "grounds": [_written(GROUND, _fields(GROUND, one)) for one in document.get("grounds") or ()],
        "ceilings": [_written(CEILING, _fields(CEILING, one)) for one in document.get("ceilings") or ()],
    }


def document_of(organisation: Organisation) -> dict[str, Any]:
    """The draft as it stands in the rows: what `normalised` gives for the document that made them."""
    purposes: dict[int, list[dict[str, Any]]] = {}
    for purpose in organisation.purposes.all():
        purposes.setdefault(purpose.activity_id, []).append(_row(PURPOSE, purpose))
    datasets = organisation.datasets.select_related("register", "activity").prefetch_related("grounds", "ceilings")
    return {
        "seloste": 1,
        "organisation": _row(ORGANISATION, organisation),
        "registers": [_row(REGISTER, one) for one in organisation.registers.all()],
        "activities": [
            {**_row(ACTIVITY, one), "purposes": purposes.get(one.pk, [])} for one in organisation.activitys.all()
        ],
        "datasets": [
            {
                **_row(DATASET, one),
                "register": one.register.code,
                "activity": one.activity.code,
                "grounds": [_row(GROUND, rule) for rule in one.grounds.all()],
                "ceilings": [_row(CEILING, rule) for rule in one.ceilings.all()],
            }
            for one in datasets
        ],
    }


def _fields(keys: Sequence[Key], document: Document) -> dict[str, Any]:
    """Field values; a key that is left out and one that says nothing are the same."""
    values = {}
    for key in keys:
        written = document.get(key.key)
        values[key.field] = key.read(key.absent if written is None else written)
    return values


def _row(keys: Sequence[Key], row: models.Model) -> dict[str, Any]:
    return _written(keys, {key.field: getattr(row, key.field) for key in keys})


def _written(keys: Sequence[Key], values: Mapping[str, Any]) -> dict[str, Any]:
    written = {}
    for key in keys:
        value = key.write(values[key.field])
        if key.shown or not (value is None or value is False or value in ("", [], {})):
            written[key.key] = value
    return written


def write_rows(document: Document, reason: str) -> Organisation:
    """Make the rows equal to the document, in the caller's transaction. Unchanged rows get no history.

    Trusts the document's shape and references: whoever calls has checked them.
    """
    head = document["organisation"]
    organisation = Organisation.objects.select_for_update().filter(slug=head["slug"]).first() or Organisation()
    _save(organisation, _fields(ORGANISATION, head), reason)
    registers = _sync(organisation.registers, REGISTER, document.get("registers"), reason, organisation=organisation)
    written = document.get("activities") or ()
    activities = _sync(organisation.activitys, ACTIVITY, written, reason, organisation=organisation)
    purposes = [(purpose, activities[one["id"]]) for one in written for purpose in one.get("purposes") or ()]
    kept = _keep(
        organisation.purposes,
        [
            ({**_fields(PURPOSE, purpose), "position": position, "activity": activity}, purpose["id"])
            for position, (purpose, activity) in enumerate(purposes)
        ],
        reason,
        organisation=organisation,
    )
    entries = document.get("datasets") or ()
    datasets = _keep(
        organisation.datasets,
        [
            (
                {
                    **_fields(DATASET, one),
                    "position": position,
                    "register": registers[one["register"]],
                    "activity": activities[one["activity"]],
                },
                one["id"],
            )
            for position, one in enumerate(entries)
        ],
        reason,
        organisation=organisation,
    )
    for one in entries:
        _rules(datasets[one["id"]], one, reason)
    for model, keep in ((Dataset, datasets), (Purpose, kept), (Activity, activities), (Register, registers)):
        for row in model._default_manager.filter(organisation=organisation).exclude(code__in=list(keep)):
            if isinstance(row, Dataset):
                _rules(row, {}, reason)
            _delete(row, reason)
    return organisation


def _rules(dataset: Dataset, document: Document, reason: str) -> None:
    for model, keys, name in ((Ground, GROUND, "grounds"), (Ceiling, CEILING, "ceilings")):
        rows = model._default_manager.filter(dataset=dataset)
        keep = _sync(rows, keys, document.get(name), reason, dataset=dataset)
        for row in rows.exclude(code__in=list(keep)):
            _delete(row, reason)


def _sync(
    rows: Any, keys: Sequence[Key], entries: Iterable[Document] | None, reason: str, **whose: Any
) -> dict[str, Any]:
    listed = [
        ({**_fields(keys, entry), "position": position}, entry["id"]) for position, entry in enumerate(entries or ())
    ]
    return _keep(rows, listed, reason, **whose)


def _keep(rows: Any, entries: Sequence[tuple[dict[str, Any], str]], reason: str, **whose: Any) -> dict[str, Any]:
    """Create or change a row per entry; by code. What is no longer listed is left for later: others may point at it."""
    found = {row.code: row for row in rows.all()}
    kept = {}
    for values, code in entries:
        row = found.get(code) or rows.model(**whose)
        _save(row, values, reason)
        kept[code] = row
    return kept


def _save(row: Any, values: Mapping[str, Any], reason: str) -> None:
    if row.pk is not None and all(_same(getattr(row, field), value) for field, value in values.items()):
        return
    for field, value in values.items():
        setattr(row, field, value)
    row._change_reason = reason
    row.save()


def _same(stored: Any, wanted: Any) -> bool:
    """Whether nothing changes; in JSON `true` is not 1, though Python says so."""
    if isinstance(stored, models.Model | date):
        return bool(stored == wanted)
    return not isinstance(wanted, models.Model | date) and canonical(stored) == canonical(wanted)


def _delete(row: Any, reason: str) -> None:
    row._change_reason = reason
    row.delete()
