"""Dates that are missing: groups of records that wait for one, and the substitutes that people answer for.

Somebody proposes, the owner's side decides, one who has done neither confirms. What a person may not do is not offered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention import campaign as doors
from retention.campaign import CONFIRMED, DECIDED, MOVES, PROPOSED, READING, REFUSED, WITHDRAWN, Wanted
from retention.campaign_minutes import (
    FORECAST,
    OUTCOMES,
    ROLES,
    STATES,
    STEPS,
    cause_in_words,
    event_name,
    minutes,
    substitute_in_words,
)
from retention.campaign_people import answering, said
from retention.campaign_survey import NOT_YET
from retention.campaign_told import as_dict
from retention.counting import ask, newest, waiting
from retention.domain.errors import DocumentError, LifecycleError, RestoredError
from retention.domain.events import CATALOGUE
from retention.domain.substitutes import NEVER_ESTIMATED, Cause
from retention.models import Campaign, Counting
from retention.models.counting import Counted
from retention.plan import Plan, plan_of
from retention.reports import PAGE_POLICY
from ropa.persons import Person
from ropa.rights import Verb
from ropa.selectors import version_in_force
from web import in_time
from web.access import Place, page
from web.places import calling
from web.shell import shown
from web.words import Sign, named, told_apart

MEDIA = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
CHOSEN = 200
"""Datasets that are offered in a list; of more the name is written."""
CHOSEN_APART = 200
"""Datasets of one name that are offered."""
OPEN = (READING, PROPOSED, DECIDED)


class ProposeForm(forms.Form):
    """What stands in for a group's dates, and why it is right enough."""

    day = forms.DateField(
        label=gettext_lazy("A day that stands in"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    by = forms.ChoiceField(label=gettext_lazy("Or the day of another event of the same record"), required=False)
    evidence = forms.CharField(
        label=gettext_lazy("The evidence"),
        help_text=gettext_lazy("Why it is right enough. Without personal data: it is kept for ever."),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    attachments = forms.CharField(
        label=gettext_lazy("What it rests on"),
        help_text=gettext_lazy(
            "One document on each line: its name, and its SHA-256 in 64 signs. The document stays with you."
        ),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )

    def __init__(self, event: str, sent: Any = None) -> None:
        super().__init__(sent, label_suffix="")
        by: Any = self.fields["by"]
        others = sorted((event_name(one), one) for one in CATALOGUE if one != event and one not in NEVER_ESTIMATED)
        by.choices = [("", "–"), *((code, text) for text, code in others)]

    def clean_attachments(self) -> tuple[tuple[str, str], ...]:
        found = []
        for line in self.cleaned_data["attachments"].splitlines():
            if line.strip():
                name, _blank, digest = line.strip().rpartition(" ")
                found.append((name.strip(), digest.lower()))
        if len(found) > 50:
            raise forms.ValidationError(_("At most %(n)d documents.") % {"n": 50})
        return tuple(found)


def _person(place: Place) -> Person | None:
    """The account as it may have a part in a campaign; None: it may not."""
    try:
        return answering(place.organisation, place.user) if place.may(Verb.ESTIMATE) else None
    except LifecycleError:
        return None


def _plan(place: Place) -> Plan | None:
    version = version_in_force(place.organisation, place.today)
    return plan_of(version) if version is not None else None


def _names(plan: Plan | None) -> dict[str, str]:
    return {one.code: named(one.name, one.code) for one in plan.datasets} if plan else {}


def _words(error: LifecycleError | RestoredError) -> str:
    return calling(str(error))


@page(GET=Verb.READ, POST=Verb.ESTIMATE)
def campaigns(request: HttpRequest, place: Place) -> HttpResponse:
    """Every campaign, and the groups of a dataset, or of all, as they were read last; a POST has them read."""
    plan = _plan(place)
    names = _names(plan)
    somebody = _person(place)
    asked = (request.POST if request.method == "POST" else request.GET).get("dataset", "").strip()
    alike = [asked] if asked in names else [code for code, name in names.items() if asked and name == asked]
    of = alike[0] if len(alike) == 1 else ""
    problem, status = "", 200
    if len(alike) > 1:  # never the first of them: whoever asks says which
        messages.warning(request, _("Several datasets are called so: choose one."))
        status = 422
    elif request.method == "POST":
        if asked and not of:
            messages.warning(request, _("No dataset of the version in force is called so."))
            return redirect("web:campaigns", slug=place.organisation.slug)
        looked = {"id": of} if of else None
        who = place.who(Verb.ESTIMATE)
        found = ask(place.organisation, Counted.GAPS, timezone.now(), who, place.user, looked, anew=True)
        if not found.problem:
            query = f"?{urlencode({'dataset': of})}" if of else ""
            return redirect(f"{reverse('web:campaigns', args=[place.organisation.slug])}{query}#groups")
        problem, status = calling(found.problem), 409
    last = newest(place.organisation, Counted.GAPS, of) if somebody is not None and status == 200 else None
    rows = Campaign.objects.filter(organisation=place.organisation).order_by("-number")
    reached = [(one.code, names[one.code]) for one in plan.datasets if one.mapping is not None] if plan else []
    apart = told_apart((code, names[code]) for code in alike[:CHOSEN_APART]) if len(alike) > 1 else []
    context = {
        "campaigns": [_row(one, names) for one in rows[:200]],
        "datasets": apart or (told_apart(reached) if len(reached) <= CHOSEN else []),
        "asked": of,
        "asked_name": names.get(of, ""),
        "may_look": somebody is not None and bool(reached),
        "apart": bool(apart),
        "looked": last,
        "groups": _groups(last, names),
        "being_counted": waiting(place.organisation, Counted.GAPS),
        "problem": problem,
        "unread": calling(last.problem) if last is not None and last.problem else "",
        "published": plan is not None,
    }
    return shown(request, place, "web/campaigns.html", context, here="campaigns", status=status)


def _groups(looked: Counting | None, names: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """None: nobody has looked, or it could not be read; that is not the same as no group."""
    if looked is None or looked.problem or looked.result is None:
        return None
    return [_group(one, names) for one in looked.result["groups"]]


def _row(one: Campaign, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": one.number,
        "dataset": names.get(one.dataset, one.dataset),
        "event": event_name(one.event),
        "cause": cause_in_words(one.cause, one.same_day.isoformat() if one.same_day else None),
        "items": one.items,
        "sign": sign_of(one.state),
    }


def sign_of(state: str) -> Sign:
    """How far a campaign has come."""
    shape = {READING: "run", PROPOSED: "wait", DECIDED: "wait", CONFIRMED: "ok", REFUSED: "refused", WITHDRAWN: "unk"}
    return Sign(shape[state], _(STATES[state]))


def _group(one: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "group": one,
        "dataset": names.get(one["dataset"], one["dataset"]),
        "event": event_name(one["event"]),
        "cause": cause_in_words(one["cause"], one["same_day"]),
        "same_day": one["same_day"] or "",
        "fillable": one["cause"] != NOT_YET,
    }


def _asked_for(told: Mapping[str, Any]) -> dict[str, Any]:
    """The group that an address or a form names. Raises Http404."""
    try:
        day = date.fromisoformat(told["same_day"]) if told.get("same_day") else None
        cause = Cause(told.get("cause", ""))
    except ValueError:
        raise Http404 from None
    if told.get("event", "") not in CATALOGUE:
        raise Http404
    return {"dataset": told.get("dataset", "")[:60], "event": told["event"], "cause": cause.value, "same_day": day}


@page(GET=Verb.ESTIMATE, POST=Verb.ESTIMATE)
def propose(request: HttpRequest, place: Place) -> HttpResponse:
    """Close a group, and propose what stands in for its dates. The register is read meanwhile; nothing is touched."""
    group = _asked_for(request.POST if request.method == "POST" else request.GET)
    names = _names(_plan(place))
    if group["dataset"] not in names:
        raise Http404
    form, status = ProposeForm(group["event"]), 200
    somebody = _person(place)
    standing = Campaign.objects.filter(organisation=place.organisation, state__in=OPEN, **group).first()
    if request.method == "POST":
        if standing is not None and standing.state != READING:
            told = _("A proposal for this group stands already: it is this one.")
            messages.warning(request, told)
            return redirect("web:campaign", slug=place.organisation.slug, n=standing.number)
        form, status = ProposeForm(group["event"], request.POST), 422
        if form.is_valid():
            try:
                wanted = Wanted(**group, **form.cleaned_data)
                by = somebody or answering(place.organisation, place.user)
                made = doors.propose(place.organisation, wanted, by, timezone.now())
            except DocumentError as error:
                for problem in error.problems:
                    field = problem.path.partition("[")[0]
                    form.add_error(field if field in form.fields else None, problem.message)
            except (LifecycleError, RestoredError) as error:
                form.add_error(None, _words(error))
                status = 409
            else:
                messages.success(request, _("The group is closed, and the substitute proposed. Nothing is touched."))
                return redirect("web:campaign", slug=place.organisation.slug, n=made.number)
    same_day = group["same_day"].isoformat() if group["same_day"] else None
    context = {
        "form": form,
        "group": {**group, "same_day": same_day or ""},
        "dataset": names[group["dataset"]],
        "event": event_name(group["event"]),
        "cause": cause_in_words(group["cause"], same_day),
        "standing": standing,
        "may": somebody is not None,
    }
    return shown(request, place, "web/campaign_new.html", context, here="campaigns", status=status)


def _campaign(place: Place, n: int) -> Campaign:
    found: Campaign = get_object_or_404(Campaign, organisation=place.organisation, number=n)
    return found


@page(GET=Verb.READ)
def campaign(request: HttpRequest, place: Place, n: int) -> HttpResponse:
    """One campaign: its group, evidence and forecast, who said what, what followed, and what is to be done."""
    return _drawn(request, place, _campaign(place, n))


def _drawn(
    request: HttpRequest, place: Place, one: Campaign, problem: str = "", status: int = 200, do: str = ""
) -> HttpResponse:
    told = as_dict(one)
    plan = plan_of(one.version)
    register, dataset = plan.find_register(one.register), plan.find_dataset(one.dataset)
    context = {
        "one": one,
        "told": told,
        "register": named(register.name, one.register) if register else one.register,
        "dataset": named(dataset.name, one.dataset) if dataset else one.dataset,
        "event": event_name(one.event),
        "cause": cause_in_words(told["cause"], told["same_day"]),
        "substitute": substitute_in_words(told),
        "sign": sign_of(one.state),
        "steps": list(_steps(one)),
        "forecast": list(_forecast(told["forecast"])),
        "outcomes": [
            (_(OUTCOMES[name]) if name in OUTCOMES else name, count)
            for name, count in told["followed"]["outcomes"].items()
        ],
        "lots": told["followed"]["lots"],
        "left": told["followed"]["gaps_left"],
        "offers": _offers(place, one),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
        "do": do,
    }
    return shown(request, place, "web/campaign.html", context, here="campaigns", status=status)


def _steps(one: Campaign) -> Iterator[dict[str, Any]]:
    """What was said, in order, and what comes next."""
    events = list(one.events.all())
    for event in events:
        role = event.by.partition(":")[0]
        yield {
            "name": _(STEPS[event.what]),
            "who": f"{_(ROLES[role]) if role in ROLES else role}, {event.by.partition(':')[2]}",
            "day": event.day,
            "reason": event.reason if event.what != PROPOSED else "",
            "done": event.what not in (REFUSED, WITHDRAWN),
        }
    following = {PROPOSED: [DECIDED, CONFIRMED], DECIDED: [CONFIRMED]}.get(one.state, [])
    for n, what in enumerate(following):
        yield {
            "name": {DECIDED: _("The owner's decision"), CONFIRMED: _("Another person's confirmation")}[what],
            "next": n == 0,
        }


def _forecast(told: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for key, text in FORECAST.items():
        if told.get(key):
            yield _(text), told[key]
    for year, n in told.get("later", {}).items():
        yield _("may go in %(year)s") % {"year": year}, n


def _offers(place: Place, one: Campaign) -> dict[str, bool]:
    """What this person may do with it now."""
    somebody = _person(place)
    if somebody is None:
        return {}
    before = said(one.events.filter(what__in=[PROPOSED, DECIDED]))
    may = {after: one.state in states for after, states in MOVES.items()}
    had_part = somebody.is_among(before)
    return {
        "decide": may[DECIDED],
        "confirm": may[CONFIRMED] and not had_part,
        "another": may[CONFIRMED] and had_part,
        "refuse": may[REFUSED],
        "withdraw": may[WITHDRAWN],
    }


@page(POST=Verb.ESTIMATE)
def answer(request: HttpRequest, place: Place, n: int) -> HttpResponse:
    """Decide, confirm, refuse or withdraw: as this person, for exactly the group whose root the form names."""
    one = _campaign(place, n)
    do, root, now = request.POST.get("do", ""), request.POST.get("root", ""), timezone.now()
    reason = request.POST.get("reason", "").strip()[:2_000]
    if do not in ("decide", "confirm", "refuse", "withdraw"):
        raise Http404
    if not reason:
        return _drawn(request, place, one, _("Say why: the minutes keep it."), 422, do)
    after = {"decide": DECIDED, "confirm": CONFIRMED, "refuse": REFUSED, "withdraw": WITHDRAWN}[do]
    if one.state not in MOVES[after]:
        told = _("It is not as you saw it. It is now: %(state)s.") % {"state": sign_of(one.state).word}
        return _drawn(request, place, one, told, 409, do)
    try:
        by = answering(place.organisation, place.user)
        if do == "withdraw":
            _tell_withdrawn(request, doors.withdraw(one, by, reason, now))
        elif do == "refuse":
            doors.refuse(one, by, reason, now)
            messages.success(request, _("The substitute is refused. Its records stay as they are."))
        elif do == "decide":
            doors.decide(one, by, reason, root, now)
            messages.success(request, _("You have decided it. Another person confirms it before it counts."))
        else:
            doors.confirm(one, by, reason, root, now)
            messages.success(request, _("It is confirmed, and counts from the next night on."))
    except (LifecycleError, RestoredError) as error:
        one.refresh_from_db()
        return _drawn(request, place, one, _words(error), 409, do)
    return redirect("web:campaign", slug=place.organisation.slug, n=one.number)


def _tell_withdrawn(request: HttpRequest, told: doors.Withdrawn) -> None:
    messages.success(request, _("It is taken back: what it made due and is not gone stays."))
    in_time.tell(request, told)


@page(GET=Verb.READ)
def printed(request: HttpRequest, place: Place, n: int, form: str) -> HttpResponse:
    """The minutes: as a page to print, or as a PDF."""
    if form not in MEDIA:
        raise Http404
    one = _campaign(place, n)
    content = minutes(one, form, place.today)
    answer = HttpResponse(content, content_type=MEDIA[form])
    answer["Content-Disposition"] = f'inline; filename="{place.organisation.slug}-campaign-{n}.{form}"'
    answer["Content-Security-Policy"] = PAGE_POLICY
    return answer
