"""The owners' yearly review: which entry was asked about, and all that followed. Append-only.

No personal data but the owner's role and e-mail address, as the inventory has them.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from ropa.models.organisation import Organisation


class Appended(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("the record of reviews is only added to")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("the record of reviews is never deleted")


class Review(Appended):
    """One entry of the inventory that fell due for review on one day."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=40, help_text="the list in the document: registers, activities, datasets …")
    code = models.CharField(max_length=60, help_text="the entry's id in the inventory document")
    due_on = models.DateField()
    owner = models.JSONField(default=dict, help_text="the owner's role when it was asked first: {fi: …}")
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["organisation_id", "due_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "code", "due_on"], name="ropa_review_once"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation.slug} {self.path} {self.due_on}"

    @property
    def path(self) -> str:
        """The entry's place, as findings and changes name it."""
        return f"{self.kind}[{self.code}]"


class Happened(models.TextChoices):
    """What can happen in a review."""

    ASKED = "asked", "the owner was asked"
    REMINDED = "reminded", "the owner was reminded"
    ESCALATED = "escalated", "the DPO was told"
    ANSWERED = "answered", "the owner answered"


class Answer(models.TextChoices):
    """What an owner may say."""

    UNCHANGED = "unchanged", "unchanged"
    CHANGED = "changed", "changed"
    UNKNOWN = "unknown", "don't know"


class ReviewEvent(Appended):
    """One thing that happened; each can happen once under its number, whoever runs beside whom."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="events")
    what = models.CharField(max_length=20, choices=Happened.choices)
    number = models.PositiveIntegerField(default=1)
    at = models.DateTimeField()
    email = models.EmailField(blank=True, help_text="the owner's, where the owner was written to or answered")
    answer = models.CharField(max_length=20, choices=Answer.choices, blank=True)
    text = models.TextField(blank=True, help_text="what has changed, in the owner's words")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the entry that the owner looked at, hex")

    class Meta:
        ordering = ["review_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["review", "what", "number"], name="ropa_review_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.review} {self.what} {self.number}"
