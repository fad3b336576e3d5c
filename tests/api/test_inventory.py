"""The whole draft as a file, and what of it a caller may change: connections are an administrator's."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from retention.inventory_document import export_document
from retention.models import Connection
from ropa.models import Activity, Membership, Role

AT = "/api/v1/organisations/testi/inventory/"
FILE = "application/octet-stream"


def put(house, who, text):
    return house.client(who).put(f"{AT}?reason=korjaus", text.encode(), content_type=FILE)


def connections():
    return [(row.code, row.config["url"]) for row in Connection.objects.all()]


CHANGES = {
    "repointed": lambda text: text.replace("crm.sqlite3", "muu.sqlite3"),
    "deleted": lambda text: f"{text.partition('  vanha:')[0]}",
    "added": lambda text: f"{text}  uusi: {{kind: sql, config: {{url: 'sqlite:///uusi.sqlite3'}}}}\n",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("who", ["bob", "alice", "olga"])
def test_who_may_not_connect_changes_no_connection_by_a_whole_file(house, who, change):
    Connection.objects.create(organisation=house.testi, code="vanha", kind="sql", config={"url": "sqlite:///v.sqlite3"})
    before = export_document(house.testi)
    text = CHANGES[change](before).replace("fi: Hoito", "fi: Asiakkaiden hoito")
    answer = put(house, who, text)
    assert answer.status_code == 422
    code = {"repointed": "crm", "deleted": "vanha", "added": "uusi"}[change]
    assert [one["path"] for one in answer.json()["errors"]] == [f"connections[{code}]"]
    assert export_document(house.testi) == before


def test_where_it_leaves_the_connections_as_they_are_the_rest_is_the_draft(house):
    before = connections()
    answer = put(house, "bob", export_document(house.testi).replace("fi: Hoito", "fi: Asiakkaiden hoito"))
    assert answer.status_code == 200, answer.content
    assert Activity.objects.get().name == {"fi": "Asiakkaiden hoito"}
    assert connections() == before


def test_who_is_an_administrator_too_changes_them_by_it(house):
    olga = get_user_model().objects.get(username="olga")
    Membership.objects.create(user=olga, organisation=house.testi, role=Role.ADMINISTRATOR)
    answer = put(house, "olga", CHANGES["repointed"](export_document(house.testi)))
    assert answer.status_code == 200, answer.content
    assert connections() == [("crm", "sqlite:///muu.sqlite3")]
