"""A version that was taken back before it came into force."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ropa.models.version import Version


class Withdrawal(models.Model):
    """Says that a version never comes into force. Written once; the version itself stays as it was published."""

    version = models.OneToOneField(Version, on_delete=models.PROTECT, related_name="withdrawal")
    withdrawn_at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    withdrawer = models.CharField(max_length=200, help_text="role and user name as text: it outlives the account")
    reason = models.TextField()

    def __str__(self) -> str:
        return f"{self.version} withdrawn"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a withdrawal is never changed; publish again")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("a withdrawal is never deleted; publish again")
