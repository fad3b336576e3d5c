"""The suppression list: who must not be contacted, as keyed digests that outlive the customer's data."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation


class BanEvent(models.Model):
    """A ban, or its lifting, of one identifier on one channel. Append-only: nothing in it can be read back."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="ban_events")
    digest = models.CharField(max_length=64, help_text="HMAC-SHA-256 of kind and normalised identifier, hex")
    kind = models.CharField(max_length=10, help_text="number, email, phone")
    key_id = models.CharField(max_length=16, help_text="the key that the digest was made with")
    channel = models.CharField(max_length=20)
    what = models.CharField(max_length=4, help_text="ban, lift")
    day = models.DateField(help_text="since when it holds")
    again = models.PositiveIntegerField(default=0, help_text="how often the same was said that day before")
    source = models.CharField(max_length=140, help_text="who told it: a register's source, a role, a list")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "digest", "channel", "what", "day", "again"], name="retention_banevent_once"
            )
        ]


class BanKey(models.Model):
    """A key with which digests of this list were made: without it nobody may say that someone is not banned."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="ban_keys")
    key_id = models.CharField(max_length=16)
    first_used = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["organisation", "key_id"], name="retention_bankey_once")]
