"""The datasets of a page of registers: tens of thousands of rows, each told as its serializer tells it.

Rows are read as values and told field by field, with no model instance and no serializer's work for each. Which
fields there are, from which column, and how a value is written is still the serializers' to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from ropa.models import Ceiling, Dataset, Ground, Purpose
from ropa.row_values import row_values
from ropa.wording import rule_in_words

Told = dict[str, Any]
Row = Mapping[str, Any]
Fields = Mapping[str, Any]
"""A serializer's fields by name."""

AS_IT_IS = (serializers.JSONField, serializers.CharField, serializers.BooleanField)
"""Fields that tell a column's value as it is."""
NOT_SAID = frozenset({"code", "dataset_id", "purpose", "law", "reason"})
"""Columns that a rule's words do not depend on, and which differ where the words do not."""


def datasets_of(registers: Collection[int], fields: Fields, language: str) -> dict[int, list[Told]]:
    """The datasets of registers, by the register's number: four queries, whatever the number of rows."""
    here = Dataset.objects.filter(register__in=registers)
    words: dict[str, str] = {}

    def words_of(row: Row) -> str:
        key = repr([value for name, value in row.items() if name not in NOT_SAID])
        if key not in words:
            words[key] = rule_in_words(rule_document(row), language)
        return words[key]

    said = {"in_words": words_of}
    of_these = {"dataset__register__in": registers}
    grounds = _told(fields["grounds"].child.fields, Ground.objects.filter(**of_these), "dataset_id", said)
    ceilings = _told(fields["ceilings"].child.fields, Ceiling.objects.filter(**of_these), "dataset_id", said)
    purposes = _told(
        fields["purposes"].child.fields, Purpose.objects.filter(activity__in=here.values("activity")), "activity_id", {}
    )
    inside: Mapping[str, Callable[[Row], Any]] = {
        "purposes": lambda row: purposes[row["activity_id"]],
        "grounds": lambda row: grounds[row["pk"]],
        "ceilings": lambda row: ceilings[row["pk"]],
    }
    return _told(fields, here, "register_id", inside, "pk", "activity_id")


def rule_document(values: Row) -> Told:
    """A rule's columns as the inventory document has them; what says nothing is left out."""
    document = {"id" if name == "code" else name: value for name, value in values.items()}
    if document.get("review_by"):
        document["review_by"] = document["review_by"].isoformat()
    return {name: value for name, value in document.items() if value not in (None, "", [], {}, False)}


def _told(
    fields: Fields, rows: QuerySet[Any], by: str, made: Mapping[str, Callable[[Row], Any]], *more: str
) -> dict[int, list[Told]]:
    """Rows as their serializer tells them, by the column `by`. `made`: fields that are no column, from the row."""
    columns = {name: field.source.replace(".", "__") for name, field in fields.items() if name not in made}
    tells = [
        (name, columns.get(name, ""), made.get(name), None if isinstance(field, AS_IT_IS) else field.to_representation)
        for name, field in fields.items()
    ]
    found: dict[int, list[Told]] = defaultdict(list)
    for row in row_values(rows, *columns.values(), by, *more):
        told = {}
        for name, column, make, tell in tells:
            value = make(row) if make else row[column]
            told[name] = value if make or tell is None or value is None else tell(value)
        found[row[by]].append(told)
    return found
