"""A night: one run per organisation and business date, with what it asked and what it found."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation, Version


class RunState(models.TextChoices):
    """REQUESTED waits for a worker; STOPPED and a killed RUNNING resume; FINISHED is final."""

    REQUESTED = "requested"
    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"


class Run(models.Model):
    """The version it executes is pinned when it starts. A second start of a finished run is a no-op."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="runs")
    business_date = models.DateField()
    version = models.ForeignKey(Version, null=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=20, choices=RunState.choices, default=RunState.REQUESTED)
    requested_by = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    stop_requested = models.BooleanField(default=False)
    stop_reason = models.TextField(blank=True)
    gap_confirmed = models.BooleanField(default=False)
    falls_confirmed = models.JSONField(
        default=list, blank=True, help_text="sources of the ledger that somebody says have really become so few"
    )
    missed_dates = models.JSONField(default=list, blank=True)
    progress = models.JSONField(default=dict, blank=True)
    summary = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["organisation_id", "business_date"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "business_date"], name="retention_run_one_per_date")
        ]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.business_date}"


class Collection(models.Model):
    """What a night collected for the ledger from one source: only a complete one lets absence count."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="collections")
    register = models.SlugField(max_length=60)
    source = models.CharField(max_length=120)
    rows = models.PositiveIntegerField(default=0)
    complete = models.BooleanField(default=False)
    problem = models.TextField(blank=True)
    unchanged_since = models.DateField(null=True, help_text="the night that read it, if this one did not")
    token = models.CharField(max_length=64, blank=True, help_text="keyed; the same later: nothing was written there")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "source"], name="retention_collection_once")]


class DatasetNight(models.Model):
    """One dataset in one night: the row of the final table and of the report's evidence."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="datasets")
    register = models.SlugField(max_length=60)
    dataset = models.SlugField(max_length=60)
    problem = models.TextField(blank=True, help_text="why it could not be asked; empty: it answered")
    counts = models.JSONField(default=dict, help_text="state or outcome -> number of items")
    overdue_left = models.PositiveIntegerField(null=True, help_text="the independent reader's; null: not known")
    unexplained = models.PositiveIntegerField(null=True, help_text="of these, what nothing explains")
    people_overdue = models.PositiveIntegerField(null=True)
    overdue_since = models.DateField(null=True)
    oldest_kept = models.DateField(null=True)
    unchanged_since = models.DateField(
        null=True, help_text="the night whose numbers these are, if this one did not ask"
    )

    class Meta:
        ordering = ["run_id", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "dataset"], name="retention_datasetnight_once")]


class GoneUnder(models.Model):
    """What many fingerprints have in common: of which dataset and month, and how and by which rules it went."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    dataset = models.CharField(max_length=60)
    month = models.CharField(max_length=7, help_text="whose key they are made with, YYYY-MM")
    action = models.CharField(max_length=20)
    rules_digest = models.CharField(max_length=64, help_text="by which rules it went: under others it only is shown")
    estimated = models.CharField(
        max_length=200, default="", blank=True, help_text="numbers of the campaigns by whose substitute it had gone"
    )

    class Meta:
        ordering = ["organisation_id", "dataset", "month", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "dataset", "month", "action", "rules_digest", "estimated"],
                name="retention_goneunder_once",
            )
        ]


class Gone(models.Model):
    """The fingerprint of something that was destroyed, by which it is known again (`retention.replay`).

    As many as items ever went in the months that backups reach, so it is narrow and has one index.
    """

    pk = models.CompositePrimaryKey("under_id", "print")
    under = models.ForeignKey(GoneUnder, on_delete=models.CASCADE, related_name="+", db_index=False)
    print = models.BinaryField(max_length=16)


class Doubted(models.Model):
    """An item that was seen to be perhaps several persons': when one of them is gone it is not the other's for that."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    dataset = models.SlugField(max_length=60)
    key = models.CharField(max_length=64, help_text="keyed digest")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "dataset", "key"], name="retention_doubted_once")
        ]


class FirstSeen(models.Model):
    """The first night on which an item was seen to have no ground left (NO_GROUND is due from that day)."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    dataset = models.SlugField(max_length=60)
    key = models.CharField(max_length=64, help_text="keyed digest: a key may name a person")
    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "dataset", "key"], name="retention_firstseen_once")
        ]
