"""Lots: the unit of work and state. Outcomes by exception; keys are wiped once the lot is verified."""

from __future__ import annotations

from django.db import models

from retention.models.run import Run
from ropa.models import Organisation, Version


class Lot(models.Model):
    """Up to 20,000 keys of one dataset with the same rules, action and reason to go."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="lots")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="lots", help_text="the night that made it")
    version = models.ForeignKey(Version, on_delete=models.PROTECT)
    register = models.SlugField(max_length=60)
    dataset = models.SlugField(max_length=60)
    action = models.CharField(max_length=20)
    why = models.CharField(max_length=20)
    estimated = models.JSONField(default=list, help_text="numbers of the campaigns whose substitute made its keys due")
    due_from_first = models.DateField()
    due_from_last = models.DateField()
    size = models.PositiveIntegerField()
    keys = models.BinaryField(null=True, help_text="packed [key, subject, due_from]; null once verified")
    rules_digest = models.CharField(max_length=64, help_text="the rules and mapping that made it: others void it")
    digest = models.CharField(max_length=64, help_text="what an approval signs: keys, due_from, action, rules")
    state = models.CharField(max_length=20, default="flagged")
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    grace_from = models.DateField(null=True, help_text="the night from which its grace counts")
    grace_until = models.DateField(null=True)
    flagged_there = models.BooleanField(default=False, help_text="its items are, or may be, blocked in the register")
    next_position = models.PositiveIntegerField(default=0, help_text="the first key that was never sent")
    tally = models.JSONField(default=dict, help_text="outcome -> number; sums to `next_position`")
    breaker = models.JSONField(
        default=dict, help_text="what was out of proportion when it was made, so that a person looks"
    )
    anew = models.BooleanField(
        default=False, help_text="its keys dropped out of lots of earlier nights on the night that made it"
    )
    weighed = models.BooleanField(
        default=True, help_text="whether all of the evaluation that made it came to its end, and breakers have seen it"
    )
    wave = models.PositiveSmallIntegerField(null=True, help_text="1, 2, 3 of a backlog; null: as it came")
    root = models.CharField(max_length=64, blank=True, help_text="Merkle root over the keyed digests of its keys")
    created_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    residue_kept_until = models.DateField(
        null=True, help_text="until when a person has recorded why what is left of its items stays"
    )

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["organisation", "state"], name="retention_lot_state")]


class Attempt(models.Model):
    """One chunk of a lot, sent once: INTENT committed before the outside call, the outcome after."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="attempts")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    positions = models.JSONField(help_text="which keys of the lot")
    epoch = models.PositiveBigIntegerField()
    state = models.CharField(max_length=20, default="intent", help_text="intent, outcome, or lost with its lot's key")
    tally = models.JSONField(default=dict)

    class Meta:
        ordering = ["lot_id", "number"]
        constraints = [models.UniqueConstraint(fields=["lot", "number"], name="retention_attempt_once")]


class KeyOutcome(models.Model):
    """A key that did not simply go: held, refused, failed, pending, superseded, residue …; gone with the lot's keys."""

    lot = models.ForeignKey(Lot, on_delete=models.CASCADE, related_name="exceptions")
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="exceptions")
    position = models.PositiveIntegerField(help_text="which key of the lot")
    outcome = models.CharField(max_length=20)
    detail = models.CharField(max_length=400, blank=True)
    residue = models.CharField(max_length=400, blank=True)
    residue_seen_once = models.CharField(
        max_length=400, blank=True, help_text="what of `residue` only the connection that disposed of it could see"
    )

    class Meta:
        ordering = ["lot_id", "position"]
        constraints = [models.UniqueConstraint(fields=["lot", "position"], name="retention_keyoutcome_once")]


class LotLook(models.Model):
    """A person has looked at an item that was drawn from a lot. No key: the position alone."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="looks")
    position = models.PositiveIntegerField(help_text="which key of the lot")
    right = models.BooleanField(help_text="whether it may go, as the person sees it")
    who = models.CharField(max_length=200)
    account = models.PositiveBigIntegerField(null=True)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["lot_id", "position"]
        constraints = [models.UniqueConstraint(fields=["lot", "position"], name="retention_lotlook_once")]


class LotEvent(models.Model):
    """Append-only: every move of a lot, in the transaction of the move. No personal data."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    before = models.CharField(max_length=20)
    after = models.CharField(max_length=20)
    who = models.CharField(max_length=200, help_text="role and user name as text, or what of ours moved it")
    account = models.PositiveBigIntegerField(null=True, help_text="the number of who's account: it outlives it")
    reason = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="what was approved")

    class Meta:
        ordering = ["id"]
