"""Tokens for programs. A token is shown once, expires, and is kept as a digest."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema, extend_schema_view
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import BearerToken, Password
from api.fields import Body, Whole
from api.organisation import Strict
from api.permissions import SECOND_FACTOR_WANTED
from entrance import factors
from entrance.guesses import count_token
from entrance.tokens import LONGEST_DAYS, make_token, may_make, own_tokens


def _shown(request: Request) -> bool:
    """Whether the caller has shown a second factor, where the account needs or has one."""
    if isinstance(request.successful_authenticator, SessionAuthentication):
        return may_make(request._request)
    return factors.has(request.user) or not factors.needs(request.user)  # its code came with the password


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


@extend_schema_view(get=extend_schema(operation_id="tokens_list"))
class Tokens(Strict, ListAPIView):  # type: ignore[type-arg]
    """The user's own tokens."""

    authentication_classes = [BearerToken, SessionAuthentication, Password]
    permission_classes = [IsAuthenticated]
    serializer_class = TokenSerializer
    filter_backends = []

    def get_queryset(self) -> QuerySet[Any]:
        return own_tokens(self.request.user)

    @extend_schema(
        operation_id="token_make",
        request=MakeTokenSerializer,
        responses={201: NewTokenSerializer},
        auth=[{"password": []}, {"cookieAuth": []}],  # type: ignore[list-item]
    )
    def post(self, request: Request) -> Response:
        """Make a token, with a password or a session; a token makes no other.

        An account that has a second factor shows it: with its log-in, or beside the password in the header
        `Second-Factor`. One whose role needs one, and which has none yet, makes no token.
        """
        if isinstance(request.auth, AuthToken):
            raise PermissionDenied(_("A token cannot make another one."))
        if not _shown(request):
            raise PermissionDenied(SECOND_FACTOR_WANTED)
        if wait := count_token(request, request.user.pk):
            raise Throttled(wait)
        asked = MakeTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made, token = make_token(request.user, asked.validated_data["days"])
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
        get_object_or_404(own_tokens(request.user), token_key=key).delete()
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
