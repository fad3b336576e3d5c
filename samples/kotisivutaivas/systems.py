"""Kotisivutaivas's registers as systems, filled with artificial people.

    paneeli.sqlite3      R1. customers, R2. technical contacts, R4. data obtained elsewhere: one panel
    a mail server        R3. customer service, R6. customers' mailboxes
    arkisto/             R5. manual material (box list)
    sisalto/             R6. customers' content, a folder per customer
    markkinointi.sqlite3 R7. direct marketing

The same arguments give the same content. Nothing is written into a folder that is not the demo's own.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from samples import marketing
from samples.frame import Built, chance, fill_folder
from samples.frame import built as built
from samples.kotisivutaivas import archive, content, panel
from samples.kotisivutaivas.story import tell

SEED = 20_190_101
CUSTOMERS = 60


def build(directory: Path, today: date, seed: int = SEED, customers: int = CUSTOMERS) -> Built:
    """Fill `directory` anew, as of `today`.

    Raises NotOursError for a folder with other content, TooFewError for too few customers.
    """
    story = tell(today, seed, customers)

    def write(part: Path) -> None:
        panel.build(part, story, chance(seed, "panel"))
        archive.build(part, story)
        content.build(part, story, chance(seed, "content"))
        marketing.build(part, story.customers, "kotisivut ja verkkokaupat")

    return fill_folder("kotisivutaivas", Built(directory, today, seed, customers, story.holds), write)
