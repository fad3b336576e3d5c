"""Every organisation of the installation, for superusers: which there are, what each lacks to begin, and a new one.

Only that they are there: what is in one, its own roles see.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from entrance.organisations import SUPERUSER, first_roles, make_organisation
from retention.domain.errors import DocumentError
from ropa.law import LANGUAGES
from ropa.models import Organisation, Role
from web.access import superusers
from web.paging import paged
from web.places import calling
from web.shell import shown
from web.slots import NAMES_OF_TONGUES

FIELDS = {"organisation.slug": "slug", "organisation.name": "organisation"}
"""Where the document says what a field of the form asks."""


class NewOrganisationForm(forms.Form):
    """What `manage.py new_organisation` asks for."""

    organisation = forms.CharField(
        label=gettext_lazy("Name"), help_text=gettext_lazy("As it stands in the trade register."), max_length=200
    )
    slug = forms.CharField(
        label=gettext_lazy("Id"),
        help_text=gettext_lazy("In addresses and in the evidence: small letters, digits and -. It is never changed."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of its record"), choices=[(code, NAMES_OF_TONGUES[code]) for code in LANGUAGES]
    )


@superusers
def organisations(request: HttpRequest) -> HttpResponse:
    """Which there are; a new one is made as the command makes it."""
    form, status = NewOrganisationForm(request.POST or None, label_suffix=""), 200
    if request.method == "POST":
        if form.is_valid() and _made(request, form):
            return redirect("web:organisations")
        status = 422
    pages = paged(request, _every())
    context = {"pages": pages, "rows": [_row(one, request) for one in pages.rows], "form": form}
    return shown(request, None, "web/organisations.html", context, status=status)


def _made(request: HttpRequest, form: NewOrganisationForm) -> bool:
    told = form.cleaned_data
    by = f"{SUPERUSER}:{request.user.get_username()}"
    try:
        made = make_organisation(told["slug"], told["organisation"], told["language"], by)
    except DocumentError as error:
        for one in error.problems:
            form.add_error(FIELDS.get(one.path), calling(one.message))
        return False
    messages.success(request, _("%(name)s is there, with nothing in it.") % {"name": made.name})
    return True


def _every() -> Any:
    able = Q(memberships__user__is_active=True)
    return Organisation.objects.annotate(
        administrators=_people(able & Q(memberships__role=Role.ADMINISTRATOR)),
        controllers=_people(able & Q(memberships__role=Role.CONTROLLER)),
        newest=Max("versions__number", filter=Q(versions__withdrawal=None)),
    ).order_by("name", "slug")


def _people(which: Q) -> Count:
    return Count("memberships__user", filter=which, distinct=True)


def _row(one: Any, request: HttpRequest) -> dict[str, Any]:
    begins = one.administrators and one.controllers
    return {
        "organisation": one,
        "language": NAMES_OF_TONGUES.get(one.language, one.language),
        "first_roles": [] if begins else first_roles(one.slug, request.user.get_username()),
    }
