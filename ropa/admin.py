"""The emergency admin of the inventory's draft, of users and of their roles. What is published is only looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from ropa.models import (
    Activity,
    Ceiling,
    Dataset,
    Ground,
    Membership,
    Organisation,
    Purpose,
    Register,
    Role,
    Version,
    Withdrawal,
)
from ropa.models.people import BOTH


class LookedAt(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Memberships(BaseInlineFormSet):  # type: ignore[type-arg]
    """Several roles at once are looked at together: each row alone could be right."""

    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        roles = {(row["organisation"], row["role"]) for row in kept if "organisation" in row and "role" in row}
        if any(
            (organisation, Role.DPO) in roles and (organisation, Role.CONTROLLER) in roles for organisation, _ in roles
        ):
            raise ValidationError(BOTH)


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    formset = Memberships
    extra = 0


class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """A user name is settled once: approvals stand under it, and two must be two persons."""

    inlines = [MembershipInline]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "username")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return [] if obj is None else super().get_inlines(request, obj)


admin.site.unregister(User)
admin.site.register(User, PersonAdmin)


@admin.register(Membership)
class MembershipAdmin(SimpleHistoryAdmin):  # type: ignore[misc]
    list_display = ["user", "organisation", "role"]
    list_filter = ["organisation", "role"]
    search_fields = ["user__username"]
    autocomplete_fields = ["user"]
    list_select_related = ["user", "organisation"]


@admin.register(Organisation)
class OrganisationAdmin(SimpleHistoryAdmin):  # type: ignore[misc]
    list_display = ["slug", "name", "business_id", "language"]
    search_fields = ["slug", "name"]


class EntryAdmin(SimpleHistoryAdmin):  # type: ignore[misc]
    list_display: list[str] = ["code", "organisation"]
    list_filter: list[str] = ["organisation"]
    search_fields = ["code"]
    list_select_related = ["organisation"]


@admin.register(Register)
class RegisterAdmin(EntryAdmin):
    list_display = ["code", "organisation", "medium", "lifecycle", "connection"]
    list_filter = ["organisation", "medium", "lifecycle"]


@admin.register(Activity)
class ActivityAdmin(EntryAdmin):
    list_display = ["code", "organisation", "role"]


@admin.register(Purpose)
class PurposeAdmin(EntryAdmin):
    list_display = ["code", "organisation", "activity"]
    list_select_related = ["organisation", "activity"]


@admin.register(Dataset)
class DatasetAdmin(EntryAdmin):
    list_display = ["code", "organisation", "register", "activity", "grain", "enforced_by"]
    list_filter = ["organisation", "grain", "enforced_by"]
    list_select_related = ["organisation", "register", "activity"]


class RuleAdmin(SimpleHistoryAdmin):  # type: ignore[misc]
    list_display: list[str] = ["code", "dataset", "period", "rounding", "action", "status", "law", "addition"]
    list_filter: list[str] = ["dataset__organisation", "status", "addition"]
    search_fields = ["code", "dataset__code", "law"]
    list_select_related = ["dataset"]


@admin.register(Ground)
class GroundAdmin(RuleAdmin):
    list_display = ["code", "dataset", "kind", "period", "rounding", "action", "status", "law", "addition"]
    list_filter = ["dataset__organisation", "kind", "status", "addition"]


@admin.register(Ceiling)
class CeilingAdmin(RuleAdmin):
    """A longest time."""


@admin.register(Version)
class VersionAdmin(LookedAt):
    list_display = ["organisation", "number", "in_force_from", "published_at", "publisher", "digest"]
    list_filter = ["organisation"]
    list_select_related = ["organisation"]


@admin.register(Withdrawal)
class WithdrawalAdmin(LookedAt):
    list_display = ["version", "withdrawn_at", "withdrawer", "reason"]
    list_filter = ["version__organisation"]
    list_select_related = ["version__organisation"]
