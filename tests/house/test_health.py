"""`/healthz`: one word for a load balancer, and no more than it needs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config import health
from retention.models import Run
from ropa.models import Organisation


@pytest.fixture(autouse=True)
def unseen(monkeypatch, settings):
    monkeypatch.setattr(health, "_migrated", set())
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]  # no static files here


def asked(client):
    answer = client.get("/healthz")
    return answer.status_code, answer.json()


def test_well(client, db, data_dir):
    assert asked(client) == (
        200,
        {
            "status": "ok",
            "database": True,
            "migrations": True,
            "keys": True,
            "broker": None,
            "night_age_seconds": None,
        },
    )


def test_a_second_look_asks_little(client, db, data_dir, django_assert_max_num_queries):
    asked(client)
    with django_assert_max_num_queries(2):
        asked(client)


def test_without_a_key(client, db, data_dir):
    (data_dir / "keys" / "digest.key").unlink()
    code, body = asked(client)
    assert (code, body["status"], body["keys"]) == (503, "unwell", False)


def test_with_a_migration_that_was_not_applied(client, db, data_dir):
    applied = MigrationRecorder(connection).migration_qs.filter(app="retention")
    applied.filter(name=max(applied.values_list("name", flat=True))).delete()
    code, body = asked(client)
    assert (code, body["migrations"], body["night_age_seconds"]) == (503, False, None)


def test_without_its_database(client, db, data_dir, monkeypatch):
    def fail(*arguments, **more):
        raise DatabaseError("host=db user=seloste password=hunter2")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", fail)
        code, body = asked(client)
    assert (code, body["database"], body["migrations"]) == (503, False, False)
    assert "hunter2" not in str(body)


def test_with_and_without_its_broker(client, db, data_dir, settings, redis_server):
    settings.REDIS_URL = f"redis://127.0.0.1:{redis_server.port}/0"
    assert asked(client)[0] == 200
    assert asked(client)[1]["broker"] is True
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert asked(client)[0] == 503
    assert asked(client)[1]["broker"] is False


def test_the_age_is_that_of_the_organisation_that_waits_longest(client, db, data_dir):
    now = timezone.now()
    for slug, hours in (("a", (30, 6)), ("b", (50, 26))):
        organisation = Organisation.objects.create(slug=slug, name=slug)
        for ago in hours:
            ended = now - timedelta(hours=ago)
            Run.objects.create(
                organisation=organisation, business_date=ended.date(), state="finished", finished_at=ended
            )
    age = asked(client)[1]["night_age_seconds"]
    assert 26 * 3600 <= age < 26 * 3600 + 60
