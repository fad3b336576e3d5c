"""Paper: the orders that people carry out, and, on a phone beside the shredder, the certificate that comes back.

What is recorded is taken by `retention.paper`, as the command takes it; the next night settles it. No address names a
paper: a number that is looked for is sent in a form's body.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from retention import paper as doors
from retention.connectors.contract import ConnectorError
from retention.connectors.paper_orders import METHODS, Answer, Answered, fineness
from retention.domain.errors import EvidenceError, LifecycleError
from retention.plan import Plan, plan_of
from ropa.rights import Verb
from ropa.selectors import version_in_force
from web.access import Place, page
from web.paper_told import Told, all_orders, archive_name, method_in_words, one_order, with_kept
from web.shell import shown
from web.words import day, number

TICKED = 120
"""Papers that have a box each on the page; of more, numbers are written or scanned, one on each line."""
SHEETS = 12
"""Orders on one page to print."""
SETTLED = 30
WITHDRAWN = timedelta(days=60)
"""How long an order that was taken back is shown: somebody may have its print in hand."""
FINEST = 7


class KeysWidget(forms.Textarea):
    """Numbers, ticked or one on each line."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        lines = [line.strip() for value in data.getlist(name) for line in value.splitlines()]
        return list(dict.fromkeys(line for line in lines if line))


class KeysField(forms.Field):
    widget = KeysWidget


class RecordForm(forms.Form):
    """What the signed certificate of one order says."""

    everything = forms.BooleanField(required=False)
    destroyed = KeysField(required=False, label=gettext_lazy("Destroyed"))
    not_found = KeysField(required=False, label=gettext_lazy("Not found"))
    already = forms.BooleanField(required=False)
    destroyed_on = forms.DateField(
        label=gettext_lazy("On which day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    method = forms.ChoiceField(label=gettext_lazy("How"), required=False)
    level = forms.ChoiceField(label=gettext_lazy("How finely (DIN 66399)"), required=False)
    seal = forms.CharField(
        label=gettext_lazy("Number of the seal"),
        help_text=gettext_lazy("Read it from the box: the order names the one that must be there."),
        max_length=100,
        required=False,
    )
    signed_by = forms.CharField(
        label=gettext_lazy("Who destroyed it and signed"), help_text=gettext_lazy("A role, not a name."), max_length=200
    )
    witness = forms.CharField(
        label=gettext_lazy("Who else was there"), help_text=gettext_lazy("A role, not a name."), max_length=200
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, told: Told, sent: Any = None) -> None:
        first = {"destroyed_on": told.place.today, "seen": len(told.written.certificates)}
        super().__init__(sent, initial=first, label_suffix="")
        self.told = told
        ordered = fineness(told.order["security"])
        finer = [(f"P-{n}", f"P-{n}") for n in range(ordered, FINEST + 1)]
        for name, choices in (("method", [(one, method_in_words(one)) for one in METHODS]), ("level", finer)):
            field: Any = self.fields[name]
            field.choices = [("", "–"), *choices]
        if not told.needs_seal:
            del self.fields["seal"]
        if not told.two:
            del self.fields["witness"]
        for one in self.fields.values():
            if isinstance(one, forms.CharField):
                one.widget.attrs["autocomplete"] = "off"

    @property
    def plain(self) -> list[forms.BoundField]:
        """The fields after the papers."""
        names = ("destroyed_on", "method", "level", "seal", "signed_by", "witness")
        return [self[name] for name in names if name in self.fields]

    def clean_destroyed_on(self) -> date:
        found: date = self.cleaned_data["destroyed_on"]
        if found > self.told.place.today:
            raise forms.ValidationError(_("The day lies ahead: nothing was destroyed on it."))
        return found

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        remaining = set(self.told.written.remaining)
        missed = set(told.get("not_found") or ())
        gone = set(told.get("destroyed") or ())
        if told.get("everything"):
            gone = remaining - missed
        for name, keys in (("destroyed", gone), ("not_found", missed)):
            if strange := keys - remaining:
                text = ngettext("%(n)d of them is not asked for.", "%(n)d of them are not asked for.", len(strange))
                self.add_error(name, text % {"n": len(strange)})
        if gone & missed:
            self.add_error("not_found", _("The same paper is both destroyed and not found."))
        if not gone and not missed:
            self.add_error("everything", _("Say what was destroyed or not found."))
        if (self.told.written.withdrawn or gone & set(self.told.kept)) and gone and not told.get("already"):
            self.add_error("already", _("This may not be destroyed. Say so if it had gone before that was known."))
        if gone:
            self._how(told)
        told["gone"], told["missed"] = sorted(gone), sorted(missed)
        return told

    def _how(self, told: dict[str, Any]) -> None:
        if not told.get("method") and "method" not in self.errors:
            self.add_error("method", _("Say how it was destroyed."))
        if not told.get("level") and told.get("method") != "burnt" and "level" not in self.errors:
            self.add_error("level", _("Say how finely it was cut."))
        if "seal" in self.fields and told.get("seal", "").strip() != self.told.order["seal"]:
            self.add_error("seal", _("This is not the seal that the order names: open nothing, and ask."))
        if self.told.two and (witness := told.get("witness")) and _same(witness, told.get("signed_by", "")):
            self.add_error("witness", _("Two persons have to be there: say how their roles differ."))


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def plan_in_force(place: Place) -> Plan | None:
    version = version_in_force(place.organisation, place.today)
    return plan_of(version) if version is not None else None


@page(GET=Verb.READ, POST=Verb.READ)
def orders(request: HttpRequest, place: Place) -> HttpResponse:
    """The orders that wait, those taken back, and what came of the others; a POST looks for one by a number."""
    plan = plan_in_force(place)
    seen = all_orders(place, plan)
    if request.method == "POST":
        asked = request.POST.get("number", "").strip()[:200]
        if found := _found(asked, seen.orders):
            return redirect("web:paper-order", place.organisation.slug, found.archive.code, found.number)
        messages.warning(request, _("No order has this number, box or paper."))
        return redirect("web:paper", slug=place.organisation.slug)
    waiting = with_kept([one for one in seen.orders if one.waits])
    since = place.today - WITHDRAWN
    withdrawn = [one for one in seen.orders if one.written.withdrawn and not one.written.certified]
    over = [one for one in seen.orders if one.written.destroyed and not one.waits]
    over.sort(key=lambda one: (one.settled, max(row["destroyed_on"] for row in one.written.certificates)), reverse=True)
    over.sort(key=lambda one: one.settled)
    context = {
        "seen": seen,
        "say": _say(waiting, bool(seen.unknown)),
        "several": seen.archives > 1,
        "waiting": [(one, archive_name(one.archive, plan)) for one in waiting],
        "withdrawn": [one for one in withdrawn if one.withdrawn_on >= since],
        "over": over[:SETTLED],
        "more": max(len(over) - SETTLED, 0),
        "may_certify": place.may(Verb.CERTIFY),
    }
    return shown(request, place, "web/paper.html", context, here="paper")


def _found(asked: str, told: tuple[Told, ...]) -> Told | None:
    """The order of that number; or one about that box or paper, before all one that waits."""
    if not asked:
        return None
    by_number = [one for one in told if one.number.casefold() == asked.casefold()]
    about = [one for one in told if asked == one.order["box"] or asked in one.order["papers"]]
    about.sort(key=lambda one: (not one.waits, -one.archive.given(one.written).timestamp()))
    return next(iter([*by_number, *about]), None)


def _say(waiting: list[Told], unknown: bool) -> str:
    if not waiting:
        return _("Not every archive could be read.") if unknown else _("No order waits for the archive keeper.")
    boxes = sum(one.whole for one in waiting)
    lists = len(waiting) - boxes
    pulled = sum(one.left for one in waiting if not one.whole)
    parts = []
    if boxes:
        parts.append(
            ngettext("%(n)s box to be destroyed whole", "%(n)s boxes to be destroyed whole", boxes)
            % {"n": number(boxes)}
        )
    if lists:
        text = ngettext(
            "%(n)s paper to be pulled out of boxes that stay",
            "%(n)s papers to be pulled out of boxes that stay",
            pulled,
        )
        parts.append(text % {"n": number(pulled)})
    return _("The archive keeper has %(what)s.") % {"what": _(" and ").join(parts)}


@page(GET=Verb.READ, POST=Verb.CERTIFY)
def order(request: HttpRequest, place: Place, code: str, number: str) -> HttpResponse:
    """One order: what it asks for, and a form for what came of it."""
    plan = plan_in_force(place)
    try:
        told = one_order(place, plan, code, number)
    except ConnectorError as error:
        messages.error(request, _("The archive could not be read: %(why)s") % {"why": error})
        return redirect("web:paper", slug=place.organisation.slug)
    if request.method != "POST":
        return _drawn(request, told, RecordForm(told))
    form = RecordForm(told, request.POST)
    if not form.is_valid():
        return _drawn(request, told, form, status=422)
    said = form.cleaned_data
    answer = Answer(
        said["gone"],
        said["destroyed_on"],
        said["signed_by"].strip(),
        [said["seal"].strip()] if said.get("seal") else [],
        said["missed"],
        said["method"] if said["gone"] else "",
        said["level"] if said["gone"] and said["method"] != "burnt" else "",
        said.get("witness", "").strip(),
    )
    try:
        doors.record(told.archive, number, answer, place.who(Verb.CERTIFY), timezone.now(), plan, said["seen"])
    except Answered:
        form.add_error(
            None, _("Somebody has recorded something of this order since you opened it: nothing was recorded now.")
        )
        return _drawn(request, one_order(place, plan, code, number), form, status=409)
    except (ConnectorError, LifecycleError, EvidenceError) as error:
        form.add_error(None, str(error))
        return _drawn(request, told, form, status=409)
    _tell(request, said)
    return redirect("web:paper-order", place.organisation.slug, code, number)


def _tell(request: HttpRequest, said: dict[str, Any]) -> None:
    for keys, text in (
        (
            said["gone"],
            ngettext("%(n)s is recorded as destroyed.", "%(n)s are recorded as destroyed.", len(said["gone"])),
        ),
        (said["missed"], ngettext("%(n)s was not found.", "%(n)s were not found.", len(said["missed"]))),
    ):
        if keys:
            messages.success(request, text % {"n": number(len(keys))})
    messages.info(request, _("The next night reads it, takes what is gone off the lists and says what is not."))


def _drawn(request: HttpRequest, told: Told, form: RecordForm, status: int = 200) -> HttpResponse:
    ticked = set(form["destroyed"].value() or ())
    missed = set(form["not_found"].value() or ())
    rows = [
        {"key": one, "kept": _why_kept(told, one), "destroyed": one in ticked, "missed": one in missed}
        for one in told.written.remaining
    ]
    context = {
        "told": told,
        "form": form if told.written.remaining and told.place.may(Verb.CERTIFY) else None,
        "rows": rows if len(rows) <= TICKED else [],
        "kept_rows": [row for row in rows if row["kept"]][:TICKED],
        "lines": {"destroyed": "\n".join(sorted(ticked)), "not_found": "\n".join(sorted(missed))},
        "archive": archive_name(told.archive, told.plan),
        "certificates": certificates(told),
        "missing": sorted(told.written.not_found)[:TICKED],
    }
    return shown(request, told.place, "web/paper_order.html", context, here="paper", status=status)


def _why_kept(told: Told, key: str) -> str:
    why = told.kept.get(key)
    if why is None:
        return ""
    return _("on hold: do not destroy") if why == "held" else _("no longer due: do not destroy")


def certificates(told: Told) -> list[dict[str, Any]]:
    """What each certificate says."""
    return [
        {
            "number": place,
            "day": day(date.fromisoformat(one["destroyed_on"])),
            "destroyed": one["destroyed"],
            "not_found": one.get("not_found", []),
            "method": method_in_words(one.get("method", "")),
            "level": one.get("level", ""),
            "seals": ", ".join(one.get("seals", ())),
            "signed_by": one.get("signed_by", ""),
            "witness": one.get("witness", ""),
        }
        for place, one in enumerate(told.written.certificates, 1)
    ]


@page(GET=Verb.READ)
def sheets(request: HttpRequest, place: Place) -> HttpResponse:
    """What waits, to be printed: the round by shelf, then each order on a page of its own. `?from=`: after so many."""
    plan = plan_in_force(place)
    seen = all_orders(place, plan)
    waiting = with_kept([one for one in seen.orders if one.waits])
    asked = request.GET.get("from", "")
    start = int(asked) if asked.isdecimal() and len(asked) < 7 else 0
    context = {
        "round": waiting[start : start + SHEETS],
        "unknown": seen.unknown,
        "every": len(waiting),
        "start": start,
        "next": start + SHEETS if len(waiting) > start + SHEETS else None,
    }
    return shown(request, place, "web/paper_sheets.html", context, here="paper")


@page(GET=Verb.READ)
def sheet(request: HttpRequest, place: Place, code: str, number: str) -> HttpResponse:
    """One order to be printed."""
    try:
        told = one_order(place, plan_in_force(place), code, number)
    except ConnectorError as error:
        messages.error(request, _("The archive could not be read: %(why)s") % {"why": error})
        return redirect("web:paper", slug=place.organisation.slug)
    return shown(request, place, "web/paper_sheets.html", {"round": [told], "one": told}, here="paper")


@page(GET=Verb.READ)
def certificate(request: HttpRequest, place: Place, code: str, number: str) -> HttpResponse:
    """The certificate of destruction, to be printed: what was recorded, as it was recorded."""
    try:
        told = one_order(place, plan_in_force(place), code, number)
    except ConnectorError as error:
        messages.error(request, _("The archive could not be read: %(why)s") % {"why": error})
        return redirect("web:paper", slug=place.organisation.slug)
    if not told.written.certified:
        return redirect("web:paper-order", place.organisation.slug, code, number)
    context = {
        "told": told,
        "archive": archive_name(told.archive, told.plan),
        "certificates": [
            {**one, "proof": proof}
            for one, proof in zip(certificates(told), doors.evidence_of(told.archive, told.written), strict=True)
        ],
        "today": place.today,
    }
    return shown(request, place, "web/paper_certificate.html", context, here="paper")
