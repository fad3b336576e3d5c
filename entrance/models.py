"""What is kept of coming in: what was done to accounts and roles, links for a first password, and what is counted."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ropa.models import Organisation, Role


class Act(models.TextChoices):
    """What can be done to a person in an organisation."""

    MAKE = "make", "an account is made"
    GIVE = "give", "a role is given"
    TAKE = "take", "a role is taken"
    LINK = "link", "a link for a new password, which ends the second factor"
    BLOCK = "block", "the account is blocked"
    UNBLOCK = "unblock", "the account is opened again"
    REVOKE = "revoke", "the account's tokens are revoked"


class ActState(models.TextChoices):
    WAITING = "waiting", "waits for a controller"
    DONE = "done", "done"
    REFUSED = "refused", "refused"


class PersonAct(models.Model):
    """One act on an account or its roles; only added to, but for its decision. Names outlive accounts as text."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="person_acts")
    act = models.CharField(max_length=10, choices=Act.choices)
    role = models.CharField(max_length=20, choices=Role.choices, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    whom = models.CharField(max_length=150)
    state = models.CharField(max_length=10, choices=ActState.choices)
    reason = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200, help_text="role:name, or machine:account")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "act", "role", "whom"],
                condition=models.Q(state="waiting"),
                name="entrance_one_waits",
            )
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.role} {self.whom}"


class AccountLink(models.Model):
    """A link by which an account gets its password, once and in time. Kept as a digest."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_links")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"link {self.pk}"


class Counted(models.Model):
    """The table of the shared cache (django.core.cache.backends.db): tries that were counted, codes that were used."""

    cache_key = models.CharField(primary_key=True, max_length=255)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "entrance_counted"

    def __str__(self) -> str:
        return self.cache_key
