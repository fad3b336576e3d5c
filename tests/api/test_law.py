"""The law library over the API: rows, versions, who cites them, and coming changes."""

from __future__ import annotations

import pytest

from ropa.models import Ground

IN = "/api/v1/organisations/testi/law/"


def test_rows_of_a_day(house):
    client = house.client("alice")
    rows = client.get("/api/v1/law/", {"page_size": 200}).json()["results"]
    ids = {row["id"] for row in rows}
    assert "ACC-VOUCHER" in ids
    assert not {"WATER-CHARGES", "ELEC-METER-VALUES"} & ids
    rows = client.get("/api/v1/law/", {"page_size": 200, "as_of": "2020-01-01"}).json()["results"]
    assert "ELEC-METER-VALUES" in {row["id"] for row in rows}


def test_a_row_in_its_versions(house):
    client = house.client("alice")
    (row,) = client.get("/api/v1/law/ELEC-METER-VALUES/").json()
    assert (row["in_force_to"], row["successor"]) == ("2021-10-31", "ELEC-MARKET")
    assert client.get("/api/v1/law/NONE/").status_code == 404
    assert client.get("/api/v1/law/WATER-CHARGES/").status_code == 404


def test_what_cites_a_row(house):
    Ground.objects.filter(pk=Ground.objects.values_list("pk")[:1]).update(law="ELEC-METER-VALUES")
    client = house.client("alice")
    (found,) = client.get(IN + "citing/", {"law": "ELEC-METER-VALUES", "language": "en"}).json()["results"]
    assert found["state"] == "not_in_force"
    assert found["in_words"].endswith("ELEC-METER-VALUES is not in force")
    (change,) = client.get(IN + "changes/", {"as_of": "2021-10-31", "until": "2021-11-01"}).json()["results"]
    assert (change["path"], change["ends"], change["new"]) == (found["path"], True, "2027-10-31")


@pytest.mark.parametrize(
    "query",
    [{}, {"until": "soon"}, {"until": "2027-01-01", "colour": "blue"}, {"as_of": "2027-01-01", "until": "2027-01-01"}],
)
def test_a_question_that_makes_no_sense(house, query):
    assert house.client("alice").get(IN + "changes/", query).status_code == 400


def test_it_is_read_by_those_who_may(house, client):
    assert client.get("/api/v1/law/").status_code == 401
    assert client.get(IN + "citing/").status_code == 401
