"""The whole draft, kind by kind, as the inventory document has it: what the record says and its notices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.editing import edit, merged
from api.fields import PROSE, Body, Prose
from api.organisation import InOrganisation, sent
from api.register_serializers import OBJECT, EditSerializer, Text
from retention.inventory_document import edit_entry, edit_head
from ropa.draft import entry_of, head_of, rows_of
from ropa.kinds import KINDS, Kind, kind_of
from ropa.models import SubjectGroup
from ropa.rights import Verb

KIND = OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=[kind.name for kind in KINDS])
REASON = OpenApiParameter(
    "reason",
    {"type": "string", "pattern": PROSE.replace("\\Z", "$"), "maxLength": 2000},
    required=True,
    description="stands in the history",
)
WRITES: Mapping[str, Verb] = {"GET": Verb.READ, "POST": Verb.EDIT, "PATCH": Verb.EDIT, "DELETE": Verb.EDIT}


_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
ENTRY = {
    "type": "object",
    "properties": {"id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,60}$"}},
    "required": ["id"],
    "additionalProperties": {},
}


@extend_schema_field(ENTRY)
class Entry(serializers.JSONField):
    """An entry as the inventory document has it."""


class EntrySerializer(serializers.Serializer[Any]):
    """An entry as the inventory document has it: the other keys are those of its kind."""

    id = serializers.CharField()
    name = Text()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return entry_of(self.context["kind"], instance)


class NewEntrySerializer(Body):
    entry = Entry(help_text="as the inventory document has it, with its id")
    reason = Prose(max_length=2000, help_text="stands in the history")

    def validate_entry(self, entry: Any) -> Any:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not _ID.fullmatch(entry["id"]):
            raise serializers.ValidationError(_("an object with an id"))
        return entry


class OfKind(InOrganisation):
    """A view of one kind of entries, which the address names."""

    needs: ClassVar[Mapping[str, Verb]] = WRITES
    serializer_class = EntrySerializer

    @property
    def kind(self) -> Kind:
        return kind_of(self.kwargs["kind"])

    queryset = SubjectGroup.objects.none()
    """For the description of the API, which has no kind."""

    def get_queryset(self) -> QuerySet[Any]:
        found: QuerySet[Any] = rows_of(self.kind, self.organisation)
        return found

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "kind": self.kind}


@extend_schema_view(get=extend_schema(operation_id="record_list", parameters=[KIND]))
class Entries(OfKind, ListAPIView):  # type: ignore[type-arg]
    """Entries of one kind: the draft."""

    @extend_schema(
        operation_id="record_add", parameters=[KIND], request=NewEntrySerializer, responses={201: EntrySerializer}
    )
    def post(self, request: Request, slug: str, kind: str) -> Response:
        """Add an entry to the draft. Nothing of it is executed before the controller publishes."""
        asked = sent(NewEntrySerializer, request)
        entry = asked["entry"]

        def add(found: dict[str, Any] | None) -> Mapping[str, Any]:
            if found is not None:
                raise ValidationError({"entry": [_("there is one with this id already")]})
            new: Mapping[str, Any] = entry
            return new

        made = edit_entry(self.organisation, kind, entry["id"], add, self.who, asked["reason"])
        return Response(made, status=status.HTTP_201_CREATED)


class OneEntry(OfKind, GenericAPIView):  # type: ignore[type-arg]
    """One entry of the draft."""

    parameters = frozenset({"reason"})

    @extend_schema(operation_id="record_entry", parameters=[KIND], responses=EntrySerializer)
    def get(self, request: Request, slug: str, kind: str, code: str) -> Response:
        """The entry as the inventory document has it."""
        row = self.get_queryset().filter(code=code).first()
        if row is None:
            raise Http404
        return Response(entry_of(self.kind, row))

    @extend_schema(operation_id="record_edit", parameters=[KIND], request=EditSerializer, responses=EntrySerializer)
    def patch(self, request: Request, slug: str, kind: str, code: str) -> Response:
        """Edit the entry. Nothing of it is executed before the controller publishes."""
        asked = sent(EditSerializer, request)
        return Response(edit(self.organisation, kind, code, asked["changes"], self.who, asked["reason"]))

    @extend_schema(operation_id="record_remove", parameters=[KIND, REASON], responses={204: None})
    def delete(self, request: Request, slug: str, kind: str, code: str) -> Response:
        """Take the entry out of the draft; refused while another refers to it. What is published keeps it."""
        reason = request.query_params.get("reason", "")
        if not re.search(PROSE, reason) or len(reason) > 2000:
            raise ValidationError({"reason": [_("a reason, up to 2000 characters")]})

        def take_out(found: dict[str, Any] | None) -> None:
            if found is None:
                raise Http404

        edit_entry(self.organisation, kind, code, take_out, self.who, reason)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Head(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    """What the draft says of the organisation itself."""

    needs = WRITES
    serializer_class = EditSerializer

    @extend_schema(operation_id="record_head", responses={200: OBJECT})
    def get(self, request: Request, slug: str) -> Response:
        """The head of the inventory document."""
        return Response(head_of(self.organisation))

    @extend_schema(operation_id="record_head_edit", request=EditSerializer, responses={200: OBJECT})
    def patch(self, request: Request, slug: str) -> Response:
        """Edit the head. Nothing of it is executed before the controller publishes."""
        asked = sent(EditSerializer, request)
        return Response(
            edit_head(self.organisation, lambda head: merged(head, asked["changes"]), self.who, asked["reason"])
        )
