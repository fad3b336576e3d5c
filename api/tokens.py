"""Log-in: a session for people, tokens for programs. A token is shown once, expires, and is kept as a digest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.views import LoginView
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema, extend_schema_view
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, UserRateThrottle

from api.authentication import BearerToken, Password, count_guess
from api.fields import Body, Whole
from api.organisation import Strict

LONGEST_DAYS = 365
"""A token lives at most so long."""


class LogIn(LoginView):
    """The log-in page; after too many tries it answers 429."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = count_guess(request, request.POST.get("username", ""))
        if wait:
            form = self.get_form_class()(request)
            problem = _("Too many tries. Wait %(seconds)d seconds.") % {"seconds": wait}
            response = self.render_to_response(self.get_context_data(form=form, problem=problem), status=429)
            response["Retry-After"] = str(wait)
            return response
        return super().post(request, *args, **kwargs)


class TokensMade(UserRateThrottle):
    """How many tokens one user makes."""

    scope = "tokens"


class TokenSerializer(serializers.ModelSerializer[Any]):
    id = serializers.CharField(source="token_key", help_text="the token's first characters")

    class Meta:
        model = AuthToken
        fields = ["id", "created", "expiry"]


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(help_text="shown this once")

    class Meta:
        model = AuthToken
        fields = [*TokenSerializer.Meta.fields, "token"]


class MakeTokenSerializer(Body):
    days = Whole(min_value=1, max_value=LONGEST_DAYS, default=30)


def _own(request: Request) -> QuerySet[Any]:
    alive: QuerySet[Any] = AuthToken.objects.filter(Q(expiry__isnull=True) | Q(expiry__gt=timezone.now()))
    return alive.filter(user_id=request.user.pk)


@extend_schema_view(get=extend_schema(operation_id="tokens_list"))
class Tokens(Strict, ListAPIView):  # type: ignore[type-arg]
    """The user's own tokens."""

    authentication_classes = [BearerToken, SessionAuthentication, Password]
    permission_classes = [IsAuthenticated]
    serializer_class = TokenSerializer
    filter_backends = []

    def get_queryset(self) -> QuerySet[Any]:
        return _own(self.request).order_by("-created", "digest")

    def get_throttles(self) -> list[BaseThrottle]:
        return [TokensMade()] if self.request.method == "POST" else []

    @extend_schema(
        operation_id="token_make",
        request=MakeTokenSerializer,
        responses={201: NewTokenSerializer},
        auth=[{"password": []}, {"cookieAuth": []}],  # type: ignore[list-item]
    )
    def post(self, request: Request) -> Response:
        """Make a token, with a password or a session; a token makes no other."""
        if isinstance(request.auth, AuthToken):
            raise PermissionDenied(_("A token cannot make another one."))
        asked = MakeTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made, token = AuthToken.objects.create(request.user, expiry=timedelta(days=asked.validated_data["days"]))
        made.token = token
        return Response(
            NewTokenSerializer(made).data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )


class OneToken(Strict):
    """One of the user's own tokens."""

    permission_classes = [IsAuthenticated]
    filter_backends = []

    @extend_schema(operation_id="token_revoke", responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Revoke it: it is refused from now on."""
        get_object_or_404(_own(request), token_key=key).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class PasswordScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.Password"
    name = "password"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic"}
