"""What lies in a database that an earlier version made is there after `migrate`, in its new form."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection

from ropa.models import Organisation
from tests.own_database import OwnDatabase

INSERT = """insert into retention_gone (organisation_id, dataset, month, action, rules_digest, estimated, print)
    values (%s, 'laskut', %s, 'delete', 'd', '', %s)"""
PRINTS = ["00" * 16, "ab" * 16, "ff" * 16]


def test_fingerprints_of_an_earlier_version_are_known_again(own_database: OwnDatabase):
    def act() -> None:
        call_command("migrate", "retention", "0002", verbosity=0)
        with connection.cursor() as cursor:
            organisation = Organisation.objects.create(slug="o", name="O").pk
            for month, one in [("2026-06", PRINTS[0]), ("2026-06", PRINTS[1]), ("2026-07", PRINTS[2])]:
                cursor.execute(INSERT, (organisation, month, one))
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(
                "select u.month, g.print from retention_gone g join retention_goneunder u on u.id = g.under_id"
                " order by u.month, g.print"
            )
            found = [(month, bytes(one).hex()) for month, one in cursor.fetchall()]
        assert found == [("2026-06", PRINTS[0]), ("2026-06", PRINTS[1]), ("2026-07", PRINTS[2])]

    assert own_database.in_process(act) == 0
