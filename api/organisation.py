"""The organisations a user has a role in, and what every view of one organisation shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.lists import refuse_unknown
from api.permissions import ByRole
from ropa.models import Membership, Organisation
from ropa.rights import Verb


class Strict(GenericAPIView):  # type: ignore[type-arg]
    """Refuses a query parameter that it does not read."""

    filterset_class: Any = None
    parameters: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = set(self.parameters)
        if request.method in {"GET", "HEAD"} and isinstance(self, ListModelMixin):
            known |= {"page", "page_size", *(self.filterset_class.base_filters if self.filterset_class else ())}
        refuse_unknown(request, known)


class InOrganisation(Strict):
    """A view of one organisation: `needs` names the right for each method, `who` is what evidence will say.

    `held`: the caller's roles here.
    """

    permission_classes = [ByRole]
    needs: ClassVar[Mapping[str, Verb]]
    organisation: Organisation
    who: str
    held: Collection[str]

    def get_queryset(self) -> QuerySet[Any]:
        """Of this organisation alone, whatever the view shows."""
        rows: QuerySet[Any] = super().get_queryset()
        return rows.filter(organisation=self.organisation)


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    roles = serializers.SerializerMethodField(help_text="the user's own")

    class Meta:
        model = Organisation
        fields = ["slug", "name", "business_id", "language", "time_zone", "roles"]

    def get_roles(self, organisation: Organisation) -> list[str]:
        return sorted(membership.role for membership in organisation.memberships.all())


class RootSerializer(serializers.Serializer[Any]):
    user = serializers.CharField()
    organisations = serializers.URLField()
    tokens = serializers.URLField()
    schema = serializers.URLField()


class Root(APIView):
    """Where a program begins."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="root", responses=RootSerializer)
    def get(self, request: Request) -> Response:
        """Who I am, and where to go on."""
        here = request.build_absolute_uri
        return Response(
            {
                "user": request.user.get_username(),
                "organisations": here("/api/v1/organisations/"),
                "tokens": here("/api/v1/tokens/"),
                "schema": here("/api/v1/schema/"),
            }
        )


class Organisations(Strict, ListAPIView):  # type: ignore[type-arg]
    """The user's organisations, with the roles in each."""

    permission_classes = [IsAuthenticated]
    serializer_class = OrganisationSerializer

    def get_queryset(self) -> QuerySet[Organisation]:
        return mine(self.request)


class OneOrganisation(InOrganisation, RetrieveAPIView):  # type: ignore[type-arg]
    """One organisation."""

    needs = {"GET": Verb.SEE}
    serializer_class = OrganisationSerializer

    def get_object(self) -> Organisation:
        return mine(self.request).get(pk=self.organisation.pk)


def mine(request: Request) -> QuerySet[Organisation]:
    """Organisations in which the user has a role, each with the user's own memberships."""
    own = Membership.objects.filter(user_id=int(request.user.pk or 0))
    return (
        Organisation.objects.filter(memberships__in=own)
        .prefetch_related(Prefetch("memberships", queryset=own))
        .distinct()
    )


def sent(serializer: type[serializers.Serializer[Any]], request: Request) -> Mapping[str, Any]:
    """The request's body, checked for its shape. Raises ValidationError."""
    filled = serializer(data=request.data)
    filled.is_valid(raise_exception=True)
    checked: Mapping[str, Any] = filled.validated_data
    return checked


def today_of(organisation: Organisation) -> date:
    """The day it is where the organisation is."""
    return organisation.day_of(timezone.now())
