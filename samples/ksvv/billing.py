"""R6: invoices, payments, and what was done to collect a debt."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from samples import sqlite
from samples.invoices import INVOICE_TABLES, invoice_rows
from samples.ksvv.story import Story

SCHEMA = (
    INVOICE_TABLES
    + """
CREATE TABLE perinta (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, laskunro TEXT NOT NULL, toimi TEXT NOT NULL,
    aloitettu DATE NOT NULL, paattynyt DATE);
CREATE INDEX perinta_asiakas ON perinta (asiakasnro);
"""
)


def build(directory: Path, story: Story) -> None:
    """Write laskutus.sqlite3."""
    collected: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        for invoice in customer.invoices:
            late = invoice.paid is not None and invoice.paid > invoice.due + timedelta(days=5)
            if invoice.reminded is None and not late:
                continue
            begun = invoice.reminded or invoice.due + timedelta(days=4)
            ended = None if invoice.paid is None else invoice.paid.isoformat()
            number = len(collected) + 1
            collected.append((number, customer.number, invoice.number, "muistutus", begun.isoformat(), ended))
    tables = {**invoice_rows(story.customers, "Liittymän kuukausimaksu, 3 kk"), "perinta": collected}
    sqlite.write(directory / "laskutus.sqlite3", SCHEMA, tables)
