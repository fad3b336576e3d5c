"""The draft against what is in force: what differs, what it shortens, its effect, the DPO's opinion, its publication.

Whatever is decided here names the digest of the draft that was looked at: what was changed since is not decided.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention.counting import ask, waiting
from retention.domain.decisions import State
from retention.domain.errors import DocumentError, LifecycleError, SelosteError
from retention.domain.periods import ONE_DAY
from retention.models import Run
from retention.models.counting import Counted
from retention.publishing import publish
from ropa.agreeing import CHANGED, approvals_of, approve_draft, is_another, last_standing, shortens
from ropa.change_words import Teller
from ropa.changes import difference
from ropa.examination import examined
from ropa.findings import Finding
from ropa.models import DraftApproval, Impact, Opinion, Role, Stance, Version
from ropa.places import on_the_way
from ropa.rights import Verb
from ropa.services import draft_of, give_opinion, opinion_on, stale_opinion, withdraw
from ropa.shortening import Shortened
from ropa.shortening_words import in_words
from ropa.wording import article_in_words
from web import drafting
from web.access import Place, page
from web.connector_words import problem_in_words
from web.mending import Mends, called, mends_of
from web.rule_told import differing
from web.shell import shown
from web.words import day, language, named, number, policy_in_words

MOST_FINDINGS = 60
MOST_LINES = 200
"""Differences in words on the page; all of them are in the API and in the report."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What the page says of a draft, in the reader's language: the first lines and findings, and how many there are."""

    lines: list[str]
    all_lines: int
    shortened: list[dict[str, str]]
    findings: list[dict[str, Any]]
    all_findings: int


@dataclass
class Looked:
    """The draft as it is looked at now."""

    place: Place

    @cached_property
    def document(self) -> dict[str, Any]:
        return draft_of(self.place.organisation)

    @cached_property
    def digest(self) -> str:
        return drafting.digest(self.place.organisation)

    @cached_property
    def last(self) -> Version | None:
        return last_standing(self.place.organisation)

    @property
    def differs(self) -> bool:
        return self.last is None or self.last.digest != self.digest

    @cached_property
    def told(self) -> Told:
        """What follows from the draft, the versions and the day: read once for all who look, until one is another."""
        standing = self.place.organisation.versions.standing().order_by("number").values_list("number", flat=True)
        return drafting.of_state(self.place.organisation, "told", self._told, language(), self.place.today, *standing)

    def _told(self) -> Told:
        lines = list(_lines(self)) if self.differs and self.last is not None else []
        findings = [one for one in examined(self.document, self.place.today) if not one.status.well]
        heavy = [one for one in findings if one.severity != "info"]
        shortened = shortens(self.place.organisation, self.document, self.place.today)
        return Told(
            lines[:MOST_LINES],
            len(lines),
            [_shortened(one, self.document) for one in shortened],
            [{**_finding(one), "mends": self._mends(one)} for one in heavy[:MOST_FINDINGS]],
            len(findings),
        )

    def _mends(self, finding: Finding) -> Mends:
        return mends_of(finding, self.place.organisation.slug, self.document)

    @property
    def shortened(self) -> list[dict[str, str]]:
        return self.told.shortened

    @cached_property
    def impact(self) -> Impact | None:
        """What was last shown of exactly this draft's effect."""
        return self.place.organisation.impacts.filter(draft=self.digest).last()

    @cached_property
    def opinion(self) -> Opinion | None:
        return opinion_on(self.place.organisation, self.digest)

    @cached_property
    def approvals(self) -> list[DraftApproval]:
        return approvals_of(self.place.organisation, self.digest)

    @property
    def next_night(self) -> date:
        """The first day whose night can still carry it out: today's goes by what was in force when it began."""
        today = self.place.today
        begun = Run.objects.filter(organisation=self.place.organisation, business_date=today).exclude(started_at=None)
        return today + ONE_DAY if begun.exists() else today

    @cached_property
    def has_dpo(self) -> bool:
        return self.place.organisation.memberships.filter(role=Role.DPO, user__is_active=True).exists()


class PublishForm(forms.Form):
    in_force_from = forms.DateField(
        label=gettext_lazy("In force from"),
        help_text=gettext_lazy("The first day whose night carries it out."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=gettext_lazy("What this version changes, and why"),
        help_text=gettext_lazy("In a sentence or two. It stands beside the version for good."),
        max_length=2_000,
    )
    opinion_reason = forms.CharField(
        label=gettext_lazy("Why it does not wait for the DPO's opinion, or goes against it"),
        max_length=2_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, looked: Looked, sent: Any = None) -> None:
        super().__init__(sent, initial={"in_force_from": looked.next_night}, label_suffix="")
        against = looked.opinion is not None and looked.opinion.stance == Stance.ADVISES_AGAINST
        if not against and not (looked.has_dpo and looked.opinion is None):
            del self.fields["opinion_reason"]


class OpinionForm(forms.Form):
    stance = forms.ChoiceField(label=gettext_lazy("Your opinion"))
    text = forms.CharField(
        label=gettext_lazy("In words"), max_length=10_000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, sent: Any = None) -> None:
        super().__init__(sent, label_suffix="")
        stance: Any = self.fields["stance"]
        stance.choices = [(one, stance_in_words(one)) for one in Stance.values]


def stance_in_words(stance: str) -> str:
    return {
        Stance.SUPPORTS: _("In favour"),
        Stance.NO_REMARKS: _("No remarks"),
        Stance.ADVISES_AGAINST: _("Advises against"),
    }[Stance(stance)]


@page(GET=Verb.READ)
def draft(request: HttpRequest, place: Place) -> HttpResponse:
    """What stands in the draft and not in force, and what has to happen before it is published."""
    return _drawn(request, Looked(place))


def _drawn(
    request: HttpRequest,
    looked: Looked,
    publishing: PublishForm | None = None,
    advising: OpinionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    place = looked.place
    organisation = place.organisation
    told = looked.told
    others = [one for one in looked.approvals if is_another(one, place.who(Verb.READ), place.user)]
    context = {
        "looked": looked,
        "say": _say(looked, told.all_lines),
        "lines": told.lines,
        "more": told.all_lines - len(told.lines),
        "shortened": told.shortened,
        "effect": _effect(looked),
        "being_counted": waiting(organisation, Counted.DRAFT),
        "opinion": _opinion(looked),
        "stale": stale_opinion(organisation, looked.digest) is not None,
        "approvals": looked.approvals,
        "mine": any(not is_another(one, place.who(Verb.READ), place.user) for one in looked.approvals),
        "findings": told.findings,
        "findings_in_all": told.all_findings,
        "may_advise": place.may(Verb.ADVISE),
        "may_publish": place.may(Verb.PUBLISH),
        "may_count": place.may(Verb.EDIT),
        "publishing": publishing or PublishForm(looked),
        "advising": advising or OpinionForm(),
        "approved": bool(others) or not looked.shortened,
        "steps": _steps(looked),
        "versions": list(organisation.versions.select_related("withdrawal").defer("snapshot").order_by("-number")[:12]),
        "today": place.today,
    }
    return shown(request, place, "web/draft.html", context, here="draft", status=status)


def _say(looked: Looked, differences: int) -> str:
    if looked.last is None:
        return _("Nothing is published yet: no night runs before the controller publishes this draft.")
    if not looked.differs and looked.last.in_force_from > looked.place.today:
        told = {"n": looked.last.number, "day": day(looked.last.in_force_from)}
        return _("The draft says the same as version %(n)d, which comes into force on %(day)s.") % told
    if not looked.differs:
        return _("The draft says the same as version %(n)d.") % {"n": looked.last.number}
    text = ngettext(
        "The draft differs from version %(version)d in %(n)s place.",
        "The draft differs from version %(version)d in %(n)s places.",
        differences,
    )
    return text % {"version": looked.last.number, "n": number(differences)}


def _lines(looked: Looked) -> list[str]:
    before: dict[str, Any] = json.loads(looked.last.snapshot) if looked.last is not None else {}
    teller = Teller(before, looked.document, language())
    return [teller.line(one) for one in difference(before, looked.document)]


def _shortened(one: Shortened, document: Document) -> dict[str, str]:
    return {"where": place_in_words(one.path, document), "what": in_words(one)}


def place_in_words(path: str, document: Document) -> str:
    """A place of the document by what lies on the way: `datasets[crm].grounds[x]` as Invoices › 6 years from …"""
    return " › ".join(called(one) for one in on_the_way(document, path)) or path


def _effect(looked: Looked) -> dict[str, Any] | None:
    if looked.impact is None:
        return None
    impact = looked.impact
    told = drafting.of_state(
        looked.place.organisation, "effect", lambda: _effect_of(looked, impact), language(), impact.digest
    )
    return {
        **told,
        "shown_at": impact.shown_at,
        "shown_to": impact.shown_to.partition(":")[2] or impact.shown_to,
        "digest": impact.digest,
    }


def _effect_of(looked: Looked, impact: Impact) -> dict[str, Any]:
    told = json.loads(impact.body)
    names = {one["id"]: named(one.get("name") or {}, one["id"]) for one in looked.document.get("datasets") or ()}
    rows = [
        {
            "name": names.get(one["dataset"].partition(".")[0], one["dataset"]),
            "problem": problem_in_words(one["problem"]),
            "due": [number(value) for value in one["due"]] if one["due"] is not None else None,
            "gained": differing(one["gained"]) if one["gained"] is not None else None,
            "lost": number(one["lost"]) if one["lost"] is not None else None,
            "held": number(one["held"]) if one["held"] is not None else None,
            "modes": [policy_in_words(mode) for mode in one["modes"] if mode] if _moves(one) else [],
        }
        for one in told["datasets"]
        if one["problem"] or one["gained"] or one["lost"] or _moves(one)
    ]
    whole = [one for one in told["datasets"] if "." not in one["dataset"]]  # a step of one deletes none of its records
    begun = [one for one in whole if _moves(one) and one["modes"][1] == "purge"]
    return {
        "from": date.fromisoformat(told["from"]),
        "unknown": [row["name"] for row in rows if row["problem"]],
        "counted": sum(not one["problem"] for one in told["datasets"]),
        "gained": sum(one["gained"] for one in told["datasets"] if not one["problem"]),
        "lost": sum(one["lost"] for one in told["datasets"] if not one["problem"]),
        "begun": sum(one["states"][1].get(State.DUE.value, 0) for one in begun if not one["problem"]),
        "rows": rows,
    }


def _moves(one: Document) -> bool:
    """Whether nights go further with a dataset than they did, or less far: its rules may be the same."""
    return bool(one["modes"][0] != one["modes"][1])


def _opinion(looked: Looked) -> dict[str, Any] | None:
    if looked.opinion is None:
        return None
    return {
        "stance": stance_in_words(looked.opinion.stance),
        "text": looked.opinion.text,
        "given_at": looked.opinion.given_at,
        "against": looked.opinion.stance == Stance.ADVISES_AGAINST,
    }


def _cited(text: str) -> str:
    """A text with the articles in it as its language cites them: `30(1)(a)`."""
    return re.sub(r"\b\d{1,2}\(\d\)(?:\([a-z]\))?", lambda found: article_in_words(found[0], language()), text)


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "name": one.label[language()],
        "message": _cited(one.message[language()]),
        "remedy": one.remedy[language()] if one.remedy is not None else "",
        "article": "; ".join(article_in_words(each.strip(), language()) for each in one.article.split(";")),
        "severity": one.severity,
    }


def _steps(looked: Looked) -> list[dict[str, Any]]:
    """Who has to do what before it is in force, in order: what is done, what comes next."""
    if not looked.differs:
        return []
    given = looked.opinion
    opinion = (
        stance_in_words(given.stance)
        if given is not None
        else (_("not given on this draft") if looked.has_dpo else _("the organisation has no DPO here"))
    )
    steps = [{"name": _("The DPO's opinion"), "told": opinion, "done": given is not None or not looked.has_dpo}]
    if looked.shortened:
        told = (
            _("exactly this draft and its effect") if looked.approvals else _("another controller than the publisher")
        )
        steps.append({"name": _("A second person approves"), "told": told, "done": bool(looked.approvals)})
    steps.append({"name": _("Publication"), "told": _("the controller, from a day on"), "done": False})
    now = next((one for one in steps if not one["done"]), None)
    return [{**one, "now": one is now} for one in steps]


@page(POST=Verb.EDIT)
def count(request: HttpRequest, place: Place) -> HttpResponse:
    """Have every record read that the draft decides otherwise, and what is shown kept."""
    asked = ask(place.organisation, Counted.DRAFT, timezone.now(), place.who(Verb.EDIT), place.user)
    if asked.problem:
        messages.warning(request, asked.problem)
    return redirect("web:draft", slug=place.organisation.slug)


@page(POST=Verb.ADVISE)
def advise(request: HttpRequest, place: Place) -> HttpResponse:
    """The DPO's opinion on exactly the draft that was looked at."""
    form = OpinionForm(request.POST)
    if not form.is_valid():
        return _drawn(request, Looked(place), advising=form, status=422)
    told = form.cleaned_data
    if told["stance"] == Stance.ADVISES_AGAINST and not told["text"].strip():
        form.add_error("text", _("Advice against a draft says why."))
        return _drawn(request, Looked(place), advising=form, status=422)
    try:
        give_opinion(
            place.organisation,
            request.POST.get("digest", ""),
            told["stance"],
            told["text"],
            timezone.now(),
            place.who(Verb.ADVISE),
            place.user,
        )
    except LifecycleError as error:
        form.add_error(None, _changed_words(error))
        return _drawn(request, Looked(place), advising=form, status=409)
    messages.success(request, _("Your opinion stands on record with exactly this draft."))
    return redirect("web:draft", slug=place.organisation.slug)


@page(POST=Verb.PUBLISH)
def approve(request: HttpRequest, place: Place) -> HttpResponse:
    """One controller approves what the draft shortens, and its effect; another publishes it."""
    try:
        approve_draft(
            place.organisation,
            request.POST.get("digest", ""),
            request.POST.get("impact", ""),
            timezone.now(),
            place.who(Verb.PUBLISH),
            place.user,
        )
    except SelosteError as error:
        _warn(request, error)
    else:
        messages.success(request, _("You have approved exactly this draft. Another controller publishes it."))
    return redirect("web:draft", slug=place.organisation.slug)


@page(POST=Verb.PUBLISH)
def published(request: HttpRequest, place: Place) -> HttpResponse:
    """Publish the draft that was looked at."""
    looked = Looked(place)
    form = PublishForm(looked, request.POST)
    if not form.is_valid():
        return _drawn(request, looked, publishing=form, status=422)
    told = form.cleaned_data
    try:
        version = publish(
            place.organisation,
            told["in_force_from"],
            timezone.now(),
            place.who(Verb.PUBLISH),
            place.user,
            told["reason"],
            told.get("opinion_reason", ""),
            request.POST.get("digest", ""),
            looked.impact.digest if looked.impact is not None else "",
        )
    except DocumentError as error:
        for problem in error.problems:
            form.add_error(problem.path if problem.path in form.fields else None, problem.message)
        return _drawn(request, Looked(place), publishing=form, status=422)
    except LifecycleError as error:
        form.add_error(None, _changed_words(error))
        return _drawn(request, Looked(place), publishing=form, status=409)
    told_of = {"n": version.number, "day": day(version.in_force_from)}
    messages.success(request, _("Version %(n)d is published, in force from %(day)s on.") % told_of)
    return redirect("web:draft", slug=place.organisation.slug)


@page(POST=Verb.PUBLISH)
def taken_back(request: HttpRequest, place: Place, n: int) -> HttpResponse:
    """Withdraw a version whose day has not come: it never comes into force, and stays on record."""
    version = place.organisation.versions.filter(number=n).first()
    reason = request.POST.get("reason", "").strip()[:2_000]
    if version is None or not reason:
        messages.warning(request, _("Say why the version is taken back."))
        return redirect("web:draft", slug=place.organisation.slug)
    try:
        withdraw(version, timezone.now(), place.who(Verb.PUBLISH), reason, place.user)
        messages.success(request, _("Version %(n)d is taken back: it never comes into force.") % {"n": n})
    except SelosteError as error:
        _warn(request, error)
    return redirect("web:draft", slug=place.organisation.slug)


def _changed_words(error: LifecycleError) -> str:
    if str(error) == CHANGED:
        return _("The draft was changed since you looked at it: nothing was decided. Look at it again.")
    return str(error)


def _warn(request: HttpRequest, error: SelosteError) -> None:
    for one in getattr(error, "problems", [error]):
        messages.warning(request, _changed_words(error) if isinstance(error, LifecycleError) else str(one))
