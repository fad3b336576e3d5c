"""The registers of the version in force: where each lies, its datasets' rules, and how the last night saw it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.connectors.contract import ConnectorError
from retention.models import DatasetNight, Run
from retention.plan import RegisterPlan, plan_of
from retention.selectors import connector_of, reachable
from ropa.change_words import text_in
from ropa.models import Version
from ropa.rights import Verb
from ropa.selectors import version_in_force
from ropa.wording import citation_in_words, rule_in_words
from web.access import Place, page
from web.shell import shown
from web.sums import last_night
from web.words import Sign, language, named, policy_in_words

Document = Mapping[str, Any]


@page(GET=Verb.READ)
def registers(request: HttpRequest, place: Place) -> HttpResponse:
    """Every register, those with a word of the search in name, place or dataset."""
    version = version_in_force(place.organisation, place.today)
    asked = request.GET.get("q", "").strip()[:200]
    rows = _rows(place, version) if version is not None else []
    found = [row for row in rows if asked.casefold() in row["searched"]] if asked else rows
    context = {"rows": found, "every": len(rows), "asked": asked, "version": version}
    return shown(request, place, "web/registers.html", context, here="registers")


def _rows(place: Place, version: Version) -> list[dict[str, Any]]:
    document = json.loads(version.snapshot)
    night = last_night(place.organisation)
    seen = _seen(night)
    inside: dict[str, list[Document]] = {}
    for one in document.get("datasets") or ():
        inside.setdefault(one["register"], []).append(one)
    return [_row(one, inside.get(one["id"], []), seen, night) for one in document.get("registers") or ()]


def _seen(night: Run | None) -> dict[str, DatasetNight]:
    return {one.dataset: one for one in night.datasets.all()} if night is not None else {}


def _row(
    entry: Document, inside: list[Document], seen: Mapping[str, DatasetNight], night: Run | None
) -> dict[str, Any]:
    name = named(entry.get("name") or {}, entry["id"])
    where = _where(entry)
    nights = [seen[one["id"]] for one in inside if one["id"] in seen]
    names = [named(one.get("name") or {}, one["id"]) for one in inside]
    return {
        "code": entry["id"],
        "name": name,
        "where": where,
        "lifecycle": entry.get("lifecycle") or "active",
        "datasets": len(inside),
        "kept": sum(_kept(one) for one in nights) if nights and len(nights) == len(inside) else None,
        "sign": _sign(nights, len(inside), night),
        "searched": " ".join([name, where, *names]).casefold(),
    }


def _where(entry: Document) -> str:
    told = entry.get("place") or {}
    return text_in(told.get("value") or told.get("none_because"), language()) if told else ""


def _kept(one: DatasetNight) -> int:
    """How many records the independent reader found, in whatever state."""
    return sum(number for name, number in one.counts.items() if name.startswith("left_"))


def _sign(nights: list[DatasetNight], datasets: int, night: Run | None) -> Sign:
    if any(one.unexplained for one in nights):
        return Sign("late", _("overdue"))
    if not datasets:
        return Sign("draft", _("no dataset yet"))
    if night is None or len(nights) < datasets:
        return Sign("unk", _("not known"))
    if any(one.problem or one.unexplained is None for one in nights):
        return Sign("unk", _("did not answer"))
    return Sign("ok", _("in order"))


@page(GET=Verb.READ, POST=Verb.EDIT)
def register(request: HttpRequest, place: Place, code: str) -> HttpResponse:
    """One register with its datasets and their rules in words; a POST asks whether it can be reached now."""
    version = version_in_force(place.organisation, place.today)
    plan = plan_of(version).find_register(code) if version is not None else None
    if version is None or plan is None:
        raise Http404
    if request.method == "POST":
        _reach(request, place, plan, version)
        return redirect("web:register", slug=place.organisation.slug, code=code)
    document = json.loads(version.snapshot)
    entry = next(one for one in document["registers"] if one["id"] == code)
    inside = [one for one in document.get("datasets") or () if one["register"] == code]
    night = last_night(place.organisation)
    seen = _seen(night)
    context = {
        "row": _row(entry, inside, seen, night),
        "version": version,
        "night": night,
        "datasets": [_dataset(one, seen.get(one["id"])) for one in inside],
        "reachable": reachable(place.organisation, plan),
        "may_reach": place.may(Verb.EDIT),
    }
    return shown(request, place, "web/register.html", context, here="registers")


def _dataset(entry: Document, seen: DatasetNight | None) -> dict[str, Any]:
    rules = [*(entry.get("grounds") or ()), *(entry.get("ceilings") or ())]
    return {
        "name": named(entry.get("name") or {}, entry["id"]),
        "mode": policy_in_words((entry.get("policy") or {}).get("mode", "observe")),
        "rules": [
            {
                "text": rule_in_words(rule, language()),
                "law": citation_in_words(rule["law"], language()) if rule.get("law") else "",
                "proposed": rule.get("status") == "proposed",
            }
            for rule in rules
        ],
        "seen": seen,
        "kept": _kept(seen) if seen is not None else None,
        "sign": _sign([seen] if seen is not None else [], 1, seen.run if seen is not None else None),
    }


def _reach(request: HttpRequest, place: Place, register: RegisterPlan, version: Version) -> None:
    """Connect, and look whether everything is there that the inventory maps; nothing is read of any record."""
    plan = plan_of(version)
    mappings = [one.mapping for one in plan.datasets_of(register.code) if one.mapping is not None]
    try:
        with connector_of(place.organisation, register) as connector:
            connector.check(mappings)
    except ConnectorError as error:
        messages.warning(request, _("It cannot be reached as the inventory says: %(why)s") % {"why": error})
        return
    text = ngettext(
        "It answers, and the %(n)d place that the inventory names is there.",
        "It answers, and all %(n)d places that the inventory names are there.",
        len(mappings),
    )
    messages.success(request, text % {"n": len(mappings)})
