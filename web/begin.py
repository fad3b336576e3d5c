"""Where a record begins: the ways to bring in what there is already, and the whole draft as a file."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError, LifecycleError
from retention.inventory_document import whole_draft
from retention.inventory_document.files import FORMATS, file_of
from retention.inventory_document.guide import guide
from retention.inventory_document.yaml_text import LARGEST
from retention.onboarding.whole import Looked, look, take
from ropa.change_words import Teller
from ropa.changes import Kind, difference
from ropa.models import Activity, Dataset, Notice, Register
from ropa.rights import Verb
from web.access import Place, page
from web.places import in_words
from web.shell import shown
from web.uploads import Refused, brought, drop, keep, kept, refused
from web.words import language

MOST_LINES = 200
DOCUMENT = "document"
MEDIA = {
    "yaml": ("application/yaml", "yaml"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "csv": ("application/zip", "zip"),
}


@page(GET=Verb.EDIT)
def begin(request: HttpRequest, place: Place) -> HttpResponse:
    """The ways to begin; beside each how far it has come."""
    organisation = place.organisation
    models: tuple[Any, ...] = (Register, Activity, Dataset)
    counts = {model.__name__.lower(): model.objects.filter(organisation=organisation).count() for model in models}
    notices = Notice.objects.filter(organisation=organisation).count()
    context = {"counts": counts, "empty": not any(counts.values()), "notices": notices}
    return shown(request, place, "web/begin.html", context, here="begin")


@page(GET=Verb.READ)
def file(request: HttpRequest, place: Place, form: str) -> HttpResponse:
    """The draft with its connections as a file; secrets are references."""
    if form not in FORMATS:
        raise Http404
    media, extension = MEDIA[form]
    content = file_of(whole_draft(place.organisation), form, guide(place.organisation.language))
    answer = HttpResponse(content, content_type=media)
    answer["Content-Disposition"] = f'attachment; filename="{place.organisation.slug}.{extension}"'
    return answer


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def document(request: HttpRequest, place: Place) -> HttpResponse:
    """The whole draft as a file; a file in its place: brought, looked at, and taken or put aside."""
    do = request.POST.get("do", "") if request.method == "POST" else ""
    if do == "aside":
        drop(place, DOCUMENT)
        messages.info(request, _("The file is put aside. The draft is as it was."))
        return redirect("web:begin-document", slug=place.organisation.slug)
    if do == "take":
        return _taken(request, place)
    if request.method == "POST":
        try:
            content = _read(place, request)
        except Refused as error:
            return _drawn(request, place, None, error.problems, error.status)
        keep(place, DOCUMENT, content)
        return redirect("web:begin-document", slug=place.organisation.slug)
    return _waiting(request, place)


def _read(place: Place, request: HttpRequest) -> bytes:
    content = brought(request, LARGEST)
    try:
        _look(place, content)
    except DocumentError as error:
        raise refused(error, whole_draft(place.organisation)) from None
    return content


def _look(place: Place, content: bytes) -> Looked:
    return look(place.organisation, content, place.today, connects=place.may(Verb.CONNECT))


def _waiting(
    request: HttpRequest, place: Place, problems: list[str] | None = None, status: int = 200, reason: str = ""
) -> HttpResponse:
    """The page with what waits to be taken, if something does."""
    content = kept(place, DOCUMENT)
    try:
        looked = _look(place, content) if content is not None else None
    except DocumentError as error:  # the law library or a connector is another since it was brought
        drop(place, DOCUMENT)
        return _drawn(request, place, None, refused(error).problems, 422)
    return _drawn(request, place, looked, problems or [], status, reason)


def _taken(request: HttpRequest, place: Place) -> HttpResponse:
    content = kept(place, DOCUMENT)
    reason = request.POST.get("reason", "").strip()[:2_000]
    if content is None:
        return _drawn(request, place, None, [_("The file is no longer kept here: bring it again.")], 409)
    if not reason:
        return _waiting(request, place, [_("Say why: the history keeps it.")], 422)
    try:
        digest = request.POST.get("digest", "")
        who, connects = place.who(Verb.EDIT), place.may(Verb.CONNECT)
        take(place.organisation, content, who, reason, digest, place.today, connects=connects)
    except DocumentError as error:
        return _waiting(request, place, refused(error).problems, 422, reason)
    except LifecycleError:
        told = _("The draft or the file has changed since you looked at it: nothing was taken. Look at it again.")
        return _waiting(request, place, [told], 409, reason)
    drop(place, DOCUMENT)
    messages.success(request, _("The file is the draft now. Nothing of it is carried out before it is published."))
    return redirect("web:draft", slug=place.organisation.slug)


def _drawn(
    request: HttpRequest, place: Place, looked: Looked | None, problems: list[str], status: int, reason: str = ""
) -> HttpResponse:
    lines: list[str] = []
    removed = 0
    if looked is not None:
        teller = Teller(looked.before, looked.after, language())
        changes = list(difference(looked.before, looked.after))
        lines = [teller.line(one) for one in changes]
        removed = sum(one.kind is Kind.REMOVED for one in changes)
    context = {
        "looked": looked,
        "lines": lines[:MOST_LINES],
        "differences": len(lines),
        "removed": removed,
        "more": max(len(lines) - MOST_LINES, 0),
        "warnings": [in_words(one, looked.after) for one in looked.warnings[:MOST_LINES]] if looked else [],
        "problems": problems[:MOST_LINES],
        "more_problems": max(len(problems) - MOST_LINES, 0),
        "reason": reason,
        "most": LARGEST // 1_000_000,
    }
    return shown(request, place, "web/begin_document.html", context, here="begin", status=status)
