"""Who may do what for which organisation. The controller decides; the DPO advises and watches (art. 38(6))."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ropa.models.organisation import Organisation


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

    class Meta:
        ordering = ["organisation_id", "user_id", "role"]
        constraints = [
            models.UniqueConstraint(fields=["user", "organisation", "role"], name="ropa_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.organisation.slug}"
