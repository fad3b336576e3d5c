"""What the draft says of the organisation itself (art. 30(1)(a)), read and changed section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ropa.change_words import label, text_in
from ropa.draft import alike, head_of
from ropa.rights import Verb
from web.access import Place, page
from web.choice_words import choice_in_words
from web.editing import Overtaken, seen_first, write_head
from web.sections import HEAD, Section
from web.shell import shown
from web.slot_form import SlotForm, slots_of
from web.standing import says
from web.words import language


def _nothing(kind: str) -> Sequence[tuple[str, str]]:
    return []


@page(GET=Verb.READ, POST=Verb.EDIT)
def head(request: HttpRequest, place: Place) -> HttpResponse:
    """The organisation in the record; `?edit=SECTION` opens a section, a POST saves it."""
    told = head_of(place.organisation)
    asked = request.POST.get("section", "") if request.method == "POST" else request.GET.get("edit", "")
    section = next((one for one in HEAD if one.name == asked), None)
    if request.method != "POST":
        if section is None or not place.may(Verb.EDIT):
            return _drawn(request, place, told)
        return _drawn(request, place, told, section, _form(section, told))
    if section is None:
        raise Http404
    form = _form(section, told, request.POST)
    if not form.is_valid():
        return _drawn(request, place, told, section, form, 422)
    try:
        problems = write_head(
            place,
            lambda now: section.put(now, form.changed(section.of(now))),
            form.cleaned_data["change_reason"].strip(),
            request.POST.get("seen", ""),
            section.of,
        )
    except Overtaken:
        return _drawn(request, place, head_of(place.organisation), section, form, 409)
    for one in problems:
        form.add_error(None, one)
    if problems:
        return _drawn(request, place, told, section, form, 422)
    messages.success(request, _("Saved in the draft. Nothing of it is carried out before it is published."))
    return redirect("web:head", slug=place.organisation.slug)


def _form(section: Section, told: Mapping[str, Any], sent: Any = None) -> SlotForm:
    return SlotForm(sent, slots_of("organisation", section.keys, _nothing, ("organisation",)), section.of(told))


def _drawn(
    request: HttpRequest,
    place: Place,
    told: Mapping[str, Any],
    section: Section | None = None,
    form: SlotForm | None = None,
    status: int = 200,
) -> HttpResponse:
    sections = [
        {
            "name": one.name,
            "heading": one.heading(told),
            "rows": list(_rows(one, told)),
            "open": section is not None and one.name == section.name,
        }
        for one in HEAD
    ]
    context = {
        "sections": sections,
        "form": form,
        "drawn": form.drawn() if form is not None else [],
        "seen": seen_first(request, status, section.of(told)) if section is not None else "",
        "overtaken": list(_rows(section, told)) if status == 409 and section is not None else None,
        "may_edit": place.may(Verb.EDIT),
        "standing": says(place, lambda document: alike(_said(document.get("organisation") or {}), _said(told))),
    }
    return shown(request, place, "web/head.html", context, here="record", status=status)


def _said(organisation: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of it."""
    return {key: value for one in HEAD for key, value in one.of(organisation).items()}


def _rows(section: Section, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key, value in section.of(told).items():
        none = isinstance(value, Mapping) and "none_because" in value
        yield {
            "label": label(key, language()),
            "none": text_in(value["none_because"], language()) if none else "",
            "values": [] if none else [choice_in_words(value, ("organisation", key))],
        }
