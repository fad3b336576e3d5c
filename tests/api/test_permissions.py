"""Each person at each address: the rights are written out here once more, and not read from the table they check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from drf_spectacular.generators import SchemaGenerator

from retention.inventory_document import export_document
from retention.onboarding.notices import seen_as
from ropa.models import Membership, Organisation, Role
from ropa.services import draft_digest
from tests.api.conftest import CAST, House
from tests.factors import sign_in
from tests.retention.foreign_files import MAPPING, csv_of

READERS = {"alice", "ada", "bob", "olga", "aino", "adam"}
CONTROLLERS = {"alice", "ada"}
EDITORS = {*CONTROLLERS, "bob", "olga"}
ESTIMATORS = {*CONTROLLERS, "olga"}


class Address(NamedTuple):
    method: str
    path: str
    may: set[str]
    answer: int
    body: dict[str, Any] | bytes | None = None


IN = "/api/v1/organisations/{slug}/"
HOLD = {"subjects": [], "register": "crm", "reason": "dispute", "owner": "legal", "review_by": "2027-01-01"}
CANARY = {
    "dataset": "crm-0",
    "subject": "999001",
    "expects": "vanish",
    "due_on": "2030-01-01",
    "gone_by": "2030-01-08",
}
BAN = {"lines": [{"email": "testi@example.invalid"}], "channels": ["all"]}
ESTIMATE = {"dataset": "nowhere", "event": "contract_ended", "cause": "no_date", "day": "2020-12-31", "evidence": "so"}
MOVED = {"to_dataset": "nowhere", "items": 1, "reason": "moved"}
TAKING = {"activities": ["nowhere"], "digest": "0" * 64, "reason": "a beginning"}
LOOK: dict[str, Any] = {"changes": {}, "reason": "look"}
NEW = {"entry": {"id": "uusi", "name": {"fi": "uusi"}}, "reason": "a new group"}
QUIET = {"until": (datetime.now(UTC).date() + timedelta(days=7)).isoformat(), "reason": "in hand"}
RECORD = csv_of()
BRING = Address("post", IN + "notices/{code}/", {*CONTROLLERS, "bob", "olga"}, 201)
ASSIGN = {"seen": seen_as({"id": "0001", "text": "Asiakkaat"}), "not_content": True, "reason": "look"}
ADDRESSES = [
    Address("get", IN, {*READERS, "ines"}, 200),
    Address("get", IN + "registers/", READERS, 200),
    Address("get", IN + "registers/{code}/", READERS, 200),
    Address("post", IN + "registers/{code}/close/", CONTROLLERS, 409, {"reason": "gone"}),
    Address("post", IN + "registers/{code}/reopen/", CONTROLLERS, 409, {"reason": "back"}),
    Address("get", IN + "registers/{code}/certificate/", READERS, 404),
    Address("post", IN + "datasets/{code}/migration/", CONTROLLERS, 409, MOVED),
    Address("get", IN + "datasets/", READERS, 200),
    Address("get", IN + "datasets/{code}/", READERS, 200),
    Address("patch", IN + "registers/{code}/", {*CONTROLLERS, "bob", "olga"}, 200, {"changes": {}, "reason": "look"}),
    Address("patch", IN + "datasets/{code}/", {*CONTROLLERS, "bob", "olga"}, 200, {"changes": {}, "reason": "look"}),
    Address("get", IN + "datasets/{code}/grounds/{rule}/decisions/", READERS, 200),
    Address("get", IN + "datasets/{code}/ceilings/{rule}/decisions/", READERS, 200),
    Address("get", IN + "draft/", READERS, 200),
    Address("get", IN + "draft/impact/", READERS, 404),
    Address("post", IN + "draft/impact/", EDITORS, 201, {}),
    Address("get", IN + "draft/approvals/", READERS, 200),
    Address("post", IN + "draft/approvals/", CONTROLLERS, 422, {"digest": "…", "impact": "0" * 64}),
    Address("get", IN + "opinions/", READERS, 200),
    Address("post", IN + "opinions/", {"bob"}, 201, {"stance": "supports", "digest": "…"}),
    Address("get", IN + "changes/", READERS, 200, {"from": "1", "to": "draft"}),
    Address("post", IN + "onboarding/activities/preview/", EDITORS, 422, {"activities": ["nowhere"]}),
    Address("post", IN + "onboarding/activities/take/", EDITORS, 422, TAKING),
    Address("get", IN + "law/citing/", READERS, 200),
    Address("get", IN + "law/changes/", READERS, 200, {"until": "2099-01-01"}),
    Address("get", IN + "snapshot/", READERS, 200, {"as_of": "2099-01-01"}),
    Address("get", IN + "reviews/", READERS, 200),
    Address("get", IN + "reviews/due/", READERS, 200),
    Address("get", IN + "reviews/dates/", READERS, 200),
    Address(
        "post",
        IN + "versions/",
        CONTROLLERS,
        201,
        {"in_force_from": "2099-01-01", "digest": "", "opinion_reason": "urgent"},
    ),
    Address("post", IN + "versions/{number}/withdraw/", CONTROLLERS, 409, {"reason": "a wrong day"}),
    Address("get", IN + "inventory/", READERS, 200),
    Address("put", IN + "inventory/", {*CONTROLLERS, "bob", "olga"}, 200),
    Address("post", IN + "onboarding/columns/", EDITORS, 200, RECORD),
    Address("get", IN + "onboarding/mappings/", READERS, 200),
    Address("get", IN + "onboarding/mappings/{code}/", READERS, 200),
    Address("put", IN + "onboarding/mappings/{code}/", EDITORS, 200, {"mapping": MAPPING, "reason": "new"}),
    Address("post", IN + "onboarding/mappings/{code}/preview/", EDITORS, 200, RECORD),
    Address("post", IN + "onboarding/mappings/{code}/apply/", EDITORS, 409, RECORD),
    Address("get", IN + "notices/{code}/", READERS, 200),
    BRING,
    Address("post", IN + "notices/{code}/{passage}/", {*CONTROLLERS, "bob", "olga"}, 200, ASSIGN),
    Address("get", IN + "record/", READERS, 200),
    Address("patch", IN + "record/", {*CONTROLLERS, "bob", "olga"}, 200, {"changes": {}, "reason": "look"}),
    Address("get", IN + "record/{kind}/", READERS, 200),
    Address("post", IN + "record/{kind}/", {*CONTROLLERS, "bob", "olga"}, 201, NEW),
    Address("get", IN + "record/{kind}/{code}/", READERS, 200),
    Address("patch", IN + "record/{kind}/{code}/", {*CONTROLLERS, "bob", "olga"}, 200, LOOK),
    Address("delete", IN + "record/{kind}/{code}/", {*CONTROLLERS, "bob", "olga"}, 204),
    Address("get", IN + "report/", READERS, 200),
    Address("get", IN + "findings/", READERS, 200),
    Address("get", IN + "versions/", READERS, 200),
    Address("get", IN + "versions/{number}/", READERS, 200),
    Address("post", IN + "ledger/", {"ines"}, 200, {}),
    Address("get", IN + "holds/", READERS, 200),
    Address("post", IN + "holds/", {*CONTROLLERS, "bob", "olga"}, 201, HOLD),
    Address("post", IN + "holds/{id}/release/", CONTROLLERS, 200, {"day": "2026-06-30"}),
    Address("get", IN + "stops/", READERS, 200),
    Address("post", IN + "stops/", {*CONTROLLERS, "adam", "bob", "olga"}, 201, {"reason": "odd"}),
    Address("post", IN + "stops/resume/", CONTROLLERS, 200, {}),
    Address("post", IN + "suppression/check/", {*CONTROLLERS, "olga", "ines"}, 200, {"lines": [{"number": "1"}]}),
    Address("post", IN + "suppression/bans/", {*CONTROLLERS, "bob", "olga", "ines"}, 201, BAN),
    Address("post", IN + "suppression/lifts/", {*CONTROLLERS, "ines"}, 201, BAN),
    Address("get", IN + "nights/", READERS, 200),
    Address("post", IN + "nights/", {*CONTROLLERS, "adam"}, 202, {"business_date": "2026-07-01"}),
    Address("get", IN + "nights/{business_date}/", READERS, 200),
    Address("post", IN + "nights/{business_date}/stop/", {*CONTROLLERS, "adam", "bob", "olga"}, 202, {"reason": "odd"}),
    Address("get", IN + "alarms/", READERS, 200),
    Address("post", IN + "alarms/{id}/acknowledge/", {"bob", "olga"}, 200, QUIET),
    Address("get", IN + "canaries/", READERS, 200),
    Address("post", IN + "canaries/", EDITORS, 201, CANARY),
    Address("post", IN + "canaries/{id}/withdraw/", EDITORS, 200, {"reason": "no"}),
    Address("get", IN + "campaigns/", READERS, 200),
    Address("post", IN + "campaigns/", ESTIMATORS, 422, ESTIMATE),
    Address("get", IN + "campaigns/groups/", ESTIMATORS, 409, {"dataset": "nowhere"}),
    Address("get", IN + "campaigns/{number}/", READERS, 404),
    Address("post", IN + "campaigns/{number}/decide/", ESTIMATORS, 404, {"reason": "so", "digest": "0" * 64}),
    Address("post", IN + "campaigns/{number}/confirm/", ESTIMATORS, 404, {"reason": "so", "digest": "0" * 64}),
    Address("post", IN + "campaigns/{number}/refuse/", ESTIMATORS, 404, {"reason": "no"}),
    Address("post", IN + "campaigns/{number}/withdraw/", ESTIMATORS, 404, {"reason": "no"}),
    Address("get", IN + "campaigns/{number}/minutes/", READERS, 404),
    Address("get", IN + "lots/", READERS, 200),
    Address("get", IN + "lots/{id}/", READERS, 200),
    Address("get", IN + "lots/{id}/sample/", CONTROLLERS, 409),
    Address("post", IN + "lots/{id}/sample/", CONTROLLERS, 409, {"digest": "…", "right": [], "wrong": []}),
    Address("post", IN + "lots/{id}/approve/", CONTROLLERS, 200, {"digest": "…"}),
    Address("post", IN + "lots/{id}/reject/", CONTROLLERS, 200, {"reason": "wrong"}),
]


def ask(house: House, who: str | None, address: Address, slug: str = "testi"):
    codes = {"registers": "crm", "datasets": "crm-0", "record/": "ryhma", "mappings": "excel"}
    codes["notices"] = "uusi" if address == BRING else "seloste"
    path = address.path.format(
        slug=slug,
        code=next((code for part, code in codes.items() if part in address.path), ""),
        kind="subject_groups",
        passage="0001",
        number=1,
        rule="enintaan" if "ceilings" in address.path else "sopimus",
        business_date="2026-06-30",
        id=next((row.pk for part, row in house.rows.items() if part in address.path), house.lot.pk),
    )
    digest = house.lot.digest if "/lots/" in path else draft_digest(Organisation.objects.get(pk=house.testi.pk))
    body = address.body
    if isinstance(body, dict) and "digest" in body:
        body = {**body, "digest": digest}
    if path.endswith("/apply/"):
        path += f"?reason=new&digest={'0' * 64}"
    if isinstance(body, bytes):
        return house.client(who).post(path, body, content_type="application/octet-stream")
    if address.method == "put" and body is None:
        content = export_document(Organisation.objects.get(slug="testi"))
        return house.client(who).put(path, content, content_type="application/octet-stream")
    if address == BRING:
        return house.client(who).post(path, b"Nimi ja osoite.", content_type="application/octet-stream")
    if address.method == "delete":
        path += "?reason=gone"
    return getattr(house.client(who), address.method)(path, body)


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda a: f"{a.method} {a.path[len(IN) :]}")
@pytest.mark.parametrize("who", [*CAST, "charlie", "stranger", None])
def test_every_person_at_every_address(house, who, address):
    answer = ask(house, who, address)
    if who is None:
        assert answer.status_code == 401
    elif who in {"charlie", "stranger"}:
        assert answer.status_code == 404
    elif who in address.may:
        assert answer.status_code == address.answer, answer.content
    else:
        assert answer.status_code == 403
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda a: f"{a.method} {a.path[len(IN) :]}")
def test_another_organisation_does_not_exist(house, address):
    assert ask(house, "alice", address, slug="toinen").status_code == 404
    assert ask(house, "alice", address, slug="nowhere").status_code == 404


def test_a_row_of_another_organisation_does_not_exist_in_ones_own(house):
    charlie = User.objects.get(username="charlie")
    Membership.objects.create(user=charlie, organisation=house.other, role=Role.OWNER)  # may quieten alarms
    for address in ADDRESSES:
        if address.method == "put":  # what is put under a name comes to be there
            continue
        if "{" in address.path.removeprefix(IN).removeprefix("record/{kind}/") and address != BRING:
            assert ask(house, "charlie", address, slug="toinen").status_code == 404, address


def test_every_operation_stands_in_this_table():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    operations = {(method, path) for path, operations in schema["paths"].items() for method in operations}
    of_one_organisation = {(method, path) for method, path in operations if "{slug}" in path}
    assert of_one_organisation == {(address.method, address.path) for address in ADDRESSES}
    assert operations - of_one_organisation == {
        ("get", "/api/v1/"),
        ("get", "/api/v1/ready-made/"),
        ("get", "/api/v1/ready-made/{code}/"),
        ("get", "/api/v1/law/"),
        ("get", "/api/v1/law/{row}/"),
        ("get", "/api/v1/organisations/"),
        ("get", "/api/v1/tokens/"),
        ("post", "/api/v1/tokens/"),
        ("delete", "/api/v1/tokens/{key}/"),
    }


def test_everybody_sees_the_own_organisations_and_no_other(house):
    mine = {
        who: [(o["slug"], o["roles"]) for o in house.client(who).get("/api/v1/organisations/").json()["results"]]
        for who in ("alice", "ines", "charlie", "stranger")
    }
    assert mine == {
        "alice": [("testi", ["controller"])],
        "ines": [("testi", ["integrator"])],
        "charlie": [("toinen", ["controller"])],
        "stranger": [],
    }
    assert house.client(None).get("/api/v1/organisations/").status_code == 401
    assert house.client(None).get("/api/v1/").status_code == 401


def test_an_inactive_member_is_nobody(house, client):
    alice = User.objects.get(username="alice")
    sign_in(client, alice)
    assert client.get("/api/v1/organisations/testi/").status_code == 200
    alice.is_active = False
    alice.save()
    assert client.get("/api/v1/organisations/testi/").status_code == 401


@pytest.mark.parametrize(("who", "role"), [("bob", Role.CONTROLLER), ("alice", Role.DPO)])
def test_nobody_is_both_dpo_and_controller(house, who, role):
    person = User.objects.get(username=who)
    with pytest.raises(ValidationError):
        Membership.objects.create(user=person, organisation=house.testi, role=role)
    Membership.objects.create(user=person, organisation=house.other, role=role)
    Membership.objects.create(user=person, organisation=house.testi, role=Role.AUDITOR)
    assert Organisation.objects.filter(memberships__user=person, slug="testi").count() == 2
