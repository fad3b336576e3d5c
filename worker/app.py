"""The Celery application: it wakes workers. What there is to do stands in rows, so any message may be lost or doubled.

celery -A worker.app worker     takes steps of nights
celery -A worker.app beat       sends four messages: look what waits, which reviews are due, what is wrong, and what
                                falls due ahead
"""

from __future__ import annotations

import os

from celery import Celery
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

if not settings.REDIS_URL:
    raise ImproperlyConfigured(
        "SELOSTE_REDIS_URL is not set, and Celery needs a broker; without one, `manage.py nightly` and "
        "`manage.py run_requested_nights --watch SECONDS` run the nights"
    )

HOUR = 3600
ALARM_SECONDS = 300
"""How often alarms are looked for. That no worker is there only the command, run by another clock, can see."""

app = Celery("seloste", include=["worker.tasks"])
app.conf.update(
    broker_url=settings.REDIS_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": settings.VISIBILITY_SECONDS,
        "socket_keepalive": True,
        "max_retries": 1,  # of whoever sends: the next sweep sends again
        "interval_start": 0,
    },
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    task_default_queue="nights",
    beat_schedule={
        "sweep": {
            "task": "seloste.sweep",
            "schedule": float(settings.SWEEP_SECONDS),
            "options": {"expires": 2 * settings.SWEEP_SECONDS},  # busy workers find one of them, not a hundred
        },
        "reviews": {
            "task": "seloste.reviews",
            "schedule": float(HOUR),  # each letter goes once: the rows say which day it was
            "options": {"expires": HOUR},
        },
        "outlook": {
            "task": "seloste.outlook",
            "schedule": float(HOUR),  # counted once a week: the rows say when it last was
            "options": {"expires": HOUR},
        },
        "alarms": {
            "task": "seloste.alarms",
            "schedule": float(ALARM_SECONDS),
            "options": {"expires": ALARM_SECONDS},
        },
    },
    beat_scheduler="worker.beat:Beat",
)
