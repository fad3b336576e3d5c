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
