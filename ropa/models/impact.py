"""What was shown of a rule change's effect before it was published."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models

from ropa.models.organisation import Organisation
from ropa.models.version import Version


class Impact(models.Model):
    """The effect of exactly one draft, counted against exactly one version. Written once; publishing names it."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="impacts")
    draft = models.CharField(max_length=64, help_text="SHA-256 of the draft's canonical JSON, hex")
    version = models.ForeignKey(
        Version, null=True, on_delete=models.PROTECT, related_name="+", help_text="compared with; null: there was none"
    )
    shown_at = models.DateTimeField()
    shown_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    shown_to = models.CharField(max_length=200, help_text="role and user name as text: it outlives the account")
    body = models.TextField(help_text="canonical JSON: numbers of items by dataset and month, no personal data")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body, hex")

    class Meta:
        ordering = ["organisation_id", "id"]
        indexes = [models.Index(fields=["organisation", "digest"], name="ropa_impact_digest")]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.draft[:12]} {self.digest[:12]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("what was shown is never changed; look again")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("what was shown is never deleted; look again")

    def as_text(self) -> dict[str, Any]:
        """What a version keeps of it: everything, as text."""
        return {
            "digest": self.digest,
            "shown_at": self.shown_at.isoformat(),
            "shown_to": self.shown_to,
            "counted": json.loads(self.body),
        }
