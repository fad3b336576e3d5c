"""Notices that are taken into the inventory passage by passage: brought as a file, assigned by a person."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Line, Prose, YesNo
from api.inventory import REASON, File
from api.organisation import InOrganisation, sent
from api.record import Entry
from api.register_serializers import OBJECT
from retention.onboarding.notices import NoPassageError, add_notice, assign, passages_of, progress_of
from ropa.kinds import KINDS
from ropa.rights import Verb

NAME = OpenApiParameter("name", str, description="its title, in the organisation's language")


class PassageSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField()
    state = serializers.CharField(help_text="open, held or not_content")
    seen = serializers.CharField(help_text="to be sent with an assignment")


class NoticeSerializer(serializers.Serializer[Any]):
    held = serializers.IntegerField()
    not_content = serializers.IntegerField()
    open = serializers.IntegerField()
    passages = PassageSerializer(many=True, help_text="those that wait first; with hints and places")


class EntryOfKindSerializer(Body):
    kind = serializers.ChoiceField([kind.name for kind in KINDS], help_text="the list that it stands in")
    entry = Entry()


class AssignSerializer(Body):
    seen = Line(max_length=40, help_text="the passage's `seen` when it was looked at")
    held_in = serializers.ListField(child=Line(max_length=400), max_length=50, default=list)
    not_content = YesNo(default=False)
    role = Line(max_length=200, default="", allow_blank=True, help_text="stands instead of a person who is named")
    corrected = Prose(max_length=10_000, default="", allow_blank=True, help_text="where the spelling misleads")
    new = EntryOfKindSerializer(required=False, help_text="an entry that the passage tells, made in the same step")
    reason = Prose(max_length=2000, help_text="stands in the history")


class OneNotice(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    """A notice of the draft with its passages."""

    needs = {"GET": Verb.READ, "POST": Verb.EDIT}
    parameters = frozenset({"name", "reason"})
    parser_classes = [File]
    serializer_class = NoticeSerializer

    @extend_schema(operation_id="notice", responses=NoticeSerializer)
    def get(self, request: Request, slug: str, code: str) -> Response:
        """The passages, those that wait first, each with words that hint at its kind."""
        return Response(self._told(code))

    @extend_schema(
        operation_id="notice_bring",
        parameters=[NAME, REASON],
        request={File.media_type: OpenApiTypes.BINARY},
        responses={201: NoticeSerializer},
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Bring a DOCX, PDF or text file: its sentences become passages that wait to be assigned."""
        content: Any = request.data
        title = request.query_params.get("name", "Tietosuojaseloste")[:400]
        if not title.strip():
            raise ValidationError({"name": [_("some text")]})
        reason = request.query_params.get("reason", "")[:2000]
        name = {self.organisation.language: title}
        add_notice(self.organisation, code, name, content if isinstance(content, bytes) else b"", self.who, reason)
        return Response(self._told(code), status=status.HTTP_201_CREATED)

    def _told(self, code: str) -> dict[str, Any]:
        try:
            progress = progress_of(self.organisation, code)
            passages = passages_of(self.organisation, code)
        except NoPassageError:
            raise Http404 from None
        return {
            "held": progress.held,
            "not_content": progress.not_content,
            "open": progress.open,
            "passages": passages,
        }


class OnePassage(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    """One passage of a notice."""

    needs = {"POST": Verb.EDIT}
    serializer_class = AssignSerializer

    @extend_schema(operation_id="passage_assign", request=AssignSerializer, responses={200: OBJECT})
    def post(self, request: Request, slug: str, code: str, passage: str) -> Response:
        """Say where it is held, or that it is no inventory content; with neither, that it waits again."""
        asked = sent(AssignSerializer, request)
        new = asked.get("new")
        try:
            told = assign(
                self.organisation,
                code,
                passage,
                asked["seen"],
                self.who,
                asked["reason"],
                held_in=asked["held_in"],
                not_content=asked["not_content"],
                role=asked["role"],
                corrected=asked["corrected"],
                entry=(new["kind"], new["entry"]) if new else None,
            )
        except NoPassageError:
            raise Http404 from None
        return Response(told)
