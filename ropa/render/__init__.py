"""The report as files: JSON, HTML, PDF and XLSX. Knows formats and words, no law."""

from ropa.render.html import to_html
from ropa.render.json import to_json
from ropa.render.pdf import to_pdf
from ropa.render.xlsx import to_xlsx

FORMATS = {"json": to_json, "html": to_html, "pdf": to_pdf, "xlsx": to_xlsx}
"""Extension -> how the file is made."""

__all__ = ["FORMATS", "to_html", "to_json", "to_pdf", "to_xlsx"]
