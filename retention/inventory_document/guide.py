"""What the first sheet of a workbook tells the person who opens it, in their language."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext as _

from retention.inventory_document.workbook.layout import sheets
from ropa.change_words import label


def guide(language: str) -> list[str]:
    """How the workbook is used, and what each column means."""
    with translation.override(language):
        lines = [
            _("Each sheet is one list of the inventory, each row one entry. Leave the first row, the keys, as it is."),
            _("A text has a column for each language. Where there is nothing to say, leave the cell empty."),
            _("In the column “in” stands the id of the entry that a row belongs to."),
            _("Dates are written 2026-06-30 or 30.6.2026. Formulas are not read: put their values instead."),
            _("Bring it back with: manage.py import_inventory FILE. All of it becomes the draft, or nothing does."),
        ]
    for sheet in sheets():
        lines += ["", sheet.name]
        lines += [f"    {field.key}: {label(field.key, language)}" for field in sheet.fields]
    return lines
