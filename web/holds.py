"""Holds: place one and see exactly what it came in time for; release one. Whom a hold protects is never listed here."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention import holds as doors
from retention.database_locks import alone
from retention.domain.errors import DocumentError, LifecycleError
from retention.holds import REASONS, Placed
from retention.identifiers import without_unseen
from retention.models import Hold
from ropa.rights import Verb
from web import in_time
from web.access import Place, page
from web.paging import paged
from web.record import Record, record_of, version_of
from web.shell import shown
from web.words import day, named, number, reason_in_words, told_apart

MOST_PEOPLE = 1_000
"""Numbers in one form."""
MOST_OFFERED = 300
"""Registers to choose from; where there are more, one is named."""
MOST_ALIKE = 20
"""Registers of one name whose ids are told."""


class PlaceForm(forms.Form):
    """A hold on persons, by their numbers; everywhere, or in one register."""

    people = forms.CharField(
        label=gettext_lazy("Customer numbers"),
        help_text=gettext_lazy("One on each line. They are kept with the hold and shown to nobody here."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        max_length=100_000,
    )
    register = forms.ChoiceField(label=gettext_lazy("Where"), required=False)
    reason = forms.ChoiceField(label=gettext_lazy("Why"))
    note = forms.CharField(
        label=gettext_lazy("Note"),
        help_text=gettext_lazy("Without personal data: a case number, for example."),
        max_length=2_000,
        required=False,
    )
    owner = forms.CharField(
        label=gettext_lazy("Who answers for it"), help_text=gettext_lazy("A role, not a name."), max_length=200
    )
    review_by = forms.DateField(
        label=gettext_lazy("To be reviewed by"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, record: Record | None, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.registers = record.registers if record is not None else {}
        if len(self.registers) > MOST_OFFERED:
            self.fields["register"] = forms.CharField(
                label=self.fields["register"].label,
                help_text=_("A register's name; empty: every register."),
                max_length=300,
                required=False,
            )
        else:
            names = [(code, named(one.get("name") or {}, code)) for code, one in self.registers.items()]
            self._offer("register", [("", _("Every register")), *told_apart(names)])
        self._offer("reason", [(one, reason_in_words(one)) for one in REASONS])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def clean_people(self) -> list[str]:
        lines = (without_unseen(line) for line in self.cleaned_data["people"].splitlines())
        found = list(dict.fromkeys(line for line in lines if line))
        if not found:
            raise forms.ValidationError(_("Write at least one number."))
        if len(found) > MOST_PEOPLE:
            raise forms.ValidationError(_("At most %(n)d numbers in one hold.") % {"n": MOST_PEOPLE})
        return found

    def clean_register(self) -> str:
        told: str = self.cleaned_data["register"].strip()
        if not told or told in self.registers:
            return told
        found = [
            code
            for code, one in self.registers.items()
            if told.casefold() in {name.casefold() for name in (one.get("name") or {}).values()}
        ]
        if len(found) > 1:
            told_of = {"ids": ", ".join(found[:MOST_ALIKE])}
            raise forms.ValidationError(_("Several registers have this name. Write the id of one: %(ids)s.") % told_of)
        if not found:
            raise forms.ValidationError(_("No register has this name."))
        return found[0]

    def clean_review_by(self) -> date:
        found: date = self.cleaned_data["review_by"]
        if found <= self.today:
            raise forms.ValidationError(_("The day lies ahead."))
        return found


@page(GET=Verb.READ, POST=Verb.HOLD, private=["people"])
def holds(request: HttpRequest, place: Place) -> HttpResponse:
    """The holds that stand, and those that were released; a form to place one."""
    version = version_of(place)
    record = record_of(version) if version is not None else None
    form, status = None, 200
    if place.may(Verb.HOLD):
        form = PlaceForm(request.POST or None, record=record, today=place.today, label_suffix="")
        if request.method == "POST":
            if form.is_valid() and (placed := _place(form, place)):
                _tell(request, placed)
                return redirect("web:holds", slug=place.organisation.slug)
            status = 422
    every = Hold.objects.filter(organisation=place.organisation).annotate(persons=Count("subjects"))
    stands = Q(released=None) | Q(released__gt=place.today)
    pages = paged(request, every.filter(stands).order_by("review_by", "id"))
    context = {
        "standing": [_row(one, record, place) for one in pages.rows],
        "pages": pages,
        "released": [_row(one, record, place) for one in every.exclude(stands).order_by("-released", "-id")[:20]],
        "form": form,
        "may_release": place.may(Verb.RELEASE),
    }
    return shown(request, place, "web/holds.html", context, here="holds", status=status)


def _row(hold: Hold, record: Record | None, place: Place) -> dict[str, Any]:
    name = record.name_of("registers", hold.register) if record is not None else {}
    where = named(name, hold.register) if hold.register else _("Every register")
    return {
        "hold": hold,
        "reason": reason_in_words(hold.reason),
        "where": f"{where} · {hold.dataset}" if hold.dataset else where,
        "late": hold.released is None and hold.review_by < place.today,
    }


def _same(told: dict[str, Any], place: Place) -> Hold | None:
    """The hold that stands with all of this already: the form was sent twice."""
    same = Hold.objects.filter(
        organisation=place.organisation,
        start=place.today,
        released=None,
        dataset="",
        **{name: told[name] for name in ("register", "reason", "note", "owner", "review_by")},
    )
    wanted = {("customer", number) for number in told["people"]}
    for hold in same.prefetch_related("subjects"):
        if {(one.subject_kind, one.subject) for one in hold.subjects.all()} == wanted:
            return hold
    return None


@transaction.atomic
def _place(form: PlaceForm, place: Place) -> Placed | Hold | None:
    """The hold that was placed, or the one that stands already; None: the form says what is wrong."""
    told = form.cleaned_data
    alone(f"hold form {place.organisation.pk}")
    if (stands := _same(told, place)) is not None:
        return stands
    try:
        return doors.place(
            place.organisation,
            [("customer", number) for number in told["people"]],
            reason=told["reason"],
            note=told["note"],
            owner=told["owner"],
            start=place.today,
            review_by=told["review_by"],
            register=told["register"],
            by=place.who(Verb.HOLD),
        )
    except DocumentError as error:
        for problem in error.problems:
            field = problem.path.partition("[")[0]
            form.add_error({"subjects": "people"}.get(field, field if field in form.fields else None), problem.message)
        return None


def _tell(request: HttpRequest, placed: Placed | Hold) -> None:
    """What it came in time for, what is under way, and what was gone already."""
    if isinstance(placed, Hold):
        messages.info(request, _("Hold %(n)d says this already: nothing was added.") % {"n": placed.pk})
        return
    messages.success(request, _("Hold %(n)d stands from now on, also in a night that runs.") % {"n": placed.hold.pk})
    in_time.tell(request, placed)
    if placed.unknown:
        told = ngettext(
            "%(n)s number is not known here. Check it: a number that is written wrong protects nobody.",
            "%(n)s numbers are not known here. Check them: a number that is written wrong protects nobody.",
            placed.unknown,
        )
        messages.warning(request, told % {"n": number(placed.unknown)})


@page(POST=Verb.RELEASE)
def release(request: HttpRequest, place: Place, pk: int) -> HttpResponse:
    """End a hold today: from the next night on its records go where the rules say so."""
    hold = get_object_or_404(Hold, organisation=place.organisation, pk=pk)
    try:
        doors.release(hold, place.today, place.who(Verb.RELEASE))
        told = _("Hold %(n)d is released from %(day)s on.") % {"n": hold.pk, "day": day(place.today)}
        messages.success(request, told)
    except LifecycleError as error:
        messages.warning(request, str(error))
    return redirect("web:holds", slug=place.organisation.slug)
