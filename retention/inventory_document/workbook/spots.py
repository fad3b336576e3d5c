"""Where something stands in a workbook or a CSV file, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _


def spot(sheet: str, row: int | None = None, column: str = "", heading: str = "") -> str:
    """`sheet Seloste, row 7, column C (Rekisteröidyt)`."""
    parts = [_("sheet %(name)s") % {"name": sheet}]
    if row is not None:
        parts.append(_("row %(row)s") % {"row": row})
    if column:
        parts.append(column_of(column))
    return ", ".join(parts) + (f" ({heading})" if heading else "")


def column_of(column: str) -> str:
    return _("column %(name)s") % {"name": column}
