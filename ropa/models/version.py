"""Published versions: a canonical snapshot, its hash, and the day from which it is in force."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ropa.models.organisation import Organisation


class Versions(models.QuerySet["Version"]):
    """Published versions."""

    def standing(self) -> Versions:
        """Without those that were withdrawn before they came into force."""
        return self.filter(withdrawal=None)


class Version(models.Model):
    """What nights execute and reports show. Written once; never changed, never deleted."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    in_force_from = models.DateField()
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    publisher = models.CharField(max_length=200, help_text="role and user name as text: it outlives the account")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the snapshot, hex")
    reason = models.TextField(blank=True)
    opinion = models.JSONField(
        null=True, blank=True, help_text="the DPO's, on exactly this draft, as text: stance, by, given_at, text"
    )
    opinion_reason = models.TextField(
        blank=True, help_text="why it did not wait for the DPO's opinion, or was decided against it"
    )
    impact = models.JSONField(
        null=True, blank=True, help_text="what was shown of its effect: digest, shown_at, shown_to, and what it counted"
    )
    shortened = models.JSONField(default=list, blank=True, help_text="what it shortens: path, way, before, after")
    approval = models.JSONField(
        null=True,
        blank=True,
        help_text="the second person's, where it shortens, as text: by, account, approved_at, impact",
    )
    hands = models.JSONField(
        default=dict,
        blank=True,
        help_text="dataset -> [[account or null, role and name], …]: who wrote or published its rules as they stand",
    )
    snapshot = models.TextField(help_text="canonical JSON of the inventory, without connections")

    objects = Versions.as_manager()

    class Meta:
        ordering = ["organisation_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "number"], name="ropa_version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a published version is never changed; publish another")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("a published version is never deleted")
