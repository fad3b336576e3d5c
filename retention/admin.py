"""The emergency admin of the scheduler: connections are edited, everything else is only looked at.

The ledger, the subjects of holds and the keys of lots are not shown: they name data subjects. Holds are placed and
released through the gate, lots decided through their one door, never as rows.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from simple_history.admin import SimpleHistoryAdmin

from retention.connection_changes import keep_confirmed
from retention.models import (
    Alarm,
    AlarmDelivery,
    AlarmEvent,
    Connection,
    DatasetNight,
    EvidenceEntry,
    EvidenceHead,
    Hold,
    Lot,
    LotEvent,
    Run,
)
from ropa.admin import LookedAt


@admin.register(Connection)
class ConnectionAdmin(SimpleHistoryAdmin):  # type: ignore[misc]
    list_display = ["code", "organisation", "kind"]
    list_filter = ["organisation", "kind"]
    list_select_related = ["organisation"]

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        before = Connection.objects.filter(pk=obj.pk).first()
        for one in (before, obj):
            if one is not None:
                keep_confirmed(one.organisation, one.code, timezone.now())
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Connection) -> None:
        keep_confirmed(obj.organisation, obj.code, timezone.now())
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for one in queryset:
            keep_confirmed(one.organisation, one.code, timezone.now())
        super().delete_queryset(request, queryset)


@admin.register(Hold)
class HoldAdmin(LookedAt, SimpleHistoryAdmin):  # type: ignore[misc]
    list_display = ["id", "organisation", "register", "dataset", "reason", "owner", "start", "review_by", "released"]
    list_filter = ["organisation", "reason"]
    list_select_related = ["organisation"]


class DatasetNightInline(admin.TabularInline):  # type: ignore[type-arg]
    model = DatasetNight
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(LookedAt):
    list_display = ["organisation", "business_date", "state", "requested_by", "started_at", "finished_at"]
    list_filter = ["organisation", "state"]
    list_select_related = ["organisation"]
    inlines = [DatasetNightInline]


class LotEventInline(admin.TabularInline):  # type: ignore[type-arg]
    model = LotEvent
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Lot | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Lot | None = None) -> bool:
        return False


@admin.register(Lot)
class LotAdmin(LookedAt):
    list_display = ["id", "organisation", "register", "dataset", "action", "why", "size", "state", "approvals_needed"]
    list_filter = ["organisation", "state", "register"]
    list_select_related = ["organisation"]
    exclude = ["keys"]
    inlines = [LotEventInline]


@admin.register(EvidenceEntry)
class EvidenceEntryAdmin(LookedAt):
    list_display = ["organisation", "chain", "number", "kind", "digest"]
    list_filter = ["organisation", "kind"]


@admin.register(EvidenceHead)
class EvidenceHeadAdmin(LookedAt):
    list_display = ["organisation", "number", "business_date", "digest", "key_id"]
    list_filter = ["organisation"]


class AlarmEventInline(admin.TabularInline):  # type: ignore[type-arg]
    model = AlarmEvent
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Alarm | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Alarm | None = None) -> bool:
        return False


@admin.register(Alarm)
class AlarmAdmin(LookedAt):
    list_display = ["id", "organisation", "kind", "thing", "state", "level", "first_seen", "last_seen", "count"]
    list_filter = ["organisation", "state", "kind"]
    list_select_related = ["organisation"]
    inlines = [AlarmEventInline]


@admin.register(AlarmDelivery)
class AlarmDeliveryAdmin(LookedAt):
    list_display = ["id", "event", "channel", "recipient", "state", "tries", "next_try_at", "sent_at", "problem"]
    list_filter = ["state", "channel"]
    list_select_related = ["event"]
