"""Something that is counted over every record, asked for by somebody who waits for it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ropa.models import Organisation


class Counted(models.TextChoices):
    """What is counted: the draft's effect, one dataset's if its rules were otherwise, what falls due ahead, or gaps."""

    DRAFT = "draft"
    DATASET = "dataset"
    AHEAD = "ahead"
    GAPS = "gaps"


class Counting(models.Model):
    """One request. It waits for a worker where there are many records; its numbers name nobody."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="countings")
    what = models.CharField(max_length=20, choices=Counted.choices)
    asked = models.CharField(max_length=64, help_text="SHA-256 of exactly what is counted: asked twice, counted once")
    dataset = models.JSONField(null=True, help_text="the entry as nobody has saved it; of gaps its id")
    first_day = models.DateField()
    asked_by = models.CharField(max_length=200, help_text="role and user name as text")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    result = models.JSONField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["organisation", "asked"], name="retention_counting_asked")]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.what} {self.asked[:12]}"
