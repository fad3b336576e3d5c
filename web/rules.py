"""Retention rules of the draft: all in words; one as a sentence with slots, its effect shown before it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from retention.counting import ask
from retention.domain.errors import SelosteError
from retention.inventory_document import draft_with
from retention.models.counting import Counted
from ropa.draft import alike, entry_of, head_of, rows_of
from ropa.entry_history import Past, history_of
from ropa.kinds import kind_of
from ropa.law import LawRule, library
from ropa.models import Dataset, Register
from ropa.rights import Verb
from ropa.wording import citation_in_words, period_in_words, rule_in_words
from web import rule_told
from web.access import Place, page
from web.confirming import choice, confirm
from web.editing import Overtaken, in_words, seen, seen_first, write
from web.entry_told import LAST_CHANGES, narrowed
from web.paging import paged
from web.rule_form import CEILINGS, GROUNDS, KINDS_OF_RULES, RuleForm, can_be_a_sentence, from_law, kind_in_words
from web.sections import Section
from web.shell import shown
from web.standing import says
from web.words import free_code, language, named, policy_in_words

DATASETS = kind_of("datasets")
NEW = "new"
LAWS_SHOWN = 5
"""Statutes that the picker shows at once; a search finds the others."""

Document = Mapping[str, Any]


@page(GET=Verb.READ, POST=Verb.CONFIRM)
def rules(request: HttpRequest, place: Place) -> HttpResponse:
    """Every dataset of the draft with its rules in words, those with a word of the search in a name.

    A POST confirms the chosen ones.
    """
    lacks = ""
    if request.method == "POST":
        lacks = confirm(request, place)
        if not lacks:
            return redirect(request.get_full_path())
        messages.warning(request, lacks)
    asked = request.GET.get("q", "").strip()[:200]
    found = rows_of(DATASETS, place.organisation).order_by("register__position", "register_id", "position", "pk")
    if asked:
        found = found.filter(Q(name__icontains=asked) | Q(register__name__icontains=asked) | Q(code__icontains=asked))
    pages = paged(request, found)
    rows = [_dataset_row(one) for one in pages.rows]
    proposed = any(not rule["decides"] for row in rows for rule in row["rules"])
    context = {
        "pages": pages,
        "rows": rows,
        "asked": asked,
        "chosen": request.POST.getlist("rule"),
        "reason": request.POST.get("reason", "")[:2_000],
        "lacks": lacks,
        "may_confirm": proposed and place.may(Verb.CONFIRM),
        "may_edit": place.may(Verb.EDIT),
    }
    return shown(request, place, "web/rules.html", context, here="rules", status=422 if lacks else 200)


def _dataset_row(row: Dataset) -> dict[str, Any]:
    entry = entry_of(DATASETS, row)
    listed = [
        {
            "where": where,
            "code": rule["id"],
            "text": rule_in_words(rule, language()),
            "law": citation_in_words(rule["law"], language()) if rule.get("law") else "",
            "decides": rule.get("status") == "confirmed",
            "choice": choice(row.code, where, rule),
        }
        for where in (GROUNDS, CEILINGS)
        for rule in entry.get(where) or ()
    ]
    return {
        "code": row.code,
        "name": named(row.name, row.code),
        "register": named(row.register.name, row.register.code),
        "mode": policy_in_words((entry.get("policy") or {}).get("mode", "observe")),
        "rules": listed,
        "follows": bool(entry.get("follows")),
        "none": bool(entry.get("no_reason_to_keep")),
    }


@page(GET=Verb.READ, POST=Verb.EDIT)
def rule(request: HttpRequest, place: Place, code: str, where: str, rule: str) -> HttpResponse:
    """One rule of a dataset. A POST says what to do: `told`, `find`, `take`, `effect`, `save` or `remove`."""
    desk = _desk(place, code, where, rule)
    if request.method != "POST":
        return _drawn(request, desk, desk.form())
    do = request.POST.get("do", "save")
    if do == "remove":
        return _removed(request, desk)
    form = desk.form(request.POST)
    if do == "take":
        return _drawn(request, desk, desk.taken(request.POST))
    if do == "find":
        return _drawn(request, desk, form)
    if not form.is_valid():
        if request.headers.get("HX-Request"):  # said while it is written: nothing went wrong yet
            return render(request, "web/_rule_told.html", {"refused": _refused(form)})
        return _drawn(request, desk, form, status=422)
    written = desk.written(form)
    if do in ("told", "effect"):
        return _drawn(request, desk, form, written, effect=do == "effect")
    return _saved(request, desk, form, written)


def _refused(form: RuleForm) -> list[str]:
    """What of a form is wrong, each with the field's name."""
    return [f"{form[name].label}: {one}" for name, told in form.errors.items() if name in form.fields for one in told]


@dataclass
class Desk:
    """One rule in hand: the dataset that it stands in, as the draft has it, and what may be chosen."""

    place: Place
    head: Document
    dataset: Document
    name: str
    where: str
    code: str
    rule: Document
    told: frozenset[str]
    purposes: list[tuple[str, str]]
    laws: Mapping[str, LawRule]

    @property
    def is_new(self) -> bool:
        return self.code == NEW

    @property
    def seen(self) -> str:
        """What the rule looked like when it was shown: whoever saves names it, so that nobody's change is lost."""
        return seen(self.rule)

    def write(self, written: Document | None, reason: str, shown: str) -> list[str]:
        """Put the rule into the draft, or take it out (None). What the document refuses; raises Overtaken."""
        code = str(self.dataset["id"])
        return write(self.place, "datasets", code, lambda entry: self.changed(entry, written), reason, shown, self.now)

    def form(self, sent: Any = None, rule: Document | None = None) -> RuleForm:
        of = self.rule if rule is None else rule
        confirms = self.place.may(Verb.CONFIRM)
        return RuleForm(sent, self.where, of, self.told, self.purposes, self.laws, confirms)

    def taken(self, sent: Any) -> RuleForm:
        """The form with what the chosen statute decides written into it; the reasons that were typed stay."""
        typed = self.form(sent)
        typed.is_valid()
        reason = {key: sent.get(f"why_{key}", "") for key in ("fi", "sv", "en")}
        law = self.laws.get(sent.get("law", ""))
        wanted = {**self.rule, "reason": reason, "action": sent.get("action"), **(from_law(law) if law else {})}
        return self.form(rule=wanted)

    def written(self, form: RuleForm) -> dict[str, Any]:
        """The rule that the form says, under its id; a new one is called after its kind, with a number if taken."""
        written = form.document()
        law = self.laws.get(written.get("law", ""))
        if law is not None and not self.rule.get("law"):  # what the sentence has no slot for comes with the statute
            written = {**{key: value for key, value in from_law(law).items() if key in BESIDE}, **written}
        if not self.is_new:
            return {**written, "id": self.code}
        stem = slugify(str(written.get("law") or written.get("kind") or self.where.rstrip("s")))
        return {"addition": True, **written, "id": free_code(stem, (one["id"] for one in self._all()))}

    def _all(self) -> Iterable[Document]:
        return [*(self.dataset.get(GROUNDS) or ()), *(self.dataset.get(CEILINGS) or ())]

    def changed(self, entry: Document, written: Document | None) -> dict[str, Any]:
        """The dataset with the rule as it is written, in its old place; None: without it."""
        here = list(entry.get(self.where) or ())
        at = next((n for n, one in enumerate(here) if one["id"] == self.code), len(here))
        return {**entry, self.where: [*here[:at], *([written] if written is not None else []), *here[at + 1 :]]}

    def now(self, entry: Document) -> Document:
        return next((one for one in entry.get(self.where) or () if one["id"] == self.code), {})


BESIDE = frozenset({"condition", "ends_on"})


def _desk(place: Place, code: str, where: str, rule: str) -> Desk:
    row = rows_of(DATASETS, place.organisation).filter(code=code).first()
    if row is None:
        raise Http404
    entry = entry_of(DATASETS, row)
    found = next((one for one in entry.get(where) or () if one["id"] == rule), None)
    if found is None and rule != NEW:
        raise Http404
    return Desk(
        place,
        head_of(place.organisation),
        entry,
        named(row.name, row.code),
        where,
        rule,
        found or {},
        _told(place, entry),
        [(one.code, named(one.name, one.code)) for one in row.activity.purposes.all()],
        {name: law for name, law in library(place.today).items() if law.executable and _fits(law, where)},
    )


def _fits(law: LawRule, where: str) -> bool:
    return law.period is not None and (law.bound == "maximum" if where == CEILINGS else law.kind is not None)


def _told(place: Place, entry: Document) -> frozenset[str]:
    """The events that registers of the draft tell of this dataset's records and their people."""
    mapping = entry.get("mapping") or {}
    found = set(mapping.get("events") or ())
    for ledger in Register.objects.filter(organisation=place.organisation).values_list("ledger", flat=True):
        for source in ledger or ():
            if source.get("subject_kind") != entry.get("subject_kind"):
                continue
            found |= {*(source.get("events") or ()), *(source.get("tells") or ())}
            found |= {f"contract_{key}" for key in ("started", "ended") if source.get(key)}
    return frozenset(found)


def _drawn(
    request: HttpRequest,
    desk: Desk,
    form: RuleForm,
    written: Document | None = None,
    effect: bool = False,
    status: int = 200,
    overtaken: Document | None = None,
) -> HttpResponse:
    context = {
        "desk": desk,
        "form": form,
        "title": _title(desk),
        "sentence": _sentence(desk, form),
        "laws": _laws(desk, request.POST, form),
        "find": request.POST.get("q", ""),
        "laws_in_all": len(desk.laws),
        "seen": seen_first(request, status, desk.rule),
        "may_edit": desk.place.may(Verb.EDIT),
        "standing": says(desk.place, lambda document: _says(desk, document)),
        "sentence_possible": can_be_a_sentence(desk.rule),
        "history": _history(desk),
        "overtaken": rule_in_words(overtaken, language()) if overtaken else "",
        "place": desk.place,
        **_meaning(desk, written if written is not None else desk.rule, effect),
    }
    if request.headers.get("HX-Request") and status == 200:
        fragment = "web/_laws.html" if request.POST.get("do") == "find" else "web/_rule_told.html"
        return render(request, fragment, context)
    return shown(request, desk.place, "web/rule.html", context, here="rules", status=status)


def _says(desk: Desk, document: Document) -> bool:
    """Whether a version has the same rule."""
    datasets = document.get("datasets") or ()
    there = next((one for one in datasets if one["id"] == desk.dataset["id"]), None)
    return there is not None and not desk.is_new and alike(desk.now(there), desk.rule)


def _title(desk: Desk) -> str:
    kind = str(KINDS_OF_RULES[desk.where])
    return _("%(kind)s: %(dataset)s") % {"kind": kind, "dataset": desk.name}


def _sentence(desk: Desk, form: RuleForm) -> dict[str, Any]:
    law = form["law"].value() or ""
    why = citation_in_words(law, language()) if law else ""
    if not why and desk.where == GROUNDS:
        why = _("our own judgement")
    return {"name": desk.name, "why": why}


def _laws(desk: Desk, sent: Mapping[str, Any], form: RuleForm) -> list[dict[str, Any]]:
    """Statutes to choose from: the chosen one, then those with the searched words; without a search, of its kind."""
    words = str(sent.get("q", "")).casefold().split()
    chosen = form["law"].value() or ""
    found = []
    for law in desk.laws.values():
        told = " ".join([law.name[language()], law.text[language()], law.citation[language()]])
        if law.id != chosen and words and not all(word in told.casefold() for word in words):
            continue
        found.append(law)
    found.sort(key=lambda law: law.id != chosen)
    return [
        {
            "id": law.id,
            "chosen": law.id == chosen,
            "name": law.name[language()],
            "citation": law.citation[language()],
            "text": law.text[language()],
            "time": period_in_words(str(law.period), language()) if law.period is not None else "",
            "kind": kind_in_words(law.kind) if law.kind is not None else "",
            "certainty": law.certainty,
            "number_certainty": law.number_certainty,
            "suggestion": law.suggestion,
            "checked_on": law.checked_on,
        }
        for law in found[:LAWS_SHOWN]
    ]


def _meaning(desk: Desk, written: Document, effect: bool) -> dict[str, Any]:
    """What the rule says in words, on an example, beside the law and other rules, and, if asked, for the records."""
    if not written:
        return {}
    dataset = desk.changed(desk.dataset, {"id": NEW, **written})
    document = {"organisation": desk.head, "datasets": [dataset]}
    example = rule_told.example_of(document, written, desk.place.today)
    told: dict[str, Any] = {
        "in_words": rule_in_words(written, language()),
        "example": example,
        "example_told": rule_told.told_of(example) if example is not None else "",
        "remarks": rule_told.remarks(document, dataset, desk.where, {"id": NEW, **written}, desk.place.today),
    }
    return {**told, **_effect(desk, written)} if effect else told


def _effect(desk: Desk, written: Document) -> dict[str, Any]:
    """What the rule would do to the records, counted before it is saved: now, or by a worker while one waits."""
    place, code = desk.place, str(desk.dataset["id"])
    entry = desk.changed(desk.dataset, written)
    try:
        draft_with(place.organisation, "datasets", code, lambda now: entry)
        asked = ask(place.organisation, Counted.DATASET, timezone.now(), place.who(Verb.EDIT), place.user, entry)
    except SelosteError as error:
        return {"refused": list(in_words(getattr(error, "problems", ()), place.organisation)) or [str(error)]}
    if asked.done_at is None:
        return {"being_counted": True}
    if asked.problem:
        return {"refused": [asked.problem]}
    found: Any = asked.result
    one = next((effect for effect in found["datasets"] if effect["dataset"] == code), None)
    known = one is not None and not one["problem"]
    return {
        "effect": {
            "sentence": rule_told.moved(one) if one else _("Nothing about its records is decided otherwise."),
            "problem": one["problem"] if one else "",
            "lines": rule_told.lines(one) if one and known else [],
            "columns": rule_told.columns(one) if one and known else [],
            "version": found["version"],
            "mode": one["modes"][1] if one else "",
        }
    }


def _saved(request: HttpRequest, desk: Desk, form: RuleForm, written: Document) -> HttpResponse:
    reason = form.cleaned_data["change_reason"].strip()
    if not reason:
        form.add_error("change_reason", _("Say why: the history keeps it."))
        return _drawn(request, desk, form, written, status=422)
    try:
        problems = desk.write(written, reason, request.POST.get("seen", ""))
    except Overtaken:
        changed = _desk(desk.place, str(desk.dataset["id"]), desk.where, desk.code)
        return _drawn(request, changed, form, written, status=409, overtaken=changed.rule)
    for one in problems:
        form.add_error(None, one)
    if problems:
        return _drawn(request, desk, form, written, status=422)
    messages.success(request, _("Saved in the draft. Nothing of it is carried out before it is published."))
    return redirect("web:rules", slug=desk.place.organisation.slug)


def _removed(request: HttpRequest, desk: Desk) -> HttpResponse:
    here = reverse("web:rule", args=[desk.place.organisation.slug, desk.dataset["id"], desk.where, desk.code])
    reason = request.POST.get("remove_reason", "").strip()[:2_000]
    if desk.is_new or not reason:
        messages.warning(request, _("Say why it is taken out: the history keeps it."))
        return redirect(here)
    try:
        problems = desk.write(None, reason, request.POST.get("seen", ""))
    except Overtaken:
        problems = [_("Somebody changed it meanwhile: look at it again.")]
    for one in problems:
        messages.warning(request, one)
    if problems:
        return redirect(here)
    messages.success(request, _("Taken out of the draft. What is published keeps it until the next version."))
    return redirect("web:rules", slug=desk.place.organisation.slug)


def _history(desk: Desk) -> list[Past]:
    """Its last changes: when, and who for which reason."""
    if desk.is_new:
        return []
    section = Section(f"{desk.where}-{desk.code}", "", (), child=desk.where, inside=desk.code)
    pasts = history_of(DATASETS, desk.place.organisation, str(desk.dataset["id"]))
    return narrowed(section, pasts)[:LAST_CHANGES]
