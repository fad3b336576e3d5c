"""The law library, read-only: its rows on a day, what of an organisation's draft cites them, and coming changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import DateField
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from api.decisions import Computed, day_of
from api.organisation import Strict
from api.register import LANGUAGE, language_of
from ropa.citing import Citing, Effect, citing, citing_in_words, effect_in_words, effects
from ropa.law import LANGUAGES, library, versions_of
from ropa.law_words import row_as_data
from ropa.rights import Verb
from ropa.services import draft_of

AS_OF = OpenApiParameter("as_of", date, description="any day; today if left out")


def _texts(what: str) -> Any:
    return serializers.DictField(
        child=serializers.CharField(), help_text=f"{what}, by language: {', '.join(LANGUAGES)}"
    )


class LawRowSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = _texts("what it is called")
    text = _texts("what it says")
    citation = _texts("how it is cited")
    categories = serializers.ListField(child=serializers.CharField())
    sectors = serializers.ListField(child=serializers.CharField())
    bound = serializers.ChoiceField(choices=["minimum", "maximum", "choice", "follows"])
    kind = serializers.CharField(allow_null=True, help_text="the ground that it makes; null where it makes none")
    trigger = serializers.JSONField(allow_null=True)
    period = serializers.CharField(allow_null=True, help_text="null: a criterion, or another record's time")
    rounding = serializers.CharField()
    ends_on = serializers.ListField(child=serializers.CharField())
    condition = serializers.JSONField(allow_null=True, help_text="{fact, is}: it binds only some")
    yields_to = serializers.JSONField()
    legal_basis = serializers.ListField(child=serializers.CharField())
    review_every = serializers.CharField(allow_null=True)
    ceiling = serializers.CharField(allow_blank=True)
    gives_way_to = serializers.ListField(child=serializers.CharField())
    moves_to = serializers.ListField(child=serializers.CharField())
    certainty = serializers.CharField(help_text="of the text: A to D")
    number_certainty = serializers.CharField(help_text="of the number: A to D")
    suggestion = serializers.BooleanField(help_text="the number is practice; whoever takes it needs a reason")
    in_force_from = serializers.DateField()
    in_force_to = serializers.DateField(allow_null=True)
    successor = serializers.CharField(allow_blank=True)
    checked_on = serializers.DateField()
    source = serializers.CharField()  # type: ignore[assignment]


class CitingSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    law = serializers.CharField()
    state = serializers.ChoiceField(choices=["as_law", "otherwise", "not_in_force", "unknown"])
    differs = serializers.ListField(child=serializers.CharField())
    in_words = serializers.CharField()


class EffectSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    law = serializers.CharField()
    day = serializers.DateField(help_text="the first day of the change")
    start = serializers.DateField(help_text="the example's first day")
    written = serializers.DateField(allow_null=True, help_text="its last day by the rule as it is written")
    old = serializers.DateField(allow_null=True, help_text="by the law before the change")
    new = serializers.DateField(allow_null=True, help_text="by the law after it")
    begins = serializers.BooleanField(help_text="the row comes into force")
    ends = serializers.BooleanField(help_text="the row ceases to be in force")
    successor = serializers.CharField(allow_blank=True)
    in_words = serializers.CharField()


class Law(Strict):
    """The rows that are offered on a day."""

    permission_classes = [IsAuthenticated]
    filter_backends = []
    parameters = frozenset({"as_of", "page", "page_size"})
    serializer_class: Any = None

    @extend_schema(operation_id="law_list", parameters=[AS_OF], responses=LawRowSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Rows in force on the day, in the library's order; rows that are too uncertain are in none."""
        asked = _day(request, "as_of")
        rows = list(library(asked or timezone.localdate()).values())
        page: Sequence[Any] = self.paginate_queryset(rows) or ()
        return self.get_paginated_response([row_as_data(row) for row in page])


class OneLaw(Strict):
    """One row."""

    permission_classes = [IsAuthenticated]
    filter_backends = []
    serializer_class: Any = None
    pagination_class = None

    @extend_schema(operation_id="law_versions", responses=LawRowSerializer(many=True))
    def get(self, request: Request, row: str) -> Response:
        """Every version of it, oldest first."""
        found = versions_of(row)
        if not found or not found[-1].offered:
            raise Http404
        return Response([row_as_data(one) for one in found])


class CitingLaw(Computed):
    """What of the draft cites the law library."""

    needs = {"GET": Verb.READ}
    parameters = Computed.parameters | {"law", "as_of"}

    @extend_schema(
        operation_id="citing_list",
        parameters=[LANGUAGE, AS_OF, OpenApiParameter("law", str, description="one row's id; all if left out")],
        responses=CitingSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Places that cite a row: as the law says, otherwise, or a row that is not in force on the day."""
        language = language_of(self)
        law = request.query_params.get("law") or None

        def shown(one: Citing) -> dict[str, Any]:
            return {**one.as_data(), "in_words": citing_in_words(one, language)}

        return self.answer(citing(draft_of(self.organisation), law, day_of(self)), shown)


class LawChanges(Computed):
    """What a coming change of the law does to the draft's rules."""

    needs = {"GET": Verb.READ}
    parameters = Computed.parameters | {"as_of", "until"}

    @extend_schema(
        operation_id="law_changes_list",
        parameters=[LANGUAGE, AS_OF, OpenApiParameter("until", date, required=True)],
        responses=EffectSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Places whose row changes after `as_of` and by `until`, each with an example that starts on `as_of`.

        None where `until` is not after `as_of`.
        """
        language, until = language_of(self), _day(request, "until")
        if until is None:
            raise ValidationError({"until": [_("a date, YYYY-MM-DD")]})
        first = day_of(self)

        def shown(one: Effect) -> dict[str, Any]:
            return {**one.as_data(), "in_words": effect_in_words(one, language)}

        return self.answer(effects(draft_of(self.organisation), first, until) if until > first else [], shown)


def _day(request: Request, name: str) -> date | None:
    asked = request.query_params.get(name)
    if asked is None:
        return None
    try:
        day: date = DateField().run_validation(asked)
    except ValidationError:
        raise ValidationError({name: [_("a date, YYYY-MM-DD")]}) from None
    return day
