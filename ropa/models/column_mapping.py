"""What a person said of the columns of a record that came from elsewhere, kept for the next time."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models.organisation import Organisation


class ColumnMapping(models.Model):
    """A column mapping under its name. It names columns, never what stood in them."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="column_mappings")
    name = models.SlugField(max_length=60)
    said = models.JSONField(help_text="the mapping: columns, sheets, language")

    history = HistoricalRecords()

    class Meta:
        ordering = ["organisation_id", "name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="ropa_column_mapping_name")]

    def __str__(self) -> str:
        return self.name
