"""A notice is brought as a file, and its passages are assigned by people, one by one."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.management import call_command
from django.utils import translation

from retention.inventory_document import export_document, read, warnings_of
from ropa.models import Organisation, Passage, SubjectGroup

IN = "/api/v1/organisations/testi/notices/"
TEXT = "Rekisteriin kuuluvat asiakkaat. Tietoja ei luovuteta EU:n ulkopuolelle.\nEtusivu\n"


@pytest.fixture
def bob(house):
    client = house.client("bob")
    answer = client.post(f"{IN}uusi/?name=Rekisteriseloste", TEXT.encode(), content_type="application/octet-stream")
    assert answer.status_code == 201
    return client


def passages(client):
    return {one["id"]: one for one in client.get(IN + "uusi/").json()["passages"]}


def assign(client, passage, seen, **said):
    return client.post(f"{IN}uusi/{passage}/", {"seen": seen, "reason": "read", **said})


def test_each_sentence_waits_and_the_import_says_so(house, bob):
    told = bob.get(IN + "uusi/").json()
    assert (told["held"], told["not_content"], told["open"]) == (0, 0, 3)
    assert [one["text"] for one in told["passages"]] == [
        "Rekisteriin kuuluvat asiakkaat.",
        "Tietoja ei luovuteta EU:n ulkopuolelle.",
        "Etusivu",
    ]
    assert "transfers" in told["passages"][1]["hints"]
    with translation.override("en"):
        warnings = warnings_of(read(export_document(Organisation.objects.get(slug="testi"))), date(2026, 11, 25))
    waiting = [one for one in warnings if "no place" in one.message]
    assert len(waiting) >= 3


def test_a_passage_is_held_is_no_content_or_waits_again(bob):
    first = passages(bob)["0001"]
    answer = assign(bob, "0001", first["seen"], held_in=["subject_groups[ryhma].name"])
    assert (answer.status_code, answer.json()["state"]) == (200, "held")
    assert assign(bob, "0003", passages(bob)["0003"]["seen"], not_content=True).json()["state"] == "not_content"
    told = bob.get(IN + "uusi/").json()
    assert (told["held"], told["not_content"], told["open"]) == (1, 1, 1)
    assert told["passages"][0]["id"] == "0002"
    assert assign(bob, "0001", answer.json()["seen"]).json()["state"] == "open"
    changes = Passage.objects.get(notice__code="uusi", code="0001").history.values_list(
        "history_change_reason", flat=True
    )
    assert list(changes[:2]) == ["dpo:bob: read"] * 2


def test_the_entry_that_a_passage_tells_is_made_in_the_same_step_or_not_at_all(bob):
    seen = passages(bob)["0001"]["seen"]
    new = {"kind": "subject_groups", "entry": {"id": "jasenet", "name": {"fi": "jäsenet"}}}
    wrong = assign(bob, "0001", seen, new=new, held_in=["subject_groups[jasenet].roles"])
    assert wrong.status_code == 422
    assert not SubjectGroup.objects.filter(code="jasenet").exists()
    right = assign(bob, "0001", seen, new=new, held_in=["subject_groups[jasenet].name"])
    assert (right.status_code, right.json()["held_in"]) == (200, ["subject_groups[jasenet].name"])
    assert SubjectGroup.objects.filter(code="jasenet").exists()
    taken = assign(bob, "0002", passages(bob)["0002"]["seen"], new=new, held_in=["subject_groups[jasenet].name"])
    assert taken.status_code == 422


def test_the_second_of_two_persons_is_told_and_overwrites_nothing(house, bob):
    seen = passages(bob)["0001"]["seen"]
    assert assign(bob, "0001", seen, held_in=["subject_groups[ryhma].name"]).status_code == 200
    late = assign(house.client("olga"), "0001", seen, not_content=True)
    assert (late.status_code, late.json()["type"].rsplit(":", 1)[-1]) == (409, "stale")
    assert passages(bob)["0001"]["state"] == "held"


def test_a_person_is_replaced_by_a_role(house):
    client = house.client("bob")
    text = "Testi Henkilö, puh. 040 000 0000"
    client.post(f"{IN}uusi/", text.encode(), content_type="application/octet-stream")
    (one,) = passages(client).values()
    assert one["may_name_a_person"] is True
    answer = assign(client, one["id"], one["seen"], role="toimitusjohtaja", held_in=["subject_groups[ryhma].name"])
    assert (answer.json()["text"], answer.json()["redacted"]) == ("[toimitusjohtaja]", True)
    before = Passage.objects.get(notice__code="uusi").history.values_list("text", flat=True)
    assert set(before) == {"[toimitusjohtaja]"}


def test_what_is_not_there_and_what_cannot_be_read(bob):
    assert bob.get(IN + "muu/").status_code == 404
    assert assign(bob, "9999", "x", not_content=True).status_code == 404
    again = bob.post(f"{IN}uusi/", b"Muuta.", content_type="application/octet-stream")
    assert again.status_code == 422
    scan = bob.post(f"{IN}kuva/", b"\x89PNG", content_type="application/octet-stream")
    assert (scan.status_code, scan.json()["errors"][0]["path"]) == (422, "file")


def test_the_command_reads_and_lists(house, tmp_path, capsys):
    file = tmp_path / "seloste.txt"
    file.write_text(TEXT, encoding="utf-8")
    call_command("onboard_notice", str(file), "--organisation", "testi", "--id", "komento", "--by", "dpo")
    assert "0 held in a field, 0 no inventory content, 3 waiting" in capsys.readouterr().out
    call_command("onboard_notice", "--organisation", "testi", "--id", "komento", "--list")
    assert "0003  Etusivu\n      open" in capsys.readouterr().out
