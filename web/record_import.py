"""A record of processing that was kept elsewhere: brought, its columns told, each row looked at, then taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.domain.errors import DocumentError, LifecycleError
from retention.inventory_document.workbook.refuse import LARGEST
from retention.onboarding.record import apply, mapping_of, preview, record_in, save_mapping, suggestion
from retention.onboarding.record.becoming import Becomes, Preview
from ropa.models import ColumnMapping
from ropa.places import on_the_way
from ropa.rights import Verb
from web.access import Place, page
from web.columns import ColumnsForm
from web.places import in_words, named_in, where_in_words
from web.shell import shown
from web.uploads import Refused, brought, drop, keep, kept, refused
from web.words import Sign, number

RECORD = "record"
SHOWN = 25
MOST_LINES = 100
REACHED = ("activities", "registers")


def _address(place: Place, name: str, **query: str) -> str:
    return reverse(f"web:{name}", args=[place.organisation.slug], query=query or None)


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def begin_record(request: HttpRequest, place: Place) -> HttpResponse:
    """Bring a file. It is kept for the account alone until it is taken, replaced or put aside."""
    problems: list[str] = []
    status = 200
    if request.method == "POST" and request.POST.get("do") == "aside":
        drop(place, RECORD)
        messages.info(request, _("The file is put aside. The draft is as it was."))
        return redirect("web:begin", slug=place.organisation.slug)
    if request.method == "POST":
        try:
            content = _read(request)
        except Refused as error:
            problems, status = error.problems, error.status
        else:
            keep(place, RECORD, content)
            return redirect(_address(place, "begin-columns", mapping=request.POST.get("mapping", "")[:60]))
    context = {
        "problems": problems,
        "waits": kept(place, RECORD) is not None,
        "mappings": ColumnMapping.objects.filter(organisation=place.organisation).order_by("name"),
        "most": LARGEST // 1_000_000,
    }
    return shown(request, place, "web/begin_record.html", context, here="begin", status=status)


def _read(request: HttpRequest) -> bytes:
    content = brought(request, LARGEST)
    if content.startswith(b"%PDF"):
        raise Refused([_("This is a PDF. Bring a workbook (.xlsx) or CSV here; a PDF is brought as a notice.")])
    try:
        record_in(content)
    except DocumentError as error:
        raise refused(error) from None
    return content


def _again(request: HttpRequest, place: Place) -> HttpResponse:
    messages.warning(request, _("The file is no longer kept here: bring it again."))
    return redirect("web:begin-record", slug=place.organisation.slug)


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def columns(request: HttpRequest, place: Place) -> HttpResponse:
    """Say what each column is. A POST keeps that under its name and goes on to the preview, or reads headings anew."""
    content = kept(place, RECORD)
    if content is None:
        return _again(request, place)
    found = record_in(content)
    sent = request.POST if request.method == "POST" else request.GET
    begun_with = sent.get("mapping", "")
    try:
        begun = mapping_of(place.organisation, begun_with)
    except LookupError:
        begun, begun_with = suggestion(found, place.organisation.language), ""
    if request.method != "POST":
        return _columns_drawn(request, place, ColumnsForm(found, begun, name=begun_with), begun_with)
    form = ColumnsForm(found, begun, request.POST)
    name = request.POST.get("name", "").strip()
    if request.POST.get("do") == "headings" or form.other_headings():
        again = ColumnsForm(found, form.carried(), name=name)
        if request.POST.get("do") == "headings":
            return _columns_drawn(request, place, again, begun_with)
        messages.warning(request, _("The headings are others now: say what each of them is."))
        return _columns_drawn(request, place, again, begun_with, 409)
    if form.is_valid():
        try:
            said = form.said()
            save_mapping(place.organisation, name, said, place.who(Verb.EDIT), _("said on the page of a record"))
        except DocumentError as error:
            form.tell(error)
        else:
            return redirect(_address(place, "begin-preview", mapping=name))
    return _columns_drawn(request, place, form, begun_with, 422)


def _columns_drawn(
    request: HttpRequest, place: Place, form: ColumnsForm, begun_with: str, status: int = 200
) -> HttpResponse:
    context = {"form": form, "columns": form.drawn(), "sheets": form.drawn_sheets(), "begun_with": begun_with}
    return shown(request, place, "web/begin_columns.html", context, here="begin", status=status)


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def looked_at(request: HttpRequest, place: Place) -> HttpResponse:
    """What would become of each row; with the digest of that, a POST makes it part of the draft."""
    content = kept(place, RECORD)
    if content is None:
        return _again(request, place)
    sent = request.POST if request.method == "POST" else request.GET
    name = sent.get("mapping", "")
    try:
        said = mapping_of(place.organisation, name)
    except LookupError:
        messages.warning(request, _("Say first what the columns are."))
        return redirect("web:begin-columns", slug=place.organisation.slug)
    if request.method != "POST":
        return _looked_drawn(request, place, name, content, said)
    reason = request.POST.get("reason", "").strip()[:2_000]
    if not reason:
        return _looked_drawn(request, place, name, content, said, [_("Say why: the history keeps it.")], 422)
    try:
        digest = request.POST.get("digest", "")
        taken = apply(place.organisation, content, said, place.who(Verb.EDIT), reason, digest)
    except DocumentError:
        told = _("The record was not taken: its problems stand below.")
        return _looked_drawn(request, place, name, content, said, [told], 422, reason)
    except LifecycleError:
        told = _("The draft, the file or its columns have changed since you looked: nothing was taken. Look again.")
        return _looked_drawn(request, place, name, content, said, [told], 409, reason)
    drop(place, RECORD)
    rows = sum(one.outcome != "nothing" for one in taken.rows)
    text = ngettext("%(n)s row became part of the draft.", "%(n)s rows became part of the draft.", rows)
    messages.success(request, text % {"n": number(rows)})
    return redirect("web:entries", slug=place.organisation.slug, kind="activities")


def _looked_drawn(
    request: HttpRequest,
    place: Place,
    name: str,
    content: bytes,
    said: dict[str, Any],
    problems: list[str] | None = None,
    status: int = 200,
    reason: str = "",
) -> HttpResponse:
    found, digest = preview(place.organisation, content, said)
    rows = Paginator(found.rows, SHOWN).get_page(request.GET.get("page"))
    outcomes = [one.outcome for one in found.rows]
    context = {
        "mapping": name,
        "digest": digest,
        "counts": [(sign_of(one), outcomes.count(one)) for one in ("new", "changes", "nothing", "error")],
        "found": rows,
        "rows": [
            {"row": one, "sign": sign_of(one.outcome), "changes": [_change(found, change) for change in one.changes]}
            for one in rows
        ],
        "wrong": _lines(found.problems, found),
        "more_wrong": max(len(found.problems) - MOST_LINES, 0),
        "doubtful": _lines(found.warnings, found),
        "more_doubtful": max(len(found.warnings) - MOST_LINES, 0),
        "unread": found.unread[:MOST_LINES],
        "nothing_new": all(one == "nothing" for one in outcomes),
        "problems": problems or [],
        "reason": reason,
        "asked": "",
    }
    return shown(request, place, "web/begin_preview.html", context, here="begin", status=status)


def _lines(problems: Any, found: Preview) -> list[str]:
    return [in_words(one, found.document) for one in problems[:MOST_LINES]]


def _change(found: Preview, change: Becomes) -> dict[str, Any]:
    inside = change.path.partition("].")  # of the row's own activity it need not be said which
    path = inside[2] if change.path.startswith("activities[") and inside[2] else change.path
    where = where_in_words(path.rpartition("[")[0] if path.endswith("]") else path, _around(found, change.path, path))
    text = change.text
    reached = change.path.rpartition(".")[2]
    if reached in REACHED:  # ids of what an entry comes to reach
        text = ", ".join(named_in(reached, one, found.document) for one in text.split(", "))
    return {"where": where, "new": change.what == "new", "text": text[:300]}


def _around(found: Preview, whole: str, path: str) -> Mapping[str, Any]:
    """In which a path leads: the document, or of a path inside an activity that activity."""
    return found.document if whole == path else on_the_way(found.document, whole)[0]


def sign_of(outcome: str) -> Sign:
    """What becomes of a row, as a state."""
    return {
        "new": Sign("ok", _("new activity")),
        "changes": Sign("ok", _("adds to what is there")),
        "nothing": Sign("unk", _("brings nothing new")),
        "error": Sign("late", _("has an error")),
    }[outcome]
