"""Changing one entry of the draft from a page: through the same door as the API, and never over somebody's change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, Problem
from retention.inventory_document import edit_entry, edit_head
from ropa.change_words import label
from ropa.models import Organisation
from ropa.rights import Verb
from ropa.services import digest_of, draft_of
from web.access import Place
from web.places import calling
from web.words import language

Told = Mapping[str, Any]
Entry = dict[str, Any] | None


class Overtaken(Exception):
    """Somebody else has changed what a form is about since it was shown."""


def seen(told: Any) -> str:
    """What a form shows, as a word that the form sends back: whoever saves names what was seen."""
    return digest_of({"seen": told})


def seen_first(request: HttpRequest, status: int, told: Any) -> str:
    """What a form shows for the first time; sent back with a fault it is still about what was seen then.

    Only whoever is told that it was overtaken (409) has seen what stands there now.
    """
    if request.method == "POST" and status != 409 and request.POST.get("seen"):
        return str(request.POST["seen"])
    return seen(told)


def write(
    place: Place,
    kind: str,
    code: str,
    change: Callable[[dict[str, Any]], Told | None],
    reason: str,
    shown: str | None,
    now: Callable[[dict[str, Any]], Any],
    verb: Verb = Verb.EDIT,
) -> list[str]:
    """Change an entry of the draft, or make it; [] where it is done, else what the document refuses, in words.

    `shown`: what the form was about, as `seen` said it; None for a new entry, which nobody else may have made. `now`:
    the same of the entry as it stands. `change` gives None for an entry that goes. `verb`: as which of several roles
    it is done. Raises Overtaken.
    """

    def checked(entry: Entry) -> Told | None:
        if (entry is None) is not (shown is None) or (entry is not None and seen(now(entry)) != shown):
            raise Overtaken
        return change(entry or {})

    try:
        edit_entry(place.organisation, kind, code, checked, place.who(verb), reason[:2_000])
    except DocumentError as error:
        return list(dict.fromkeys(in_words(error.problems, place.organisation)))
    return []


def write_head(
    place: Place, change: Callable[[Told], Told], reason: str, shown: str, now: Callable[[Told], Any]
) -> list[str]:
    """The same for what the draft says of the organisation itself. Raises Overtaken."""

    def checked(head: Told) -> Told:
        if seen(now(head)) != shown:
            raise Overtaken
        return change(head)

    try:
        edit_head(place.organisation, checked, place.who(Verb.EDIT), reason[:2_000])
    except DocumentError as error:
        return list(dict.fromkeys(in_words(error.problems, place.organisation)))
    return []


def in_words(problems: Iterable[Problem], organisation: Organisation) -> Iterator[str]:
    """What a document refuses, each with what the field is called, entries by their names."""
    document = draft_of(organisation)
    for one in problems:
        where = " › ".join(_steps(one.path))
        yield _("%(where)s: %(what)s") % {"where": where, "what": calling(one.message, document)}


def _steps(path: str) -> Iterator[str]:
    """A place as the form calls it: lists inside the entry with the entry that is meant, and the field."""
    steps = path.split(".")
    for n, step in enumerate(steps):
        name, _bracket, which = step.partition("[")
        if n > 0 and which:
            yield f"{label(name, language())}, {which.rstrip(']')}"
        elif n == len(steps) - 1:
            yield label(name, language())
