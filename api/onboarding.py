"""A foreign record over the API: what its columns may be, mappings under a name, a preview, and the draft with it.

The file comes with each call and is kept nowhere.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from api.fields import Body, Prose
from api.inventory import File
from api.organisation import InOrganisation, sent
from api.record import REASON
from retention.onboarding.record import apply, mapping_of, preview, record_in, save_mapping, suggestion
from retention.onboarding.record.columns import TARGETS
from retention.onboarding.record.headings import label
from retention.onboarding.record.told import as_dict
from ropa.law import LANGUAGES
from ropa.models import ColumnMapping
from ropa.rights import Verb

FILE = {File.media_type: OpenApiTypes.BINARY}
DIGEST = OpenApiParameter(
    "digest",
    {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    required=True,
    description="of the preview that was looked at",
)
LANGUAGE = OpenApiParameter(
    "language", str, enum=list(LANGUAGES), description="of labels; the organisation's if left out"
)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class MappingField(serializers.JSONField):
    """A column mapping: language, sheets, addition, columns."""


class HeadingSerializer(serializers.Serializer[Any]):
    sheet = serializers.CharField()
    hidden = serializers.BooleanField()
    heading_row = serializers.IntegerField(allow_null=True)
    headings = serializers.ListField(child=serializers.CharField())
    rows = serializers.IntegerField()


class TargetSerializer(serializers.Serializer[Any]):
    to = serializers.CharField()
    name = serializers.CharField()


class ColumnsSerializer(serializers.Serializer[Any]):
    encoding = serializers.CharField(help_text="empty for a workbook")
    delimiter = serializers.CharField(help_text="empty for a workbook")
    sheets = HeadingSerializer(many=True)
    targets = TargetSerializer(many=True, help_text="what a column can be")
    suggestion = MappingField(help_text="by the words of the headings; a person decides")


class MappingSerializer(serializers.ModelSerializer[ColumnMapping]):
    mapping = MappingField(source="said")

    class Meta:
        model = ColumnMapping
        fields = ["name", "mapping"]


class NewMappingSerializer(Body):
    mapping = MappingField(help_text="see docs/how-to/bring-your-record.md")
    reason = Prose(max_length=2000, help_text="stands in the history")


class PlaceSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="sheet, row and column, or the place in the document")
    message = serializers.CharField()


class BecomesSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="in the inventory document")
    what = serializers.ChoiceField(choices=["new", "changed"])
    text = serializers.CharField()


class RowSerializer(serializers.Serializer[Any]):
    sheet = serializers.CharField()
    row = serializers.IntegerField()
    activity = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["new", "changes", "nothing", "error"])
    changes = BecomesSerializer(many=True)


class PreviewSerializer(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="of draft, file and mapping: applying asks for it")
    rows = RowSerializer(many=True)
    problems = PlaceSerializer(many=True, help_text="with any of them it cannot be applied")
    warnings = PlaceSerializer(many=True)
    unread = serializers.ListField(child=serializers.CharField(), help_text="headings that the mapping does not name")


class Columns(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    """What the columns of a record are called."""

    needs = {"POST": Verb.EDIT}
    parameters = frozenset({"language"})
    parser_classes = [File]
    serializer_class = ColumnsSerializer
    queryset = ColumnMapping.objects.none()

    @extend_schema(operation_id="onboarding_columns", parameters=[LANGUAGE], request=FILE, responses=ColumnsSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Sheets and headings of a file, and what each column may be. Nothing is kept."""
        language = request.query_params.get("language", self.organisation.language)
        if language not in LANGUAGES:
            raise ValidationError({"language": [_("fi, sv or en")]})
        found = record_in(_file(request))
        sheets = []
        for table in found.tables:
            heading = table.heading()
            sheets.append(
                {
                    "sheet": table.name,
                    "hidden": table.hidden,
                    "heading_row": heading.number if heading else None,
                    "headings": list(heading.cells.values()) if heading else [],
                    "rows": len(table.lines),
                }
            )
        return Response(
            {
                "encoding": found.encoding,
                "delimiter": found.delimiter,
                "sheets": sheets,
                "targets": [{"to": target, "name": label(target, language)} for target in TARGETS],
                "suggestion": suggestion(found, self.organisation.language),
            }
        )


class Mappings(InOrganisation, ListAPIView):  # type: ignore[type-arg]
    """Column mappings of the organisation."""

    needs = {"GET": Verb.READ}
    serializer_class = MappingSerializer
    queryset = ColumnMapping.objects.all()


class OneMapping(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    """One column mapping."""

    needs = {"GET": Verb.READ, "PUT": Verb.EDIT}
    serializer_class = MappingSerializer
    queryset = ColumnMapping.objects.all()

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(name=self.kwargs["code"])

    @extend_schema(operation_id="onboarding_mapping")
    def get(self, request: Request, slug: str, code: str) -> Response:
        """The mapping as it was said."""
        row = self.get_queryset().first()
        if row is None:
            raise Http404
        return Response(MappingSerializer(row).data)

    @extend_schema(operation_id="onboarding_mapping_keep", request=NewMappingSerializer, responses=MappingSerializer)
    def put(self, request: Request, slug: str, code: str) -> Response:
        """Keep a mapping under this name, in place of the one before."""
        asked = sent(NewMappingSerializer, request)
        row = save_mapping(self.organisation, code, asked["mapping"], self.who, asked["reason"])
        return Response(MappingSerializer(row).data)


class _WithFile(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    needs = {"POST": Verb.EDIT}
    parser_classes = [File]
    serializer_class = PreviewSerializer
    queryset = ColumnMapping.objects.none()

    def mapping(self, code: str) -> dict[str, Any]:
        try:
            return mapping_of(self.organisation, code)
        except LookupError:
            raise Http404 from None


class PreviewRecord(_WithFile):
    """What would become of a record."""

    @extend_schema(operation_id="onboarding_preview", request=FILE, responses=PreviewSerializer)
    def post(self, request: Request, slug: str, code: str) -> Response:
        """What would become of each row by this mapping. Nothing is changed."""
        found, digest = preview(self.organisation, _file(request), self.mapping(code))
        return Response({"digest": digest, **as_dict(found)})


class ApplyRecord(_WithFile):
    """A record becomes part of the draft."""

    parameters = frozenset({"digest", "reason"})

    @extend_schema(
        operation_id="onboarding_apply", parameters=[DIGEST, REASON], request=FILE, responses=PreviewSerializer
    )
    def post(self, request: Request, slug: str, code: str) -> Response:
        """Make it part of the draft, all of it or nothing, as it was looked at. Nothing is published."""
        digest, reason = request.query_params.get("digest", ""), request.query_params.get("reason", "")
        if not digest:
            raise ValidationError({"digest": [_("the digest of the preview that was looked at")]})
        if not reason.strip() or len(reason) > 2000:
            raise ValidationError({"reason": [_("a reason, up to 2000 characters")]})
        found = apply(self.organisation, _file(request), self.mapping(code), self.who, reason, digest)
        return Response({"digest": digest, **as_dict(found)})


def _file(request: Request) -> bytes:
    data: Any = request.data
    return data if isinstance(data, bytes) else b""
