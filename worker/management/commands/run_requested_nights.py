"""`manage.py run_requested_nights`: run every night that was asked for through the API.

Exit code 0 only if each of them ran and nothing is overdue without an explanation.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from retention.models import Run
from retention.night import succeeded
from worker.night_table import verdict
from worker.requested_nights import run_requested


class Command(BaseCommand):
    help = "Run the nights that wait in the queue."

    def handle(self, *args: Any, **options: Any) -> None:
        refusals: list[Run] = []

        def refused(run: Run, why: str) -> None:
            refusals.append(run)
            self.stderr.write(f"{run.organisation.slug} {run.business_date}: {why}")

        failed = False
        for run in run_requested(timezone.now(), refused):
            failed = failed or not run.summary or not succeeded(run)
            self.stdout.write(f"{run.organisation.slug} {run.business_date} {run.state}: {verdict(run)}")
        if failed or refusals:
            sys.exit(1)
