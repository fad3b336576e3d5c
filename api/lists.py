"""What comes in and how lists go out: bounded, pages of at most 200, no parameter that nobody reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

PAGE_LIMIT = 200


class TooLarge(exceptions.APIException):
    """More than one call may carry."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too-large"


class ShallowJSONParser(JSONParser):
    """JSON that a program would write; one that is nested a thousand deep is refused, not an error of ours."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            told = super().parse(stream, media_type, parser_context)
            json.dumps(told, ensure_ascii=False).encode("utf-8")
        except RecursionError:
            raise exceptions.ParseError(_("JSON nested too deeply")) from None
        except UnicodeEncodeError:
            raise exceptions.ParseError(_("half of a character (a lone surrogate) is no text")) from None
        return told


class Pages(PageNumberPagination):
    """`page` from 1, `page_size` up to 200. Anything else is an error, not a guess."""

    page_size = 50
    max_page_size = PAGE_LIMIT
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        return _number(request, "page_size", 50, PAGE_LIMIT)

    def get_page_number(self, request: Request, paginator: Any) -> int:
        return _number(request, "page", 1, 10**9)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            size = parameter["name"] == self.page_size_query_param
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT if size else 10**9}
        return parameters


class Order(django_filters.OrderingFilter):  # type: ignore[misc]
    """`order`: a field, with `-` the other way round; the row's number decides between equals, so pages are settled."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        ordered: QuerySet[Any] = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "pk") if value else ordered


def _number(request: Request, name: str, default: int, most: int) -> int:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) <= 10 and 1 <= int(value) <= most):
        raise exceptions.ValidationError({name: [_("a whole number from 1 to %(most)d") % {"most": most}]})
    return int(value)


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Raises ValidationError if the query has a parameter that this address does not read."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise exceptions.ValidationError({name[:60]: [_("unknown parameter")] for name in unknown})
