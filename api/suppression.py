"""Marketing bans over the API: ask before a campaign, add a ban, take one back. No identifier goes out or is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache import caches
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, UserRateThrottle

from api.fields import Body, Line
from api.organisation import InOrganisation, sent, today_of
from retention.identifiers import LONGEST, Identifier
from retention.suppression import ALL, CHANNELS, ban, check_many, lift
from ropa.rights import Verb

LINES = 1_000
"""Lines in one call."""

NAMED = ("number", "email", "phone")
BANNABLE = (*CHANNELS, ALL)


class SuppressionAsked(UserRateThrottle):
    """How often one user asks or changes the list: who may ask without end can try out every number there is."""

    scope = "suppression"
    cache = caches["process"]  # asked with every sending list: no row is written for each


class PersonSerializer(Body):
    """One person, by at least one of these."""

    number = Line(max_length=100, required=False)
    email = Line(max_length=LONGEST, required=False)
    phone = Line(max_length=60, required=False)
    subject_kind = Line(max_length=20, default="customer", help_text="whose number it is")


class PeopleSerializer(Body):
    lines = PersonSerializer(many=True, max_length=LINES)  # type: ignore[call-arg]


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "enum": list(BANNABLE)},
        "minItems": 1,
        "maxItems": len(BANNABLE),
    }
)
class ChannelsField(serializers.ListField):
    """At least one channel; `all` is every one."""

    child = serializers.ChoiceField(choices=BANNABLE, error_messages={"invalid_choice": ", ".join(BANNABLE)})


class BanSerializer(PeopleSerializer):
    channels = ChannelsField(allow_empty=False, max_length=len(BANNABLE))


class VerdictSerializer(serializers.Serializer[Any]):
    banned = serializers.ListField(child=serializers.ChoiceField(choices=CHANNELS))
    unreadable = serializers.ListField(
        child=serializers.CharField(), help_text="what could not be read: this line must not be contacted at all"
    )


class VerdictsSerializer(serializers.Serializer[Any]):
    lines = VerdictSerializer(many=True, help_text="one for each line, in their order")


class AddedSerializer(serializers.Serializer[Any]):
    entries = serializers.IntegerField(help_text="new ones; what the list knew already is not added again")


class _Suppression(InOrganisation):
    filter_backends = []

    def get_throttles(self) -> list[BaseThrottle]:
        return [SuppressionAsked()]


class CheckBans(_Suppression):
    """The question."""

    needs = {"POST": Verb.ASK_BANS}

    @extend_schema(operation_id="suppression_check", request=PeopleSerializer, responses=VerdictsSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Which channels are banned for each line. Where the list cannot be asked, the answer is 503, never "none"."""
        lines = [_identifiers(line) for line in sent(PeopleSerializer, request)["lines"]]
        told = [
            {"banned": sorted(verdict.banned), "unreadable": list(verdict.unreadable)}
            for verdict in check_many(self.organisation, lines)
        ]
        return Response({"lines": told}, headers={"Cache-Control": "no-store"})


class Bans(_Suppression):
    """New bans."""

    needs = {"POST": Verb.BAN}

    @extend_schema(operation_id="suppression_ban", request=BanSerializer, responses={201: AddedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Ban these persons from today on, all or none. A ban stays until it is lifted, whatever else is deleted."""
        asked = sent(BanSerializer, request)
        added = ban(
            self.organisation, _everybody(asked["lines"]), asked["channels"], today_of(self.organisation), self.source
        )
        return Response({"entries": added}, status=status.HTTP_201_CREATED)

    @property
    def source(self) -> str:
        return f"api:{self.request.user.get_username()}"[:140]


class Lifts(Bans):
    """Bans that are taken back."""

    needs = {"POST": Verb.LIFT_BAN}

    @extend_schema(operation_id="suppression_lift", request=BanSerializer, responses={201: AddedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Take bans back from today on, because the person said so."""
        asked = sent(BanSerializer, request)
        added = lift(
            self.organisation, _everybody(asked["lines"]), asked["channels"], today_of(self.organisation), self.source
        )
        return Response({"entries": added}, status=status.HTTP_201_CREATED)


def _identifiers(line: dict[str, Any]) -> list[Identifier]:
    return [Identifier(kind, line[kind], line["subject_kind"]) for kind in NAMED if kind in line]


def _everybody(lines: Sequence[dict[str, Any]]) -> list[Identifier]:
    return [identifier for line in lines for identifier in _identifiers(line)]
