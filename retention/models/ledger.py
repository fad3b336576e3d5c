"""What we know of data subjects: numbers, contracts, dates. No names, no addresses, no history."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation


class LedgerRow(models.Model):
    """Whose row it is: organisation, subject kind (customer, staff …), number."""

    # no index of its own: the constraint of each table begins with it
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    subject_kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=100)
    source = models.CharField(max_length=120, help_text="which register said it, or api:USER")
    revision = models.BigIntegerField(default=0, help_text="a later revision supersedes an earlier one")

    class Meta:
        abstract = True


class LedgerContract(LedgerRow):
    """A contract: running until `ended`; `closed` without `ended` is a missing date, never a running contract."""

    ref = models.CharField(max_length=100)
    started = models.DateField(null=True)
    ended = models.DateField(null=True)
    closed = models.BooleanField(default=False)

    class Meta:
        ordering = ["organisation_id", "subject_kind", "subject", "ref"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "subject_kind", "subject", "ref"], name="retention_ledgercontract_once"
            )
        ]


class LedgerEvent(LedgerRow):
    """An event of a subject; of one contract, for one purpose or about one thing where it has one."""

    contract = models.CharField(max_length=100, blank=True)
    purpose = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=60)
    thing = models.CharField(max_length=100, blank=True, help_text="invoice, debt, device, domain it is about")
    date = models.DateField(null=True, help_text="null: it must exist and nobody knows when")

    class Meta:
        ordering = ["organisation_id", "subject_kind", "subject", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "subject_kind", "subject", "contract", "purpose", "name", "thing", "source"],
                name="retention_ledgerevent_once",
            )
        ]


class LedgerOpen(LedgerRow):
    """An awaited event that a source tells as opened and without an end: it outweighs one that has ended elsewhere.

    Alone it says no more than that no end is recorded, and makes nobody known.
    """

    contract = models.CharField(max_length=100, blank=True)
    purpose = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=60)
    thing = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["organisation_id", "subject_kind", "subject", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "subject_kind", "subject", "contract", "purpose", "name", "thing", "source"],
                name="retention_ledgeropen_once",
            )
        ]


class LedgerFact(LedgerRow):
    """A fact about a subject that conditions ask."""

    name = models.CharField(max_length=60)
    value = models.JSONField()

    class Meta:
        ordering = ["organisation_id", "subject_kind", "subject", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "subject_kind", "subject", "name"], name="retention_ledgerfact_once"
            )
        ]
