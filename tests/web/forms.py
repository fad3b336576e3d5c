"""What a browser would send back of a form, untouched."""

from __future__ import annotations

from typing import Any

from lxml import html  # type: ignore[import-untyped]


def sent_back(answer: Any, having: str) -> dict[str, Any]:
    """The fields of the page's form that has one of this name, as they stand; buttons are the caller's."""
    for form in html.fromstring(answer.content.decode()).forms:
        if having in form.fields or form.xpath(f".//button[@name='{having}']"):
            found: dict[str, Any] = {}
            for name, value in form.form_values():
                found.setdefault(name, []).append(value)
            found.pop("csrfmiddlewaretoken", None)
            return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
    raise AssertionError(f"no form has {having!r}")


def buttons(answer: Any) -> set[str]:
    """What the page's buttons do."""
    return set(html.fromstring(answer.content.decode()).xpath("//main//button[@name='do']/@value"))
