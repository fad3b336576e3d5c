"""Grounds and ceilings as the DPO writes them; `retention.domain.rules` is what they mean."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models.inventory import Dataset


class Rule(models.Model):
    """What a ground and a ceiling share."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="%(class)ss")
    code = models.SlugField(max_length=60)
    position = models.PositiveIntegerField(default=0)
    trigger = models.JSONField(help_text='an event\'s name, or {"latest_of": […]} / {"earliest_of": […]}')
    rounding = models.CharField(max_length=60, default="none")
    action = models.CharField(max_length=20)
    condition = models.JSONField(default=list, blank=True, help_text='[{"fact": …, "is": …}]; all must hold')
    if_absent = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=20, default="unconfirmed")
    law = models.CharField(max_length=60, blank=True, help_text="its row of the law library")
    reason = models.JSONField(default=dict, blank=True, help_text="why, in words")
    records = models.JSONField(default=list, blank=True, help_text="balancing test, DPIA …: kind, reference, on")
    addition = models.BooleanField(default=False, help_text="not in the published notice: added by us")

    class Meta:
        abstract = True
        ordering = ["dataset_id", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "code"], name="%(app_label)s_%(class)s_code"),
        ]

    def __str__(self) -> str:
        return self.code


class Ground(Rule):
    """One reason to keep."""

    kind = models.CharField(max_length=20)
    purpose = models.SlugField(max_length=60, blank=True, help_text="the purpose of the activity that it serves")
    period = models.CharField(max_length=30, blank=True, help_text="ISO 8601; empty: a criterion, with review_by")
    ends_on = models.JSONField(default=list, blank=True)
    review_by = models.DateField(null=True, blank=True)

    history = HistoricalRecords()


class Ceiling(Rule):
    """A longest time."""

    period = models.CharField(max_length=30)
    yields_to = models.JSONField(default=list, blank=True, help_text='[] (none), "any_basis", or a list of kinds')

    history = HistoricalRecords()
