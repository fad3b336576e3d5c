"""A privacy notice, taken into the record passage by passage: where each is held, what it tells, what is no content.

Words that often tell what a passage is about are shown beside it. Nothing is assigned by a machine, and of two persons
at once the second is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from retention.domain.errors import DocumentError
from retention.inventory_document.shape import schema
from retention.inventory_document.workbook.refuse import LARGEST
from retention.onboarding.notices import (
    KIND,
    NoPassageError,
    StaleError,
    add_notice,
    assign,
    passages_of,
    progress_of,
)
from retention.onboarding.record.names import id_of
from ropa.change_words import label, text_in, value_in_words
from ropa.draft import entry_of, head_of, rows_of
from ropa.kinds import KINDS, kind_of
from ropa.models import Notice, Passage
from ropa.rights import Verb
from ropa.services import draft_of
from web.access import Place, page
from web.entry_told import Open, definition_of
from web.places import in_words, where_in_words
from web.shell import shown
from web.slot_form import SlotForm, slots_of
from web.uploads import Refused, brought, refused
from web.words import Sign, language, named

ORGANISATION, PURPOSES = "organisation", "purposes"
LISTS = (ORGANISATION, PURPOSES, *(one.name for one in KINDS if one.name != KIND))
OFFERED = 20
PASSAGES = 25
MOST_PLACES = 50
Told = Mapping[str, Any]


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def begin_notice(request: HttpRequest, place: Place) -> HttpResponse:
    """The notices of the draft and how far each has come; bring one."""
    problems: list[str] = []
    status = 200
    title = request.POST.get("title", "").strip()[:400]
    if request.method == "POST":
        try:
            if not title:
                raise Refused([_("Say what the notice is called.")])
            code = _brought(request, place, title)
        except Refused as error:
            problems, status = error.problems, error.status
        else:
            messages.success(request, _("The notice is in the draft. Say of each passage where the record holds it."))
            return redirect("web:begin-passages", slug=place.organisation.slug, code=code)
    rows = Notice.objects.filter(organisation=place.organisation).order_by("position", "pk")
    notices = [
        {"code": one.code, "name": named(one.name, one.code), "progress": progress_of(place.organisation, one.code)}
        for one in rows[:PASSAGES]
    ]
    context = {
        "problems": problems,
        "notices": notices,
        "title": title or _("Privacy notice"),
        "most": LARGEST // 1_000_000,
    }
    return shown(request, place, "web/begin_notice.html", context, here="begin", status=status)


def _brought(request: HttpRequest, place: Place, title: str) -> str:
    organisation = place.organisation
    content = brought(request, LARGEST)
    code = id_of(title, Notice.objects.filter(organisation=organisation).values_list("code", flat=True), "seloste")
    reason = _("the notice as it was brought")
    try:
        add_notice(organisation, code, {organisation.language: title}, content, place.who(Verb.EDIT), reason)
    except DocumentError as error:
        raise refused(error) from None
    return code


@dataclass
class Looked:
    """One passage of a notice, as it is looked at: `kind`, `asked`: which entries are offered beside it."""

    place: Place
    code: str
    passage: str
    kind: str = ""
    asked: str = ""

    @cached_property
    def notice(self) -> Notice:
        found: Notice | None = Notice.objects.filter(organisation=self.place.organisation, code=self.code).first()
        if found is None:
            raise Http404
        return found

    @cached_property
    def passages(self) -> list[dict[str, Any]]:
        """All of them, in the notice's order."""
        codes = Passage.objects.filter(notice=self.notice).order_by("position", "pk").values_list("code", flat=True)
        order = {code: n for n, code in enumerate(codes)}
        return sorted(passages_of(self.place.organisation, self.code), key=lambda one: order.get(one["id"], 0))

    @cached_property
    def at(self) -> int | None:
        """Which of them is looked at: the one asked for, else the first that waits."""
        if self.passage:
            found = next((n for n, one in enumerate(self.passages) if one["id"] == self.passage), None)
            if found is None:
                raise Http404
            return found
        return next((n for n, one in enumerate(self.passages) if one["state"] == "open"), None)

    @property
    def one(self) -> dict[str, Any] | None:
        return self.passages[self.at] if self.at is not None else None

    def beside(self, step: int) -> dict[str, Any] | None:
        """The passage before (-1) or after (1) it."""
        at = -1 if self.at is None else self.at + step
        return self.passages[at] if 0 <= at < len(self.passages) else None

    def next_open(self) -> str:
        """The passage that waits next after it; "" where none does."""
        after = [*self.passages[(self.at or 0) + 1 :], *self.passages[: self.at or 0]]
        return next((one["id"] for one in after if one["state"] == "open"), "")

    @cached_property
    def list_shown(self) -> str:
        """The list whose entries are offered: the one asked for, else the one that the words hint at."""
        hinted = next((one for one in (self.one or {}).get("hints", ()) if one in LISTS), "subject_groups")
        return self.kind if self.kind in LISTS else hinted

    def form(self, sent: Any = None) -> SlotForm | None:
        """What a new entry of the list cannot do without, its name begun with the passage."""
        kind = self.list_shown
        if kind in (ORGANISATION, PURPOSES) or self.one is None:
            return None
        definition = definition_of(kind)
        keys = [key for key in schema()["$defs"][definition]["required"] if key != "id"]
        slots = slots_of(definition, keys, Open(self.place, kind_of(kind), "new", {}).offered, (kind,))
        spoken = self.notice.language or self.place.organisation.language
        return SlotForm(sent, slots, {"name": {spoken: self.one["text"][:400].rstrip(" .")}})


@page(GET=Verb.EDIT, POST=Verb.EDIT)
def passages(request: HttpRequest, place: Place, code: str) -> HttpResponse:
    """One passage after the other; `?passage=` one of them, `?list=` and `?q=` which entries are offered."""
    if request.method != "POST":
        asked = request.GET
        looked = Looked(place, code, asked.get("passage", ""), asked.get("list", ""), asked.get("q", "").strip()[:200])
        return _drawn(request, looked, looked.form())
    sent = request.POST
    looked = Looked(place, code, sent.get("passage", ""), sent.get("list", ""))
    if not looked.passage or looked.one is None:
        raise Http404
    do = sent.get("do", "")
    form = looked.form(sent if do == "new" else None)
    problems = _wrong(sent, do, form)
    if do == "new" and form is not None and not form.is_valid():
        return _drawn(request, looked, form, problems, 422)
    if problems:
        return _drawn(request, looked, form, problems, 422)
    try:
        _assigned(looked, sent, do, form)
    except StaleError:
        fresh = Looked(place, code, looked.passage, looked.kind)
        told = _("Somebody has assigned the passage meanwhile: what they said stands here now. Yours was not written.")
        return _drawn(request, fresh, fresh.form(), [told], 409)
    except DocumentError as error:
        document = draft_of(place.organisation)
        told_of = list(dict.fromkeys(in_words(one, document) for one in error.problems))
        return _drawn(request, looked, form, told_of, 422)
    except NoPassageError:
        raise Http404 from None
    messages.success(request, _said(do))
    address = reverse("web:begin-passages", args=[place.organisation.slug, code])
    following = looked.next_open()
    return redirect(f"{address}?passage={following}" if following else address)


def _wrong(sent: Any, do: str, form: SlotForm | None) -> list[str]:
    if do not in ("held", "new", "not_content", "open") or (do == "new" and form is None):
        return [_("Say what the passage is.")]
    if do == "held" and not sent.getlist("held"):
        return [_("Choose where the record holds it.")]
    if do != "new" and not sent.get("change_reason", "").strip():
        return [_("Say why: the history keeps it.")]
    return []


def _assigned(looked: Looked, sent: Any, do: str, form: SlotForm | None) -> None:
    organisation = looked.place.organisation
    held: list[str] = [one[:400] for one in sent.getlist("held")][:MOST_PLACES] if do in ("held", "new") else []
    entry: tuple[str, dict[str, Any]] | None = None
    if do == "new" and form is not None:
        kind = looked.list_shown
        said = form.changed({})
        taken = rows_of(kind_of(kind), organisation).values_list("code", flat=True)
        code = id_of(text_in(said.get("name"), language()), taken, kind)
        entry = (kind, {"id": code, **said})
        held.append(f"{kind}[{code}].name")
    assign(
        organisation,
        looked.code,
        looked.passage,
        sent.get("seen", ""),
        looked.place.who(Verb.EDIT),
        sent.get("change_reason", "").strip()[:2_000],
        held_in=held,
        not_content=do == "not_content",
        role=sent.get("role", "").strip()[:200],
        corrected=sent.get("corrected", "").strip()[:10_000],
        entry=entry,
    )


def _said(do: str) -> str:
    return {
        "held": _("The passage is held where you said."),
        "new": _("A new entry is in the draft, and holds the passage."),
        "not_content": _("The passage is no content of the record."),
        "open": _("The passage waits again."),
    }[do]


def _drawn(
    request: HttpRequest, looked: Looked, form: SlotForm | None, problems: list[str] | None = None, status: int = 200
) -> HttpResponse:
    place, one = looked.place, looked.one
    progress = progress_of(place.organisation, looked.code) if looked.notice else None
    every = Paginator(looked.passages, PASSAGES)
    here = (looked.at or 0) // PASSAGES + 1
    listed = every.get_page(request.GET.get("page") or here)
    sent = request.POST if status != 409 else QueryDict()
    held = one.get("held_in", []) if one is not None else []
    document = draft_of(place.organisation) if held else {}
    offered = list(_offered(looked)) if one is not None else []
    chosen = set(sent.getlist("held")) if sent else set(held)
    context = {
        "looked": looked,
        "name": named(looked.notice.name, looked.code),
        "one": one,
        "before": looked.beside(-1) if one else None,
        "after": looked.beside(1) if one else None,
        "skip": looked.next_open() if one else "",
        "hints": [(label(kind, language()), words) for kind, words in one["hints"].items()] if one else [],
        "held": [where_in_words(path, document) for path in held],
        "state": sign_of(one["state"]) if one else None,
        "progress": progress,
        "total": len(looked.passages),
        "lists": _lists(looked) if one else [],
        "list": looked.list_shown if one else "",
        "list_name": label(looked.list_shown, language()) if one else "",
        "offered": offered,
        "elsewhere": [(path, where_in_words(path, document)) for path in held if path not in _paths(offered)],
        "chosen": chosen,
        "form": form,
        "drawn": form.drawn() if form is not None else [],
        "opens": bool(form is not None and form.is_bound),
        "problems": problems or [],
        "reason": sent.get("change_reason", "") or _("the notice, passage %(n)s") % {"n": one["id"] if one else ""},
        "role": sent.get("role", ""),
        "corrected": sent.get("corrected", "") or (one or {}).get("corrected", ""),
        "found": listed,
        "passages": [{"told": each, "sign": sign_of(each["state"])} for each in listed],
    }
    return shown(request, place, "web/begin_passages.html", context, here="begin", status=status)


def sign_of(state: str) -> Sign:
    """Whether a passage is held, no content, or waits."""
    return {
        "held": Sign("ok", _("held")),
        "not_content": Sign("unk", _("no content")),
        "open": Sign("wait", _("waits")),
    }[state]


def _lists(looked: Looked) -> list[dict[str, Any]]:
    """The lists to choose from, those first at which the words hint."""
    hinted = [kind for kind in (looked.one or {}).get("hints", ()) if kind in LISTS]
    return [
        {"kind": kind, "name": label(kind, language()), "here": kind == looked.list_shown, "hinted": kind in hinted}
        for kind in dict.fromkeys([*hinted, *LISTS])
    ]


def _paths(offered: list[dict[str, Any]]) -> set[str]:
    return {one["path"] for one in offered} | {field["path"] for one in offered for field in one["fields"]}


def _offered(looked: Looked) -> Iterator[dict[str, Any]]:
    """Entries in which a passage may be held, each with what its fields say."""
    organisation, kind = looked.place.organisation, looked.list_shown
    if kind == ORGANISATION:
        yield _entry(ORGANISATION, organisation.name, head_of(organisation), (ORGANISATION,))
        return
    holder = "activities" if kind == PURPOSES else kind
    rows = rows_of(kind_of(holder), organisation).order_by("position", "pk")
    if looked.asked:
        word = looked.asked
        within = Q(purposes__name__icontains=word) | Q(purposes__code__icontains=word)
        own = Q(name__icontains=word) | Q(code__icontains=word)
        rows = rows.filter(within | own if kind == PURPOSES else own).distinct()
    for row in rows[:OFFERED]:
        entry = entry_of(kind_of(holder), row)
        if kind != PURPOSES:
            yield _entry(f"{kind}[{row.code}]", named(row.name, row.code), entry, (kind,))
            continue
        for purpose in entry.get(PURPOSES, ()):
            path = f"activities[{row.code}].purposes[{purpose['id']}]"
            name = f"{named(purpose.get('name') or {}, purpose['id'])} ({named(row.name, row.code)})"
            yield _entry(path, name, purpose, ("activities", PURPOSES))


def _entry(path: str, name: str, entry: Told, within: tuple[str, ...]) -> dict[str, Any]:
    """An entry, and those of its fields that say something in words."""
    fields = []
    for key, value in entry.items():
        if key in ("id", "slug", "mapping", "ledger", "identities", "policy", PURPOSES, "grounds", "ceilings", "steps"):
            continue
        text = value_in_words(value, language(), (*within, key))
        if text and isinstance(value, str | Mapping | list):
            fields.append({"path": f"{path}.{key}", "name": label(key, language()), "text": text[:160]})
    return {"path": path, "name": name, "fields": fields}
