"""Register 2: tickets, their messages, and the messages' attachments."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from samples import sqlite
from samples.kasenet.story import Story

SCHEMA = """
CREATE TABLE tiketti (id INTEGER PRIMARY KEY, asiakasnro TEXT NOT NULL, otsikko TEXT NOT NULL, avattu DATE NOT NULL,
    suljettu DATE, tila TEXT NOT NULL);
CREATE INDEX tiketti_asiakas ON tiketti (asiakasnro);
CREATE INDEX tiketti_suljettu ON tiketti (suljettu);
CREATE TABLE viesti (id INTEGER PRIMARY KEY, tiketti_id INTEGER NOT NULL REFERENCES tiketti (id),
    lahetetty DATE NOT NULL, teksti TEXT NOT NULL);
CREATE INDEX viesti_tiketti ON viesti (tiketti_id);
CREATE TABLE liite (id INTEGER PRIMARY KEY, viesti_id INTEGER NOT NULL REFERENCES viesti (id), asiakasnro TEXT NOT NULL,
    lisatty DATE NOT NULL, nimi TEXT NOT NULL, sisalto BLOB NOT NULL);
CREATE INDEX liite_viesti ON liite (viesti_id);
CREATE INDEX liite_asiakas ON liite (asiakasnro);
"""


def build(directory: Path, story: Story) -> None:
    """Write tiketit.sqlite3."""
    tickets: list[tuple[sqlite.Value, ...]] = []
    messages: list[tuple[sqlite.Value, ...]] = []
    attachments: list[tuple[sqlite.Value, ...]] = []
    for customer in story.customers:
        for ticket in customer.tickets:
            state = "suljettu" if ticket.closed else "avoin"
            opened = ticket.opened.isoformat()
            ended = None if ticket.ended is None else ticket.ended.isoformat()
            tickets.append((len(tickets) + 1, customer.number, ticket.subject, opened, ended, state))
            hello = f"Hei, {ticket.subject.lower()}. Terveisin {customer.person.name}"
            messages.append((len(messages) + 1, len(tickets), opened, hello))
            if ticket.attachment:
                attachments.append(
                    (len(attachments) + 1, len(messages), customer.number, opened, "kuva.png", b"\x89PNG artificial")
                )
            answered = min(ticket.opened + timedelta(days=1), story.today).isoformat()
            messages.append((len(messages) + 1, len(tickets), answered, "Kiitos yhteydenotosta, selvitämme asian."))
    sqlite.write(directory / "tiketit.sqlite3", SCHEMA, {"tiketti": tickets, "viesti": messages, "liite": attachments})
