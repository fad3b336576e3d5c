"""Fingerprints lie in a narrow table with one index, and the ledger's tables have no index that another one begins with.

A night writes as many fingerprints as items go, and each row had five indexes to be entered in.
"""

from itertools import islice

import django.db.models.deletion
from django.db import migrations, models

BATCH = 5_000


def narrow(apps, schema_editor):
    before, under = apps.get_model("retention", "GoneBefore"), apps.get_model("retention", "GoneUnder")
    gone = apps.get_model("retention", "Gone")
    common = ("organisation_id", "dataset", "month", "action", "rules_digest", "estimated")
    for row in before.objects.order_by().values(*common).distinct():
        one = under.objects.create(**row)
        prints = before.objects.filter(**row).values_list("print", flat=True).iterator(BATCH)
        while some := list(islice(prints, BATCH)):
            gone.objects.bulk_create([gone(under_id=one.pk, print=bytes.fromhex(print)) for print in some])


class Migration(migrations.Migration):
    dependencies = [
        ("ropa", "0002_who_had_which_role"),
        ("retention", "0003_confirmed_connections"),
    ]

    operations = [
        migrations.CreateModel(
            name="GoneUnder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dataset", models.CharField(max_length=60)),
                ("month", models.CharField(help_text="whose key they are made with, YYYY-MM", max_length=7)),
                ("action", models.CharField(max_length=20)),
                (
                    "rules_digest",
                    models.CharField(
                        help_text="by which rules it went: under others it only is shown", max_length=64
                    ),
                ),
                (
                    "estimated",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="numbers of the campaigns by whose substitute it had gone",
                        max_length=200,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="ropa.organisation",
                    ),
                ),
            ],
            options={
                "ordering": ["organisation_id", "dataset", "month", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organisation", "dataset", "month", "action", "rules_digest", "estimated"),
                        name="retention_goneunder_once",
                    )
                ],
            },
        ),
        migrations.RenameModel(old_name="Gone", new_name="GoneBefore"),
        migrations.CreateModel(
            name="Gone",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "under_id", "print", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("print", models.BinaryField(max_length=16)),
                (
                    "under",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retention.goneunder",
                    ),
                ),
            ],
        ),
        migrations.RunPython(narrow, migrations.RunPython.noop, elidable=True),
        migrations.DeleteModel(name="GoneBefore"),
        *(
            migrations.AlterField(
                model_name=name,
                name="organisation",
                field=models.ForeignKey(
                    db_index=False,
                    on_delete=django.db.models.deletion.CASCADE,
                    related_name="+",
                    to="ropa.organisation",
                ),
            )
            for name in ("ledgercontract", "ledgerevent", "ledgerfact")
        ),
    ]
