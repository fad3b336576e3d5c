"""The registers of the version in force: where each lies, its datasets' rules, and how the last night saw it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.connectors.contract import ConnectorError
from retention.models import Connection, DatasetNight, Run
from retention.plan import plan_of
from retention.selectors import connector_of
from ropa.models import Dataset, Register, Version
from ropa.rights import Verb
from ropa.wording import citation_in_words, rule_in_words
from web.access import Place, page
from web.ages import ages_of, outlook_of
from web.connector_words import problem_in_words
from web.paging import paged
from web.record import Document, Record, record_of, version_of, where
from web.shell import shown
from web.sums import last_night
from web.words import Sign, language, named, policy_in_words


@page(GET=Verb.READ)
def registers(request: HttpRequest, place: Place) -> HttpResponse:
    """The registers, a page at a time; of a search those with it in name, place or dataset, in any language."""
    version = version_of(place)
    asked = request.GET.get("q", "").strip()[:200]
    context: dict[str, Any] = {"rows": [], "every": 0, "asked": asked, "version": version}
    if version is not None:
        record = record_of(version)
        word = asked.casefold()
        pages = paged(request, [code for code, text in record.searched.items() if word in text])
        night = last_night(place.organisation)
        seen = _seen(night, [code for register in pages.rows for code in record.inside[register]])
        context |= {
            "rows": [_row(record, code, seen, night) for code in pages.rows],
            "pages": pages,
            "every": len(record.registers),
            "night": night,
        }
    return shown(request, place, "web/registers.html", context, here="registers")


def _seen(night: Run | None, datasets: Collection[str]) -> dict[str, DatasetNight]:
    """How the night left these datasets."""
    return {one.dataset: one for one in night.datasets.filter(dataset__in=datasets)} if night is not None else {}


def _row(record: Record, code: str, seen: Mapping[str, DatasetNight], night: Run | None) -> dict[str, Any]:
    entry, inside = record.registers[code], record.inside[code]
    nights = [seen[one] for one in inside if one in seen]
    return {
        "code": code,
        "name": named(entry.get("name") or {}, code),
        "where": where(entry, language()),
        "lifecycle": entry.get("lifecycle") or "active",
        "datasets": len(inside),
        "kept": sum(_kept(one) for one in nights) if nights and len(nights) == len(inside) else None,
        "sign": _sign(nights, len(inside), night),
    }


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
    version = version_of(place)
    record = record_of(version) if version is not None else None
    if version is None or record is None or code not in record.registers:
        raise Http404
    if request.method == "POST":
        _reach(request, place, code, version)
        return redirect("web:register", slug=place.organisation.slug, code=code)
    night = last_night(place.organisation)
    pages = paged(request, record.inside[code])
    seen = _seen(night, record.inside[code])
    outlook = outlook_of(place.organisation)
    ages = ages_of(outlook, seen, pages.rows)
    drafted = set(
        Dataset.objects.filter(organisation=place.organisation, code__in=pages.rows).values_list("code", flat=True)
    )
    datasets = [
        {**_dataset(record.datasets[one], seen.get(one)), "ages": ages[one], "code": one if one in drafted else ""}
        for one in pages.rows
    ]
    context = {
        "outlook": outlook,
        "row": _row(record, code, seen, night),
        "version": version,
        "night": night,
        "pages": pages,
        "datasets": datasets,
        "drafted": Register.objects.filter(organisation=place.organisation, code=code).exists(),
        "reachable": _reachable(place, record.registers[code]),
        "may_reach": place.may(Verb.EDIT),
    }
    return shown(request, place, "web/register.html", context, here="registers")


def _reachable(place: Place, entry: Document) -> bool:
    return Connection.objects.filter(organisation=place.organisation, code=entry.get("connection") or "").exists()


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
        "problem": problem_in_words(seen.problem) if seen is not None else "",
        "kept": _kept(seen) if seen is not None else None,
        "sign": _sign([seen] if seen is not None else [], 1, seen.run if seen is not None else None),
    }


def _reach(request: HttpRequest, place: Place, code: str, version: Version) -> None:
    """Connect, and look whether everything is there that the inventory maps; nothing is read of any record."""
    plan = plan_of(version)
    register = plan.find_register(code)
    if register is None:
        raise Http404
    mapped = [one for one in plan.datasets_of(register.code) if one.mapping is not None]
    mappings = [one.mapping for one in mapped if one.mapping is not None]
    ours = [one.mapping for one in mapped if one.mapping is not None and one.enforced_by == "us"]
    try:
        with connector_of(place.organisation, register) as connector:
            connector.check(mappings)
            health = connector.check(ours)  # others dispose of the rest: there it is right that we may only read
    except ConnectorError as error:
        messages.warning(
            request, _("It cannot be reached as the inventory says: %(why)s") % {"why": problem_in_words(str(error))}
        )
        return
    text = ngettext(
        "It answers, and the %(n)d place that the inventory names is there.",
        "It answers, and all %(n)d places that the inventory names are there.",
        len(mappings),
    )
    messages.success(request, text % {"n": len(mappings)})
    lacking = [f"rights are missing: {', '.join(health.missing_rights)}"] if health.missing_rights else []
    for why in (*lacking, *health.hindrances):
        told = _("Items are counted, but nothing goes before this is mended: %(why)s")
        messages.warning(request, told % {"why": problem_in_words(why)})
