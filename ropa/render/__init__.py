"""The report as files: JSON, HTML and PDF. Knows formats and words, no law."""

from ropa.render.html import to_html
from ropa.render.json import to_json
from ropa.render.pdf import to_pdf

__all__ = ["to_html", "to_json", "to_pdf"]
