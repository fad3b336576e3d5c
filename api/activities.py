"""Ready-made activities, and activities taken into a draft: from that library, or from another organisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Line, Prose
from api.onboarding import PlaceSerializer
from api.organisation import InOrganisation, Strict, sent, today_of
from api.register import LANGUAGE, LANGUAGES, language_of
from retention.domain.errors import DocumentError, Problem
from retention.onboarding.activities import Taking, preview, take
from retention.onboarding.activities.told import as_dict, contents, offered_as_dict
from ropa.models import Organisation
from ropa.ready_made import SECTORS, ready_made
from ropa.rights import MATRIX, Verb

SECTOR = OpenApiParameter("sector", str, enum=list(SECTORS))
CODE = r"^[A-Za-z0-9_-]+$"


class OfferedSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    sector = serializers.ChoiceField(choices=SECTORS)
    name = serializers.CharField()
    summary = serializers.CharField()
    decide = serializers.ListField(child=serializers.CharField(), help_text="what the controller must settle")


class WholeOfferedSerializer(OfferedSerializer):
    entries = serializers.DictField(help_text="what it brings, in all languages, as the inventory document has it")


class ReadyMade(Strict):
    """The library of ready-made activities."""

    permission_classes = [IsAuthenticated]
    filter_backends = []
    parameters = frozenset({"sector", "language", "page", "page_size"})
    serializer_class: Any = None

    @extend_schema(
        operation_id="ready_made_list", parameters=[SECTOR, LANGUAGE], responses=OfferedSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Activities to start an inventory from, in the library's order."""
        sector = request.query_params.get("sector")
        if sector is not None and sector not in SECTORS:
            raise ValidationError({"sector": [", ".join(SECTORS)]})
        language = _language(request)
        rows = [one for one in ready_made().offered.values() if sector in (None, one.sector)]
        page: Sequence[Any] = self.paginate_queryset(rows) or ()
        return self.get_paginated_response([offered_as_dict(one, language) for one in page])


class OneReadyMade(Strict):
    """One ready-made activity."""

    permission_classes = [IsAuthenticated]
    filter_backends = []
    parameters = frozenset({"language"})

    @extend_schema(operation_id="ready_made", parameters=[LANGUAGE], responses=WholeOfferedSerializer)
    def get(self, request: Request, code: str) -> Response:
        """The activity with all entries that it brings."""
        offered = ready_made().offered.get(code)
        if offered is None:
            raise Http404
        return Response({**offered_as_dict(offered, _language(request)), "entries": contents(offered)})


def _language(request: Request) -> str:
    asked = request.query_params.get("language", "fi")
    if asked not in LANGUAGES:
        raise ValidationError({"language": [_("fi, sv or en")]})
    return asked


class TakingSerializer(Body):
    activities = serializers.ListField(
        child=serializers.RegexField(CODE, max_length=100), min_length=1, max_length=200, help_text="by id"
    )
    source = serializers.RegexField(  # type: ignore[assignment]
        CODE,
        max_length=100,
        allow_null=True,
        default=None,
        help_text="slug of the organisation out of whose draft they come; null: the library of ready-made activities",
    )
    registers = serializers.DictField(
        child=serializers.RegexField(CODE, max_length=100),
        default=dict,
        help_text="a register that comes along: the register of the draft that stands in its place",
    )


class TakeSerializer(TakingSerializer):
    digest = Line(max_length=64, help_text="of the preview that was looked at")
    reason = Prose(max_length=2000, help_text="stands in the history")


class TakenPlaceSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    name = serializers.CharField()


class RenamedSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    id = serializers.CharField()


class QuestionSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    question = serializers.CharField()


class TakenSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="of draft and source as they were looked at")
    added = TakenPlaceSerializer(many=True)
    kept = TakenPlaceSerializer(many=True, help_text="there already under the same id; they stay as they are")
    linked = serializers.ListField(
        child=serializers.CharField(), help_text="of those kept: from now on about the new activities too"
    )
    renamed = RenamedSerializer(many=True, help_text="purposes, items and datasets whose id the draft has elsewhere")
    left_out = serializers.ListField(child=serializers.CharField(), help_text="the other organisation's own")
    decide = QuestionSerializer(many=True, help_text="what the controller must settle")
    problems = PlaceSerializer(many=True)
    warnings = PlaceSerializer(many=True)


class _Taking(InOrganisation):
    needs = {"POST": Verb.EDIT}
    filter_backends = []
    parameters = frozenset({"language"})

    def taking(self, request: Request, asked: Any) -> Taking:
        source = None if asked["source"] is None else self._source(request, asked["source"])
        return Taking(tuple(asked["activities"]), source, asked["registers"])

    @staticmethod
    def _source(request: Request, slug: str) -> Organisation:
        """Whose draft this user may read; another's existence is nobody's business."""
        found = Organisation.objects.filter(
            slug=slug, memberships__user__username=request.user.get_username(), memberships__role__in=MATRIX[Verb.READ]
        ).first()
        if found is None:
            raise DocumentError([Problem("source", _("there is no such organisation"))])
        return found


class PreviewActivities(_Taking):
    """What would become of the draft."""

    @extend_schema(
        operation_id="activities_preview", parameters=[LANGUAGE], request=TakingSerializer, responses=TakenSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        """What these activities would bring, and what of it is there already. Nothing is changed."""
        found = preview(
            self.organisation, self.taking(request, sent(TakingSerializer, request)), today_of(self.organisation)
        )
        return Response(as_dict(found, language_of(self)))


class TakeActivities(_Taking):
    """Activities become part of the draft."""

    @extend_schema(
        operation_id="activities_take", parameters=[LANGUAGE], request=TakeSerializer, responses=TakenSerializer
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make them part of the draft as it was looked at, all of it or nothing; 409 where it has changed since."""
        asked = sent(TakeSerializer, request)
        taking, today = self.taking(request, asked), today_of(self.organisation)
        found = take(self.organisation, taking, today, self.who, asked["reason"], asked["digest"])
        return Response(as_dict(found, language_of(self)))
