"""Campaigns over the API: groups of missing start dates, and the substitutes that the controller's side answers for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone, translation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Line, Prose
from api.organisation import InOrganisation, sent, today_of
from api.register import LANGUAGE, language_of
from api.register_serializers import Object
from api.reports import AsAsked
from retention import campaign as campaigns
from retention.campaign import Wanted
from retention.campaign_minutes import minutes
from retention.campaign_people import answering
from retention.campaign_survey import Heap
from retention.campaign_told import as_dict
from retention.domain.substitutes import Cause
from retention.models import Campaign
from retention.reports import PAGE_POLICY
from ropa.persons import Person
from ropa.rights import Verb

NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH)
LEAST = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
DIGEST = r"[0-9a-f]{64}"
MEDIA_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


class AttachmentSerializer(Body):
    name = Line(max_length=200, help_text="without personal data")
    sha256 = serializers.RegexField(rf"^{DIGEST}\Z", help_text="lower-case hex; the file itself stays where it is")


class ProposeSerializer(Body):
    dataset = serializers.SlugField(max_length=60)
    event = Line(max_length=60, help_text="the start event whose date is missing")
    cause = serializers.ChoiceField(choices=[cause.value for cause in Cause])
    same_day = serializers.DateField(allow_null=True, default=None, help_text="of same_day: the day not believed")
    day = serializers.DateField(allow_null=True, default=None, help_text="the day that stands in")
    by = Line(max_length=60, default="", allow_blank=True, help_text="or: the event of the same item whose day does")
    evidence = Prose(max_length=10_000, help_text="why it is right enough, without personal data")
    attachments = serializers.ListField(child=AttachmentSerializer(), default=list, max_length=50)


class AnswerSerializer(Body):
    reason = Prose(max_length=2000, help_text="without personal data")


class SignSerializer(AnswerSerializer):
    digest = serializers.RegexField(rf"^{DIGEST}\Z", help_text="the group's root, as it was looked at")


class GroupSerializer(serializers.Serializer[Any]):
    register = serializers.CharField()
    dataset = serializers.CharField()
    rules = serializers.ListField(child=serializers.CharField())
    event = serializers.CharField()
    cause = serializers.CharField(help_text="also not_yet: dates such as 9999-12-31, for which nothing can stand in")
    same_day = serializers.DateField(allow_null=True)
    items = serializers.IntegerField()
    gaps = serializers.IntegerField()
    undecided = serializers.IntegerField(help_text="of the items, those that wait for a date")
    examples = serializers.ListField(child=serializers.CharField(), help_text="a few keyed digests")


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    rules = Object()
    attachments = Object()
    forecast = Object()

    class Meta:
        model = Campaign
        fields = [
            "number",
            "state",
            "register",
            "dataset",
            "rules",
            "event",
            "cause",
            "same_day",
            "substitute_day",
            "substitute_event",
            "evidence",
            "attachments",
            "items",
            "gaps",
            "root",
            "forecast",
        ]


class WholeCampaignSerializer(CampaignSerializer):
    """With everything that was said, and what followed."""

    events = Object()
    followed = Object()

    class Meta(CampaignSerializer.Meta):
        fields = [*CampaignSerializer.Meta.fields, "events", "followed"]


class WithdrawnSerializer(serializers.Serializer[Any]):
    saved = serializers.IntegerField()
    in_flight = serializers.IntegerField()
    gone = serializers.IntegerField()


class Answering(InOrganisation):
    """Where somebody has a part in a campaign."""

    def somebody(self) -> Person:
        return answering(self.organisation, self.request.user)


class Campaigns(Answering, ListAPIView):  # type: ignore[type-arg]
    """Campaigns, by number."""

    needs = {"GET": Verb.READ, "POST": Verb.ESTIMATE}
    serializer_class = CampaignSerializer
    filter_backends = []
    queryset = Campaign.objects.order_by("number")

    @extend_schema(operation_id="campaigns_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every campaign, refused and withdrawn ones too."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="campaign_propose", request=ProposeSerializer, responses={201: WholeCampaignSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Close a group and propose a substitute. The register is read while you wait; nothing is touched."""
        said = dict(sent(ProposeSerializer, request))
        said["attachments"] = tuple((one["name"], one["sha256"]) for one in said["attachments"])
        found = campaigns.propose(self.organisation, Wanted(**said), self.somebody(), timezone.now())
        return Response(as_dict(found), status=status.HTTP_201_CREATED)


class Groups(InOrganisation):
    """Groups of items that wait for a date."""

    needs = {"GET": Verb.ESTIMATE}
    parameters = frozenset({"dataset", "least"})
    filter_backends = []
    pagination_class = None

    @extend_schema(
        operation_id="campaign_groups",
        parameters=[
            OpenApiParameter("dataset", str, description="of this dataset only"),
            OpenApiParameter("least", LEAST, description="identical dates, at least so many (100)"),
        ],
        responses=GroupSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The groups, counted. Registers are read while you wait; ask for one dataset of a large organisation."""
        asked = request.query_params.get("least", str(Heap().least))
        if not asked.isascii() or not asked.isdigit() or len(asked) > 9:
            raise ValidationError({"least": ["0, 1, 2 …"]})
        found = campaigns.survey(
            self.organisation, timezone.now(), Heap(int(asked)), request.query_params.get("dataset", "")
        )
        return Response([one.as_dict() for one in found])


class OfOne(Answering):
    """What concerns one campaign."""

    filter_backends = []

    def campaign(self, number: int) -> Campaign:
        found: Campaign = get_object_or_404(Campaign, organisation=self.organisation, number=number)
        return found


class OneCampaign(OfOne):
    """One campaign."""

    needs = {"GET": Verb.READ}

    @extend_schema(operation_id="campaign", parameters=[NUMBER], responses=WholeCampaignSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """A campaign with everything that was said, and what followed."""
        return Response(as_dict(self.campaign(number)))


class _Answer(OfOne):
    needs = {"POST": Verb.ESTIMATE}

    def answer(self, number: int, act: Callable[[Campaign], object]) -> Response:
        campaign = self.campaign(number)
        act(campaign)
        campaign.refresh_from_db()
        return Response(as_dict(campaign))


class DecideCampaign(_Answer):
    """The owner's decision."""

    @extend_schema(
        operation_id="campaign_decide",
        parameters=[NUMBER],
        request=SignSerializer,
        responses=WholeCampaignSerializer,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Decide for exactly the group that the root names. Nothing is touched before another person confirms."""
        said, now = sent(SignSerializer, request), timezone.now()
        return self.answer(
            number, lambda one: campaigns.decide(one, self.somebody(), said["reason"], said["digest"], now)
        )


class ConfirmCampaign(_Answer):
    """Another person's confirmation."""

    @extend_schema(
        operation_id="campaign_confirm",
        parameters=[NUMBER],
        request=SignSerializer,
        responses=WholeCampaignSerializer,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Confirm it, as somebody who has neither proposed nor decided it: it counts from the next night on."""
        said, now = sent(SignSerializer, request), timezone.now()
        return self.answer(
            number, lambda one: campaigns.confirm(one, self.somebody(), said["reason"], said["digest"], now)
        )


class RefuseCampaign(_Answer):
    """A refusal."""

    @extend_schema(
        operation_id="campaign_refuse",
        parameters=[NUMBER],
        request=AnswerSerializer,
        responses=WholeCampaignSerializer,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Turn it down before or after its decision."""
        reason, now = sent(AnswerSerializer, request)["reason"], timezone.now()
        return self.answer(number, lambda one: campaigns.refuse(one, self.somebody(), reason, now))


class WithdrawCampaign(OfOne):
    """A withdrawal."""

    needs = {"POST": Verb.ESTIMATE}

    @extend_schema(
        operation_id="campaign_withdraw", parameters=[NUMBER], request=AnswerSerializer, responses=WithdrawnSerializer
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Take it back at any time: what it made due and is not gone stays."""
        reason = sent(AnswerSerializer, request)["reason"]
        told = campaigns.withdraw(self.campaign(number), self.somebody(), reason, timezone.now())
        return Response(WithdrawnSerializer(told).data)


class Minutes(OfOne):
    """The minutes to print."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"format", "language"})
    content_negotiation_class = AsAsked

    @extend_schema(
        operation_id="campaign_minutes",
        parameters=[NUMBER, LANGUAGE, OpenApiParameter("format", str, enum=sorted(MEDIA_TYPES))],
        responses={(200, "text/html"): OpenApiTypes.STR, (200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, slug: str, number: int) -> HttpResponse:
        """Group, evidence, who decided when by role, and what followed: as a page, or as a PDF."""
        wanted = request.query_params.get("format", "html")
        if wanted not in MEDIA_TYPES:
            raise ValidationError({"format": [", ".join(MEDIA_TYPES)]})
        campaign, day = self.campaign(number), today_of(self.organisation)
        with translation.override(language_of(self)):
            content = minutes(campaign, wanted, day)
        response = HttpResponse(content, content_type=MEDIA_TYPES[wanted])
        response["Content-Disposition"] = f'inline; filename="{slug}-campaign-{number}.{wanted}"'
        response["Content-Security-Policy"] = PAGE_POLICY
        return response
