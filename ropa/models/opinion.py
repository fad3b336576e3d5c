"""What the DPO said of a draft before the controller decided (art. 38(6), 39(1)(a) GDPR)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ropa.models.organisation import Organisation


class Stance(models.TextChoices):
    """What an opinion comes to."""

    SUPPORTS = "supports", "supports"
    NO_REMARKS = "no_remarks", "no remarks"
    ADVISES_AGAINST = "advises_against", "advises against"


class Opinion(models.Model):
    """An opinion on exactly one draft. Written once; of several on the same draft, the last counts."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="opinions")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the draft's canonical JSON, hex")
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    giver = models.CharField(max_length=200, help_text="role and user name as text: it outlives the account")
    given_at = models.DateTimeField()
    stance = models.CharField(max_length=20, choices=Stance.choices)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["organisation_id", "id"]
        indexes = [models.Index(fields=["organisation", "digest"], name="ropa_opinion_draft")]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.digest[:12]} {self.stance}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("an opinion is never changed; give another")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("an opinion is never deleted")

    def as_text(self) -> dict[str, str]:
        """What a version keeps of it: everything, as text."""
        return {
            "stance": str(self.stance),
            "by": self.giver,
            "given_at": self.given_at.isoformat(),
            "text": self.text,
        }
