"""The authority report, as the command writes it: read, made, rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.fields import DateField
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.organisation import InOrganisation, today_of
from api.register import LANGUAGE, language_of
from retention.reports import MEDIA_TYPES, PAGE_POLICY, report_file, sealed_report
from ropa.report import RECORDS
from ropa.rights import Verb
from ropa.seal import zipped


class AsAsked(BaseContentNegotiation):
    """`format` says what is wanted; errors are problems whatever is accepted."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class Report(InOrganisation):
    """The record of processing with its executed retention column and the evidence."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"as_of", "language", "format", "record", "extras"})
    content_negotiation_class = AsAsked
    filter_backends = []

    @extend_schema(
        operation_id="report",
        parameters=[
            LANGUAGE,
            OpenApiParameter("as_of", date, description="the day it speaks of; today if left out"),
            OpenApiParameter(
                "format", str, enum=sorted(MEDIA_TYPES), description="json if left out; zip is the sealed set"
            ),
            OpenApiParameter(
                "record", str, enum=RECORDS, description="30(1) or 30(2); the controller's if there is one. zip: all"
            ),
            OpenApiParameter("extras", bool, description="false: without what Article 30 does not ask for"),
        ],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/html"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiTypes.BINARY,
            (200, MEDIA_TYPES["xlsx"]): OpenApiTypes.BINARY,
            (200, "application/zip"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The authority report (art. 30(4)) as of a day. Made again for the same day it is the same, byte for byte."""
        wanted = self._one_of(request, "format", tuple(MEDIA_TYPES)) or "json"
        record = self._one_of(request, "record", RECORDS)
        extras = self._one_of(request, "extras", ("true", "false")) != "false"
        as_of, language = self._as_of(request), language_of(self)
        if wanted == "zip":
            records = [record] if record else None
            content = zipped(sealed_report(self.organisation, as_of, language, records, extras))
            name = f"{slug}-{as_of.isoformat()}-{language}.zip"
        else:
            name, content = report_file(self.organisation, as_of, language, record, extras, wanted)
        response = HttpResponse(content, content_type=MEDIA_TYPES[wanted])
        response["Content-Disposition"] = f'inline; filename="{name}"'
        response["Content-Security-Policy"] = PAGE_POLICY
        return response

    def _one_of(self, request: Request, name: str, known: Sequence[str]) -> str | None:
        asked = request.query_params.get(name)
        if asked is not None and asked not in known:
            raise ValidationError({name: [", ".join(known)]})
        return asked

    def _as_of(self, request: Request) -> date:
        asked = request.query_params.get("as_of")
        if asked is None:
            return today_of(self.organisation)
        try:
            day: date = DateField().run_validation(asked)
        except ValidationError:
            raise ValidationError({"as_of": [_("a date, YYYY-MM-DD")]}) from None
        return day
