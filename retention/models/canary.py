"""Canaries: people who do not exist, entered into a register to see that what must go goes and what must stay stays."""

from __future__ import annotations

from django.db import models

from ropa.models import Organisation


class Expects(models.TextChoices):
    """VANISH: it is to go by our own hand, on its day. SURVIVE: a hold is on it, and it is to stay."""

    VANISH = "vanish"
    SURVIVE = "survive"


class CanaryState(models.TextChoices):
    """DECLARED: not seen in the register yet. THERE: as it should be. VANISHED, WITHDRAWN: over."""

    DECLARED = "declared"
    THERE = "there"
    VANISHED = "vanished"
    WRONG = "wrong"
    WITHDRAWN = "withdrawn"


class CanaryProblem(models.TextChoices):
    """Why a canary is WRONG; `docs/how-to/canaries.md` says of each what it means."""

    LEFT = "left"
    NEVER_SEEN = "never_seen"
    UNHELD = "unheld"
    TOO_EARLY = "too_early"
    NOT_OURS = "not_ours"
    LOST = "lost"
    UNREAD = "unread"


class Canary(models.Model):
    """One made-up person's items in one dataset. Its number is nobody's, so it may stand here."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="canaries")
    dataset = models.SlugField(max_length=60)
    subject_kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=200, help_text="a number that is nobody's")
    expects = models.CharField(max_length=20, choices=Expects.choices)
    due_on = models.DateField(help_text="when its items fall due, as the person who made it up reckons")
    gone_by = models.DateField(help_text="the last day there, by which they were seen")
    declared_by = models.CharField(max_length=200)
    declared_at = models.DateTimeField()
    state = models.CharField(max_length=20, choices=CanaryState.choices, default=CanaryState.DECLARED)
    problem = models.CharField(max_length=20, choices=CanaryProblem.choices, blank=True)
    items = models.JSONField(default=list, help_text="keyed digests of its items as they were last seen")
    seen_on = models.DateField(null=True, help_text="the first night that saw it")
    looked_on = models.DateField(null=True, help_text="the last night that asked for it")
    ended_by = models.CharField(max_length=200, blank=True)
    ended_reason = models.TextField(blank=True, help_text="why it was withdrawn, without personal data")

    class Meta:
        ordering = ["organisation_id", "dataset", "id"]
        verbose_name_plural = "canaries"

    def __str__(self) -> str:
        return f"canary {self.pk} {self.dataset}"
