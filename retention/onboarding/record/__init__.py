"""A controller's own record, in any spreadsheet, becomes part of the draft: column by column, as a person says.

foreign   what stands in the file: sheets, headings, rows, as text
headings  what a column is probably about, by the words of its heading: suggested, never applied
columns   what a person said of each column: the column mapping
names     entries found by their names, ids for new ones
becoming  what would become of each row
store     mappings under a name per organisation; preview and apply

Words about how long are never made a rule: they are kept as they stand, for a person to decide.
"""

from __future__ import annotations

from retention.onboarding.record.becoming import Preview, RowPreview
from retention.onboarding.record.columns import ColumnMap, column_map
from retention.onboarding.record.foreign import Foreign, record_in
from retention.onboarding.record.headings import suggestion
from retention.onboarding.record.store import apply, mapping_of, preview, save_mapping

__all__ = [
    "ColumnMap",
    "Foreign",
    "Preview",
    "RowPreview",
    "apply",
    "column_map",
    "mapping_of",
    "preview",
    "record_in",
    "save_mapping",
    "suggestion",
]
