"""The whole draft as a file: YAML, a workbook, or a ZIP of .csv files; and a file as the draft."""

from __future__ import annotations

from typing import IO, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from api.lists import TooLarge
from api.organisation import InOrganisation, today_of
from api.register_serializers import OBJECT
from retention.inventory_document import import_document, warnings_of, whole_draft
from retention.inventory_document.files import FORMATS, document_in, file_of
from retention.inventory_document.guide import guide
from retention.inventory_document.yaml_text import LARGEST
from ropa.rights import Verb, role_for

TYPES = {
    "yaml": "application/yaml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "application/zip",
}
REASON = OpenApiParameter("reason", str, description="stands in the history")
AS = OpenApiParameter("as", str, enum=list(FORMATS), description="yaml if left out")


class File(BaseParser):
    """A file as it is, up to what a document may have."""

    media_type = "application/octet-stream"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        content: bytes = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise TooLarge
        return content


class ImportedSerializer(serializers.Serializer[Any]):
    warnings = serializers.ListField(child=serializers.CharField(), help_text="what is doubtful without being wrong")


class Inventory(InOrganisation, GenericAPIView):  # type: ignore[type-arg]
    """The draft as a file."""

    needs = {"GET": Verb.READ, "PUT": Verb.EDIT}
    parameters = frozenset({"as", "reason"})
    parser_classes = [File]
    serializer_class = ImportedSerializer

    @extend_schema(
        operation_id="inventory",
        parameters=[AS],
        responses={(200, media): OBJECT if form == "yaml" else OpenApiTypes.BINARY for form, media in TYPES.items()},
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The draft with its connections; secrets are references."""
        form = request.query_params.get("as", "yaml")
        if form not in FORMATS:
            raise ValidationError({"as": [_("yaml, xlsx or csv")]})
        content = file_of(whole_draft(self.organisation), form, guide(self.organisation.language))
        answer = HttpResponse(content, content_type=TYPES[form])
        extension = "zip" if form == "csv" else form
        answer["Content-Disposition"] = f'attachment; filename="{self.organisation.slug}.{extension}"'
        return answer

    @extend_schema(
        operation_id="inventory_import",
        parameters=[REASON],
        request={File.media_type: OpenApiTypes.BINARY},
        responses={200: ImportedSerializer},
    )
    def put(self, request: Request, slug: str) -> Response:
        """Make a file the draft: all of it, or nothing and every problem by sheet, row and column.

        Connections are as they stand, unless the caller is an administrator too.
        """
        content: Any = request.data
        document = document_in(content if isinstance(content, bytes) else b"")
        if document["organisation"]["slug"] != self.organisation.slug:
            raise ValidationError({"organisation.slug": [_("the file is about another organisation")]})
        connects = role_for(Verb.CONNECT, self.held) is not None
        import_document(document, self.who, request.query_params.get("reason", "")[:2000], connects=connects)
        return Response({"warnings": [str(one) for one in warnings_of(document, today_of(self.organisation))]})
