"""How registers are reached: each connection's fields as its connector declares them, and whether it answers now.

A secret is never written here, only where it lies: `env:NAME` or `file:PATH` on the machine that runs the nights.
A change of one that a purge uses is confirmed here by a controller (`retention.connection_changes`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import validate_slug
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention.connection_changes import Change, change_of, changes, confirm
from retention.connectors.contract import ConnectorError
from retention.connectors.registry import connect, connector_class, kinds
from retention.domain.errors import DocumentError, LifecycleError
from retention.inventory_document import edit_connection
from retention.models import Connection
from retention.selectors import resolve
from ropa.models import Register
from ropa.rights import Verb
from web.access import Place, page
from web.connector_words import help_of, kind_of_system, label_of, problem_in_words
from web.roles import who_in_words
from web.shell import shown
from web.words import named, some_of

REFERENCE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:(/|\{data\}/).+)")


class ConnectionForm(forms.Form):
    """The fields that a kind declares, in its own words; empty ones are left to their default."""

    def __init__(self, *args: Any, kind: str, new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        if new:
            self.fields["code"] = forms.CharField(
                label=_("Its name"),
                help_text=_("Registers name it so. Letters, digits and hyphens."),
                max_length=60,
                validators=[validate_slug],
            )
        for one in connector_class(kind).fields:
            meaning, label = help_of(one.help), label_of(one.name)
            told = [meaning + ("." if not meaning.endswith(".") else "")]
            if one.default is not None:
                told.append(_("Left out: %(default)s.") % {"default": one.default})
            if one.secret:
                told.append(_("Secret: write where it lies, env:NAME or file:PATH, never what it is."))
            self.fields[f"field-{one.name}"] = forms.CharField(
                label=label if label == one.name else f"{label} ({one.name})",
                help_text=" ".join(told),
                required=one.required,
                max_length=2_000,
            )
        self.fields["reason"] = forms.CharField(label=gettext_lazy("Why"), max_length=500)

    def config(self) -> dict[str, Any]:
        told = {name.removeprefix("field-"): value for name, value in self.cleaned_data.items() if "-" in name}
        return {name: _written(value) for name, value in told.items() if value}


def _written(value: str) -> Any:
    return {"secret": value} if REFERENCE.fullmatch(value) else value


def _shown(config: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"field-{name}": str(value.get("secret", "")) if isinstance(value, dict) else str(value)
        for name, value in config.items()
    }


@page(GET=Verb.READ)
def connections(request: HttpRequest, place: Place) -> HttpResponse:
    """Every connection, what it is, and which registers it reaches."""
    registers: dict[str, list[str]] = {}
    drafted = Register.objects.filter(organisation=place.organisation).order_by("code")
    for connection, name, code in drafted.values_list("connection", "name", "code"):
        registers.setdefault(connection, []).append(named(name, code))
    waits = {one.connection.pk: one for one in changes(place.organisation)}
    context = {
        "rows": [
            {
                "connection": one,
                "kind": kind_of_system(one.kind),
                "registers": some_of(registers.get(one.code, [])),
                "change": waits.get(one.pk),
            }
            for one in Connection.objects.filter(organisation=place.organisation).order_by("code")
        ],
        "may": place.may(Verb.CONNECT),
        "entrusts": place.may(Verb.ENTRUST),
        "kinds": [(one, kind_of_system(one)) for one in kinds()],
    }
    return shown(request, place, "web/connections.html", context, here="connections")


@page(GET=Verb.CONNECT, POST=Verb.CONNECT)
def connection(request: HttpRequest, place: Place, code: str) -> HttpResponse:
    """One connection: change it, or ask whether it answers now."""
    row = get_object_or_404(Connection, organisation=place.organisation, code=code)
    if request.method == "POST" and "reach" in request.POST:
        _reach(request, row)
        return redirect("web:connection", slug=place.organisation.slug, code=code)
    return _form(request, place, row.kind, row)


@page(GET=Verb.ENTRUST, POST=Verb.ENTRUST)
def connection_confirm(request: HttpRequest, place: Place, code: str) -> HttpResponse:
    """What somebody changed of a connection, for a controller to confirm exactly that."""
    row = get_object_or_404(Connection, organisation=place.organisation, code=code)
    reason, status = request.POST.get("reason", "")[:500], 200
    if request.method == "POST":
        seen, status = request.POST.get("digest", ""), 422
        by = place.who(Verb.ENTRUST)
        try:
            confirm(place.organisation, code, seen, by, place.user, reason, timezone.now())
            messages.success(request, _("It is confirmed: the next night uses it."))
            return redirect("web:connections", slug=place.organisation.slug)
        except LifecycleError as error:
            messages.warning(request, str(error))
    context = {"row": row, "reason": reason, "kind": kind_of_system(row.kind), **_changed(place, change_of(row))}
    return shown(request, place, "web/connection_confirm.html", context, here="connections", status=status)


def _changed(place: Place, change: Change | None) -> dict[str, Any]:
    """What waits, and who changed it how; nothing where nothing does."""
    if change is None:
        return {"change": None}
    return {
        "change": change,
        "fields": [(label_of(name), was, now) for name, was, now in change.fields()],
        "steps": [{"at": one.history_date, **_step(one.history_change_reason or "")} for one in change.steps()],
        "may_confirm": place.may(Verb.ENTRUST) and change.may_confirm(place.user),
    }


def _step(reason: str) -> dict[str, str]:
    """Who changed it and why, as its history has both: `role:name: why`."""
    who, _colon, why = reason.partition(": ")
    return {"who": who_in_words(who) or "–", "why": why or "–"}


@page(GET=Verb.CONNECT, POST=Verb.CONNECT)
def connection_add(request: HttpRequest, place: Place, kind: str) -> HttpResponse:
    """A new connection of a kind."""
    if kind not in kinds():
        raise Http404
    return _form(request, place, kind, None)


def _form(request: HttpRequest, place: Place, kind: str, row: Connection | None) -> HttpResponse:
    start = _shown(row.config) if row is not None else {}
    form = ConnectionForm(request.POST or None, initial=start, kind=kind, new=row is None, label_suffix="")
    status = 200
    if request.method == "POST":
        if form.is_valid() and _save(place, form, row):
            _tell_saved(request, place, row.code if row is not None else form.cleaned_data["code"])
            return redirect("web:connections", slug=place.organisation.slug)
        status = 422
    context = {
        "form": form,
        "row": row,
        "kind": kind_of_system(kind),
        **_changed(place, change_of(row) if row is not None else None),
    }
    return shown(request, place, "web/connection.html", context, here="connections", status=status)


def _tell_saved(request: HttpRequest, place: Place, code: str) -> None:
    saved = Connection.objects.get(organisation=place.organisation, code=code)
    if change_of(saved) is None:
        messages.success(request, _("It is saved, and counts from the next night on."))
    else:
        messages.info(request, _("It is saved. No night uses it before a controller has confirmed the change."))


def _save(place: Place, form: ConnectionForm, row: Connection | None) -> bool:
    code = row.code if row is not None else form.cleaned_data["code"]
    if row is None and Connection.objects.filter(organisation=place.organisation, code=code).exists():
        form.add_error("code", _("There is a connection of this name already."))
        return False
    written: dict[str, Any] = {"kind": form.kind, "config": form.config()}
    if row is not None and row.limits:
        written["limits"] = row.limits
    try:
        edit_connection(place.organisation, code, written, f"{place.who(Verb.CONNECT)}: {form.cleaned_data['reason']}")
    except DocumentError as error:
        for problem in error.problems:
            name = f"field-{problem.path.rpartition('.')[2]}"
            form.add_error(name if name in form.fields else None, problem.message)
        return False
    return True


def _reach(request: HttpRequest, row: Connection) -> None:
    """Connect and authenticate; nothing is read of any record."""
    try:
        with connect(row.kind, resolve(row.config, f"connection {row.code}")) as connector:
            connector.check(())
    except ConnectorError as error:
        messages.warning(request, _("It does not answer as it should: %(why)s") % {"why": problem_in_words(str(error))})
        return
    messages.success(request, _("It answers."))
