"""Registers, activities, purposes and datasets: Art. 30(1)(b)–(g), one row per thing the record speaks of."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models.organisation import Organisation


class Entry(models.Model):
    """What every part of an inventory has: its place in one organisation's document."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="%(class)ss")
    code = models.SlugField(max_length=60, help_text="its id in the inventory document")
    name = models.JSONField(help_text='{"fi": …, "sv": …, "en": …}')
    position = models.PositiveIntegerField(default=0)
    statements = models.JSONField(default=list, blank=True, help_text="ids of the published statements it holds")

    class Meta:
        abstract = True
        ordering = ["organisation_id", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "code"], name="%(app_label)s_%(class)s_code"),
        ]

    def __str__(self) -> str:
        return self.code


class Register(Entry):
    """A system or archive in which personal data lies, with its copies."""

    medium = models.CharField(max_length=20, help_text="database, files, mail, directory, map, paper …")
    place = models.JSONField(null=True, blank=True, help_text="statement: where it is kept")
    lifecycle = models.CharField(max_length=20, default="active", help_text="active, migrating, frozen, closed")
    declared = models.BooleanField(default=True, help_text="named in the notice, not only implied by it")
    backups = models.JSONField(null=True, blank=True, help_text="statement: every, keep_for, keep_generations, at_most")
    connection = models.SlugField(max_length=60, blank=True, help_text="which connection reaches it")
    ledger = models.JSONField(default=list, blank=True, help_text="contracts and events it is the source of truth for")
    identities = models.JSONField(default=list, blank=True, help_text="other names of persons that it knows")
    notes = models.JSONField(default=dict, blank=True)

    history = HistoricalRecords()


class Activity(Entry):
    """A processing activity (käsittelytoimi)."""

    role = models.CharField(max_length=20, default="controller", help_text="controller or processor")
    on_behalf_of = models.JSONField(null=True, blank=True, help_text="statement, art. 30(2)(a)")
    recipients = models.JSONField(null=True, blank=True, help_text="statement, art. 30(1)(d)")
    transfers = models.JSONField(null=True, blank=True, help_text="statement, art. 30(1)(e)")
    security_measures = models.JSONField(null=True, blank=True, help_text="statement, art. 30(1)(g)")
    sources = models.JSONField(null=True, blank=True, help_text="statement, art. 14(2)(f)")

    history = HistoricalRecords()


class Purpose(Entry):
    """One purpose of an activity, with its own legal basis (art. 6(1))."""

    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="purposes")
    legal_basis = models.JSONField(null=True, blank=True, help_text='statement: {"value": {"article": "6(1)(b)", …}}')

    history = HistoricalRecords()


class Dataset(Entry):
    """One data category of one data-subject category in one register. Retention is decided here."""

    register = models.ForeignKey(Register, on_delete=models.CASCADE, related_name="datasets")
    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="datasets")
    subjects = models.JSONField(null=True, blank=True, help_text="statement: category of data subjects")
    items = models.JSONField(null=True, blank=True, help_text="statement: categories of personal data")
    grain = models.CharField(max_length=20)
    subject_kind = models.CharField(max_length=20, blank=True, help_text="whose number `subject` is: customer, staff …")
    mapping = models.JSONField(null=True, blank=True, help_text="where it lies; null: not reached by us")
    enforced_by = models.CharField(max_length=20, default="us", help_text="us, register or other_controller")
    policy = models.JSONField(default=dict, help_text="mode, approval, grace, waves")
    no_reason_to_keep = models.JSONField(null=True, blank=True, help_text="the recorded decision, if there is one")

    history = HistoricalRecords()
