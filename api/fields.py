"""The fields of what is sent: JSON's own types and no guesses, no key that nobody reads, no control characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

LINE = r"^[^\x00-\x20\x7f-\xa0]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0])?\Z"
PROSE = r"^[^\x00]*[^\x00-\x20\x7f-\xa0][^\x00]*\Z"


class Body(serializers.Serializer[Any]):
    """An object of which every key is known."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(key)[:60] for key in data if key not in self.fields]
            if unknown:
                raise serializers.ValidationError({key: [_("unknown key")] for key in unknown})
        return super().to_internal_value(data)


class _Text(serializers.RegexField):
    def __init__(self, pattern: str, **options: Any) -> None:
        super().__init__(pattern, trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        return text


class Line(_Text):
    """A number, code or name: one line that neither begins nor ends with a space."""

    default_error_messages = {"invalid": _("one line of text without spaces around it")}

    def __init__(self, **options: Any) -> None:
        super().__init__(LINE, **options)


class Prose(_Text):
    """What a person writes: anything but nothing."""

    default_error_messages = {"invalid": _("some text")}

    def __init__(self, **options: Any) -> None:
        super().__init__(PROSE, **options)


class Whole(serializers.IntegerField):
    """A whole number, not a text that looks like one."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class YesNo(serializers.BooleanField):
    """True or false, nothing that is taken for it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=type(data).__name__)
        return data
