"""The scheduler: the ledger is fed, holds are placed, nights asked for and stopped, lots approved or rejected.

Each view reads the request, calls one function of `retention`, and shows what came of it.
"""

from __future__ import annotations

from datetime import date

import django_filters
from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.lists import Order
from api.organisation import InOrganisation, sent, today_of
from api.retention_serializers import (
    LOT_STATES,
    ApproveSerializer,
    HoldSerializer,
    JudgeSerializer,
    LedgerSerializer,
    LotSerializer,
    NightSerializer,
    PlacedSerializer,
    PlaceHoldSerializer,
    ReasonSerializer,
    ReleaseSerializer,
    SampleSerializer,
    StartNightSerializer,
    UpsertedSerializer,
    WholeLotSerializer,
    WholeNightSerializer,
)
from retention import holds, runs
from retention.approvals import approve, controller
from retention.disposal import reject
from retention.identity import Names
from retention.ledger import ContractRow, EventRow, FactRow, upsert
from retention.models import Hold, Lot, Run
from retention.models.run import RunState
from retention.plan import plan_of
from retention.reviewing import judge, look, waiting
from ropa.rights import Verb

ID = OpenApiParameter("id", int, OpenApiParameter.PATH)
DAY = OpenApiParameter("business_date", date, OpenApiParameter.PATH)


class Ledger(InOrganisation):
    """Contracts, events and facts of data subjects."""

    needs = {"POST": Verb.FEED}
    filter_backends = []

    @extend_schema(operation_id="ledger_upsert", request=LedgerSerializer, responses=UpsertedSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Write contracts, events and facts: all of them or none. A later revision supersedes an earlier one."""
        rows = sent(LedgerSerializer, request)
        written = upsert(
            self.organisation,
            contracts=[ContractRow(**row) for row in rows["contracts"]],
            events=[EventRow(**row) for row in rows["events"]],
            facts=[FactRow(**row) for row in rows["facts"]],
            source=f"api:{request.user.get_username()}",
        )
        return Response(UpsertedSerializer(written).data)


class HoldFilter(django_filters.FilterSet):  # type: ignore[misc]
    released = django_filters.BooleanFilter(field_name="released", lookup_expr="isnull", exclude=True)
    review_until = django_filters.DateFilter(field_name="review_by", lookup_expr="lte")
    order = Order(fields=["start", "review_by", "id"])

    class Meta:
        model = Hold
        fields = ["register", "dataset", "reason"]


HOLDS = Hold.objects.annotate(subject_count=Count("subjects")).order_by("start", "id")


@extend_schema_view(get=extend_schema(operation_id="holds_list"))
class Holds(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Holds: terms and how many they protect; whom stays with us."""

    needs = {"GET": Verb.READ, "POST": Verb.HOLD}
    serializer_class = HoldSerializer
    queryset = HOLDS
    filterset_class = HoldFilter

    @extend_schema(operation_id="hold_place", request=PlaceHoldSerializer, responses={201: PlacedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Place a hold. Never too late: the answer says what was saved, what is in flight and what is gone."""
        asked = dict(sent(PlaceHoldSerializer, request))
        subjects = [(row["subject_kind"], row["subject"]) for row in asked.pop("subjects")]
        placed = holds.place(
            self.organisation,
            subjects,
            **{**asked, "start": asked.get("start", today_of(self.organisation))},
            by=self.who,
        )
        shown = {
            "hold": HOLDS.get(pk=placed.hold.pk),
            "saved": placed.saved,
            "in_flight": placed.in_flight,
            "gone": placed.gone,
            "unknown": placed.unknown,
        }
        return Response(PlacedSerializer(shown).data, status=status.HTTP_201_CREATED)


class ReleaseHold(InOrganisation):
    """The end of a hold."""

    needs = {"POST": Verb.RELEASE}
    filter_backends = []

    @extend_schema(operation_id="hold_release", parameters=[ID], request=ReleaseSerializer, responses=HoldSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Release a hold: from its day on it holds no more."""
        hold = get_object_or_404(Hold, organisation=self.organisation, pk=pk)
        holds.release(hold, sent(ReleaseSerializer, request).get("day", today_of(self.organisation)), self.who)
        return Response(HoldSerializer(HOLDS.get(pk=pk)).data)


class NightFilter(django_filters.FilterSet):  # type: ignore[misc]
    since = django_filters.DateFilter(field_name="business_date", lookup_expr="gte")
    until = django_filters.DateFilter(field_name="business_date", lookup_expr="lte")
    order = Order(fields=["business_date", "requested_at"])

    class Meta:
        model = Run
        fields = ["state"]


RUNS = Run.objects.select_related("version").defer("version__snapshot", "version__hands")


@extend_schema_view(get=extend_schema(operation_id="nights_list"))
class Nights(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Nights: one per business date."""

    needs = {"GET": Verb.READ, "POST": Verb.START}
    serializer_class = NightSerializer
    filterset_class = NightFilter
    queryset = RUNS

    @extend_schema(
        operation_id="night_start",
        request=StartNightSerializer,
        responses={
            202: OpenApiResponse(WholeNightSerializer, "it waits for a worker, or runs"),
            200: OpenApiResponse(WholeNightSerializer, "it had run already; nothing is done again"),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask for a night. A worker runs it; `nights/{date}/` says how it goes."""
        asked = sent(StartNightSerializer, request)
        on = asked.get("business_date", today_of(self.organisation))
        run = runs.request(self.organisation, on, self.who, asked["confirm_gap"], asked["confirm_falls"])
        over = run.state == RunState.FINISHED
        return Response(
            WholeNightSerializer(run).data,
            status=status.HTTP_200_OK if over else status.HTTP_202_ACCEPTED,
            headers={"Location": request.build_absolute_uri(f"{run.business_date.isoformat()}/")},
        )


@extend_schema_view(get=extend_schema(operation_id="night", parameters=[DAY]))
class OneNight(InOrganisation, RetrieveAPIView):  # type: ignore[type-arg]
    """One night: how far it is, what it found and did."""

    needs = {"GET": Verb.READ}
    serializer_class = WholeNightSerializer
    lookup_field = "business_date"
    queryset = RUNS


class StopNight(InOrganisation):
    """The stop of a night."""

    needs = {"POST": Verb.STOP}
    filter_backends = []

    @extend_schema(
        operation_id="night_stop", parameters=[DAY], request=ReasonSerializer, responses={202: WholeNightSerializer}
    )
    def post(self, request: Request, slug: str, business_date: date) -> Response:
        """Stop a night: no further chunk is sent. It can be started again and goes on where it was."""
        run = get_object_or_404(Run, organisation=self.organisation, business_date=business_date)
        runs.stop(run, self.who, sent(ReasonSerializer, request)["reason"])
        run.refresh_from_db()
        return Response(WholeNightSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class LotFilter(django_filters.FilterSet):  # type: ignore[misc]
    state = django_filters.ChoiceFilter(choices=LOT_STATES)
    business_date = django_filters.DateFilter(field_name="run__business_date")
    order = Order(fields=["id", "size", "due_from_first"])

    class Meta:
        model = Lot
        fields = ["register", "dataset"]


LOTS = (
    Lot.objects.select_related("run", "version")
    .defer("keys", "version__snapshot", "run__summary", "run__progress")
    .prefetch_related("events")
)
"""Without their keys."""


@extend_schema_view(get=extend_schema(operation_id="lots_list"))
class Lots(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Lots: up to 20,000 items that go together."""

    needs = {"GET": Verb.READ}
    serializer_class = LotSerializer
    filterset_class = LotFilter
    queryset = LOTS


@extend_schema_view(get=extend_schema(operation_id="lot", parameters=[ID]))
class OneLot(InOrganisation, RetrieveAPIView):  # type: ignore[type-arg]
    """One lot with every move it made."""

    needs = {"GET": Verb.READ}
    serializer_class = WholeLotSerializer
    queryset = LOTS


class ApproveLot(InOrganisation):
    """An approval."""

    needs = {"POST": Verb.DECIDE}
    filter_backends = []
    queryset = LOTS

    @extend_schema(operation_id="lot_approve", parameters=[ID], request=ApproveSerializer, responses=WholeLotSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Approve exactly what the digest names, as the account that asks. Where two must, they are two persons.

        Whoever wrote or published the rules is never enough alone: `approvals_wanted` says whether others must, too."""
        approve(self.get_object(), request.user, sent(ApproveSerializer, request)["digest"])
        return Response(WholeLotSerializer(self.get_object()).data)


class LotSample(InOrganisation):
    """What was drawn from a lot of a wave, for a person to look at."""

    needs = {"GET": Verb.DECIDE, "POST": Verb.DECIDE}
    filter_backends = []
    queryset = LOTS

    @extend_schema(operation_id="lot_sample", parameters=[ID], responses=SampleSerializer)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """Open the sample: the items as the register has them now. That you opened it is written down."""
        lot = Lot.objects.select_related("version").get(pk=self.get_object().pk)
        waiting(lot)  # before anything is connected to
        plan = plan_of(lot.version)
        dataset = plan.find_dataset(lot.dataset)
        if dataset is None:
            raise Http404
        with Names(self.organisation, plan) as names, names.connect(dataset) as connector:
            items = look(lot, dataset, connector, request.user)
        return Response(SampleSerializer({"digest": lot.digest, "items": items}).data)

    @extend_schema(
        operation_id="lot_sample_judge", parameters=[ID], request=JudgeSerializer, responses=WholeLotSerializer
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Say which of the items are right and which are wrong. One that is wrong rejects the lot."""
        judge(self.get_object(), request.user, **dict(sent(JudgeSerializer, request)))
        return Response(WholeLotSerializer(self.get_object()).data)


class RejectLot(InOrganisation):
    """A rejection."""

    needs = {"POST": Verb.DECIDE}
    filter_backends = []
    queryset = LOTS

    @extend_schema(operation_id="lot_reject", parameters=[ID], request=ReasonSerializer, responses=WholeLotSerializer)
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Turn a lot down. The next night asks about its items again."""
        who = controller(self.organisation, request.user)
        reject(self.get_object(), who.who, sent(ReasonSerializer, request)["reason"], who.account)
        return Response(WholeLotSerializer(self.get_object()).data)
