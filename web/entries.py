"""Entries of the draft of every kind: a list, and a page on which each is read and changed section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import messages
from django.db.models import Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from retention.inventory_document.shape import schema
from ropa.change_words import label
from ropa.draft import alike, entry_of, rows_of
from ropa.kinds import KINDS, Kind, kind_of
from ropa.models import Notice
from ropa.rights import Verb
from ropa.wording import article_in_words
from web.access import Place, page
from web.editing import Overtaken, seen, seen_first, write
from web.entry_told import Open, definition_of, differs, history, law_of, names_in, rules_of, states, told
from web.paging import paged
from web.sections import Section, opening, sections_of
from web.shell import shown
from web.slot_form import SlotForm
from web.standing import says
from web.words import free_code, language, named, stem_of

NEW = "new"
Told = Mapping[str, Any]


def kind_or_404(name: str) -> Kind:
    if name not in {one.name for one in KINDS}:
        raise Http404
    return kind_of(name)


@page(GET=Verb.READ)
def record(request: HttpRequest, place: Place) -> HttpResponse:
    """All kinds of entries of the draft, and how many there are of each."""
    rows = [
        {"kind": one.name, "name": label(one.name, language()), "count": rows_of(one, place.organisation).count()}
        for one in KINDS
    ]
    return shown(request, place, "web/record.html", {"rows": rows}, here="record")


@page(GET=Verb.READ)
def entries(request: HttpRequest, place: Place, kind: str) -> HttpResponse:
    """The entries of one kind, those with a word of the search in their name."""
    asked = request.GET.get("q", "").strip()[:200]
    found = kind_or_404(kind)
    gone = bool(request.GET.get("gone"))
    rows = taken_out(found, place) if gone else rows_of(found, place.organisation).order_by("position", "pk")
    if asked:
        rows = rows.filter(Q(name__icontains=asked) | Q(code__icontains=asked))
    pages = paged(request, rows)
    context = {
        "kind": kind,
        "title": label(kind, language()),
        "pages": pages,
        "rows": [_gone(one) if gone else _row(kind, one) for one in pages.rows],
        "asked": asked,
        "gone": gone,
        "may_edit": place.may(Verb.EDIT),
    }
    return shown(request, place, "web/entries.html", context, here=here_in_menu(kind))


def here_in_menu(kind: str) -> str:
    return {"activities": "activities", "registers": "registers", "datasets": "rules"}.get(kind, "record")


def _row(kind: str, row: Any) -> dict[str, Any]:
    more = ""
    if kind == "activities":
        names = [named(one.name, one.code) for one in row.purposes.all()]
        more = " · ".join(names[:4])
    elif kind == "datasets":
        more = named(row.register.name, row.register.code)
    return {"code": row.code, "name": named(row.name, row.code), "more": more}


def taken_out(kind: Kind, place: Place) -> Any:
    """Entries that the draft had and has no more: the last that their histories have of them, the newest first."""
    past: Any = kind.model.history.filter(organisation=place.organisation)  # type: ignore[attr-defined]
    standing = rows_of(kind, place.organisation).values("code")
    last = past.exclude(code__in=standing).order_by().values("code").annotate(last=Max("history_id")).values("last")
    return past.filter(history_id__in=last).order_by("-history_date", "-history_id")


def _gone(row: Any) -> dict[str, Any]:
    return {"code": row.code, "name": named(row.name, row.code), "when": row.history_date}


def _open(place: Place, kind: str, code: str) -> Open:
    found = kind_or_404(kind)
    row = rows_of(found, place.organisation).filter(code=code).first()
    if row is None:
        raise Http404
    return Open(place, found, code, entry_of(found, row))


@page(GET=Verb.READ, POST=Verb.EDIT)
def entry(request: HttpRequest, place: Place, kind: str, code: str) -> HttpResponse:
    """One entry: read by sections; `?edit=SECTION` opens one of them, a POST saves it or takes the entry out."""
    opened = _open(place, kind, code)
    if request.method != "POST":
        edit = request.GET.get("edit", "") if place.may(Verb.EDIT) else ""
        section = opened.section(edit) if edit else None
        return _drawn(request, opened, section, opened.form(section) if section else None)
    if request.POST.get("do") == "remove":
        return _removed(request, opened)
    section = opened.section(request.POST.get("section", ""))
    form = opened.form(section, request.POST)
    if not form.is_valid():
        return _drawn(request, opened, section, form, status=422)
    try:
        problems = write(
            place,
            kind,
            code,
            lambda now: section.put(now, form.changed(section.of(now))),
            form.cleaned_data["change_reason"].strip(),
            request.POST.get("seen", ""),
            section.of,
        )
    except Overtaken:
        return _drawn(request, _open(place, kind, code), section, form, status=409, overtaken=True)
    if problems:
        for one in problems:
            form.add_error(None, one)
        return _drawn(request, opened, section, form, status=422)
    messages.success(request, _("Saved in the draft. Nothing of it is carried out before it is published."))
    response = redirect("web:entry", slug=place.organisation.slug, kind=kind, code=code)
    response["Location"] += f"#{section.name}"
    return response


def _says(opened: Open, document: Told) -> bool:
    """Whether a version says the same of this entry."""
    there = document.get(opened.kind.name) or ()
    return any(one["id"] == opened.code and alike(one, opened.entry) for one in there)


def _drawn(
    request: HttpRequest,
    opened: Open,
    section: Section | None,
    form: SlotForm | None,
    status: int = 200,
    overtaken: bool = False,
) -> HttpResponse:
    place = opened.place
    names = names_in(opened)
    filled = states(opened)
    sections = [
        {
            "name": one.name,
            "letter": one.letter,
            "editable": bool(one.keys),
            "heading": one.heading(opened.entry),
            "article": article_in_words(one.article, language()) if one.article else "",
            "law": law_of(one.article),
            "rows": list(told(opened, one, names)),
            "state": filled.get(one.name),
            "open": section is not None and one.name == section.name,
            "history": history(opened, one) if section is not None and one.name == section.name else [],
        }
        for one in opened.sections()
    ]
    fresh = section is not None and all(one["name"] != section.name for one in sections)
    context = {
        "opened": opened,
        "standing": says(place, lambda document: _says(opened, document)),
        "title": opened.name,
        "kind": opened.kind.name,
        "kind_name": label(opened.kind.name, language()),
        "sections": sections,
        "strip": [one for one in sections if one["letter"]],
        "form": form,
        "drawn": form.drawn() if form is not None else [],
        "section": section,
        "fresh": fresh,
        "fresh_heading": section.heading({}) if fresh and section is not None else "",
        "seen": seen_first(request, status, section.of(opened.entry)) if section is not None else "",
        "overtaken": list(told(opened, section, names)) if overtaken and section is not None else None,
        "diff": differs(opened),
        "rules": rules_of(opened),
        "openings": opening(opened.kind.name),
        "may_edit": place.may(Verb.EDIT),
    }
    return shown(request, place, "web/entry.html", context, here=here_in_menu(opened.kind.name), status=status)


def _removed(request: HttpRequest, opened: Open) -> HttpResponse:
    here = redirect("web:entry", slug=opened.place.organisation.slug, kind=opened.kind.name, code=opened.code)
    reason = request.POST.get("remove_reason", "").strip()
    if not reason:
        messages.warning(request, _("Say why it is taken out: the history keeps it."))
        return here
    child, _slash, inside = request.POST.get("inside", "").partition("/")
    try:
        if child:
            section = opened.section(f"{child}-{inside}")
            problems = write(
                opened.place,
                opened.kind.name,
                opened.code,
                lambda now: section.put(now, None),
                reason,
                seen(section.of(opened.entry)),
                section.of,
            )
        else:
            shown_now = seen(opened.entry)
            problems = write(
                opened.place, opened.kind.name, opened.code, lambda now: None, reason, shown_now, lambda now: now
            )
    except Overtaken:
        problems = [_("Somebody changed it meanwhile: look at it again.")]
    if problems:
        for one in problems:
            messages.warning(request, one)
        return here
    messages.success(request, _("Taken out of the draft. What is published keeps it until the next version."))
    if child:
        return here
    return redirect("web:entries", slug=opened.place.organisation.slug, kind=opened.kind.name)


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def new(request: HttpRequest, place: Place, kind: str) -> HttpResponse:
    """A new entry: what it cannot do without; the rest is said on its page."""
    found = kind_or_404(kind)
    opened = Open(place, found, NEW, dict(_chosen_before(request, kind)))
    section = sections_of(kind, {})[0].with_required(schema()["$defs"][definition_of(kind)]["required"])
    form = opened.form(section, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        wanted = form.changed({})
        code = _free(place, found, wanted.get("name") or {})
        if Notice.objects.filter(organisation=place.organisation).exists():
            wanted["addition"] = True  # no published notice of theirs says it
        reason = form.cleaned_data["change_reason"].strip()
        try:
            problems = write(place, kind, code, lambda now: wanted, reason, None, lambda now: now)
        except Overtaken:
            problems = [_("Somebody made one with this name meanwhile.")]
        if not problems:
            messages.success(request, _("Added to the draft."))
            return redirect("web:entry", slug=place.organisation.slug, kind=kind, code=code)
        for one in problems:
            form.add_error(None, one)
    context = {
        "kind": kind,
        "kind_name": label(kind, language()),
        "form": form,
        "drawn": form.drawn(),
    }
    status = 422 if request.method == "POST" else 200
    return shown(request, place, "web/entry_new.html", context, here=here_in_menu(kind), status=status)


def _chosen_before(request: HttpRequest, kind: str) -> Iterator[tuple[str, str]]:
    """What a link to a new dataset says already: its register or its activity."""
    if kind == "datasets":
        for key in ("register", "activity"):
            if request.GET.get(key):
                yield key, request.GET[key][:60]


def _free(place: Place, kind: Kind, name: Mapping[str, str]) -> str:
    """An id made of the name, which nothing of its kind has."""
    stem = stem_of(name, kind.name)
    model: Any = kind.model
    alike = model.objects.filter(organisation=place.organisation, code__startswith=stem)
    return free_code(stem, alike.values_list("code", flat=True))
