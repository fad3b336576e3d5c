"""What falls due in the months ahead, as it was counted last."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation, Version


class Outlook(models.Model):
    """Of an organisation, the last count: numbers of items by dataset and month, no personal data."""

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, related_name="outlook")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    counted_at = models.DateTimeField()
    first_day = models.DateField()
    until = models.DateField()
    datasets = models.JSONField(help_text="dataset, register, problem; items, due at once, held, months")

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.first_day}"
