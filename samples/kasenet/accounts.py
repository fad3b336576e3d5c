"""Register 7: staff accounts, VPN sessions, and who processed traffic data, by staff number.

The accounts are also the source of truth for when somebody's employment ended.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples import sqlite
from samples.kasenet.story import Story

SCHEMA = """
CREATE TABLE tili (id INTEGER PRIMARY KEY, henkilonro TEXT NOT NULL UNIQUE, tunnus TEXT NOT NULL UNIQUE,
    nimi TEXT NOT NULL, sahkoposti TEXT, tyosuhde_alkoi DATE NOT NULL, tyosuhde_paattyi DATE, tila TEXT NOT NULL);
CREATE TABLE vpn_istunto (id INTEGER PRIMARY KEY, henkilonro TEXT NOT NULL, pvm DATE NOT NULL,
    minuutteja INTEGER NOT NULL, osoite TEXT NOT NULL);
CREATE INDEX vpn_istunto_pvm ON vpn_istunto (pvm);
CREATE INDEX vpn_istunto_henkilo ON vpn_istunto (henkilonro);
CREATE TABLE valitystietoloki (id INTEGER PRIMARY KEY, henkilonro TEXT NOT NULL, pvm DATE NOT NULL,
    sekunteja INTEGER NOT NULL, peruste TEXT NOT NULL);
CREATE INDEX valitystietoloki_pvm ON valitystietoloki (pvm);
CREATE INDEX valitystietoloki_henkilo ON valitystietoloki (henkilonro);
"""
DAYS = 1_000


def build(directory: Path, story: Story, random: Random) -> None:
    """Write tunnukset.sqlite3."""
    accounts: list[tuple[sqlite.Value, ...]] = []
    for row, employee in enumerate(story.staff, 1):
        ended = None if employee.ended is None else employee.ended.isoformat()
        state = "suljettu" if employee.left else "kaytossa"
        user, started = f"kn{employee.number}", employee.started.isoformat()
        accounts.append(
            (row, employee.number, user, employee.person.name, employee.person.email, started, ended, state)
        )
    sessions: list[tuple[sqlite.Value, ...]] = []
    accesses: list[tuple[sqlite.Value, ...]] = []
    for back in range(DAYS, -1, -1):
        day = story.today - timedelta(days=back)
        for employee in story.staff:
            if not employee.started <= day or (employee.ended is not None and employee.ended < day):
                continue
            if random.random() < 0.3:
                minutes, host = random.randint(5, 480), f"192.0.2.{random.randint(1, 254)}"
                sessions.append((len(sessions) + 1, employee.number, day.isoformat(), minutes, host))
            if random.random() < 0.02:
                seconds = random.randint(20, 900)
                accesses.append((len(accesses) + 1, employee.number, day.isoformat(), seconds, "vianselvitys 144 §"))
    sqlite.write(
        directory / "tunnukset.sqlite3",
        SCHEMA,
        {"tili": accounts, "vpn_istunto": sessions, "valitystietoloki": accesses},
    )
