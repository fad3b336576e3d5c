"""A published notice becomes a notice of the draft, and a person assigns its passages one by one.

A passage is held in places of the inventory, or is no inventory content, or waits. Nothing is assigned by a machine.
Two persons at once do not overwrite each other: each says what the passage was when they looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.domain.evidence import canonical, sha256_hex
from retention.inventory_document import edit_entry
from retention.onboarding.blocks import blocks_of
from retention.onboarding.hints import hints, may_name_a_person
from retention.onboarding.sentences import sentences
from ropa.draft import entry_of, rows_of
from ropa.kinds import kind_of
from ropa.models import Organisation, Passage
from ropa.services import lock

KIND = "notices"


class StaleError(DocumentError):
    """The passage is no longer as it was looked at: somebody assigned it meanwhile."""


class NoPassageError(LookupError):
    """There is no such notice or passage in the draft."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many passages are held in fields, are no content, and wait."""

    held: int
    not_content: int
    open: int


@transaction.atomic
def add_notice(
    organisation: Organisation, code: str, name: Mapping[str, str], content: bytes, by: str, reason: str
) -> dict[str, Any]:
    """Make a file a notice of the draft, all of its passages waiting. Raises DocumentError: also if the id is taken."""
    passages = [
        {"id": f"{number:04}", "text": text, "lines": [line]}
        for number, (text, line) in enumerate(_passages(content), 1)
    ]

    def new(found: dict[str, Any] | None) -> Mapping[str, Any]:
        if found is not None:
            raise DocumentError([Problem(f"{KIND}[{code}]", _("there is one with this id already"))])
        return {"id": code, "name": dict(name), "language": organisation.language, "passages": passages}

    made = edit_entry(organisation, KIND, code, new, by, reason)
    return made or {}


def _passages(content: bytes) -> list[tuple[str, int]]:
    return [(sentence, block.line) for block in blocks_of(content) for sentence in sentences(block.text)]


def passages_of(organisation: Organisation, code: str) -> list[dict[str, Any]]:
    """Each passage with its state, hints and `seen`; those that wait come first. Raises NoPassageError."""
    told = [
        {
            **passage,
            "state": state_of(passage),
            "hints": hints(passage["text"]),
            "may_name_a_person": not passage.get("redacted") and may_name_a_person(passage["text"]),
            "seen": seen_as(passage),
        }
        for passage in _notice(organisation, code).get("passages", ())
    ]
    return sorted(told, key=lambda one: one["state"] != "open")


def progress_of(organisation: Organisation, code: str) -> Progress:
    """Raises NoPassageError."""
    states = [state_of(passage) for passage in _notice(organisation, code).get("passages", ())]
    return Progress(states.count("held"), states.count("not_content"), states.count("open"))


def state_of(passage: Mapping[str, Any]) -> str:
    """`held`, `not_content` or `open`."""
    return "not_content" if passage.get("not_content") else "held" if passage.get("held_in") else "open"


def seen_as(passage: Mapping[str, Any]) -> str:
    """What a person looked at, as a digest: an assignment says it, so that none is made over another."""
    return sha256_hex(canonical(dict(passage)))[:16]


@transaction.atomic
def assign(
    organisation: Organisation,
    code: str,
    passage: str,
    seen: str,
    by: str,
    reason: str,
    held_in: Sequence[str] = (),
    not_content: bool = False,
    role: str = "",
    corrected: str = "",
    entry: tuple[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Say where a passage is held, or that it is no inventory content; with neither, that it waits again.

    `entry`: a kind and a new entry that the passage tells, made in the same step; `role`: stands in the passage
    instead of a person, in its history too. Raises StaleError, NoPassageError, and DocumentError for a place that
    holds nothing.
    """
    organisation = lock(organisation)
    if entry is not None:
        kind, new = entry
        edit_entry(organisation, kind, str(new.get("id")), lambda found: _only_new(found, kind, new), by, reason)

    def change(notice: dict[str, Any] | None) -> Mapping[str, Any]:
        if notice is None or all(one["id"] != passage for one in notice.get("passages", ())):
            raise NoPassageError(passage)
        return {**notice, "passages": [_assigned(one) if one["id"] == passage else one for one in notice["passages"]]}

    def _assigned(one: Mapping[str, Any]) -> dict[str, Any]:
        if seen_as(one) != seen:
            raise StaleError([Problem(f"{KIND}[{code}].passages[{passage}]", _("somebody has assigned it meanwhile"))])
        kept = {key: value for key, value in one.items() if key not in ("held_in", "not_content")}
        if held_in:
            kept["held_in"] = list(held_in)
        if not_content:
            kept["not_content"] = True
        if role:
            kept |= {"text": f"[{role}]", "redacted": True}
        if corrected:
            kept["corrected"] = corrected
        return kept

    made = edit_entry(organisation, KIND, code, change, by, reason) or {}
    if role:
        _forget(organisation, code, passage)
    found: dict[str, Any] = next(one for one in made["passages"] if one["id"] == passage)
    return {**found, "state": state_of(found), "seen": seen_as(found)}


def _forget(organisation: Organisation, code: str, passage: str) -> None:
    """The person who was named stands no longer in what the passage was before, either."""
    row = Passage.objects.get(notice__organisation=organisation, notice__code=code, code=passage)
    row.history.filter(redacted=False).update(text=row.text, corrected="", english="", redacted=True)


def _only_new(found: dict[str, Any] | None, kind: str, new: Mapping[str, Any]) -> Mapping[str, Any]:
    if found is not None:
        raise DocumentError([Problem(f"{kind}[{new.get('id')}]", _("there is one with this id already"))])
    return new


def _notice(organisation: Organisation, code: str) -> dict[str, Any]:
    kind = kind_of(KIND)
    row = rows_of(kind, organisation).filter(code=code).first()
    if row is None:
        raise NoPassageError(code)
    return entry_of(kind, row)
