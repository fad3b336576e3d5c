"""Deletion of the same rows by Django, alone or tracked: `python -m benchmarks.company.tracked django`, or another.

django       queryset.delete() as it is, batches of keys, children first
history      the same with django-simple-history on every table: a historical row of each that goes
gdpr-assist  the same with every model registered with django-gdpr-assist: a row in its log of each that goes

Each asks which rows are due before its clock starts, and takes whole customers of them up to `--rows`. None asks about
holds or debts again. BENCH_SOURCE says where the rows are; one line of JSON says how many went in how many seconds. The
third needs an environment of its own with django-gdpr-assist and psycopg in it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from benchmarks.company.rules import BY_HAND, FREE

BATCH = 1_000
APP = "company"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=("django", "history", "gdpr-assist"))
    parser.add_argument("--rows", type=int, help="about so many rows; left out: all that are due")
    asked = parser.parse_args()
    _settle(asked.how)
    models = _models(asked.how)
    _make_tables(asked.how)
    keys = _keys(asked.rows)
    begun = perf_counter()
    gone = 0
    for table in BY_HAND:
        for start in range(0, len(keys[table.table]), BATCH):
            batch = keys[table.table][start : start + BATCH]
            models[table.table].objects.filter(pk__in=batch).delete()
            gone += len(batch)
    sys.stdout.write(json.dumps({"rows": gone, "seconds": perf_counter() - begun}) + "\n")


def _settle(how: str) -> None:
    """Django with nothing but what this deletion needs."""
    import django
    from django.conf import settings

    url = urlsplit(os.environ["BENCH_SOURCE"])
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path[1:],
        "USER": url.username,
        "HOST": url.hostname,
        "PORT": url.port,
    }
    logs = {"gdpr_log": {**database, "NAME": f"{url.path[1:]}_log"}} if how == "gdpr-assist" else {}
    more = {"history": ["simple_history"], "gdpr-assist": ["gdpr_assist"]}.get(how, [])
    settings.configure(
        DATABASES={"default": database, **logs},
        DATABASE_ROUTERS=["gdpr_assist.routers.EventLogRouter"] if logs else [],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *more, "benchmarks.company"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def _models(how: str) -> Mapping[str, Any]:
    """One model a table, parents first; a child cascades, as is Django's habit."""
    from django.db import models

    def parent(name: str) -> Any:
        return models.ForeignKey(made[name], on_delete=models.CASCADE)

    def model(table: str, /, **fields: Any) -> Any:
        meta = type("Meta", (), {"app_label": APP, "db_table": table, "managed": False})
        if how == "history":
            from simple_history.models import HistoricalRecords

            fields["history"] = HistoricalRecords(app=APP)
        key = models.BigIntegerField(primary_key=True)
        found = type(table.capitalize(), (models.Model,), {"__module__": __name__, "Meta": meta, "id": key, **fields})
        if how == "gdpr-assist":
            import_module("gdpr_assist").register(found)
        return found

    made: dict[str, Any] = {}
    made["customer"] = model("customer", name=models.TextField(), address=models.TextField(), email=models.TextField())
    made["contract"] = model(
        "contract",
        customer=parent("customer"),
        started=models.DateField(),
        ended=models.DateField(null=True),
        product=models.TextField(),
    )
    made["device"] = model(
        "device",
        customer=parent("customer"),
        contract=parent("contract"),
        installed=models.DateField(),
        returned=models.DateField(null=True),
        serial=models.TextField(),
    )
    made["contact"] = model(
        "contact", customer=parent("customer"), occurred=models.DateField(), said=models.TextField()
    )
    made["invoice"] = model(
        "invoice",
        customer=parent("customer"),
        contract=parent("contract"),
        dated=models.DateField(),
        due=models.DateField(),
        settled=models.DateField(null=True),
        cents=models.IntegerField(),
    )
    return made


def _make_tables(how: str) -> None:
    """What the tracking writes into, in the source's own database; gdpr-assist's log in one beside it."""
    from django.apps import apps
    from django.core.management import call_command
    from django.db import connection

    if how == "django":
        return
    call_command("migrate", verbosity=0)
    if how == "gdpr-assist":
        call_command("migrate", database="gdpr_log", verbosity=0)
    with connection.schema_editor() as editor:
        for found in apps.get_models():
            if found.__name__.startswith("Historical"):
                editor.create_model(found)


def _keys(limit: int | None) -> Mapping[str, Sequence[int]]:
    from django.db import connection

    found = {}
    whole = sum(_count(connection, table.table) for table in BY_HAND)
    customers = _count(connection, "customer")
    last = BY_HAND[-1]
    most = None if limit is None else max(1, limit * customers // whole)
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table chosen as {_due(last, f'limit {most}')}" if most else "select 1")
        for table in BY_HAND:
            within = f"where {table.subject} in (select id from chosen)" if most else ""  # noqa: S608
            columns = "t.id" if table is last else f"t.id, t.{table.subject}"
            cursor.execute(f"select id from ({_due(table, '', columns)}) as due {within} order by 1")  # noqa: S608
            found[table.table] = [key for (key,) in cursor.fetchall()]
    return found


def _due(table: Any, end: str, columns: str = "t.id") -> str:
    terms = f"({table.due}) and {FREE.format(f't.{table.subject}')}"
    return f"select {columns} from {table.table} t where {terms} order by t.id {end}"  # noqa: S608 - constants


def _count(connection: Any, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")  # noqa: S608 - a constant
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
