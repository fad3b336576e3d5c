"""What Article 30(1) and 30(2) demand of a record, and which of it is said, not applicable, or missing.

Every demanded field is in one of three honest states: it has a value; there is none, because …; or it is
missing, which is a defect that cites its article. A record can therefore be complete without inventing anything.
Where a legal basis is missing, the article is 6(1): the record need not show it, but the processing needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ropa.law import LANGUAGES
from ropa.places import empty

Document = Mapping[str, Any]


class State(StrEnum):
    """The three honest states of a demanded field."""

    VALUE = "value"
    NONE = "none_because"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that an article demands. `where` is a path in the document; `message_id` names it for readers."""

    article: str
    where: str
    message_id: str
    state: State


@dataclass(frozen=True, slots=True)
class Gap:
    """A demanded field that is missing."""

    article: str
    where: str
    message_id: str


def state_of(statement: Any) -> State:
    """The state of a statement: `{value: …}`, `{none_because: text}`, or nothing. An empty value or reason is none."""
    if not isinstance(statement, Mapping):
        return State.MISSING
    if not empty(statement.get("value")):
        return State.VALUE
    return State.MISSING if empty(statement.get("none_because")) else State.NONE


def missing(document: Document, as_of: str = "") -> list[Gap]:
    """What the record does not say and must, in the order of the document."""
    demanded = fields(document, as_of)
    return [Gap(field.article, field.where, field.message_id) for field in demanded if field.state is State.MISSING]


def fields(document: Document, as_of: str = "") -> list[Field]:
    """Every field that Article 30 (or 6(1)) demands of this document, with its state.

    `as_of`: the day (YYYY-MM-DD) that is spoken of; an activity that ends later is still carried out. Without it
    every end counts as past.
    """
    return [*_organisation(document), *_activities(document, as_of), *_datasets(document)]


def _organisation(document: Document) -> Iterator[Field]:
    organisation = document.get("organisation") or {}
    contact = organisation.get("contact") or {}
    reachable = any(not empty(contact.get(key)) for key in ("postal_address", "email", "phone"))
    first = "30(1)(a)" if controls(document) or not processes(document) else "30(2)(a)"
    yield Field(first, "organisation.name", "controller_name", _said(organisation.get("name")))
    yield Field(first, "organisation.contact", "controller_contact", State.VALUE if reachable else State.MISSING)
    if first == "30(1)(a)":
        yield _statement(organisation, "joint_controllers", first, "organisation")
    yield _statement(organisation, "representative", first, "organisation")
    yield _statement(organisation, "dpo", first, "organisation")


def _activities(document: Document, as_of: str) -> Iterator[Field]:
    general = state_of((document.get("organisation") or {}).get("security_measures"))
    lying = _lying(document)
    for activity in document.get("activities") or ():
        ended = activity.get("ended_on")
        if ended and (not as_of or ended <= as_of):
            continue  # it stays in the record as it was; nothing of it is to be completed any more
        where = f"activities.{activity.get('id')}"
        processor = is_processor(activity)
        yield Field("30(1)(b)" if not processor else "30(2)(b)", f"{where}.name", "activity_name", _text(activity))
        if processor:
            yield _statement(activity, "on_behalf_of", "30(2)(a)", where)
        else:
            yield from _purposes(activity, where)
            yield _either(document, activity, "recipients", "30(1)(d)", where, lying)
            described = all(_covered(document, key, activity, lying) for key in ("data_categories", "subject_groups"))
            found = State.VALUE if activity.get("id") in lying or described else State.MISSING
            yield Field("30(1)(c)", f"{where}.datasets", "activity_datasets", found)
        yield _either(document, activity, "transfers", "30(2)(c)" if processor else "30(1)(e)", where, lying)
        own = state_of(activity.get("security_measures"))
        measures = general if own is State.MISSING else own
        if _covered(document, "security_measures", activity, lying):
            measures = State.VALUE
        article = "30(2)(d)" if processor else "30(1)(g)"
        yield Field(article, f"{where}.security_measures", "security_measures", measures)


def _purposes(activity: Document, where: str) -> Iterator[Field]:
    purposes = activity.get("purposes") or ()
    found = State.VALUE if purposes else State.MISSING
    yield Field("30(1)(b)", f"{where}.purposes", "purposes", found)
    for purpose in purposes:
        path = f"{where}.purposes.{purpose.get('id')}"
        yield _statement(purpose, "legal_basis", "6(1)", path)


def _datasets(document: Document) -> Iterator[Field]:
    processors = {activity.get("id") for activity in document.get("activities") or () if is_processor(activity)}
    for dataset in document.get("datasets") or ():
        if dataset.get("activity") in processors:
            continue  # art. 30(2) asks for none of these: the controller's own record has them
        where = f"datasets.{dataset.get('id')}"
        for key, linked in (("subjects", "subject_groups"), ("items", "data_categories")):
            own = state_of(dataset.get(key))
            found = State.VALUE if own is State.MISSING and dataset.get(linked) else own
            yield Field("30(1)(c)", f"{where}.{key}", key, found)
        decided = bool(dataset.get("grounds") or dataset.get("follows")) or not empty(dataset.get("no_reason_to_keep"))
        yield Field("30(1)(f)", f"{where}.grounds", "time_limit", State.VALUE if decided else State.MISSING)
        for ground in dataset.get("grounds") or ():
            if ground.get("period") is None and not ground.get("review_by"):
                yield Field("30(1)(f)", f"{where}.grounds.{ground.get('id')}", "criterion_review", State.MISSING)


def covering(document: Document, name: str, activity: Document) -> list[Document]:
    """The entries of a list that are about this activity: those that name it, or name neither activity nor register.

    An entry about registers is about the activities whose datasets lie there. An entry that says nothing of its own
    (a transfer that is not stated) covers nothing.
    """
    return list(_covering(document, name, activity, _lying(document)))


Lying = Mapping[Any, set[Any]]
"""Activity -> the registers in which its datasets lie."""


def _lying(document: Document) -> Lying:
    found: dict[Any, set[Any]] = {}
    for one in document.get("datasets") or ():
        found.setdefault(one.get("activity"), set()).add(one.get("register"))
    return found


def _covering(document: Document, name: str, activity: Document, lying: Lying) -> Iterator[Document]:
    code = activity.get("id")
    here = lying.get(code, set())
    for entry in document.get(name) or ():
        activities, registers = entry.get("activities"), entry.get("registers")
        about = not (activities or registers) or code in (activities or ()) or not here.isdisjoint(registers or ())
        if about and entry.get("status") != "not_stated":
            yield entry


def _covered(document: Document, name: str, activity: Document, lying: Lying) -> bool:
    return next(_covering(document, name, activity, lying), None) is not None


def _either(document: Document, activity: Document, key: str, article: str, where: str, lying: Lying) -> Field:
    """A field that the activity's own statement answers, or entries of the list of that name."""
    own = state_of(activity.get(key))
    found = State.VALUE if own is State.MISSING and _covered(document, key, activity, lying) else own
    return Field(article, f"{where}.{key}", key, found)


def _statement(holder: Document, key: str, article: str, where: str) -> Field:
    return Field(article, f"{where}.{key}", key, state_of(holder.get(key)))


def _said(value: Any) -> State:
    return State.MISSING if empty(value) else State.VALUE


def _text(holder: Document) -> State:
    name = holder.get("name") or {}
    return State.VALUE if any(not empty(name.get(language)) for language in LANGUAGES) else State.MISSING


def is_processor(activity: Document) -> bool:
    """Whether the activity is carried out on behalf of another controller: Article 30(2), not 30(1)."""
    return activity.get("role") == "processor"


def controls(document: Document) -> bool:
    """Whether the document has an activity of a controller: the record is one of Article 30(1)."""
    return any(not is_processor(activity) for activity in document.get("activities") or ())


def processes(document: Document) -> bool:
    """Whether the document has an activity of a processor: the record is one of Article 30(2)."""
    return any(is_processor(activity) for activity in document.get("activities") or ())
