"""Settings that cannot work together are named before the night."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks

from worker.checks import settings_fit_together

ROOT = Path(__file__).resolve().parents[2]
SQLITE = "sqlite3"
POSTGRESQL = "postgresql"


@pytest.mark.parametrize(
    ("database", "broker", "visibility", "found"),
    [
        (SQLITE, "", 43_200, []),
        (POSTGRESQL, "", 43_200, []),
        (POSTGRESQL, "redis://redis/0", 43_200, []),
        (SQLITE, "redis://redis/0", 43_200, ["seloste.E001"]),
        (POSTGRESQL, "redis://redis/0", 120, ["seloste.E002"]),
        (POSTGRESQL, "redis://redis/0", 121, []),
    ],
)
def test_what_does_not_fit_is_named(settings, monkeypatch, database, broker, visibility, found):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{database}")
    settings.REDIS_URL, settings.VISIBILITY_SECONDS, settings.LEASE_SECONDS = broker, visibility, 120
    assert [error.id for error in settings_fit_together()] == found


@pytest.mark.parametrize(
    ("in_clear", "ca", "credentials", "found"),
    [
        (False, (), "user:word", []),
        (True, ("a certificate",), "", []),
        (True, (), "", ["seloste.E007"]),
        (True, ("a certificate",), "user:word", ["seloste.E006"]),
    ],
)
def test_an_authority_that_anybody_could_read_or_be(settings, in_clear, ca, credentials, found):
    settings.STAMP_IN_CLEAR, settings.STAMP_CA, settings.STAMP_CREDENTIALS = in_clear, ca, credentials
    assert [error.id for error in settings_fit_together()] == found


def test_it_is_asked_at_every_start(settings):
    settings.REDIS_URL, settings.VISIBILITY_SECONDS, settings.LEASE_SECONDS = "redis://redis/0", 60, 60
    assert "seloste.E002" in {error.id for error in run_checks()}


def test_celery_without_a_broker_says_what_runs_the_nights_then(tmp_path):
    words = [sys.executable, "-m", "celery", "-A", "worker.app", "worker"]
    environment = {"PATH": "/usr/bin:/bin", "SELOSTE_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "SELOSTE_REDIS_URL is not set" in done.stderr
    assert "run_requested_nights --watch" in done.stderr
