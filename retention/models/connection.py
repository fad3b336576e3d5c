"""How a register is reached. Operational: not versioned with the rules; secrets only by reference."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models import Organisation


class Connection(models.Model):
    """A connector's kind and config; a value is text or {"secret": "env:NAME"} / {"secret": "file:PATH"}."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="connections")
    code = models.SlugField(max_length=60)
    kind = models.CharField(max_length=40)
    config = models.JSONField(default=dict, blank=True)
    limits = models.JSONField(default=dict, blank=True, help_text="hours, items a second and workers that it bears")

    history = HistoricalRecords()

    class Meta:
        ordering = ["organisation_id", "code"]
        constraints = [models.UniqueConstraint(fields=["organisation", "code"], name="retention_connection_code")]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.code}"


class ConfirmedConnection(models.Model):
    """A connection as a night may use it to destroy; only added to. See `retention.connection_changes`."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="confirmed_connections")
    code = models.SlugField(max_length=60)
    kind = models.CharField(max_length=40, blank=True, help_text="empty: there was none yet")
    config = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=200, blank=True, help_text="role:name; empty: as it was before anybody changed it")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["organisation", "code"], name="retention_confirmed_code")]

    def __str__(self) -> str:
        return f"{self.code} {self.by}"
