"""Holds: a person's decision that suspends disposal, and the one gate that orders holds against claims."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models import Organisation


class Gate(models.Model):
    """One row an organisation. Placing a hold raises `epoch`; a claim reads it again before each disposal."""

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, related_name="gate")
    epoch = models.PositiveBigIntegerField(default=0)
    stopped = models.BooleanField(default=False, help_text="the master stop: nothing is disposed of")
    stopped_registers = models.JSONField(default=list, blank=True, help_text="codes of registers that are stopped")
    stop_reason = models.TextField(blank=True)


class StopEvent(models.Model):
    """A stop pulled or taken back: by whom, and what is stopped from then on. Append-only, one a change of the gate."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="stop_events")
    epoch = models.PositiveBigIntegerField(help_text="the gate's epoch from then on")
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=200)
    everything = models.BooleanField(help_text="the master stop")
    registers = models.JSONField(default=list)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["organisation_id", "id"]


class Hold(models.Model):
    """A hold's terms: scope, reason, owner, review date. Whom it protects stands in HoldSubject, without history."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="holds")
    register = models.SlugField(max_length=60, blank=True, help_text="empty: every register")
    dataset = models.SlugField(max_length=60, blank=True, help_text="empty: every dataset")
    reason = models.CharField(max_length=40, help_text="legal_proceedings, dispute, request, authority")
    note = models.TextField(blank=True, help_text="why, without personal data")
    owner = models.CharField(max_length=200)
    start = models.DateField()
    review_by = models.DateField()
    released = models.DateField(null=True, blank=True)
    released_by = models.CharField(max_length=200, blank=True)
    placed_at = models.DateTimeField(auto_now_add=True)
    epoch = models.PositiveBigIntegerField(default=0, help_text="the gate's epoch that it was placed under")

    history = HistoricalRecords()

    class Meta:
        ordering = ["organisation_id", "start", "id"]


class HoldSubject(models.Model):
    """One data subject (or one contract of theirs) that a hold protects."""

    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="subjects")
    subject_kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=100, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hold", "subject_kind", "subject"], name="retention_holdsubject_once")
        ]
