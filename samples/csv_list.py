"""A list as a keeper of papers has it: CSV, `;`, UTF-8, with headings."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_list(path: Path, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Make the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)
