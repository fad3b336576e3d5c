"""A backlog from its group to its minutes: by the command line and, for the second person, logged in.

On SQLite and on PostgreSQL, ours and theirs.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from io import StringIO

import psycopg
import pytest

from tests.naming import names_any
from tests.own_database import administer
from tests.retention.company import CONTRACTS, NOW, SCHEMA, TODAY, found_company

ORPHANS = [f"772{n:03}" for n in range(40)]
"""Customers whose contracts are closed without an end date."""
HEAP = [f"773{n:03}" for n in range(30)]
"""Customers whose contracts all ended on the day of a migration."""
NUMBERS = itertools.count()


def _rows():
    for number in ORPHANS:
        yield number, f"S{number}", "2010-01-01", None, "paattynyt"
    for number in HEAP:
        yield number, f"S{number}", "2010-01-01", "2025-03-01", "paattynyt"


def _on_sqlite(own):
    found_company(own.directory)
    path = own.directory / "registers" / "crm.sqlite3"
    with closing(sqlite3.connect(path)) as crm, crm:
        crm.executemany("insert into asiakas(asiakasnro) values (?)", [(row[0],) for row in _rows()])
        crm.executemany(
            "insert into sopimus(asiakasnro, sopimusnro, alku, loppu, tila) values (?, ?, ?, ?, ?)", _rows()
        )


def _on_postgresql(own, register):
    from retention.models import Connection

    found_company(own.directory)
    Connection.objects.update(config={"url": register})
    with psycopg.connect(register, autocommit=True) as crm:
        for statement in filter(str.strip, SCHEMA.split(";")):
            crm.execute(statement)
        numbers = [*dict.fromkeys(row[0] for row in CONTRACTS), *(row[0] for row in _rows())]
        with crm.cursor() as cursor:
            cursor.executemany("insert into asiakas values (%s, %s)", list(enumerate(numbers)))
            cursor.executemany(
                "insert into sopimus values (%s, %s, %s, %s, %s, %s)",
                [(n, s, a, b, c, d) for n, (a, s, b, c, d) in enumerate([*CONTRACTS, *_rows()])],
            )


@pytest.fixture
def house(own_database):
    """The data, in a register of the same vendor as our own database; and a way to ask whose rows are left."""
    if not own_database.server:
        assert own_database.in_process(lambda: _on_sqlite(own_database)) == 0

        def left():
            with closing(sqlite3.connect(own_database.directory / "registers" / "crm.sqlite3")) as crm:
                return {number for (number,) in crm.execute("select asiakasnro from asiakas")}

        yield own_database, left
        return
    name = f"register_{next(NUMBERS)}"
    register = f"{own_database.server}/{name}"
    administer(own_database.server, f"CREATE DATABASE {name}")
    try:
        assert own_database.in_process(lambda: _on_postgresql(own_database, register)) == 0

        def left():
            with psycopg.connect(register) as crm:
                return {number for (number,) in crm.execute("select asiakasnro from asiakas").fetchall()}

        yield own_database, left
    finally:
        administer(own_database.server, f"DROP DATABASE {name} WITH (FORCE)")


def campaign(own, *words):
    """`manage.py campaign …` on the organisation's own day; what it printed, as data."""

    def act():
        import time_machine
        from django.core.management import call_command

        out = StringIO()
        with time_machine.travel(NOW, tick=False):
            call_command("campaign", words[0], "testi", *words[1:], "--json", stdout=out)
        (own.directory / "out.json").write_text(out.getvalue())

    assert own.in_process(act) == 0
    text = (own.directory / "out.json").read_text()
    return json.loads(text) if text else None


def found_accounts():
    from django.contrib.auth import get_user_model

    from ropa.models import Membership, Organisation

    for name, role in (("olga", "owner"), ("ada", "controller")):
        user = get_user_model().objects.create_user(name)
        Membership.objects.create(user=user, organisation=Organisation.objects.get(slug="testi"), role=role)


def confirm_logged_in(number, root):
    """Somebody else, who has logged in: at a command line one person could be everybody."""
    from django.contrib.auth import get_user_model

    from retention import campaign as campaigns
    from retention.campaign_people import answering
    from ropa.models import Organisation

    organisation = Organisation.objects.get(slug="testi")
    ada = answering(organisation, get_user_model().objects.get(username="ada"))
    campaigns.confirm(campaigns.find(organisation, number), ada, "Tarkistettu.", root, NOW)


def night(own, days):
    def act():
        from retention.night import run_night
        from retention.runs import succeeded
        from ropa.models import Organisation

        day = timedelta(days=days)
        assert succeeded(run_night(Organisation.objects.get(slug="testi"), TODAY + day, NOW + day))

    assert own.in_process(act) == 0


def test_from_the_group_to_the_minutes(house):
    own, left = house
    night(own, 0)
    everybody = left()
    groups = campaign(own, "groups", "--dataset", "asiakastiedot", "--least", "20")
    assert [(g["cause"], g["same_day"], g["items"], g["undecided"]) for g in groups] == [
        ("no_date", None, len(ORPHANS) + 1, len(ORPHANS) + 1),
        ("same_day", "2025-03-01", len(HEAP), 0),
    ]
    evidence = own.directory / "laskut.csv"
    evidence.write_text("lasku;2020-12-31\n")
    asked = ("--dataset", "asiakastiedot", "--event", "contract_ended", "--evidence", "Viimeinen lasku oli 2020.")
    assert own.in_process(found_accounts) == 0
    by = ("--by", "olga")
    first = campaign(
        own, "propose", *asked, "--cause", "no_date", "--day", "2020-12-31", "--attach", str(evidence), *by
    )
    second = campaign(
        own, "propose", *asked, "--cause", "same_day", "--same-day", "2025-03-01", "--day", "2018-12-31", *by
    )
    assert (first["items"], first["forecast"]["due"]) == (len(ORPHANS) + 1, len(ORPHANS) + 1)
    assert (second["items"], second["forecast"]["due"]) == (len(HEAP), len(HEAP))
    night(own, 1)
    for one in (first, second):
        sign = ("--digest", one["root"], "--reason", "Tarkistettu.")
        campaign(own, "decide", str(one["number"]), "--by", "olga", *sign)
    night(own, 2)
    assert left() == everybody - {"1004"}  # its real date has come
    for one in (first, second):
        assert own.in_process(partial(confirm_logged_in, one["number"], one["root"])) == 0
    night(own, 3)
    assert left() == everybody - {"1004", "1006"} - {*ORPHANS} - {*HEAP}
    told = campaign(own, "show", "1")
    assert (told["followed"]["destroyed"], told["followed"]["gaps_left"]) == (len(ORPHANS) + 1, 0)
    assert [one["what"] for one in told["events"]] == ["proposed", "decided", "confirmed"]
    for name, begins in (("minutes.pdf", b"%PDF"), ("minutes.html", b"<!doctype html>")):
        campaign(own, "minutes", "1", "--out", str(own.directory / name), "--language", "sv")
        assert (own.directory / name).read_bytes().startswith(begins)
    page = (own.directory / "minutes.html").read_text().split("</style>")[1]
    assert told["root"][:4] in page
    assert "olga" not in page
    assert not names_any(page, *ORPHANS)
    lots = dict(
        own.rows("select cast(estimated as text), sum(size) from retention_lot group by cast(estimated as text)")
    )
    assert {key: int(size) for key, size in lots.items() if key != "[]"} == {"[1]": len(ORPHANS) + 1, "[2]": len(HEAP)}
