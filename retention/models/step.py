"""A night's steps: the rows that are the queue. A worker takes one, holds a lease on it, and writes how it ended.

A large step has parts, which are rows of their own while it lasts: whoever is free takes one.
"""

from __future__ import annotations

from django.db import models

from retention.models.run import Run


class StepState(models.TextChoices):
    """WAITING may be taken once what it waits for is DONE, RUNNING once its lease ran out; FAILED ends the night."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class NightStep(models.Model):
    """One step of a night. Every one can be killed and begun again by somebody else."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(help_text="the order in which one process alone takes them")
    kind = models.CharField(max_length=20, help_text="begin, collect, work, read, closed, forget, close, part")
    register = models.SlugField(max_length=60, blank=True)
    part = models.CharField(max_length=120, blank=True, help_text="of which step, which dataset, and the how manieth")
    about = models.JSONField(default=dict, help_text="what a part is about; gone with it, for it may say numbers")
    result = models.JSONField(null=True, help_text="what a part came to, written with what it did")
    after = models.JSONField(default=list, help_text="positions of the steps that must be done before")
    state = models.CharField(max_length=20, choices=StepState.choices, default=StepState.WAITING)
    lease_owner = models.CharField(max_length=40, blank=True, help_text="the token of the process that is at it")
    lease_until = models.DateTimeField(null=True, help_text="by the database's clock")
    tries = models.PositiveSmallIntegerField(default=0, help_text="how many times it was begun")
    problems = models.JSONField(default=dict, help_text="dataset -> why it could not be worked on")
    problem = models.TextField(blank=True, help_text="why the step itself broke off, without personal data")

    class Meta:
        ordering = ["run_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="retention_nightstep_position"),
            models.UniqueConstraint(fields=["run", "kind", "register", "part"], name="retention_nightstep_once"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.register, self.part)))
