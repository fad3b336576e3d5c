"""What the next nights need not ask again as long as nothing is written: see `retention.unchanged`."""

from __future__ import annotations

from django.db import models

from retention.models.run import DatasetNight
from ropa.models import Organisation


class LedgerRevision(models.Model):
    """How often the ledger of one kind of subject was changed, by whomever."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    subject_kind = models.CharField(max_length=20)
    number = models.PositiveBigIntegerField(default=0)
    whole = models.PositiveBigIntegerField(default=0, help_text="of these, how often by a source that was read whole")
    forgotten = models.PositiveBigIntegerField(
        null=True, help_text="the number at which nothing was left to forget; null: that must be asked"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "subject_kind"], name="retention_ledgerrevision_once")
        ]


class DatasetState(models.Model):
    """How a dataset stood when it was asked and read whole the last time, and until when that lasts by itself."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    dataset = models.SlugField(max_length=60)
    night = models.ForeignKey(
        DatasetNight,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="whose numbers stand until it is asked again",
    )
    digest = models.CharField(max_length=64, help_text="of all that they rest on, keyed; another one: ask again")
    next_day = models.DateField(help_text="the earliest day on which a state may change though nothing is written")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "dataset"], name="retention_datasetstate_once")]
