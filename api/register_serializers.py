"""How the inventory looks to programs: names as in the model, texts as {"fi": …}, statements in their three states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import Body, Line, Prose
from api.register_rows import datasets_of, rule_document
from ropa.models import Ceiling, Dataset, Ground, Opinion, Purpose, Register, Version, Withdrawal
from ropa.wording import rule_in_words

TEXT = {"type": "object", "additionalProperties": {"type": "string"}, "description": "language -> text"}
STATEMENT = {
    "type": "object",
    "nullable": True,
    "description": "{value: …}, {none_because: text}, or null, which is missing",
    "additionalProperties": {},
}
OBJECT = {"type": "object", "additionalProperties": {}}


@extend_schema_field(TEXT)
class Text(serializers.JSONField):
    """{"fi": …, "sv": …, "en": …}"""


@extend_schema_field(STATEMENT)
class Statement(serializers.JSONField):
    """{"value": …}, {"none_because": …} or null."""


@extend_schema_field(OBJECT)
class Object(serializers.JSONField):
    """An object as the inventory document has it."""


class RuleSerializer(serializers.ModelSerializer[Any]):
    """What a ground and a ceiling share, as data and in words."""

    in_words = serializers.SerializerMethodField(help_text="in the language asked for")
    reason = Text()

    fields_of_rules = [
        "code",
        "in_words",
        "trigger",
        "period",
        "rounding",
        "action",
        "condition",
        "if_absent",
        "status",
        "law",
        "reason",
        "addition",
    ]

    def get_in_words(self, rule: Ground | Ceiling) -> str:
        fields: Mapping[str, Any] = self.fields
        columns = {name: getattr(rule, name) for name in fields if name != "in_words"}
        return rule_in_words(rule_document(columns), self.context["language"])


class GroundSerializer(RuleSerializer):
    class Meta:
        model = Ground
        fields = [*RuleSerializer.fields_of_rules, "kind", "purpose", "ends_on", "review_by"]


class CeilingSerializer(RuleSerializer):
    class Meta:
        model = Ceiling
        fields = [*RuleSerializer.fields_of_rules, "yields_to"]


class PurposeSerializer(serializers.ModelSerializer[Purpose]):
    name = Text()
    legal_basis = Statement(help_text="art. 6(1)")

    class Meta:
        model = Purpose
        fields = ["code", "name", "legal_basis"]


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    name = Text()
    register = serializers.SlugField(source="register.code")
    activity = serializers.SlugField(source="activity.code")
    subjects = Statement()
    items = Statement()
    mapping = Statement()
    policy = Object()
    no_reason_to_keep = Statement()
    purposes = PurposeSerializer(source="activity.purposes", many=True)
    grounds = GroundSerializer(many=True)
    ceilings = CeilingSerializer(many=True)

    class Meta:
        model = Dataset
        fields = [
            "code",
            "name",
            "register",
            "activity",
            "subjects",
            "items",
            "grain",
            "subject_kind",
            "enforced_by",
            "mapping",
            "policy",
            "no_reason_to_keep",
            "purposes",
            "grounds",
            "ceilings",
        ]


class DatasetsOfRegister(serializers.ListSerializer[Any]):
    """A register's datasets, read at once for all registers that are told."""

    child: serializers.Serializer[Any]
    _read: dict[int, list[dict[str, Any]]] | None = None

    def to_representation(self, data: Any) -> list[dict[str, Any]]:
        if self._read is None:
            told: Any = self.root.instance
            registers = [one.pk for one in (told if isinstance(told, list) else [told])]
            self._read = datasets_of(registers, self.child.fields, self.context["language"])
        return self._read.get(data.instance.pk, [])


class DatasetOfRegisterSerializer(DatasetSerializer):
    class Meta:
        model = Dataset
        list_serializer_class = DatasetsOfRegister
        fields = ["code", "name", "activity", "purposes", "grounds", "ceilings"]


class RegisterSerializer(serializers.ModelSerializer[Register]):
    name = Text()
    place = Statement()
    backups = Statement()
    datasets = DatasetOfRegisterSerializer(many=True)

    class Meta:
        model = Register
        fields = ["code", "name", "medium", "place", "lifecycle", "declared", "backups", "datasets"]


class OpinionSerializer(serializers.ModelSerializer[Opinion]):
    class Meta:
        model = Opinion
        fields = ["digest", "stance", "text", "giver", "given_at"]


class WithdrawalSerializer(serializers.ModelSerializer[Withdrawal]):
    class Meta:
        model = Withdrawal
        fields = ["withdrawn_at", "withdrawer", "reason"]


class VersionSerializer(serializers.ModelSerializer[Version]):
    opinion = Statement(help_text="the DPO's on this version, as text: stance, by, given_at, text; or null")
    impact = Statement(help_text="what was shown of its effect before: digest, shown_at, shown_to, counted; or null")
    shortened = serializers.ListField(child=Object(), help_text="what it shortens: path, way, before, after")
    approval = Statement(
        help_text="the second person's, where it shortens: by, account (null: no log-in), approved_at, impact; or null"
    )
    withdrawal = WithdrawalSerializer(read_only=True, allow_null=True, help_text="it never comes into force; or null")

    class Meta:
        model = Version
        fields = [
            "number",
            "in_force_from",
            "published_at",
            "publisher",
            "reason",
            "opinion",
            "opinion_reason",
            "impact",
            "shortened",
            "approval",
            "digest",
            "withdrawal",
        ]


class WholeVersionSerializer(VersionSerializer):
    document = serializers.SerializerMethodField(help_text="the inventory as published, without connections")

    class Meta:
        model = Version
        fields = [*VersionSerializer.Meta.fields, "document"]

    @extend_schema_field(OBJECT)
    def get_document(self, version: Version) -> Any:
        return json.loads(version.snapshot)


class EditSerializer(Body):
    changes = Object(help_text="a JSON merge patch (RFC 7396) on the entry as the inventory document has it")
    reason = Prose(max_length=2000, help_text="stands in the history")

    def validate_changes(self, changes: Any) -> Any:
        if not isinstance(changes, dict):
            raise serializers.ValidationError(_("an object"))
        return changes


class WithdrawSerializer(Body):
    reason = Prose(max_length=2000)


class PublishSerializer(Body):
    digest = Line(max_length=64, help_text="of the draft as it was looked at")
    in_force_from = serializers.DateField(help_text="the first day whose night executes it")
    reason = Prose(max_length=2000, allow_blank=True, default="")
    opinion_reason = Prose(
        max_length=2000,
        allow_blank=True,
        default="",
        help_text="why it does not wait for the DPO's opinion on this draft, or goes against it; needed only then",
    )
    impact = Line(max_length=64, allow_blank=True, default="", help_text="the digest of what was shown of its effect")
