"""Campaigns: groups of items whose start event's date is missing, and what people put in its place."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation, Version


class Campaign(models.Model):
    """One proposal for one closed group of gaps. What it says never changes; `state` follows its events."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="campaigns")
    number = models.PositiveIntegerField(help_text="within the organisation, from 1")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, help_text="under which it was proposed")
    register = models.SlugField(max_length=60)
    dataset = models.SlugField(max_length=60)
    rules = models.JSONField(help_text="ids of the rules that start with the event")
    event = models.CharField(max_length=60)
    cause = models.CharField(max_length=20, help_text="no_date, implausible, same_day, unknown_subject")
    same_day = models.DateField(null=True, help_text="of same_day: the day that is not believed")
    substitute_day = models.DateField(null=True)
    substitute_event = models.CharField(max_length=60, blank=True)
    evidence = models.TextField(help_text="why this day is right enough, without personal data")
    attachments = models.JSONField(default=list, help_text="[{name, sha256}]: what it rests on, kept elsewhere")
    items = models.PositiveIntegerField(help_text="items that have such a gap")
    gaps = models.PositiveIntegerField(help_text="gaps of the group: one item may have several contracts")
    root = models.CharField(max_length=64, help_text="Merkle root over the group's keyed digests, in their order")
    forecast = models.JSONField(help_text="what it was going to do when it was proposed")
    state = models.CharField(max_length=20, help_text="reading, proposed, decided, confirmed, refused, withdrawn")

    class Meta:
        ordering = ["organisation_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "number"], name="retention_campaign_once"),
            models.CheckConstraint(
                condition=models.Q(substitute_day__isnull=False, substitute_event="")
                | (models.Q(substitute_day__isnull=True) & ~models.Q(substitute_event="")),
                name="retention_campaign_one_substitute",
            ),
        ]


class CampaignEvent(models.Model):
    """Append-only: who proposed, decided, confirmed, refused or withdrew, with its entry in the evidence."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="events")
    what = models.CharField(max_length=20, help_text="proposed, decided, confirmed, refused, withdrawn")
    day = models.DateField()
    at = models.DateTimeField()
    by = models.CharField(max_length=200, help_text="role:person; shell:person at a command line")
    account = models.BigIntegerField(null=True, help_text="number of the user account, as it was then")
    reason = models.TextField(blank=True, help_text="without personal data")
    chain = models.CharField(max_length=60, help_text="its own chain of evidence")
    digest = models.CharField(max_length=64, help_text="of that entry")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["campaign", "what"], name="retention_campaignevent_once")]


class CampaignGap(models.Model):
    """One gap of a group, as keyed digests; it goes with its item, and when the campaign is refused or withdrawn."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="members")
    item = models.CharField(max_length=64, help_text="of the item's key")
    gap = models.CharField(max_length=64, help_text="of the item's key and which of its dates")

    class Meta:
        ordering = ["campaign_id", "gap"]
        constraints = [models.UniqueConstraint(fields=["campaign", "gap"], name="retention_campaigngap_once")]
        indexes = [models.Index(fields=["item"], name="retention_campaigngap_item")]
