"""Stops over the API: of everything, or of a register. Nothing more is claimed from the next chunk on (D5)."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Prose
from api.lists import Order
from api.organisation import InOrganisation, sent
from retention import holds
from retention.models import StopEvent
from ropa.models import Organisation
from ropa.rights import Verb


class StopEventSerializer(serializers.ModelSerializer[StopEvent]):
    """A stop pulled or taken back, and what is stopped from then on: the newest says what is stopped now."""

    registers = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = StopEvent
        fields = ["id", "at", "by", "everything", "registers", "reason"]


class WhichSerializer(Body):
    registers = serializers.ListField(
        child=serializers.SlugField(max_length=60),
        required=False,
        allow_empty=False,
        help_text="codes of registers; left out: everything",
    )


class StopSerializer(WhichSerializer):
    reason = Prose(max_length=2000, help_text="without personal data")


class StopFilter(django_filters.FilterSet):  # type: ignore[misc]
    order = Order(fields=["id", "at"])

    class Meta:
        model = StopEvent
        fields = ["everything"]


def newest(organisation: Organisation) -> StopEvent:
    return StopEvent.objects.filter(organisation=organisation).latest("pk")


@extend_schema_view(get=extend_schema(operation_id="stops_list"))
class Stops(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Every stop that was pulled or taken back, the newest first."""

    needs = {"GET": Verb.READ, "POST": Verb.STOP}
    serializer_class = StopEventSerializer
    queryset = StopEvent.objects.order_by("-id")
    filterset_class = StopFilter

    @extend_schema(operation_id="stop_pull", request=StopSerializer, responses={201: StopEventSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Stop everything, or these registers: no night sends a further chunk of it, the one that runs included."""
        asked: Any = sent(StopSerializer, request)
        registers = asked.get("registers")
        holds.refuse_unknown(self.organisation, registers or ())
        holds.stop(self.organisation, registers, self.who, asked["reason"])
        return Response(StopEventSerializer(newest(self.organisation)).data, status=status.HTTP_201_CREATED)


class Resume(InOrganisation):
    """The end of a stop."""

    needs = {"POST": Verb.RESUME}
    filter_backends = []

    @extend_schema(operation_id="stop_resume", request=WhichSerializer, responses=StopEventSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Take the stop of these registers back, or every stop. The next night goes on where it was."""
        asked: Any = sent(WhichSerializer, request)
        registers = asked.get("registers")
        holds.refuse_unknown(self.organisation, registers or ())
        holds.resume(self.organisation, registers, self.who)
        return Response(StopEventSerializer(newest(self.organisation)).data)
