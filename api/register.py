"""The inventory: registers with purpose, legal basis and retention rule, datasets, and published versions.

Registers and datasets are the draft, what people edit; `versions` is what nights execute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.editing import edit
from api.lists import Order
from api.organisation import InOrganisation, sent
from api.register_serializers import (
    DatasetSerializer,
    EditSerializer,
    PublishSerializer,
    RegisterSerializer,
    VersionSerializer,
    WholeVersionSerializer,
    WithdrawSerializer,
)
from retention.publishing import publish
from ropa.models import Dataset, Register, Version
from ropa.rights import Verb
from ropa.services import withdraw

LANGUAGES = ("fi", "sv", "en")
LANGUAGE = OpenApiParameter(
    "language", str, enum=LANGUAGES, description="of the rules in words; else the organisation's"
)


class RegisterFilter(django_filters.FilterSet):  # type: ignore[misc]
    order = Order(fields=["position", "code"])

    class Meta:
        model = Register
        fields = ["medium", "lifecycle", "declared"]


class DatasetFilter(django_filters.FilterSet):  # type: ignore[misc]
    register = django_filters.CharFilter(field_name="register__code")
    activity = django_filters.CharFilter(field_name="activity__code")
    order = Order(fields=["position", "code"])

    class Meta:
        model = Dataset
        fields = ["grain", "subject_kind", "enforced_by"]


class VersionFilter(django_filters.FilterSet):  # type: ignore[misc]
    since = django_filters.DateFilter(field_name="in_force_from", lookup_expr="gte")
    until = django_filters.DateFilter(field_name="in_force_from", lookup_expr="lte")
    order = Order(fields=["number", "in_force_from"])

    class Meta:
        model = Version
        fields: list[str] = []


class Worded(InOrganisation):
    """Shows rules in words, in the language asked for."""

    needs: ClassVar[Mapping[str, Verb]] = {"GET": Verb.READ}
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


DATASETS = Dataset.objects.select_related("register", "activity").prefetch_related(
    "activity__purposes", "grounds", "ceilings"
)
"""With all that a serializer shows: as many queries for a hundred as for one."""


@extend_schema_view(get=extend_schema(operation_id="registers_list", parameters=[LANGUAGE]))
class Registers(Worded, ListAPIView):  # type: ignore[type-arg]
    """Registers, each with its datasets, their purposes, legal bases and retention rules."""

    queryset = Register.objects.all()
    serializer_class = RegisterSerializer
    filterset_class = RegisterFilter


@extend_schema_view(get=extend_schema(operation_id="register", parameters=[LANGUAGE]))
class OneRegister(Worded, RetrieveAPIView):  # type: ignore[type-arg]
    """One register."""

    needs = {"GET": Verb.READ, "PATCH": Verb.EDIT}
    queryset = Register.objects.all()
    serializer_class = RegisterSerializer
    lookup_field = "code"

    @extend_schema(
        operation_id="register_edit", parameters=[LANGUAGE], request=EditSerializer, responses=RegisterSerializer
    )
    def patch(self, request: Request, slug: str, code: str) -> Response:
        """Edit the draft of this register. Nothing of it is executed before the controller publishes."""
        asked = sent(EditSerializer, request)
        edit(self.organisation, "registers", code, asked["changes"], self.who, asked["reason"])
        return self.retrieve(request)


@extend_schema_view(get=extend_schema(operation_id="datasets_list", parameters=[LANGUAGE]))
class Datasets(Worded, ListAPIView):  # type: ignore[type-arg]
    """Datasets: what retention is decided for."""

    queryset = DATASETS
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilter


@extend_schema_view(get=extend_schema(operation_id="dataset", parameters=[LANGUAGE]))
class OneDataset(Worded, RetrieveAPIView):  # type: ignore[type-arg]
    """One dataset."""

    needs = {"GET": Verb.READ, "PATCH": Verb.EDIT}
    queryset = DATASETS
    serializer_class = DatasetSerializer
    lookup_field = "code"

    @extend_schema(
        operation_id="dataset_edit", parameters=[LANGUAGE], request=EditSerializer, responses=DatasetSerializer
    )
    def patch(self, request: Request, slug: str, code: str) -> Response:
        """Edit the draft of this dataset. Nothing of it is executed before the controller publishes."""
        asked = sent(EditSerializer, request)
        edit(self.organisation, "datasets", code, asked["changes"], self.who, asked["reason"])
        return self.retrieve(request)


@extend_schema_view(get=extend_schema(operation_id="versions_list"))
class Versions(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Published versions: what nights execute, each from its day."""

    queryset = Version.objects.select_related("withdrawal").defer("snapshot")
    needs = {"GET": Verb.READ, "POST": Verb.PUBLISH}
    serializer_class = VersionSerializer
    filterset_class = VersionFilter

    @extend_schema(operation_id="version_publish", request=PublishSerializer, responses={201: VersionSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Publish the draft that was looked at, named by its digest: nights execute it from that day on; 409 where the
        draft has changed since."""
        asked = sent(PublishSerializer, request)
        version = publish(
            self.organisation,
            asked["in_force_from"],
            timezone.now(),
            self.who,
            request.user,
            asked["reason"],
            asked["opinion_reason"],
            asked["digest"],
            asked["impact"],
        )
        return Response(VersionSerializer(version).data, status=status.HTTP_201_CREATED)


@extend_schema_view(
    get=extend_schema(operation_id="version", parameters=[OpenApiParameter("number", int, OpenApiParameter.PATH)])
)
class OneVersion(InOrganisation, RetrieveAPIView):  # type: ignore[type-arg]
    """One version with the document that was published."""

    queryset = Version.objects.select_related("withdrawal")
    needs = {"GET": Verb.READ}
    serializer_class = WholeVersionSerializer
    lookup_field = "number"


class Withdraw(InOrganisation):
    """Taking back a version that is not in force yet."""

    needs = {"POST": Verb.PUBLISH}
    filter_backends = []

    @extend_schema(
        operation_id="version_withdraw",
        parameters=[OpenApiParameter("number", int, OpenApiParameter.PATH)],
        request=WithdrawSerializer,
        responses=VersionSerializer,
    )
    def post(self, request: Request, slug: str, number: str) -> Response:
        """The version never comes into force, and stays on record; 409 where its day has come."""
        asked = sent(WithdrawSerializer, request)
        version = get_object_or_404(Version, organisation=self.organisation, number=number)
        withdraw(version, timezone.now(), self.who, asked["reason"], request.user)
        return Response(VersionSerializer(Version.objects.select_related("withdrawal").get(pk=version.pk)).data)
