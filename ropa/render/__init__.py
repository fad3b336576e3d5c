"""The report as files: JSON, HTML, PDF and XLSX. Knows formats and words, no law."""

from collections.abc import Callable, Mapping
from typing import Any

from ropa.render.html import sheet_to_html, to_html
from ropa.render.json import to_json
from ropa.render.pdf import laid_out, sheet_to_pdf, to_pdf, typeset
from ropa.render.xlsx import to_xlsx

FORMATS = {"json": to_json, "html": to_html, "pdf": to_pdf, "xlsx": to_xlsx}
"""Extension -> how the file is made."""


def begun(extension: str, report: Mapping[str, Any]) -> Callable[[], bytes]:
    """The file as far as the report is needed for it; what is returned makes the rest.

    Of a large organisation document and report take as much memory as typst does. Who lets them go in between never
    needs both.
    """
    if extension == "pdf":
        laid = laid_out(report)
        return lambda: typeset(laid)
    content = FORMATS[extension](report)
    return lambda: content


__all__ = ["FORMATS", "begun", "sheet_to_html", "sheet_to_pdf", "to_html", "to_json", "to_pdf", "to_xlsx"]
