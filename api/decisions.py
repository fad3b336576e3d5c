"""From draft to decision: the draft as it would be published, the DPO's opinions on it, differences, snapshots, and
the decision log of a rule. The DPO advises and the controller decides (GDPR art. 38(6)): only the DPO gives opinions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import django_filters
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.fields import DateField
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Line, Prose
from api.lists import Order
from api.organisation import InOrganisation, sent, today_of
from api.permissions import Verb
from api.register import LANGUAGE, language_of
from api.register_serializers import OBJECT, OpinionSerializer, WholeVersionSerializer
from ropa.change_words import Teller, change_in_words
from ropa.changes import Change, difference
from ropa.decisions import Decision, Place, decisions
from ropa.models import Opinion, Stance
from ropa.selectors import snapshot_on
from ropa.services import digest_of, document_at, draft_of, give_opinion, opinion_on, stale_opinion


class DraftSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="of exactly this draft: an opinion is given on it")
    opinion = OpinionSerializer(allow_null=True, help_text="the DPO's last on this draft since the last version")
    stale_opinion = OpinionSerializer(allow_null=True, help_text="the last since the last version, on another draft")
    document = serializers.DictField(help_text="the inventory document, without connections")


class Draft(InOrganisation):
    """The draft as a whole: what publishing would freeze."""

    needs = {"GET": Verb.READ}
    filter_backends = []

    @extend_schema(operation_id="draft", responses=DraftSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """The draft with its digest, and the DPO's opinion on it, or the one that it has outgrown."""
        document = draft_of(self.organisation)
        digest = digest_of(document)
        opinion = opinion_on(self.organisation, digest)
        stale = stale_opinion(self.organisation, digest) if opinion is None else None
        return Response(
            {
                "digest": digest,
                "opinion": opinion and OpinionSerializer(opinion).data,
                "stale_opinion": stale and OpinionSerializer(stale).data,
                "document": document,
            }
        )


class GiveOpinionSerializer(Body):
    digest = Line(max_length=64, help_text="of the draft as it was looked at")
    stance = serializers.ChoiceField(choices=Stance.choices)
    text = Prose(max_length=10_000, allow_blank=True, default="", help_text="needed where it advises against")


class OpinionFilter(django_filters.FilterSet):  # type: ignore[misc]
    order = Order(fields=["given_at"])

    class Meta:
        model = Opinion
        fields = ["stance"]


@extend_schema_view(get=extend_schema(operation_id="opinions_list"))
class Opinions(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """The DPO's opinions, each on exactly one draft. They are never changed."""

    queryset = Opinion.objects.all()
    needs = {"GET": Verb.READ, "POST": Verb.ADVISE}
    serializer_class = OpinionSerializer
    filterset_class = OpinionFilter

    @extend_schema(operation_id="opinion_give", request=GiveOpinionSerializer, responses={201: OpinionSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Give the DPO's opinion on the draft with this digest; 409 where it has changed since it was looked at."""
        asked = sent(GiveOpinionSerializer, request)
        opinion = give_opinion(
            self.organisation, asked["digest"], asked["stance"], asked["text"], timezone.now(), self.who, request.user
        )
        return Response(self.get_serializer(opinion).data, status=status.HTTP_201_CREATED)


class Computed(InOrganisation):
    """A list that no table holds: computed, and paged as every list is."""

    filter_backends = []
    parameters = frozenset({"language", "page", "page_size"})
    serializer_class: Any = None

    def answer(self, rows: Sequence[Any], shown: Callable[[Any], Any]) -> Response:
        """One page of these rows; only what is on it is put in words."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([shown(row) for row in page or ()])


class ChangeSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="as findings name places: datasets[crm].grounds[sopimus].period")
    kind = serializers.ChoiceField(choices=["added", "removed", "changed", "moved"])
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    in_words = serializers.CharField()


class Changes(Computed):
    """The difference by field between two versions, or between the draft and a version."""

    needs = {"GET": Verb.READ}
    parameters = Computed.parameters | {"from", "to"}

    @extend_schema(
        operation_id="changes_list",
        parameters=[
            LANGUAGE,
            OpenApiParameter("from", str, required=True, pattern="^([0-9]{1,9}|draft)$", description="number or draft"),
            OpenApiParameter("to", str, required=True, pattern="^([0-9]{1,9}|draft)$", description="number or draft"),
        ],
        responses=ChangeSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """What differs, place by place, as data and in words."""
        language = language_of(self)
        before, after = self._document("from"), self._document("to")
        teller = Teller(before, after, language)

        def shown(change: Change) -> dict[str, Any]:
            return {**change.as_data(), "in_words": teller.line(change)}

        return self.answer(difference(before, after), shown)

    def _document(self, name: str) -> dict[str, Any]:
        which = self.request.query_params.get(name)
        if which is None:
            raise ValidationError({name: [_("a version's number, or draft")]})
        if which != "draft" and not (which.isascii() and which.isdecimal() and len(which) <= 9):
            raise ValidationError({name: [_("a version's number, or draft")]})
        try:
            return document_at(self.organisation, which)
        except LookupError:
            raise Http404 from None


class Snapshot(InOrganisation):
    """The version in force on a day."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"as_of"})
    filter_backends = []

    @extend_schema(
        operation_id="snapshot",
        parameters=[OpenApiParameter("as_of", date, description="any day; today if left out")],
        responses=WholeVersionSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """The version, with its document, that was or will be in force on the day; 404 before the first."""
        return Response(WholeVersionSerializer(snapshot_on(self.organisation, day_of(self))).data)


def day_of(view: InOrganisation) -> date:
    """The `as_of` asked for, else today where the organisation is. Raises ValidationError."""
    asked = view.request.query_params.get("as_of")
    if asked is None:
        return today_of(view.organisation)
    try:
        day: date = DateField().run_validation(asked)
    except ValidationError:
        raise ValidationError({"as_of": [_("a date, YYYY-MM-DD")]}) from None
    return day


class RecordSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    reference = serializers.CharField()
    on = serializers.DateField(required=False)


class DecisionSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    in_force_from = serializers.DateField()
    published_at = serializers.DateTimeField()
    publisher = serializers.CharField()
    reason = serializers.CharField()
    opinion = serializers.SerializerMethodField(help_text="the DPO's on this version, or null")
    opinion_reason = serializers.CharField(help_text="why it did not wait for the opinion, or went against it")
    what = serializers.ChoiceField(choices=["appeared", "changed", "went"])
    changes = ChangeSerializer(many=True)
    records = RecordSerializer(many=True, help_text="balancing test, DPIA, agreement …")
    rule = serializers.DictField(help_text="as this version has it, or had it last")

    @extend_schema_field({**OBJECT, "nullable": True})
    def get_opinion(self, decision: Any) -> Any:
        return decision["opinion"]


class RuleDecisions(Computed):
    """The decision log of one ground or ceiling."""

    needs = {"GET": Verb.READ}
    rules: str = ""

    def log(self, code: str, rule: str) -> Response:
        """Every version in which the rule appeared, changed or went; 404 where no version ever had it."""
        language = language_of(self)
        found = decisions(
            self.organisation.versions.standing().order_by("number"), Place("datasets", code, self.rules, rule)
        )
        if not found:
            raise Http404
        return self.answer(found, lambda decision: _worded(decision, language))


class GroundDecisions(RuleDecisions):
    """The decision log of one ground."""

    rules = "grounds"

    @extend_schema(operation_id="ground_decisions_list", parameters=[LANGUAGE], responses=DecisionSerializer(many=True))
    def get(self, request: Request, slug: str, code: str, rule: str) -> Response:
        """Each version that decided about it: when, who, why, the DPO's opinion, what changed, and its records."""
        return self.log(code, rule)


class CeilingDecisions(RuleDecisions):
    """The decision log of one ceiling."""

    rules = "ceilings"

    @extend_schema(
        operation_id="ceiling_decisions_list", parameters=[LANGUAGE], responses=DecisionSerializer(many=True)
    )
    def get(self, request: Request, slug: str, code: str, rule: str) -> Response:
        """Each version that decided about it: when, who, why, the DPO's opinion, what changed, and its records."""
        return self.log(code, rule)


def _worded(decision: Decision, language: str) -> dict[str, Any]:
    data = decision.as_data()
    for change, row in zip(decision.changes, data["changes"], strict=True):
        row["in_words"] = change_in_words(change, decision.before, decision.rule, language)
    return data
