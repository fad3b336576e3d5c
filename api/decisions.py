"""From draft to decision: the draft as it would be published, the DPO's opinions on it, differences, snapshots, and
the decision log of a rule. The DPO advises and the controller decides (GDPR art. 38(6)): only the DPO gives opinions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import django_filters
from django.http import Http404
from django.utils import timezone, translation
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
from api.register import LANGUAGE, language_of
from api.register_serializers import OBJECT, OpinionSerializer, WholeVersionSerializer
from retention.rule_impact import impact_of
from ropa.agreeing import approvals_of, approve_draft, draft_digest, keep_impact, shortens
from ropa.change_words import Teller, change_in_words
from ropa.changes import Change, difference
from ropa.decisions import Decision, Place, decisions
from ropa.models import Opinion, Stance
from ropa.rights import Verb
from ropa.selectors import snapshot_on
from ropa.services import digest_of, document_at, draft_of, give_opinion, opinion_on, stale_opinion
from ropa.shortening_words import in_words


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


class LookSerializer(Body):
    in_force_from = serializers.DateField(required=False, help_text="the first day looked at; today if left out")


class MonthSerializer(serializers.Serializer[Any]):
    month = serializers.CharField(help_text="YYYY-MM")
    gained = serializers.IntegerField()
    lost = serializers.IntegerField()


class AtOnceSerializer(serializers.Serializer[Any]):
    gained = serializers.IntegerField()
    lost = serializers.IntegerField()


class DatasetEffectSerializer(serializers.Serializer[Any]):
    dataset = serializers.CharField(help_text="or a step of one: crm.nimi")
    register = serializers.CharField()
    modes = serializers.ListField(child=serializers.CharField(allow_blank=True), help_text="before and after")
    problem = serializers.CharField(allow_blank=True, help_text="why it could not be asked; its numbers are null then")
    items = serializers.IntegerField(allow_null=True)
    due = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="may go on the first day, before and after"
    )
    gained = serializers.IntegerField(allow_null=True, help_text="may go earlier than they did, or at all")
    lost = serializers.IntegerField(allow_null=True, help_text="may go later than they did, or not at all")
    held = serializers.IntegerField(allow_null=True, help_text="of what is gained, what a hold keeps on that day")
    at_once = AtOnceSerializer(allow_null=True, help_text="of these, on the first day")
    months = MonthSerializer(many=True, allow_null=True, help_text="of these, by month")
    states = serializers.ListField(
        child=serializers.DictField(child=serializers.IntegerField()),
        allow_null=True,
        help_text="items by state on the first day, before and after",
    )


class CountedSerializer(serializers.Serializer[Any]):
    draft = serializers.CharField(help_text="the draft's digest")
    version = serializers.IntegerField(allow_null=True, help_text="compared with; null: nothing is in force")
    until = serializers.DateField()
    complete = serializers.BooleanField(help_text="whether everything that changes could be asked")
    gained = serializers.IntegerField(allow_null=True)
    lost = serializers.IntegerField(allow_null=True)
    same = serializers.IntegerField(help_text="datasets and steps that are decided as before; they are not asked")
    datasets = DatasetEffectSerializer(many=True)

    def get_fields(self) -> Any:
        return {**super().get_fields(), "from": serializers.DateField()}


class ImpactSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="publishing names it")
    shown_at = serializers.DateTimeField()
    shown_to = serializers.CharField()
    counted = CountedSerializer()


class DraftImpact(InOrganisation):
    """The exact effect of the draft, before it is published."""

    needs = {"GET": Verb.READ, "POST": Verb.EDIT}
    filter_backends = []

    @extend_schema(operation_id="draft_impact", responses=ImpactSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """What was last shown of exactly this draft's effect; 404 where nobody has looked."""
        found = self.organisation.impacts.filter(draft=draft_digest(self.organisation)).last()
        if found is None:
            raise Http404
        return Response(ImpactSerializer(found.as_text()).data)

    @extend_schema(operation_id="draft_impact_look", request=LookSerializer, responses={201: ImpactSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Read every item that the draft decides otherwise, and count what falls due earlier or later, month by month.

        It is read while you wait; nothing is changed. The digest of what is shown is kept for publishing."""
        start = sent(LookSerializer, request).get("in_force_from", today_of(self.organisation))
        counted = impact_of(self.organisation, start).as_data()
        kept = keep_impact(self.organisation, counted, timezone.now(), self.who, request.user)
        return Response(ImpactSerializer(kept.as_text()).data, status=status.HTTP_201_CREATED)


class ShortenedSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    way = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    in_words = serializers.CharField()


class DraftApprovalSerializer(serializers.Serializer[Any]):
    by = serializers.CharField()
    account = serializers.IntegerField(allow_null=True, help_text="its number; null: typed at a command line")
    approved_at = serializers.DateTimeField()
    impact = serializers.CharField(help_text="the digest of what was shown of the effect")


class AgreementSerializer(serializers.Serializer[Any]):
    shortens = ShortenedSerializer(many=True, help_text="if anything, two persons decide")
    approvals = DraftApprovalSerializer(many=True, help_text="of exactly this draft, since the last version")


class ApproveDraftSerializer(Body):
    digest = Line(max_length=64, help_text="of the draft as it was looked at")
    impact = Line(max_length=64, help_text="of what was shown of its effect")


class DraftApprovals(InOrganisation):
    """What the draft shortens, and who has approved that. One controller approves, another publishes."""

    needs = {"GET": Verb.READ, "POST": Verb.PUBLISH}
    filter_backends = []
    parameters = frozenset({"language"})

    @extend_schema(operation_id="draft_approvals", parameters=[LANGUAGE], responses=AgreementSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """What the draft shortens against what is or will be in force, place by place, and its approvals."""
        document = draft_of(self.organisation)
        with translation.override(language_of(self)):
            found = [
                {**one.as_data(), "in_words": in_words(one)}
                for one in shortens(self.organisation, document, today_of(self.organisation))
            ]
        given = approvals_of(self.organisation, digest_of(document))
        shown = {"shortens": found, "approvals": [one.as_text() for one in given]}
        return Response(AgreementSerializer(shown).data)

    @extend_schema(
        operation_id="draft_approve", request=ApproveDraftSerializer, responses={201: DraftApprovalSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Approve the draft with this digest and the effect that was shown; another person then publishes it."""
        asked = sent(ApproveDraftSerializer, request)
        given = approve_draft(
            self.organisation, asked["digest"], asked["impact"], timezone.now(), self.who, request.user
        )
        return Response(DraftApprovalSerializer(given.as_text()).data, status=status.HTTP_201_CREATED)


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
