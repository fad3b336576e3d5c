"""How nights, lots, holds and ledger rows look to programs. No key and no customer number goes out."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import Body, Line, Prose, Whole, YesNo
from api.lists import TooLarge
from api.register_serializers import Object
from retention.approvals import APPROVAL, approvers, still_wanted
from retention.domain.lifecycle import LotState
from retention.holds import REASONS
from retention.models import Hold, Lot, LotEvent, Run

ROW_LIMIT = 5_000
"""Contracts, events and facts in one call, together."""

LATEST_REVISION = 2**63 - 1
LOT_STATES = [(state.value, state.name.lower()) for state in LotState]


class SubjectRow(Body):
    """Whose row it is, and which revision of it."""

    subject_kind = Line(max_length=20, help_text="customer, staff …")
    subject = Line(max_length=100, help_text="the number")
    revision = Whole(min_value=0, max_value=LATEST_REVISION, default=0)


class ContractSerializer(SubjectRow):
    ref = Line(max_length=100)
    started = serializers.DateField(allow_null=True, default=None)
    ended = serializers.DateField(allow_null=True, default=None)
    closed = YesNo(default=False)


class EventSerializer(SubjectRow):
    name = Line(max_length=60)
    date = serializers.DateField(allow_null=True, help_text="null: it must exist and nobody knows when")
    contract = Line(max_length=100, allow_blank=True, default="")
    purpose = Line(max_length=60, allow_blank=True, default="")
    thing = Line(max_length=100, allow_blank=True, default="")


@extend_schema_field(
    {
        "oneOf": [
            {"type": "boolean"},
            {"type": "integer", "minimum": -LATEST_REVISION, "maximum": LATEST_REVISION},
            {"type": "string", "maxLength": 200},
        ]
    }
)
class FactValueField(serializers.Field[Any, Any, Any, Any]):
    """True, false, a whole number or a text."""

    default_error_messages = {"invalid": _("true, false, a whole number or a text of at most 200 characters")}

    def to_internal_value(self, data: Any) -> bool | int | str:
        if isinstance(data, str):
            text: str = serializers.CharField(max_length=200, allow_blank=True, trim_whitespace=False).run_validation(
                data
            )
            return text
        if isinstance(data, bool) or (isinstance(data, int) and abs(data) <= LATEST_REVISION):
            return data
        raise serializers.ValidationError(self.error_messages["invalid"])

    def to_representation(self, value: Any) -> Any:
        return value


class FactSerializer(SubjectRow):
    name = Line(max_length=60)
    value = FactValueField()


class LedgerSerializer(Body):
    contracts = ContractSerializer(many=True, default=list)
    events = EventSerializer(many=True, default=list)
    facts = FactSerializer(many=True, default=list)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            rows = sum(len(data[name]) for name in self.fields if isinstance(data.get(name), list))
            if rows > ROW_LIMIT:
                raise TooLarge(_("One call may carry %(limit)d rows; send several.") % {"limit": ROW_LIMIT})
        return super().to_internal_value(data)


class UpsertedSerializer(serializers.Serializer[Any]):
    """Rows written, and rows that were not because the ledger knew as late a revision."""

    contracts = serializers.IntegerField()
    events = serializers.IntegerField()
    facts = serializers.IntegerField()
    superseded = serializers.IntegerField()


class HoldSerializer(serializers.ModelSerializer[Hold]):
    subjects = serializers.IntegerField(source="subject_count", help_text="how many it protects; 0: everybody")

    class Meta:
        model = Hold
        fields = [
            "id",
            "register",
            "dataset",
            "reason",
            "note",
            "owner",
            "start",
            "review_by",
            "released",
            "released_by",
            "placed_at",
            "epoch",
            "subjects",
        ]


class PlacedSerializer(serializers.Serializer[Any]):
    """What a hold found when it came."""

    hold = HoldSerializer()
    saved = serializers.IntegerField(help_text="items that wait in a lot and now stay")
    in_flight = serializers.IntegerField(help_text="items that were being sent at that moment")
    gone = serializers.IntegerField(help_text="items that had gone already")
    unknown = serializers.IntegerField(help_text="persons whom nothing here knows: their number may be written wrong")


class SubjectSerializer(Body):
    subject_kind = Line(max_length=20)
    subject = Line(max_length=100)


class PlaceHoldSerializer(Body):
    subjects = SubjectSerializer(many=True, help_text="empty: everybody in the scope")
    register = serializers.SlugField(max_length=60, allow_blank=True, default="", help_text="empty: every register")
    dataset = serializers.SlugField(max_length=60, allow_blank=True, default="", help_text="empty: every dataset")
    reason = serializers.ChoiceField(choices=REASONS, error_messages={"invalid_choice": ", ".join(REASONS)})
    note = Prose(max_length=2000, allow_blank=True, default="", help_text="without personal data")
    owner = Line(max_length=200)
    start = serializers.DateField(required=False, help_text="today if left out")
    review_by = serializers.DateField()


class ReleaseSerializer(Body):
    day = serializers.DateField(required=False, help_text="today if left out; on it the hold holds no more")


class NightSerializer(serializers.ModelSerializer[Run]):
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)

    class Meta:
        model = Run
        fields = [
            "business_date",
            "state",
            "version",
            "requested_by",
            "requested_at",
            "started_at",
            "finished_at",
            "stop_requested",
            "stop_reason",
            "gap_confirmed",
            "falls_confirmed",
            "missed_dates",
        ]


class WholeNightSerializer(NightSerializer):
    progress = Object()
    summary = Object(help_text="datasets, problems, unexplained, purged, waiting_lots; empty until it is finished")

    class Meta:
        model = Run
        fields = [*NightSerializer.Meta.fields, "progress", "summary"]


class StartNightSerializer(Body):
    business_date = serializers.DateField(required=False, help_text="today in the organisation's zone if left out")
    confirm_gap = YesNo(default=False, help_text="more than 7 days have passed, and that is known")
    confirm_falls = serializers.ListField(
        child=serializers.RegexField(r"^[a-z0-9_-]{1,60}:[a-z0-9_-]{1,58}$", trim_whitespace=False),
        default=list,
        max_length=200,
        help_text="sources of the ledger (REGISTER:SOURCE) that tell half of what they told or less, which is true",
    )


class ReasonSerializer(Body):
    reason = Prose(max_length=2000, help_text="without personal data")


class LotSerializer(serializers.ModelSerializer[Lot]):
    business_date = serializers.DateField(source="run.business_date", help_text="of the night that made it")
    version = serializers.IntegerField(source="version.number")
    state = serializers.ChoiceField(choices=LOT_STATES)
    approvals = serializers.SerializerMethodField(help_text="who has approved exactly this digest")
    approvals_wanted = serializers.SerializerMethodField(help_text="how many persons more must approve it")
    tally = serializers.DictField(child=serializers.IntegerField())
    estimated = serializers.ListField(
        child=serializers.IntegerField(), help_text="campaigns by whose substitute start date it is due"
    )

    class Meta:
        model = Lot
        fields = [
            "id",
            "business_date",
            "version",
            "register",
            "dataset",
            "action",
            "why",
            "estimated",
            "breaker",
            "wave",
            "due_from_first",
            "due_from_last",
            "size",
            "state",
            "approvals_needed",
            "approvals",
            "approvals_wanted",
            "grace_until",
            "digest",
            "tally",
            "root",
            "created_at",
            "done_at",
        ]

    def get_approvals(self, lot: Lot) -> list[str]:
        return [event.who for event in lot.events.all() if event.reason == APPROVAL and event.digest == lot.digest]

    def get_approvals_wanted(self, lot: Lot) -> int:
        return still_wanted(lot, approvers(lot)) if lot.state == LotState.FLAGGED else 0


class LotEventSerializer(serializers.ModelSerializer[LotEvent]):
    class Meta:
        model = LotEvent
        fields = ["at", "before", "after", "who", "reason", "digest"]


class WholeLotSerializer(LotSerializer):
    events = LotEventSerializer(many=True)

    class Meta:
        model = Lot
        fields = [*LotSerializer.Meta.fields, "events"]


class DrawnSerializer(serializers.Serializer[Any]):
    """One item of a sample, as the register has it now. Personal data: for the eyes of whoever decides."""

    position = serializers.IntegerField()
    key = serializers.CharField()
    subject = serializers.CharField(allow_null=True)
    due_from = serializers.DateField()
    shown = serializers.DictField(allow_null=True, help_text="its columns; null: it is not there any more")
    right = serializers.BooleanField(allow_null=True, help_text="what somebody has said of it")


class SampleSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="of the lot: to be sent back with what is right and wrong")
    items = DrawnSerializer(many=True)


class JudgeSerializer(Body):
    digest = serializers.RegexField(r"^[0-9a-f]{64}\Z", help_text="of the lot as it was looked at")
    right = serializers.ListField(child=serializers.IntegerField(min_value=0), max_length=100)
    wrong = serializers.ListField(child=serializers.IntegerField(min_value=0), max_length=100)
    reason = Prose(max_length=2000, required=False, default="", help_text="why some are wrong, without personal data")


class ApproveSerializer(Body):
    digest = serializers.RegexField(r"^[0-9a-f]{64}\Z", help_text="of the lot as it was looked at: what is approved")
