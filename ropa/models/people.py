"""Who may do what for which organisation. The controller decides; the DPO advises and watches (art. 38(6))."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from ropa.models.organisation import Organisation

BOTH = _("The DPO advises and the controller decides: nobody is both (art. 38(6) GDPR).")


class Role(models.TextChoices):
    """One user may have several roles, but never both DPO and controller of one organisation."""

    DPO = "dpo", "data protection officer"
    CONTROLLER = "controller", "controller"
    OWNER = "owner", "register owner"
    AUDITOR = "auditor", "auditor"
    INTEGRATOR = "integrator", "integrator"
    ADMINISTRATOR = "administrator", "administrator"


class Membership(models.Model):
    """A user's role in one organisation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    history = HistoricalRecords()

    class Meta:
        ordering = ["organisation_id", "user_id", "role"]
        constraints = [
            models.UniqueConstraint(fields=["user", "organisation", "role"], name="ropa_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.organisation.slug}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Nobody is both DPO and controller of one organisation (art. 38(6)). Raises ValidationError."""
        opposite = {Role.DPO.value: Role.CONTROLLER, Role.CONTROLLER.value: Role.DPO}.get(self.role)
        if opposite is None or self.user_id is None or self.organisation_id is None:
            return
        others = Membership.objects.filter(user_id=self.user_id, organisation_id=self.organisation_id, role=opposite)
        if others.exclude(pk=self.pk).exists():
            raise ValidationError(BOTH)
