"""A second person's approval of a draft that shortens."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ropa.models.impact import Impact
from ropa.models.organisation import Organisation
from ropa.models.version import Version


class DraftApproval(models.Model):
    """One person's approval of exactly one draft and of what was shown of its effect. Written once."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="draft_approvals")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the draft's canonical JSON, hex")
    impact = models.ForeignKey(Impact, on_delete=models.PROTECT, related_name="approvals")
    follows = models.ForeignKey(
        Version,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the last version then; it counts until the next",
    )
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    approver = models.CharField(max_length=200, help_text="role and user name as text: it outlives the account")
    approved_at = models.DateTimeField()

    class Meta:
        ordering = ["organisation_id", "id"]
        indexes = [models.Index(fields=["organisation", "digest"], name="ropa_draftapproval_draft")]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.digest[:12]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("an approval is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("an approval is never deleted")

    def as_text(self) -> dict[str, Any]:
        """What a version keeps of it: everything, as text. `account`: its number; None: typed at a command line."""
        return {
            "by": self.approver,
            "account": self.approved_by_id,
            "approved_at": self.approved_at.isoformat(),
            "impact": self.impact.digest,
        }
