"""The nights: which ran, what each came to, dataset by dataset, and the button that stops one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.disposal_certificate import certificate
from retention.disposal_certificate import page as in_html
from retention.domain.errors import EvidenceError, NightError
from retention.domain.lifecycle import Outcome
from retention.domain.periods import ONE_DAY
from retention.models import Attempt, DatasetNight, EvidenceHead, KeyOutcome, Run
from retention.models.run import RunState
from retention.runs import stop as stop_night
from ropa.models import Version
from ropa.rights import Verb
from ropa.selectors import light
from web.access import Place, page
from web.connector_words import problem_in_words
from web.live import EVERY
from web.live import live as now_of
from web.paging import paged
from web.record import record_of
from web.shell import shown
from web.sums import ORDERED, Sum, left_of, lefts_of
from web.words import Sign, language, moment, named, number

MEDIA = {"html": "text/html; charset=utf-8", "json": "application/json"}
"""The forms of a night's certificate."""
SHOWN = 14
"""Nights on a page of nights."""
MOST_REASONS = 50


@page(GET=Verb.READ)
def nights(request: HttpRequest, place: Place) -> HttpResponse:
    """The last nights, the newest first."""
    found = Run.objects.filter(organisation=place.organisation).defer("summary")
    pages = paged(request, found.order_by("-business_date"), SHOWN)
    _with_versions(pages.rows)
    lefts = lefts_of(pages.rows)
    rows = [{"run": run, "sign": state_of(run), "sum": lefts[run.pk].sum, "left": lefts[run.pk]} for run in pages.rows]
    of_today = found.filter(business_date=place.today).exists()
    published = place.organisation.versions.standing().exists()
    context = {
        "rows": rows,
        "pages": pages,
        "published": published,
        "may_ask": published and not of_today and place.may(Verb.START),
        "asked_today": of_today and place.may(Verb.START),
        "tomorrow": place.today + ONE_DAY,
        "may_stop": place.may(Verb.STOP),
        "may_resume": place.may(Verb.RESUME),
    }
    return shown(request, place, "web/nights.html", context, here="nights")


def _with_versions(runs: list[Run]) -> None:
    """Give each night its version, read once and without its text."""
    versions = {one.pk: one for one in light(Version.objects.filter(pk__in={run.version_id for run in runs}))}
    for run in runs:
        run.version = versions[run.version_id] if run.version_id is not None else None


def state_of(run: Run) -> Sign:
    """How a night stands, in a word."""
    match RunState(run.state):
        case RunState.FINISHED:
            return Sign("done", _("finished"))
        case RunState.STOPPED:
            return Sign("fail", _("stopped"))
        case RunState.RUNNING:
            return Sign("run", _("running"))
        case RunState.REQUESTED:
            return Sign("wait", _("asked for"))


@page(GET=Verb.READ)
def night(request: HttpRequest, place: Place, day: date) -> HttpResponse:
    """One night: what it came to, and why what stayed did."""
    found = Run.objects.filter(organisation=place.organisation, business_date=day)
    run = get_object_or_404(found.defer("summary"))
    _with_versions([run])
    pages = paged(request, run.datasets.all())
    names = _names(run)
    left = left_of(run)
    context = {
        "run": run,
        **_head_of(place, run),
        "sum": left.sum,
        "left": left,
        "pages": pages,
        "rows": [_row(row, names, _mode(run, row.dataset)) for row in pages.rows],
        "reasons": _reasons(run, names),
        "head": _head(place, day) if run.state == RunState.FINISHED else None,
        "may_stop": place.may(Verb.STOP) and run.state in {RunState.REQUESTED, RunState.RUNNING},
        "live": now_of(run) if run.state in {RunState.REQUESTED, RunState.RUNNING} else None,
        "every": EVERY,
    }
    return shown(request, place, "web/night.html", context, here="nights")


@page(GET=Verb.READ)
def live(request: HttpRequest, place: Place, day: date) -> HttpResponse:
    """How a night stands now: a part of its page, which looks again every few seconds while it runs."""
    found = Run.objects.filter(organisation=place.organisation, business_date=day).select_related("version")
    run = get_object_or_404(found.defer("summary", "version__snapshot"))
    context = {"run": run, "place": place, "live": now_of(run), "every": EVERY, "beside": True, **_head_of(place, run)}
    return render(request, "web/_live.html", context)


def _head_of(place: Place, run: Run) -> dict[str, Any]:
    """What the head of a night's page says, at first and whenever its state is looked at again."""
    times = [moment(at, place.organisation.time_zone) for at in (run.started_at, run.finished_at) if at is not None]
    return {"sign": state_of(run), "times": times}


@page(GET=Verb.READ)
def certificate_of_night(request: HttpRequest, place: Place, day: date, form: str) -> HttpResponse:
    """The night's certificate to be taken away: as a page in the reader's language, or as data."""
    if form not in MEDIA:
        raise Http404
    try:
        told, seal = certificate(place.organisation, day)
    except EvidenceError as error:
        raise Http404 from error
    if form == "html":
        content = in_html(told, seal, language())
    else:
        content = json.dumps({"certificate": told, "seal": seal}, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    answer = HttpResponse(content, content_type=MEDIA[form])
    name = f"{place.organisation.slug}-{day.isoformat()}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _head(place: Place, day: date) -> dict[str, Any] | None:
    """The signed head that names the end of the night's evidence; what else was signed on its day has other chains."""
    heads = EvidenceHead.objects.filter(organisation=place.organisation.slug, business_date=day).order_by("-number")
    for head in heads:
        body = json.loads(head.body)
        if body["chain"] == day.isoformat():
            at = moment(datetime.fromisoformat(body["signed_at"]), place.organisation.time_zone)
            return {"number": head.number, "digest": head.digest, "at": at}
    return None


@page(POST=Verb.STOP)
def stop(request: HttpRequest, place: Place, day: date) -> HttpResponse:
    """Stop a night; it goes no further than the chunk that is under way."""
    run = get_object_or_404(Run, organisation=place.organisation, business_date=day)
    try:
        stop_night(run, place.who(Verb.STOP), request.POST.get("reason", "").strip() or _("stopped on the page"))
        messages.success(request, _("The night is stopped: it sends nothing more after what is under way."))
    except NightError:
        messages.warning(request, _("The night was not running any more: nothing was changed."))
    return redirect("web:night", slug=place.organisation.slug, day=day)


Names = Callable[[str, str], str]
"""("datasets" or "registers", code) -> its name."""


def _names(run: Run) -> Names:
    """The names of datasets, steps and registers in the version that the night carries out."""
    if run.version is None:
        return lambda _kind, code: code
    record = record_of(run.version)
    return lambda kind, code: named(record.name_of(kind, code), code)


def _mode(run: Run, dataset: str) -> str:
    return record_of(run.version).mode_of(dataset) if run.version is not None else ""


def _only(mode: str, due: int) -> str:
    """Why what is due did not go where no night deletes it."""
    told = {"n": number(due)}
    if mode == "observe" and due:
        return (
            ngettext(
                "only observed: %(n)s record that is due was not deleted",
                "only observed: %(n)s records that are due were not deleted",
                due,
            )
            % told
        )
    if mode == "flag" and due:
        return (
            ngettext(
                "only flagged: %(n)s record that is due was not deleted",
                "only flagged: %(n)s records that are due were not deleted",
                due,
            )
            % told
        )
    return ""


def _row(row: DatasetNight, names: Names, mode: str) -> dict[str, Any]:
    found: Counter[str] = Counter(row.counts.get("outcomes", {}))
    total = Sum(found)
    if row.problem or row.unexplained is None:
        sign = Sign("unk", _("not known"))
    elif row.unexplained:
        sign = Sign("late", _("overdue"))
    else:
        sign = Sign("done", _("verified"))
    return {
        "name": names("datasets", row.dataset),
        "register": names("registers", row.register),
        "only": _only(mode, row.counts.get("left_due", 0)),
        "problem": problem_in_words(row.problem),
        "sum": total,
        "held": found[Outcome.HELD],
        "refused": found[Outcome.REFUSED],
        "failed": found[Outcome.FAILED],
        "others": total.taken - total.gone - sum(found[one] for one in (Outcome.HELD, Outcome.REFUSED, Outcome.FAILED)),
        "sign": sign,
        "unexplained": row.unexplained,
        "unchanged_since": row.unchanged_since,
    }


def _reasons(run: Run, names: Names) -> Iterator[dict[str, Any]]:
    """Why records stayed, each reason once with its number: never a key, and so no person."""
    attempts = Attempt.objects.filter(run=run).values("pk")
    left = (Outcome.HELD, Outcome.REFUSED, Outcome.FAILED, *ORDERED)
    stayed = KeyOutcome.objects.filter(attempt__in=attempts, outcome__in=left)
    told = Counter(stayed.order_by().values_list("lot__dataset", "outcome", "detail"))
    for (dataset, outcome, detail), times in told.most_common(MOST_REASONS):
        yield {
            "dataset": names("datasets", dataset),
            "sign": _SIGNS[Outcome(outcome)](),
            "detail": detail,
            "number": times,
            "next": _NEXT[Outcome(outcome)](),
        }


_SIGNS = {
    Outcome.HELD: lambda: Sign("hold", _("on hold")),
    Outcome.REFUSED: lambda: Sign("refused", _("refused by the system")),
    Outcome.FAILED: lambda: Sign("fail", _("failed")),
    Outcome.PENDING: lambda: Sign("run", _("under way")),
    Outcome.WAITING: lambda: Sign("run", _("under way")),
}
_NEXT = {
    Outcome.HELD: lambda: _("They stay until the hold is released."),
    Outcome.REFUSED: lambda: _("See to the reason in the system; the next night tries again."),
    Outcome.FAILED: lambda: _("The next night tries again. What goes on failing becomes overdue, and an alarm."),
    Outcome.PENDING: lambda: _("Somebody was asked to do it, and has not said yet that it is done."),
    Outcome.WAITING: lambda: _("They go after what another register has to dispose of first."),
}
