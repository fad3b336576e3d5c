"""Leases on steps: who is at one, how others know that he lives, and how he notices that he lost it.

A lease is a row's `lease_owner` and `lease_until`, by the database's clock, which is one for all machines. A
thread with a connection of its own renews it three times within its length: what a step asks of a register may
take hours without coming past a point of ours, and no length could be chosen that is above that and still
lets a night go on soon after its worker died.

The lease alone tells other machines. On the same machine and data directory a worker is known to be dead at once: it
keeps a file there locked, and the kernel lets go of it when the process ends. The file names the kernel, because a
lock on a shared file system may hold on its own machine only.

Losing one is noticed by asking again (the fence): in the transaction of whatever is written about a step,
with the row locked, and at every point of it, the last of them just before each disposal.
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now

from retention.models.step import NightStep, StepState

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Somebody else has this step now: nothing more is done or written of it. No SelosteError: it ends the step."""


class Owner:
    """A process at work on a night: a token for its leases, a locked file, a thread that renews what it holds."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self.seconds: int = settings.LEASE_SECONDS
        self._ended = Event()

    @property
    def until(self) -> Any:
        """The end of a lease taken now, for an UPDATE."""
        return ExpressionWrapper(Now() + timedelta(seconds=self.seconds), output_field=DateTimeField())

    def fence(self, step: NightStep) -> None:
        """Raises LeaseLost if the step is no longer ours; in a transaction it then stays ours until that ends."""
        mine = NightStep.objects.filter(pk=step.pk, lease_owner=self.token, state=StepState.RUNNING)
        if connection.in_atomic_block and connection.features.has_select_for_update:
            mine = mine.select_for_update(no_key=True)
        if not list(mine.values_list("pk", flat=True)):
            raise LeaseLost(f"{step}: somebody else has taken it")

    def renew(self) -> int:
        """Lengthen every lease of ours; how many there are."""
        held = NightStep.objects.filter(lease_owner=self.token, state=StepState.RUNNING)
        return held.update(lease_until=self.until)

    def _renew_until_ended(self) -> None:
        try:
            while not self._ended.wait(self.seconds / 3):
                try:
                    connection.close_if_unusable_or_obsolete()
                    self.renew()
                except DatabaseError as error:  # tried again soon; if it stays so the lease runs out, as it should
                    log.warning("a lease could not be renewed: %s", type(error).__name__)
        finally:
            connections.close_all()


@contextmanager
def owner() -> Iterator[Owner]:
    """An owner for as long as the block lasts. Whoever is killed in it, or leaves it by force, is known to be dead.

    The file says the kernel and, for a person who looks who is at it, the process's number.
    """
    one = Owner()
    path = _path(one.token)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            file.write(f"{os.getpid()} {_kernel()}\n".encode())
        except OSError:  # a full disk; nobody has taken a step in its name yet
            path.unlink()
            raise
        renewing = Thread(target=one._renew_until_ended, name="leases", daemon=True)
        renewing.start()
        try:
            yield one
            path.unlink()
        finally:
            one._ended.set()
            renewing.join()


def known_dead(token: str) -> bool:
    """Whether the owner's process has ended, as far as can be told here: never of one on another machine."""
    try:
        with _path(token).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            _, _, kernel = file.readline().strip().partition(" ")
    except OSError:  # locked by its living owner, or not a file of this data directory
        return False
    return kernel == _kernel()


def may_be_taken(step: NightStep, now: datetime) -> bool:
    """Whether nobody is at the step: it waits, or its lease ran out, or its owner is known to be dead."""
    if step.state == StepState.WAITING:
        return True
    if step.state != StepState.RUNNING:
        return False
    return step.lease_until is None or step.lease_until <= now or known_dead(step.lease_owner)


def take(step: NightStep, who: Owner) -> bool:
    """Take the lease of a step as it was seen, unless somebody was faster or it was renewed meanwhile."""
    seen = Q(pk=step.pk, state=step.state, lease_owner=step.lease_owner)
    if step.state == StepState.RUNNING and not known_dead(step.lease_owner):
        seen &= Q(lease_until__lte=Now())
    changed = {"state": StepState.RUNNING, "lease_owner": who.token, "tries": step.tries + 1}
    with transaction.atomic(savepoint=False):
        free = NightStep.objects.filter(seen)
        if connection.features.has_select_for_update_skip_locked:
            free = NightStep.objects.filter(pk__in=free.select_for_update(skip_locked=True).values("pk"))
        if free.update(**changed, lease_until=who.until) != 1:
            return False
    for name, value in changed.items():
        setattr(step, name, value)
    return True


def take_unsaved(step: NightStep, who: Owner) -> None:
    """Take the lease of a step that nobody has seen yet."""
    step.state, step.lease_owner, step.tries = StepState.RUNNING, who.token, step.tries + 1
    step.lease_until = who.until


def forget_dead_owners(but: Owner | None = None) -> None:
    """Remove the files of owners that have ended and hold nothing any more."""
    others = [path for path in _directory().glob("*.lease") if but is None or path.stem != but.token]
    if not others:
        return
    held = set(NightStep.objects.filter(state=StepState.RUNNING).values_list("lease_owner", flat=True))
    for path in others:
        if path.stem not in held and known_dead(path.stem):
            with suppress(FileNotFoundError):
                path.unlink()


@cache
def _kernel() -> str:
    """The running kernel: containers of one machine share it, and a restart makes another."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return platform.node()


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "locks"


def _path(token: str) -> Path:
    return _directory() / f"{token}.lease"
