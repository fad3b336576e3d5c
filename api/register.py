"""The inventory: registers with purpose, legal basis and retention rule, datasets, and published versions.

Registers and datasets are the draft, what people edit; `versions` is what nights execute.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView

from api.organisation import InOrganisation
from api.permissions import Verb
from api.register_serializers import (
    DatasetSerializer,
    RegisterSerializer,
    VersionSerializer,
    WholeVersionSerializer,
)
from ropa.models import Dataset, Organisation, Register, Version

LANGUAGES = ("fi", "sv", "en")
LANGUAGE = OpenApiParameter("language", str, enum=LANGUAGES, description="of the rules in words; else the organisation's")


class RegisterFilter(django_filters.FilterSet):
    order = django_filters.OrderingFilter(fields=["position", "code"])

    class Meta:
        model = Register
        fields = ["medium", "lifecycle", "declared"]


class DatasetFilter(django_filters.FilterSet):
    register = django_filters.CharFilter(field_name="register__code")
    activity = django_filters.CharFilter(field_name="activity__code")
    order = django_filters.OrderingFilter(fields=["position", "code"])

    class Meta:
        model = Dataset
        fields = ["grain", "subject_kind", "enforced_by"]


class VersionFilter(django_filters.FilterSet):
    in_force_from = django_filters.DateFromToRangeFilter()
    order = django_filters.OrderingFilter(fields=["number", "in_force_from"])

    class Meta:
        model = Version
        fields: list[str] = []


class Worded(InOrganisation):
    """Shows rules in words, in the language asked for."""

    needs = {"GET": Verb.READ}
    parameters = frozenset({"language"})

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "language": language_of(self)}


def language_of(view: InOrganisation) -> str:
    """The `language` asked for, else the organisation's. Raises ValidationError."""
    asked = view.request.query_params.get("language")
    if asked is None:
        return view.organisation.language
    if asked not in LANGUAGES:
        raise ValidationError({"language": [_("fi, sv or en")]})
    return asked


def datasets_of(organisation: Organisation) -> QuerySet[Dataset]:
    """With all that a serializer shows: as many queries for a hundred as for one."""
    return (
        Dataset.objects.filter(organisation=organisation)
        .select_related("register", "activity")
        .prefetch_related("activity__purposes", "grounds", "ceilings")
    )


@extend_schema_view(get=extend_schema(operation_id="registers_list", parameters=[LANGUAGE]))
class Registers(Worded, ListAPIView):  # type: ignore[type-arg]
    """Registers, each with its datasets, their purposes, legal bases and retention rules."""

    serializer_class = RegisterSerializer
    filterset_class = RegisterFilter

    def get_queryset(self) -> QuerySet[Register]:
        datasets = Prefetch("datasets", queryset=datasets_of(self.organisation))
        return Register.objects.filter(organisation=self.organisation).prefetch_related(datasets)


@extend_schema_view(get=extend_schema(operation_id="register", parameters=[LANGUAGE]))
class OneRegister(Worded, RetrieveAPIView):  # type: ignore[type-arg]
    """One register."""

    serializer_class = RegisterSerializer
    lookup_field = "code"

    def get_queryset(self) -> QuerySet[Register]:
        datasets = Prefetch("datasets", queryset=datasets_of(self.organisation))
        return Register.objects.filter(organisation=self.organisation).prefetch_related(datasets)


@extend_schema_view(get=extend_schema(operation_id="datasets_list", parameters=[LANGUAGE]))
class Datasets(Worded, ListAPIView):  # type: ignore[type-arg]
    """Datasets: what retention is decided for."""

    serializer_class = DatasetSerializer
    filterset_class = DatasetFilter

    def get_queryset(self) -> QuerySet[Dataset]:
        return datasets_of(self.organisation)


@extend_schema_view(get=extend_schema(operation_id="dataset", parameters=[LANGUAGE]))
class OneDataset(Worded, RetrieveAPIView):  # type: ignore[type-arg]
    """One dataset."""

    serializer_class = DatasetSerializer
    lookup_field = "code"

    def get_queryset(self) -> QuerySet[Dataset]:
        return datasets_of(self.organisation)


@extend_schema_view(get=extend_schema(operation_id="versions_list"))
class Versions(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Published versions: what nights execute, each from its day."""

    needs = {"GET": Verb.READ}
    serializer_class = VersionSerializer
    filterset_class = VersionFilter

    def get_queryset(self) -> QuerySet[Version]:
        return Version.objects.filter(organisation=self.organisation).defer("snapshot")


@extend_schema_view(get=extend_schema(operation_id="version"))
class OneVersion(InOrganisation, RetrieveAPIView):  # type: ignore[type-arg]
    """One version with the document that was published."""

    needs = {"GET": Verb.READ}
    serializer_class = WholeVersionSerializer
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Version]:
        return Version.objects.filter(organisation=self.organisation)
