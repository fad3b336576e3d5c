"""The inventory document as a workbook: a sheet for each list of entries, a column for each field.

layout   which sheets and columns there are, read off `inventory.schema.json`
values   one value as cells, and cells as one value
table    the document as rows of each sheet, and back
xlsx     rows as an .xlsx file, and back, streaming
delimited  rows as a ZIP of .csv files, and back
refuse   what no reader is given: bombs, macros, old and locked files

A sheet's first row has the keys of the document, which programs and later versions rely on; the second says in the
reader's language what each means. Whatever text could be taken for a formula is kept as text.
"""

from __future__ import annotations

from retention.inventory_document.workbook.delimited import read_csv, write_csv
from retention.inventory_document.workbook.xlsx import read_xlsx, write_xlsx

__all__ = ["read_csv", "read_xlsx", "write_csv", "write_xlsx"]
