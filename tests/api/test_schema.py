"""The description of the API is complete, and the API does what it says, for what fits it and for what does not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from knox.models import AuthToken
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode

DESCRIPTION = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
DESCRIPTION.config.checks.positive_data_acceptance.expected_statuses.append("422")
"""What has the right shape may still make no sense: a contract that ends before it starts."""

FOUND = [result for result in DESCRIPTION.get_all_operations() if isinstance(result, Ok)]
OPERATIONS = {operation.label: operation for operation in (result.ok() for result in FOUND)}
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
]
CASES_EACH = 8


def test_the_description_is_valid_and_nothing_in_it_was_guessed(tmp_path, db):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_everybody_may_read_it(client, db):
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/vnd.oai.openapi")


@pytest.fixture(autouse=True)
def one_connection():
    """The end of a request leaves the test's connection open, as it is with Django's own client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_no_request_breaks_it(house, label, mode):
    who = "ines" if "/ledger/" in label else "bob" if "/opinions/" in label or "/acknowledge/" in label else "alice"
    _, token = AuthToken.objects.create(User.objects.get(username=who))
    operation = OPERATIONS[label]
    application = get_wsgi_application()
    fixed: dict[str, Any] = {
        "slug": "testi",
        "code": "crm" if "registers" in label else "crm-0",
        "number": 1,
        "rule": "enintaan" if "ceilings" in label else "sopimus",
        "business_date": "2026-06-30",
        "id": next((row.pk for part, row in house.rows.items() if part in label), house.lot.pk),
        "key": "nothing",
    }
    names = {parameter.name for parameter in operation.path_parameters}
    path = {name: value for name, value in fixed.items() if name in names} or None

    @settings(
        max_examples=CASES_EACH,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode, path_parameters=path if mode.is_positive else None))
    def no_request_breaks_it(case):
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, app=application)

    no_request_breaks_it()
