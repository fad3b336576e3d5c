"""Alarms over the API: what is wrong, since when, who has it in hand. None is ended here: only a look ends one."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Prose
from api.lists import Order
from api.organisation import InOrganisation, sent
from api.register_serializers import Object
from retention.alarms import words
from retention.alarms.looking import acknowledge
from retention.models import Alarm
from ropa.rights import Verb

ID = OpenApiParameter("id", int, OpenApiParameter.PATH)


class AlarmSerializer(serializers.ModelSerializer[Alarm]):
    """An alarm, with its sentence in the reader's language."""

    facts = Object()
    undelivered = serializers.IntegerField(help_text="messages about it that were tried and have not gone yet")
    text = serializers.SerializerMethodField()
    advice = serializers.SerializerMethodField()

    class Meta:
        model = Alarm
        fields = [
            "id",
            "kind",
            "thing",
            "facts",
            "text",
            "advice",
            "state",
            "level",
            "first_seen",
            "last_seen",
            "count",
            "escalate_at",
            "resolved_at",
            "acknowledged_by",
            "acknowledged_until",
            "acknowledged_reason",
            "undelivered",
        ]

    def get_text(self, alarm: Alarm) -> str:
        return words.of_alarm(alarm)

    def get_advice(self, alarm: Alarm) -> str:
        return words.advice(alarm.kind)


class AcknowledgeSerializer(Body):
    until = serializers.DateField(help_text="the last day on which it is quiet, at most 31 days ahead")
    reason = Prose(max_length=2000, help_text="without personal data")


class AlarmFilter(django_filters.FilterSet):  # type: ignore[misc]
    over = django_filters.BooleanFilter(field_name="resolved_at", lookup_expr="isnull", exclude=True)
    order = Order(fields=["first_seen", "last_seen", "level", "id"])

    class Meta:
        model = Alarm
        fields = ["kind", "state"]


_TRIED = Q(events__deliveries__state="waiting") & ~Q(events__deliveries__problem="")
ALARMS = Alarm.objects.annotate(undelivered=Count("events__deliveries", filter=_TRIED)).order_by("first_seen", "id")


@extend_schema_view(get=extend_schema(operation_id="alarms_list"))
class Alarms(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Alarms: what is wrong with the deletion. An alarm that is over stays in the list."""

    needs = {"GET": Verb.READ}
    serializer_class = AlarmSerializer
    queryset = ALARMS
    filterset_class = AlarmFilter


class AcknowledgeAlarm(InOrganisation):
    """A person has it in hand."""

    needs = {"POST": Verb.ACKNOWLEDGE}
    filter_backends = []

    @extend_schema(
        operation_id="alarm_acknowledge", parameters=[ID], request=AcknowledgeSerializer, responses=AlarmSerializer
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Quieten an alarm through a day. It does not end by that, and after the day the next level is told."""
        alarm = get_object_or_404(Alarm, organisation=self.organisation, pk=pk)
        asked: Any = sent(AcknowledgeSerializer, request)
        acknowledge(alarm, asked["until"], asked["reason"], self.who, timezone.now())
        return Response(AlarmSerializer(ALARMS.get(pk=pk)).data)
