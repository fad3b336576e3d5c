"""Alarms: what is wrong, since when, who has it in hand. None is ended here: only a look at its condition ends one."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention.alarms import words
from retention.alarms.looking import acknowledge
from retention.domain.errors import LifecycleError, RuleError
from retention.models import Alarm, AlarmWatch
from retention.models.alarm import AlarmState
from ropa.rights import Verb
from web.access import Place, page
from web.record import Record, record_of, version_of
from web.shell import shown
from web.waiting import standing_alarms
from web.words import Sign, day, named

SHOWN = 30
"""Alarms that are over, on the page."""


class AcknowledgeForm(forms.Form):
    """Until when an alarm is quiet, and why."""

    until = forms.DateField(
        label=gettext_lazy("Quiet until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = forms.CharField(
        label=gettext_lazy("What is being done"), help_text=gettext_lazy("Without personal data."), max_length=2_000
    )


def alarm_in_words(alarm: Alarm, record: Record | None) -> str:
    """An alarm's sentence, with the names that the record has for a dataset and a register instead of their codes."""
    facts = dict(alarm.facts)
    if record is None:
        return words.of_alarm(alarm)
    if code := facts.get("register"):
        facts["register"] = named(record.name_of("registers", code), code)
    return words.sentence(alarm.kind, named(record.name_of("datasets", alarm.thing), alarm.thing), facts)


@page(GET=Verb.READ)
def alarms(request: HttpRequest, place: Place) -> HttpResponse:
    """Alarms that stand, the oldest first, and the last that are over."""
    return _shown(request, place)


def _shown(request: HttpRequest, place: Place, wrong: AcknowledgeForm | None = None, of: int = 0) -> HttpResponse:
    version = version_of(place)
    record = record_of(version) if version is not None else None
    every = Alarm.objects.filter(organisation=place.organisation)
    standing = standing_alarms(place).order_by("first_seen", "id")
    over = every.filter(state=AlarmState.RESOLVED).order_by("-resolved_at", "-id")[:SHOWN]
    may = place.may(Verb.ACKNOWLEDGE)
    rows = []
    for one in standing:
        form = wrong if wrong is not None and one.pk == of else AcknowledgeForm(prefix=str(one.pk), label_suffix="")
        rows.append({**_row(one, place, record), "form": form if may else None, "open": form is wrong})
    looked_at = AlarmWatch.objects.filter(organisation=place.organisation).values_list("looked_at", flat=True).first()
    context = {"rows": rows, "over": [_row(one, place, record) for one in over], "looked_at": looked_at}
    return shown(request, place, "web/alarms.html", context, here="alarms", status=200 if wrong is None else 422)


def _row(alarm: Alarm, place: Place, record: Record | None) -> dict[str, Any]:
    quiet = alarm.state == AlarmState.ACKNOWLEDGED
    return {
        "alarm": alarm,
        "text": alarm_in_words(alarm, record),
        "advice": words.advice(alarm.kind),
        "since": place.organisation.day_of(alarm.first_seen),
        "over": place.organisation.day_of(alarm.resolved_at) if alarm.resolved_at else None,
        "sign": Sign("wait", _("somebody has it in hand")) if quiet else Sign("late", _("open")),
    }


@page(POST=Verb.ACKNOWLEDGE)
def acknowledged(request: HttpRequest, place: Place, pk: int) -> HttpResponse:
    """Quieten an alarm through a day; after it the next level of people is told."""
    alarm = get_object_or_404(Alarm, organisation=place.organisation, pk=pk)
    form = AcknowledgeForm(request.POST, prefix=str(pk), label_suffix="")
    if form.is_valid():
        until: date = form.cleaned_data["until"]
        try:
            acknowledge(alarm, until, form.cleaned_data["reason"], place.who(Verb.ACKNOWLEDGE), timezone.now())
        except LifecycleError as error:
            form.add_error(None, str(error))
        except RuleError as error:
            form.add_error(error.path, error.message)
        else:
            messages.success(
                request, _("The alarm is quiet through %(day)s. It does not end by that.") % {"day": day(until)}
            )
            return redirect("web:alarms", slug=place.organisation.slug)
    return _shown(request, place, form, pk)
