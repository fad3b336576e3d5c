"""The owners' yearly review: what is due, asked and answered, and which dates of rules and agreements are near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.decisions import Computed
from api.lists import Order
from api.organisation import InOrganisation
from api.register_serializers import Text
from ropa.models import Review, ReviewEvent
from ropa.reviews import near_dates, standing
from ropa.rights import Verb


class ReviewEventSerializer(serializers.ModelSerializer[ReviewEvent]):
    class Meta:
        model = ReviewEvent
        fields = ["what", "number", "at", "answer", "text"]


class ReviewSerializer(serializers.ModelSerializer[Review]):
    path = serializers.CharField(help_text="the entry's place in the inventory document")
    owner = Text(help_text="the owner's role when it was asked first")
    events = ReviewEventSerializer(many=True, help_text="all that happened, in its order")

    class Meta:
        model = Review
        fields = ["path", "due_on", "owner", "opened_at", "events"]


class ReviewFilter(django_filters.FilterSet):  # type: ignore[misc]
    order = Order(fields=["due_on", "opened_at"])

    class Meta:
        model = Review
        fields = ["kind", "code"]


@extend_schema_view(get=extend_schema(operation_id="reviews_list"))
class Reviews(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Every review that was opened, with all that happened in it. Addresses are not shown."""

    queryset = Review.objects.prefetch_related("events")
    needs = {"GET": Verb.READ}
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilter


class DueSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    due_on = serializers.DateField()
    owner = Text(help_text="the owner's role")
    state = serializers.ChoiceField(choices=["due", "asked", "reminded", "escalated", "answered"])
    events = ReviewEventSerializer(many=True)


class DueReviews(Computed):
    """Entries of the inventory in force whose review is due."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"page", "page_size"})

    @extend_schema(operation_id="reviews_due_list", responses=DueSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """What is due today, and how far each review has come. Answered ones wait for the DPO."""
        found = standing(self.organisation, timezone.now())
        return self.answer(
            found,
            lambda one: {
                "path": one.due.path,
                "due_on": one.due.due_on,
                "owner": one.due.role,
                "state": one.state,
                "events": ReviewEventSerializer(one.events, many=True).data,
            },
        )


class DateSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    what = serializers.ChoiceField(choices=["review_by", "expires_on"])
    on = serializers.DateField()
    passed = serializers.BooleanField()


class ReviewDates(Computed):
    """Review dates of rules and ends of agreements that have passed or lie at most 60 days ahead."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"page", "page_size"})

    @extend_schema(operation_id="review_dates_list", responses=DateSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The earliest first, of the inventory in force."""
        found: Sequence[Any] = near_dates(self.organisation, timezone.now())
        return self.answer(found, lambda one: one.as_data())
