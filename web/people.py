"""Why do you still have this, and until when: what the registers have of one person, to be printed for her.

The number is sent in a form's body, so that it stands in no address and no log, and nothing of the answer is kept.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention.domain.decisions import Decision, State
from retention.person import Answer, Kept, kept_of
from retention.plan import Plan, plan_of
from ropa.rights import Verb
from ropa.selectors import version_in_force
from web.access import Place, page
from web.shell import shown
from web.words import Sign, day, named
from worker.decision_words import reasons, sentence

CUSTOMER = "customer"


class AskForm(forms.Form):
    """Whose items are asked for."""

    number = forms.CharField(
        label=gettext_lazy("Customer number"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@page(GET=Verb.ANSWER, POST=Verb.ANSWER, private=["number"])
def person(request: HttpRequest, place: Place) -> HttpResponse:
    """Ask by a number; the answer is on the page alone."""
    version = version_in_force(place.organisation, place.today)
    form = AskForm(request.POST or None, label_suffix="")
    context: dict[str, Any] = {"form": form, "version": version, "today": place.today}
    if version is not None and request.method == "POST" and form.is_valid():
        number = form.cleaned_data["number"].strip()
        answer = kept_of(place.organisation, version, CUSTOMER, number, place.today)
        context |= _told(answer, plan_of(version)) | {"number": number}
    return shown(request, place, "web/person.html", context, here="person")


def _told(answer: Answer, plan: Plan) -> dict[str, Any]:
    registers = {one.code: named(one.name, one.code) for one in plan.registers}
    return {
        "asked": True,
        "kept": _alike([_row(one, registers) for one in sorted(answer.kept, key=_order)]),
        "nothing": [named(one.name, one.code) for one in answer.nothing],
        "unknown": _by_reason(answer),
        "items": sum(one.items for one in answer.kept),
    }


def _order(one: Kept) -> tuple[str, str, date]:
    """Datasets as they come in the record, and of each what goes first."""
    return (one.dataset.register, one.dataset.code, one.decision.due_from or date.max)


def _by_reason(answer: Answer) -> list[tuple[str, str]]:
    """What could not be asked, together where the reason is the same."""
    found: dict[str, list[str]] = {}
    for one, why in answer.unknown:
        found.setdefault(why, []).append(named(one.name, one.code))
    return [(", ".join(names), why) for why, names in found.items()]


def _alike(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that read alike as one, with all that their rules say: a customer has sixty invoices and three days."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = (row["name"], row["register"], row["sign"], row["sentence"], row["until"], row["doubtful"])
        first = found.setdefault(key, {**row, "items": 0, "reasons": []})
        first["items"] += row["items"]
        first["reasons"] += [reason for reason in row["reasons"] if reason not in first["reasons"]]
    return list(found.values())


def _row(one: Kept, registers: dict[str, str]) -> dict[str, Any]:
    return {
        "name": named(one.dataset.name, one.dataset.code),
        "register": registers.get(one.dataset.register, one.dataset.register),
        "items": one.items,
        "sign": _sign(one.decision),
        "sentence": sentence(one.decision),
        "reasons": list(reasons(one.decision)),
        "until": _("when the hold ends") if one.decision.state is State.HELD else day(one.decision.due_from),
        "doubtful": one.doubtful,
    }


def _sign(decision: Decision) -> Sign:
    match decision.state:
        case State.HELD:
            return Sign("hold", _("on hold"))
        case State.DUE:
            return Sign("wait", _("due"))
        case State.OPEN | State.KEEP if decision.blocked:
            return Sign("block", _("blocked for other use"))
        case State.OPEN | State.KEEP:
            return Sign("ok", _("in its time"))
        case State.TRIGGER_MISSING:
            return Sign("late", _("start event missing"))
        case _:
            return Sign("wait", _("awaiting a decision"))
