"""How a register ends: what was moved elsewhere, and the decisions that closed or reopened it. Append-only."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation


class Migration(models.Model):
    """A person's record that a dataset was moved to another; the latest of a dataset counts."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="migrations")
    dataset = models.SlugField(max_length=60)
    to_dataset = models.SlugField(max_length=60)
    items = models.PositiveIntegerField(help_text="how many items were moved, as the person counted them")
    key_template = models.CharField(max_length=200, blank=True, help_text="how the new place writes an old {key}")
    key_column = models.CharField(max_length=200, blank=True, help_text="where the new place keeps the old key")
    destroy_by = models.DateField(null=True, help_text="until when what is left in the old place is destroyed")
    day = models.DateField()
    by = models.CharField(max_length=200, help_text="who says so, by role")
    reason = models.TextField(help_text="without personal data")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class RegisterEvent(models.Model):
    """A register was closed, with its certificate, or reopened; the latest of a register counts."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="register_events")
    register = models.SlugField(max_length=60)
    what = models.CharField(max_length=10, help_text="closed, reopened")
    day = models.DateField()
    by = models.CharField(max_length=200)
    reason = models.TextField()
    at = models.DateTimeField(help_text="when it was decided")
    certificate = models.TextField(blank=True, help_text="canonical JSON, as its chain's entry has it")
    chain = models.CharField(max_length=60, help_text="its own chain of evidence")
    digest = models.CharField(max_length=64, help_text="of that entry")
    remaining = models.JSONField(default=dict, help_text="dataset -> keyed digests of the items that were left")
    backups_until = models.DateField(null=True, help_text="null: nobody knows when its backups expire")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["organisation", "register"], name="retention_register_event")]
