"""A register's way out over the API: what was moved, whether it may close, closing, reopening, the certificate."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Line, Prose, Whole, YesNo
from api.organisation import InOrganisation, sent, today_of
from api.register_serializers import Object
from retention.closed import closings
from retention.leaving import Checked, certificate_of, check, close, record_migration, reopen, seal_of
from ropa.models import Dataset, Register
from ropa.rights import Verb

CODE = OpenApiParameter("code", str, OpenApiParameter.PATH)
MOST_ITEMS = 2**31 - 1


class CloseSerializer(Body):
    reason = Prose(max_length=2000, help_text="without personal data")
    check = YesNo(default=False, help_text="only ask what is left; nothing is decided")


class ReopenSerializer(Body):
    reason = Prose(max_length=2000, help_text="without personal data")


class MigrationSerializer(Body):
    to_dataset = serializers.SlugField(max_length=60)
    items = Whole(min_value=0, max_value=MOST_ITEMS, help_text="how many were moved, as a person counted them")
    key_template = Line(max_length=200, default="", allow_blank=True, help_text="how the new place writes an old {key}")
    key_column = Line(max_length=200, default="", allow_blank=True, help_text="where the new place keeps the old key")
    destroy_by = serializers.DateField(allow_null=True, default=None, help_text="when what is left here is destroyed")
    reason = Prose(max_length=2000, help_text="without personal data")


class InTheWaySerializer(serializers.Serializer[Any]):
    where = serializers.CharField(source="path")
    message = serializers.CharField()


class LeavingSerializer(serializers.Serializer[Any]):
    closed = serializers.BooleanField()
    may_close = serializers.BooleanField()
    datasets = serializers.ListField(child=Object())
    problems = InTheWaySerializer(many=True)
    beside = Object(help_text="what lies there that no dataset asks for: place and how much")
    residue = serializers.ListField(child=Object(), help_text="what a person keeps of deleted items")
    backups = Object()


class CertificateSerializer(serializers.Serializer[Any]):
    certificate = Object()
    seal = Object(help_text="the entry of the evidence, and the signed head that names it")


class MigratedSerializer(serializers.Serializer[Any]):
    dataset = serializers.CharField()
    to_dataset = serializers.CharField()
    items = serializers.IntegerField()


class CloseRegister(InOrganisation):
    """The end of a register."""

    needs = {"POST": Verb.CLOSE}
    filter_backends = []

    @extend_schema(
        operation_id="register_close", parameters=[CODE], request=CloseSerializer, responses=LeavingSerializer
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Close a register whose datasets are empty, migrated or held. It is asked while you wait."""
        get_object_or_404(Register, organisation=self.organisation, code=code)
        asked = sent(CloseSerializer, request)
        if asked["check"]:
            found = check(self.organisation, code, today_of(self.organisation))
            return Response(LeavingSerializer(_told(found)).data)
        event = close(self.organisation, code, self.who, asked["reason"], timezone.now())
        told = certificate_of(event)
        return Response(
            LeavingSerializer(
                {
                    "closed": True,
                    "may_close": True,
                    "datasets": told["datasets"],
                    "problems": [],
                    "beside": told["beside"],
                    "residue": told["residue"],
                    "backups": told["backups"],
                }
            ).data
        )


class ReopenRegister(InOrganisation):
    """A closing that is taken back."""

    needs = {"POST": Verb.CLOSE}
    filter_backends = []

    @extend_schema(operation_id="register_reopen", parameters=[CODE], request=ReopenSerializer, responses={204: None})
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Reopen a register: the next night asks it again."""
        get_object_or_404(Register, organisation=self.organisation, code=code)
        reopen(self.organisation, code, self.who, sent(ReopenSerializer, request)["reason"], timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExitCertificate(InOrganisation):
    """What a closing rested on."""

    needs = {"GET": Verb.READ}
    filter_backends = []

    @extend_schema(operation_id="register_certificate", parameters=[CODE], responses=CertificateSerializer)
    def get(self, request: Request, slug: str, code: str) -> Response:
        """The exit certificate of a register that is closed, with its seal."""
        event = closings(self.organisation).get(code)
        if event is None:
            raise Http404
        return Response(CertificateSerializer({"certificate": certificate_of(event), "seal": seal_of(event)}).data)


class RecordMigration(InOrganisation):
    """Where a dataset went."""

    needs = {"POST": Verb.CLOSE}
    filter_backends = []

    @extend_schema(
        operation_id="dataset_migration",
        parameters=[CODE],
        request=MigrationSerializer,
        responses={201: MigratedSerializer},
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Record that a dataset was moved to another register's. It is compared when its own register closes."""
        get_object_or_404(Dataset, organisation=self.organisation, code=code)
        asked = sent(MigrationSerializer, request)
        record = record_migration(
            self.organisation, code, by=self.who, today=today_of(self.organisation), **dict(asked)
        )
        return Response(MigratedSerializer(record).data, status=status.HTTP_201_CREATED)


def _told(found: Checked) -> dict[str, Any]:
    return {
        "closed": False,
        "may_close": found.may_close,
        "datasets": [one.as_dict() for one in found.datasets],
        "problems": found.problems,
        "beside": dict(found.beside),
        "residue": list(found.residue),
        "backups": found.backups,
    }
