"""The authority report, as the command writes it: read, made, rendered."""

from __future__ import annotations

from collections.abc import Iterable
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
from api.permissions import Verb
from api.register import LANGUAGE, language_of
from retention.reports import authority_report
from ropa.render import to_html, to_json, to_pdf

FORMATS = {
    "json": (to_json, "application/json"),
    "html": (to_html, "text/html; charset=utf-8"),
    "pdf": (to_pdf, "application/pdf"),
}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; frame-ancestors 'none'"
"""The report as a page loads nothing and runs nothing."""


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
    parameters = frozenset({"as_of", "language", "format"})
    content_negotiation_class = AsAsked
    filter_backends = []

    @extend_schema(
        operation_id="report",
        parameters=[
            LANGUAGE,
            OpenApiParameter("as_of", date, description="the day it speaks of; today if left out"),
            OpenApiParameter("format", str, enum=sorted(FORMATS), description="json if left out"),
        ],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/html"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The authority report (art. 30(4)) as of a day. Made again for the same day it is the same, byte for byte."""
        wanted = request.query_params.get("format", "json")
        if wanted not in FORMATS:
            raise ValidationError({"format": [", ".join(sorted(FORMATS))]})
        as_of = self._as_of(request)
        report = authority_report(self.organisation, as_of, language_of(self))
        render, media_type = FORMATS[wanted]
        response = HttpResponse(render(report), content_type=media_type)
        response["Content-Disposition"] = f'inline; filename="{slug}-{as_of.isoformat()}.{wanted}"'
        response["Content-Security-Policy"] = PAGE_POLICY
        return response

    def _as_of(self, request: Request) -> date:
        asked = request.query_params.get("as_of")
        if asked is None:
            return today_of(self.organisation)
        try:
            day: date = DateField().run_validation(asked)
        except ValidationError:
            raise ValidationError({"as_of": [_("a date, YYYY-MM-DD")]}) from None
        return day
