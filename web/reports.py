"""The record for the supervisory authority: chosen here, made as the API and the command make it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retention.reports import MEDIA_TYPES, PAGE_POLICY, NoRecordError, NoVersionError, report_file, sealed_report
from ropa.models import Version
from ropa.report import records_of
from ropa.rights import Verb
from ropa.seal import zipped
from ropa.selectors import content_of, light, light_in_force
from web.access import Place, page
from web.shell import shown
from web.words import language


class ReportForm(forms.Form):
    """What the report speaks of, and how it comes."""

    as_of = forms.DateField(
        label=gettext_lazy("As of"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    record = forms.ChoiceField(label=gettext_lazy("Record"))
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    format = forms.ChoiceField(label=gettext_lazy("Format"))

    def __init__(self, *args: Any, records: tuple[str, ...], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        words = {"controller": _("The controller's, Art. 30(1)"), "processor": _("The processor's, Art. 30(2)")}
        formats = {
            "pdf": "PDF",
            "html": "HTML",
            "xlsx": "Excel",
            "json": "JSON",
            "zip": _("Everything, sealed (ZIP)"),
        }
        for name, choices in (("record", {one: words[one] for one in records}), ("format", formats)):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = list(choices.items())

    def clean_as_of(self) -> date:
        found: date = self.cleaned_data["as_of"]
        if found > self.today:
            raise forms.ValidationError(_("A report speaks of today or an earlier day."))
        return found


@page(GET=Verb.READ)
def reports(request: HttpRequest, place: Place) -> HttpResponse:
    """Choose a report; with everything chosen, get it."""
    today = place.today
    asked = "format" in request.GET
    version = light_in_force(place.organisation, today)
    if version is None:
        return shown(request, place, "web/reports.html", {"form": None, "versions": []}, here="reports")
    first = {"as_of": today, "language": language()}
    form = ReportForm(
        request.GET if asked else None,
        initial=first,
        records=records_of(content_of(version)),
        today=today,
        label_suffix="",
    )
    if asked and form.is_valid():
        try:
            return _made(place, form.cleaned_data)
        except NoVersionError:
            form.add_error("as_of", _("No version was in force on that day."))
        except NoRecordError:
            form.add_error("record", _("There was no such record on that day."))
    context = {"form": form, "versions": _versions(place)}
    return shown(request, place, "web/reports.html", context, here="reports", status=422 if asked else 200)


def _versions(place: Place) -> list[Version]:
    return list(light(place.organisation.versions.standing()).reverse()[:20])


def _made(place: Place, told: dict[str, Any]) -> HttpResponse:
    as_of, spoken, wanted = told["as_of"], told["language"], told["format"]
    if wanted == "zip":
        content = zipped(sealed_report(place.organisation, as_of, spoken))
        name = f"{place.organisation.slug}-{as_of.isoformat()}-{spoken}.zip"
    else:
        name, content = report_file(place.organisation, as_of, spoken, told["record"], True, wanted)
    response = HttpResponse(content, content_type=MEDIA_TYPES[wanted])
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Content-Security-Policy"] = PAGE_POLICY
    return response
