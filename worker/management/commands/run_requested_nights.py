"""`manage.py run_requested_nights`: run every night that was asked for, and count what somebody waits for on a page.

Exit code 0 only if each of them ran and nothing is overdue without an explanation. With `--watch` it goes on
looking until it is ended.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from retention.counting import take_one
from retention.domain.errors import in_words
from retention.models import Run
from retention.runs import succeeded
from worker.night_table import verdict
from worker.requested_nights import Rests, run_requested


class Command(BaseCommand):
    help = "Run the nights that wait in the queue."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--watch", metavar="SECONDS", type=int, help="look again every so many seconds, until ended"
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told: dict[int, str] = {}

    def handle(self, *args: Any, **options: Any) -> None:
        rests = Rests(first=options["watch"] or 0)
        while options["watch"]:
            try:
                self._run_all(rests)
            except (DatabaseError, InterfaceError) as error:  # a full disk, a server that is away: it is looked again
                self.stderr.write(in_words(error))
            close_old_connections()
            time.sleep(options["watch"])
        if not self._run_all():
            sys.exit(1)

    def _run_all(self, rests: Rests | None = None) -> bool:
        refusals: list[Run] = []

        def refused(run: Run, why: str) -> None:
            refusals.append(run)
            if self._told.get(run.pk) != why:  # said once, however often it is tried again
                self._told[run.pk] = why
                self.stderr.write(f"{run.organisation.slug} {run.business_date}: {why}")

        failed = False
        while (one := take_one(timezone.now())) is not None:
            self.stdout.write(
                f"{one.organisation.slug} counted: {one.what}{f' ({one.problem})' if one.problem else ''}"
            )
        for run in run_requested(timezone.now(), refused, rests):
            failed = failed or not run.summary or not succeeded(run)
            self.stdout.write(f"{run.organisation.slug} {run.business_date} {run.state}: {verdict(run)}")
        return not failed and not refusals
