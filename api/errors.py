"""Every error as a problem document (RFC 9457): what it is, what was wrong and where, never a stack trace.

A problem's text names things, not people: no customer number, no value that was sent. What we did not expect
gets an id to quote; the log has the id, the kind of error and the places in the code, not the error's text,
which may name a row.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from retention.domain.errors import (
    DocumentError,
    IdentifierError,
    LifecycleError,
    NightError,
    RestoredError,
    RuleError,
    SuppressionError,
)
from retention.leaving import LeavingRefused
from retention.onboarding.notices import StaleError
from retention.reports import NoRecordError
from ropa.selectors import NoVersionError

PROBLEM = "application/problem+json"
ROOT = "urn:seloste:problem:"
"""A problem's type: this and its slug."""

log = logging.getLogger(__name__)


def answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's exception handler: the problem that stands for this error."""
    set_rollback()
    problem = _problem(error, context)
    response = Response(problem, status=problem["status"], content_type=PROBLEM)
    if isinstance(error, exceptions.APIException):
        header = getattr(error, "auth_header", None)
        if header:
            response["WWW-Authenticate"] = header
        wait = getattr(error, "wait", None)
        if wait is not None:
            response["Retry-After"] = str(max(1, round(wait)))
    return response


@csrf_exempt
def no_such_page(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """An address under /api/ that is nobody's."""
    problem = _body("not-found", HTTPStatus.NOT_FOUND, _("There is nothing at this address."))
    return JsonResponse(problem, status=problem["status"], content_type=PROBLEM)


_OURS: tuple[tuple[type[Exception], str, HTTPStatus], ...] = (
    (LifecycleError, "lifecycle", HTTPStatus.CONFLICT),
    (NightError, "night", HTTPStatus.CONFLICT),
    (RestoredError, "restored", HTTPStatus.CONFLICT),
    (IdentifierError, "identifier", HTTPStatus.UNPROCESSABLE_ENTITY),
    (SuppressionError, "suppression", HTTPStatus.SERVICE_UNAVAILABLE),
    (NoVersionError, "no-version", HTTPStatus.NOT_FOUND),
    (NoRecordError, "no-record", HTTPStatus.NOT_FOUND),
)
"""Errors whose text says all there is to say."""


def _problem(error: Exception, context: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(error, DocumentError):
        problems = [{"path": problem.path, "message": problem.message} for problem in error.problems]
        if isinstance(error, StaleError):
            return _body("stale", HTTPStatus.CONFLICT, _("Somebody was faster. Nothing was saved."), problems)
        return _body("document", HTTPStatus.UNPROCESSABLE_ENTITY, _("Nothing was saved."), problems)
    if isinstance(error, RuleError):
        problems = [{"path": error.path, "message": error.message}]
        return _body("rule", HTTPStatus.UNPROCESSABLE_ENTITY, _("Nothing was saved."), problems)
    if isinstance(error, LeavingRefused):
        problems = [{"path": problem.path, "message": problem.message} for problem in error.problems]
        return _body("lifecycle", HTTPStatus.CONFLICT, _("The register stays as it is."), problems)
    for ours, code, status in _OURS:
        if isinstance(error, ours):
            return _body(code, status, str(error))
    if isinstance(error, RequestDataTooBig):
        return _body("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The request's body is too large."))
    if isinstance(error, Http404):
        return _body("not-found", HTTPStatus.NOT_FOUND, _("There is no such thing, or it is not yours to see."))
    if isinstance(error, PermissionDenied):
        return _body("permission-denied", HTTPStatus.FORBIDDEN, _("Your role does not have this right."))
    if isinstance(error, exceptions.ValidationError):
        return _body(
            "invalid", HTTPStatus.BAD_REQUEST, _("The request is not as described."), list(_flat(error.detail))
        )
    if isinstance(error, exceptions.APIException):
        kind = str(error.default_code).replace("_", "-")
        return _body(kind, HTTPStatus(error.status_code), str(error.detail))
    return _unexpected(error, context)


def _unexpected(error: Exception, context: Mapping[str, Any]) -> dict[str, Any]:
    quote = secrets.token_hex(6)
    view = type(context.get("view")).__name__
    places = [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    log.error("problem %s: %s in %s\n  %s", quote, type(error).__name__, view, "\n  ".join(places))
    detail = _("Something went wrong here. Quote %(id)s.") % {"id": quote}
    return {**_body("unexpected", HTTPStatus.INTERNAL_SERVER_ERROR, detail), "instance": f"urn:seloste:error:{quote}"}


def _body(
    kind: str, status_code: HTTPStatus, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": f"{ROOT}{kind}",
        "title": status_code.phrase,
        "status": int(status_code),
        "detail": detail,
    }
    if errors is not None:
        problem["errors"] = errors
    return problem


def _flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """REST framework's nested messages, each with its path as a document's problems have it."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            if name == "non_field_errors":
                yield from _flat(inner, path)
            else:
                yield from _flat(inner, f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}".lstrip("."))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list))
            yield from _flat(inner, f"{path}[{position}]" if nested else path)
    else:
        yield {"path": path, "message": str(detail)}


ALWAYS = ("400", "404", "406", "429", "500")
PROTECTED = ("401", "403")
WRITING = ("409", "413", "415", "422")


def describe_problems(result: dict[str, Any], generator: Any, request: Request | None, public: bool) -> dict[str, Any]:
    """The schema's last step: which problems each operation may answer with."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
                    "required": ["path", "message"],
                },
            },
        },
        "required": ["type", "title", "status", "detail"],
    }
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Request"):
            component["additionalProperties"] = False
    for path, operations in result.get("paths", {}).items():
        subject = [part for part in path.split("/")[3:] if part and not part.startswith("{")]
        for operation in operations.values():
            operation["tags"] = [subject[1] if len(subject) > 1 else subject[0] if subject else "start"]
            codes = [*ALWAYS, *(PROTECTED if operation.get("security") else ())]
            codes += WRITING if "requestBody" in operation else ()
            # they ask registers, and one may not answer; a sample is of some lots only
            codes += ("409",) if "groups" in subject or "sample" in subject else ()
            codes += ("503",) if "suppression" in subject else ()
            for code in codes:
                operation["responses"].setdefault(
                    code,
                    {
                        "description": HTTPStatus(int(code)).phrase,
                        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                    },
                )
    return result
