"""Canaries over the API: people who do not exist, and whether the deletion does with them as it should."""

from __future__ import annotations

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Prose
from api.lists import Order
from api.organisation import InOrganisation, sent
from retention.canaries import declare, withdraw
from retention.models import Canary
from retention.models.canary import Expects
from ropa.rights import Verb

ID = OpenApiParameter("id", int, OpenApiParameter.PATH)


class CanarySerializer(serializers.ModelSerializer[Canary]):
    """A canary and how it stands. Its number stays with us."""

    class Meta:
        model = Canary
        fields = [
            "id",
            "dataset",
            "subject_kind",
            "expects",
            "due_on",
            "gone_by",
            "declared_by",
            "declared_at",
            "state",
            "problem",
            "seen_on",
            "looked_on",
            "ended_by",
            "ended_reason",
        ]


class DeclareSerializer(Body):
    dataset = serializers.SlugField(max_length=60)
    subject = serializers.CharField(max_length=200, help_text="a number that is nobody's")
    expects = serializers.ChoiceField(choices=Expects.choices)
    due_on = serializers.DateField(help_text="when its items fall due, reckoned by hand")
    gone_by = serializers.DateField(help_text="the last day on which they may still be there, and must have been seen")


class WithdrawCanarySerializer(Body):
    reason = Prose(max_length=2000, help_text="without personal data")


class CanaryFilter(django_filters.FilterSet):  # type: ignore[misc]
    order = Order(fields=["declared_at", "due_on", "id"])

    class Meta:
        model = Canary
        fields = ["dataset", "expects", "state"]


@extend_schema_view(get=extend_schema(operation_id="canaries_list"))
class Canaries(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Canaries; those that are over stay in the list."""

    needs = {"GET": Verb.READ, "POST": Verb.WATCH}
    serializer_class = CanarySerializer
    queryset = Canary.objects.order_by("id")
    filterset_class = CanaryFilter

    @extend_schema(operation_id="canary_declare", request=DeclareSerializer, responses={201: CanarySerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Declare a made-up person whom you have entered into the register, or are about to."""
        asked: Any = sent(DeclareSerializer, request)
        canary = declare(self.organisation, **asked, by=self.who, now=timezone.now())
        return Response(CanarySerializer(canary).data, status=status.HTTP_201_CREATED)


class WithdrawCanary(InOrganisation):
    """The end of one that is looked for no more."""

    needs = {"POST": Verb.WATCH}
    filter_backends = []

    @extend_schema(
        operation_id="canary_withdraw", parameters=[ID], request=WithdrawCanarySerializer, responses=CanarySerializer
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Look for it no more. What was wrong with it stays on record."""
        canary = get_object_or_404(Canary, organisation=self.organisation, pk=pk)
        reason = sent(WithdrawCanarySerializer, request)["reason"]
        return Response(CanarySerializer(withdraw(canary, reason, self.who, timezone.now())).data)
