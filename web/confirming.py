"""Rules that are only proposed, confirmed several at once: each as it was shown, dataset by dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.domain.rules import Status
from ropa.rights import Verb
from web.access import Place, page
from web.editing import Overtaken, seen, write
from web.rule_form import CEILINGS, GROUNDS
from web.words import number

Document = Mapping[str, Any]
Chosen = Sequence[tuple[str, str, str]]
"""Of one dataset's rules: in which list, which, and what it looked like when it was shown."""


def choice(dataset: str, where: str, rule: Document) -> str:
    """What a box beside a rule sends."""
    return "/".join((dataset, where, str(rule["id"]), seen(rule)))


@page(POST=Verb.CONFIRM)
def confirm(request: HttpRequest, place: Place) -> HttpResponse:
    """Write the chosen rules of the draft as confirmed. One that was changed since it was shown stays as it is."""
    back = redirect("web:rules", slug=place.organisation.slug)
    chosen: dict[str, list[tuple[str, str, str]]] = {}
    for one in request.POST.getlist("rule"):
        dataset, where, code, shown = (*one.split("/"), "", "", "")[:4]
        if where in (GROUNDS, CEILINGS):
            chosen.setdefault(dataset, []).append((where, code, shown))
    reason = request.POST.get("reason", "").strip()
    if not chosen or not reason:
        messages.warning(request, _("Choose the rules, and say why: the history keeps it."))
        return back
    done = sum(_confirmed(request, place, dataset, rules, reason) for dataset, rules in chosen.items())
    if done:
        text = ngettext(
            "%(n)s rule is confirmed in the draft. Nights carry it out once it is published.",
            "%(n)s rules are confirmed in the draft. Nights carry them out once they are published.",
            done,
        )
        messages.success(request, text % {"n": number(done)})
    return back


def _confirmed(request: HttpRequest, place: Place, dataset: str, rules: Chosen, reason: str) -> int:
    """How many; what stands in the way is told."""

    def now(entry: Document) -> list[str]:
        return [seen(_find(entry, where, code)) for where, code, _shown in rules]

    def change(entry: dict[str, Any]) -> dict[str, Any]:
        asked = {(where, code) for where, code, _shown in rules}
        confirmed = {
            where: [
                {**rule, "status": Status.CONFIRMED.value} if (where, rule["id"]) in asked else rule
                for rule in entry[where]
            ]
            for where in (GROUNDS, CEILINGS)
            if where in entry
        }
        return {**entry, **confirmed}

    shown = seen([shown for _where, _code, shown in rules])
    try:
        problems = write(place, "datasets", dataset, change, reason, shown, now)
    except Overtaken:
        problems = [_("%(id)s: somebody changed it meanwhile; look at it again.") % {"id": dataset}]
    for one in problems:
        messages.warning(request, one)
    return 0 if problems else len(rules)


def _find(entry: Document, where: str, code: str) -> Document:
    return next((one for one in entry.get(where) or () if one["id"] == code), {})
