"""Alarms: what is wrong, since when, who was told. Nothing of a data subject; recipients are our own people."""

from __future__ import annotations

import uuid

from django.db import models

from ropa.models import Organisation


class AlarmKind(models.TextChoices):
    """What an alarm is about; `docs/how-to/alarms.md` says of each what it means and what to do."""

    NIGHT_MISSING = "night_missing"
    NIGHT_LATE = "night_late"
    NIGHT_STOPPED = "night_stopped"
    CLOCK_WRONG = "clock_wrong"
    NIGHT_PROBLEM = "night_problem"
    OVERDUE = "overdue"
    DATASET_PROBLEM = "dataset_problem"
    SOURCE_INCOMPLETE = "source_incomplete"
    START_MISSING = "start_missing"
    EVIDENCE_BROKEN = "evidence_broken"
    HEAD_NOT_COPIED = "head_not_copied"
    HEAD_NOT_STAMPED = "head_not_stamped"
    PAPER_ORDER = "paper_order"
    HOLD_REVIEW = "hold_review"
    CANARY_WRONG = "canary_wrong"
    BREAKER = "breaker"
    DELIVERY_FAILING = "delivery_failing"
    NOT_LOOKED = "not_looked"


class AlarmState(models.TextChoices):
    """OPEN reminds and escalates; ACKNOWLEDGED is quiet until its date; RESOLVED: a look saw that it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Alarm(models.Model):
    """One row per organisation, kind and thing. A person may quieten it; only its condition's end ends it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="alarms")
    kind = models.CharField(max_length=30, choices=AlarmKind.choices)
    thing = models.CharField(max_length=160, blank=True, help_text="dataset, source, order, hold; empty: all of it")
    facts = models.JSONField(default=dict, help_text="numbers and days that its sentence tells")
    state = models.CharField(max_length=20, choices=AlarmState.choices, default=AlarmState.OPEN)
    level = models.PositiveSmallIntegerField(default=0, help_text="how many levels of recipients beyond the first")
    first_seen = models.DateTimeField(help_text="since when it has been seen without a break")
    last_seen = models.DateTimeField()
    count = models.PositiveIntegerField(default=1, help_text="how many looks have seen it since then")
    told_at = models.DateTimeField(null=True, help_text="when recipients were last written to")
    escalate_at = models.DateTimeField(help_text="when the next level is told, unless somebody acknowledges it")
    resolved_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    acknowledged_until = models.DateField(null=True, help_text="the last day on which it is quiet")
    acknowledged_reason = models.TextField(blank=True, help_text="without personal data")

    class Meta:
        ordering = ["organisation_id", "kind", "thing"]
        constraints = [models.UniqueConstraint(fields=["organisation", "kind", "thing"], name="retention_alarm_once")]

    def __str__(self) -> str:
        return f"{self.organisation.slug}: {self.kind} {self.thing}".rstrip()


class AlarmEvent(models.Model):
    """Append-only: what happened to an alarm, when, and by whom."""

    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=20, help_text="raised, reminded, escalated, acknowledged, lapsed, resolved")
    level = models.PositiveSmallIntegerField(default=0)
    who = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    until = models.DateField(null=True)

    class Meta:
        ordering = ["id"]


class AlarmDelivery(models.Model):
    """One message of an event to one recipient. `tries` is compared when it is claimed: two senders send it once."""

    event = models.ForeignKey(AlarmEvent, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, help_text="email, webhook")
    recipient = models.CharField(max_length=254, blank=True, help_text="the address; empty for the webhook")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, help_text="by which a receiver knows a repetition")
    state = models.CharField(max_length=10, default="waiting", help_text="waiting, sent, dropped")
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True, help_text="of the last try; no address stands in it")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["state", "next_try_at"], name="retention_alarm_waiting")]


class AlarmWatch(models.Model):
    """When an organisation was last looked at, and what its evidence said when it was last recomputed."""

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, related_name="alarm_watch")
    looked_at = models.DateTimeField(null=True)
    evidence_at = models.DateTimeField(null=True)
    evidence_head = models.PositiveIntegerField(default=0, help_text="the newest head at that time")
    evidence_broken = models.BooleanField(default=False)
