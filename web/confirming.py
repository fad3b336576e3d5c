"""Rules that are only proposed, confirmed several at once: each as it was shown, dataset by dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.domain.rules import Status
from ropa.models import Dataset
from ropa.rights import Verb
from web.access import Place
from web.editing import Overtaken, seen, write
from web.rule_form import CEILINGS, GROUNDS
from web.words import named, number

Document = Mapping[str, Any]
Chosen = Sequence[tuple[str, str, str]]
"""Of one dataset's rules: in which list, which, and what it looked like when it was shown."""


def choice(dataset: str, where: str, rule: Document) -> str:
    """What a box beside a rule sends."""
    return "/".join((dataset, where, str(rule["id"]), seen(rule)))


def confirm(request: HttpRequest, place: Place) -> str:
    """Write the chosen rules of the draft as confirmed. One that was changed since it was shown stays as it is.

    What the form lacks, where nothing was written for that; else nothing.
    """
    chosen: dict[str, list[tuple[str, str, str]]] = {}
    for one in request.POST.getlist("rule"):
        dataset, where, code, shown = (*one.split("/"), "", "", "")[:4]
        if where in (GROUNDS, CEILINGS):
            chosen.setdefault(dataset, []).append((where, code, shown))
    reason = request.POST.get("reason", "").strip()
    if not chosen or not reason:
        return _("Choose the rules, and say why: the history keeps it.")
    done = sum(_confirmed(request, place, dataset, rules, reason) for dataset, rules in chosen.items())
    if done:
        text = ngettext(
            "%(n)s rule is confirmed in the draft. Nights carry it out once it is published.",
            "%(n)s rules are confirmed in the draft. Nights carry them out once they are published.",
            done,
        )
        messages.success(request, text % {"n": number(done)})
    return ""


def _confirmed(request: HttpRequest, place: Place, dataset: str, rules: Chosen, reason: str) -> int:
    """How many; what stands in the way is told."""
    asked = {(where, code) for where, code, _shown in rules}
    changed = 0

    def now(entry: Document) -> list[str]:
        return [seen(_find(entry, where, code)) for where, code, _shown in rules]

    def change(entry: dict[str, Any]) -> dict[str, Any]:
        nonlocal changed
        changed = 0
        confirmed = {where: list(entry[where]) for where in (GROUNDS, CEILINGS) if where in entry}
        for where, listed in confirmed.items():
            for n, rule in enumerate(listed):
                if (where, rule["id"]) in asked and rule.get("status") != Status.CONFIRMED.value:
                    listed[n] = {**rule, "status": Status.CONFIRMED.value}
                    changed += 1
        return {**entry, **confirmed}

    shown = seen([shown for _where, _code, shown in rules])
    try:
        problems = write(place, "datasets", dataset, change, reason, shown, now, Verb.CONFIRM)
    except Overtaken:
        problems = [_("somebody changed it meanwhile; look at it again.")]
    name = _name(place, dataset)
    for one in problems:
        messages.warning(request, f"{name}: {one}")
    return 0 if problems else changed


def _name(place: Place, dataset: str) -> str:
    row = Dataset.objects.filter(organisation=place.organisation, code=dataset).first()
    return named(row.name, dataset) if row is not None else dataset


def _find(entry: Document, where: str, code: str) -> Document:
    return next((one for one in entry.get(where) or () if one["id"] == code), {})
