"""Evidence stands alone: names as text, keyed digests for persons, hash-chained, readable without the rest."""

from __future__ import annotations

from django.db import models


class EvidenceEntry(models.Model):
    """One entry of a chain. `body` is the canonical JSON that was hashed; nothing is recomputed from other tables."""

    organisation = models.CharField(max_length=60)
    chain = models.CharField(max_length=60, help_text="one per run")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    body = models.TextField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["organisation", "chain", "number"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "chain", "number"], name="retention_evidence_once")
        ]


class EvidenceLeaves(models.Model):
    """What stands under the root of one entry `leaves`: the digests in order, and the leaves, sealed (`leaves.py`)."""

    organisation = models.CharField(max_length=60)
    entry = models.CharField(max_length=64, help_text="digest of the entry that holds their root")
    month = models.CharField(max_length=7, help_text="YYYY-MM of the night: whose key seals them")
    digests = models.BinaryField(help_text="32 bytes a leaf")
    sealed = models.BinaryField(null=True, help_text="the leaves and their keys; null: nobody can read them any more")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["organisation", "entry"], name="retention_leaves_once")]


class EvidenceHead(models.Model):
    """The signed end of a night: it names the chain's last digest and the head before it."""

    organisation = models.CharField(max_length=60)
    number = models.PositiveIntegerField()
    business_date = models.DateField()
    body = models.TextField(help_text="canonical JSON: chain, its root, the head before, counts")
    digest = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64)
    signature = models.CharField(max_length=128, help_text="Ed25519 over the digest, hex")

    class Meta:
        ordering = ["organisation", "number"]
        constraints = [models.UniqueConstraint(fields=["organisation", "number"], name="retention_head_once")]


class StampProblem(models.TextChoices):
    """Why a head has no time stamp: no answer in time, an answer that gives none, one that was not taken."""

    AWAY = "away"
    REFUSED = "refused"
    WRONG = "wrong"


class EvidenceStamp(models.Model):
    """A head's time stamp (RFC 3161), or that it is to get one. What was given once is never asked for again."""

    organisation = models.CharField(max_length=60)
    number = models.PositiveIntegerField(help_text="of the head")
    digest = models.CharField(max_length=64, help_text="of the head: all that the authority was shown")
    answer = models.BinaryField(null=True, help_text="the authority's answer as it came, DER; null: none yet")
    given_at = models.DateTimeField(null=True, help_text="the stamp's own time")
    asked_at = models.DateTimeField(null=True, help_text="since when somebody is asking; null: nobody is")
    problem = models.CharField(
        max_length=10, choices=StampProblem.choices, blank=True, help_text="of the last try; empty: it was given"
    )

    class Meta:
        ordering = ["organisation", "number"]
        constraints = [models.UniqueConstraint(fields=["organisation", "number"], name="retention_stamp_once")]
