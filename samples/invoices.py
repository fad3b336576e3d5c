"""Invoices, their lines and payments, as a small company's ledger keeps them.

An invoice carries the name and address that were printed on it: it goes by its own rule and keeps no
customer's row alive. So there is no foreign key from an invoice to a customer.
"""

from __future__ import annotations

from collections.abc import Sequence

from samples import sqlite
from samples.days import iso
from samples.lives import Customer

INVOICE_TABLES = """
CREATE TABLE lasku (id INTEGER PRIMARY KEY, laskunro TEXT NOT NULL UNIQUE, asiakasnro TEXT NOT NULL,
    laskutusnimi TEXT NOT NULL, laskutusosoite TEXT NOT NULL, laskupvm DATE NOT NULL, erapvm DATE NOT NULL,
    muistutettu DATE, maksettu DATE, senttia INTEGER NOT NULL);
CREATE INDEX lasku_asiakas ON lasku (asiakasnro);
CREATE INDEX lasku_laskupvm ON lasku (laskupvm);
CREATE TABLE laskurivi (id INTEGER PRIMARY KEY, lasku_id INTEGER NOT NULL REFERENCES lasku (id), selite TEXT NOT NULL,
    senttia INTEGER NOT NULL);
CREATE INDEX laskurivi_lasku ON laskurivi (lasku_id);
CREATE TABLE maksu (id INTEGER PRIMARY KEY, lasku_id INTEGER NOT NULL REFERENCES lasku (id), maksettu DATE NOT NULL,
    senttia INTEGER NOT NULL);
CREATE INDEX maksu_lasku ON maksu (lasku_id);
"""


def invoice_rows(customers: Sequence[Customer], line: str) -> dict[str, sqlite.Rows]:
    """The rows of INVOICE_TABLES. `line`: what each invoice is for."""
    invoices: list[tuple[sqlite.Value, ...]] = []
    payments: list[tuple[sqlite.Value, ...]] = []
    for customer in customers:
        for one in customer.invoices:
            row, person = len(invoices) + 1, customer.person
            days = (iso(one.dated), iso(one.due), iso(one.reminded), iso(one.paid))
            invoices.append((row, one.number, customer.number, person.name, person.address, *days, one.cents))
            if one.paid is not None:
                payments.append((len(payments) + 1, row, one.paid.isoformat(), one.cents))
    lines = [(row[0], row[0], line, row[-1]) for row in invoices]
    return {"lasku": invoices, "laskurivi": lines, "maksu": payments}
