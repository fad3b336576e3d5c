"""What the record and its notice lack, as the command tells it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.organisation import InOrganisation, today_of
from api.register import LANGUAGE, language_of
from ropa.examination import DRAFT, GROUPS, NoVersionError, as_data, examine
from ropa.findings import Status
from ropa.rights import Verb

VERSION = OpenApiParameter(
    "version",
    {"type": "string", "pattern": "^([0-9]{1,9}|draft)$"},
    description="a number, or draft; the version in force today if left out",
)


class ResembledSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    about = serializers.CharField()
    year = serializers.IntegerField()
    amount = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField(allow_blank=True)
    under_appeal = serializers.BooleanField(help_text="or not known to be final")


class FindingSerializer(serializers.Serializer[Any]):
    check = serializers.CharField()
    group = serializers.CharField(help_text="listed or further")
    status = serializers.CharField(help_text=", ".join(status.value for status in Status))
    severity = serializers.CharField(help_text="error, warning or info: the check's own")
    article = serializers.CharField()
    name = serializers.CharField(help_text="what the check is about")
    message = serializers.CharField()
    remedy = serializers.CharField(allow_null=True)
    where = serializers.ListField(child=serializers.CharField())
    decision = ResembledSerializer(allow_null=True)


class Findings(InOrganisation):
    """One finding per check: what is there, what is vague, outdated, missing or contradictory."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"version", "group", "language"})
    filter_backends = []
    pagination_class = None

    @extend_schema(
        operation_id="findings",
        parameters=[
            LANGUAGE,
            VERSION,
            OpenApiParameter("group", str, enum=GROUPS, description="all if left out"),
        ],
        responses=FindingSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The findings of a version or of the draft, listed checks first, in the order of the table."""
        group = request.query_params.get("group", "all")
        if group not in GROUPS:
            raise ValidationError({"group": [", ".join(GROUPS)]})
        language = language_of(self)
        try:
            found = examine(self.organisation, self._version(request), today_of(self.organisation), group)
        except NoVersionError:
            raise NotFound(_("there is no such version")) from None
        return Response([as_data(one, language) for one in found])

    def _version(self, request: Request) -> int | str | None:
        asked = request.query_params.get("version")
        if asked is None or asked == DRAFT:
            return asked
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 10):
            raise ValidationError({"version": [_("a version's number, or draft")]})
        return int(asked)
