"""Data flows: what the record says of recipients and countries, and that silence is not 'nothing'."""

from __future__ import annotations

import json
import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from retention.domain.evidence import canonical, sha256_hex
from ropa.models import Version
from tests.api.conftest import CAST
from tests.retention.company import NOW
from tests.web.test_pages import client, text
from web.flow_chart import MOST, flow_chart
from web.flows_told import flows_of

ADDRESS = "/o/testi/flows/"


def record(**lists) -> dict[str, Any]:
    """Two registers, an activity in each, and what is said of recipients."""
    return {
        "registers": [{"id": code, "name": {"fi": f"Rekisteri {code}"}} for code in ("crm", "posti")],
        "activities": [
            {"id": "hoito", "name": {"fi": "Hoito"}, "role": "controller"},
            {"id": "viestit", "name": {"fi": "Viestit"}, "role": "controller"},
        ],
        "datasets": [
            {"id": "a", "register": "crm", "activity": "hoito", "data_categories": ["yhteys"]},
            {"id": "b", "register": "posti", "activity": "viestit"},
        ],
        **lists,
    }


def recipient(code: str, **over) -> dict[str, Any]:
    return {"id": code, "name": {"fi": f"Saaja {code}"}, **over}


def transfer(status: str, **over) -> dict[str, Any]:
    return {"id": "siirto", "name": {"fi": "Siirto"}, "status": status, **over}


def activities(**said) -> list[dict[str, Any]]:
    return [{**one, **said} for one in record()["activities"]]


def publish(house, document: dict[str, Any]) -> None:
    last = house.testi.versions.order_by("-number")[0]
    content = canonical({**json.loads(last.snapshot), **document})
    Version.objects.create(
        organisation=house.testi,
        number=last.number + 1,
        in_force_from=date(2020, 1, 2),
        published_at=NOW,
        publisher="controller",
        snapshot=content.decode(),
        digest=sha256_hex(content),
    )


@pytest.mark.parametrize(
    ("over", "registers"),
    [
        ({"registers": ["posti"]}, ["posti"]),
        ({"activities": ["hoito"]}, ["crm"]),
        ({"activities": ["hoito", "viestit"], "registers": ["posti"]}, ["posti", "crm"]),
        ({"data_categories": ["yhteys"]}, ["crm"]),
        ({}, [""]),
        ({"registers": ["nowhere"]}, [""]),
    ],
)
def test_a_recipient_gets_data_from_where_the_record_says(over, registers):
    (flow,) = flows_of(record(recipients=[recipient("x", **over)])).flows
    assert flow.registers == registers


def test_what_only_an_activity_says_is_a_recipient_too_and_of_one_name_one():
    said = record(recipients=[recipient("x", registers=["posti"])])
    said["activities"] = activities(recipients={"value": [{"fi": "saaja X"}, {"fi": "Perintätoimisto"}]})
    assert [(one.name, one.registers) for one in flows_of(said).flows] == [
        ("Saaja x", ["posti", "crm"]),
        ("Perintätoimisto", ["crm", "posti"]),
    ]


@pytest.mark.parametrize(
    ("lists", "outside", "countries"),
    [
        ({}, "unsaid", []),
        ({"transfers": [transfer("not_stated")]}, "unsaid", []),
        ({"transfers": [transfer("none")]}, "no", []),
        ({"activities": activities(transfers={"none_because": {"fi": "ei siirretä"}})}, "no", []),
        ({"transfers": [transfer("yes", countries=["US", "IN"])]}, "yes", [("IN", "out"), ("US", "out")]),
        ({"transfers": [transfer("conditional", countries=["US"])]}, "yes", [("US", "perhaps")]),
        ({"transfers": [transfer("conditional")]}, "yes", [("", "perhaps")]),
        ({"transfers": [transfer("yes", countries=["SE"])]}, "yes", [("SE", "")]),
        (
            {
                "activities": activities(
                    transfers={"value": [{"country": "US", "safeguard": {"fi": "vakiolausekkeet"}}]}
                )
            },
            "yes",
            [("US", "out")],
        ),
    ],
)
def test_what_leaves_the_eea_is_said_as_it_is(lists, outside, countries):
    found = flows_of(record(recipients=[recipient("x")], **lists))
    assert found.outside == outside
    assert [(one.country, one.kind) for one in found.countries] == countries


def test_a_transfer_goes_by_the_recipients_that_it_names():
    said = record(
        recipients=[recipient("x"), recipient("y")],
        transfers=[transfer("yes", countries=["US"], recipients=["y"], safeguards=["scc"])],
    )
    x, y = flows_of(said).flows
    assert (x.abroad, [one.country for one in y.abroad]) == ([], ["US"])
    assert y.abroad[0].safeguards


def test_activities_of_which_nothing_is_said_are_named_and_a_reason_is_kept():
    said = record()
    said["activities"][0]["recipients"] = {"none_because": {"fi": "vain oma väki"}}
    found = flows_of(said)
    assert (list(found.nobody), list(found.unsaid)) == ([("Hoito", "vain oma väki")], ["Viestit"])
    assert not flows_of({**said, "recipients": [recipient("x")]}).unsaid
    said["activities"][1]["role"] = "processor"
    assert not flows_of(said).unsaid


def test_the_picture_has_every_name_and_line_and_nothing_overlaps():
    said = record(
        recipients=[recipient(f"{n}-pitkänimisempi-vastaanottajien-ryhmä", registers=["crm"]) for n in range(5)],
        transfers=[transfer("yes", countries=["US"], recipients=["1-pitkänimisempi-vastaanottajien-ryhmä"])],
    )
    chart = flow_chart(flows_of(said))
    assert chart is not None
    assert len(chart.nodes) == 1 + 5 + 1
    assert [one.kind for one in chart.curves].count("out") == 1
    assert len(chart.curves) == 6
    columns: dict[float, list[Any]] = {}
    for node in chart.nodes:
        columns.setdefault(node.x, []).append(node)
        assert 0 <= node.y <= node.y + node.height <= chart.height
        assert all(node.y < y < node.y + node.height for _line, y in node.lines)
    for nodes in columns.values():
        nodes.sort(key=lambda one: one.y)
        assert all(one.y + one.height < other.y for one, other in pairwise(nodes))


def test_too_much_for_a_picture_is_told_and_stands_in_the_table(house):
    publish(house, {"recipients": [recipient(f"n{n}") for n in range(MOST + 1)]})
    answer = client("bob").get(ADDRESS)
    assert 'id="flows-title"' not in answer.content.decode()
    assert "Yhteen kuvaan on liikaa" in text(answer)
    assert f"Saaja n{MOST}" in text(answer)


def test_the_page_says_the_finding_in_words_picture_and_table(house):
    publish(
        house,
        {
            "recipients": [recipient("x", role="processor", registers=["crm"]), recipient("y", registers=["crm"])],
            "transfers": [transfer("yes", countries=["US"], recipients=["x"], safeguards=["scc"])],
        },
    )
    answer = client("bob").get(ADDRESS)
    said = "2 vastaanottajaa saa tietoja 1 rekisteristä. Tietoja siirretään EU:n ja ETA:n ulkopuolelle: Yhdysvallat."
    assert said in text(answer)
    assert f'<title id="flows-title">{said}</title>' in answer.content.decode()
    assert "Saaja x henkilötietojen käsittelijä Rekisteri crm Yhdysvallat , EU:n ja ETA:n ulkopuolella" in text(answer)


def test_silence_is_told_as_silence(house):
    shown = text(client("bob").get(ADDRESS))
    assert "Selosteessa ei ole nimetty ketään, joka saa tietoja." in shown
    assert "Ei ilmene, siirretäänkö tietoja" in shown
    assert "Näistä ei ole sanottu mitään Hoito" in shown


def test_the_page_is_for_readers_and_of_one_organisation(house):
    publish(house, {"recipients": [recipient("x")]})
    assert client(None).get(ADDRESS)["Location"] == f"/login/?next={ADDRESS}"
    assert {client(name).get(ADDRESS).status_code for name in CAST} == {200, 403}
    assert client("ines").get(ADDRESS).status_code == 403
    assert client("charlie").get(ADDRESS).status_code == 404
    assert "Saaja x" not in text(client("charlie").get("/o/toinen/flows/"))
    assert "Mitään ei ole vielä julkaistu." in text(client("charlie").get("/o/toinen/flows/"))


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_names_are_never_markup_and_nothing_comes_from_outside(house, language):
    evil = {"fi": "<script>alert(1)</script>" + "<b>" * 12}
    publish(house, {"recipients": [{"id": "x", "name": evil, "condition": evil}]})
    content = client("bob", language).get(ADDRESS).content.decode()
    assert f'<html lang="{language}">' in content
    assert not re.search(r"<script|<b><b>|<style| style=|(src|href)=.(https?:)?//", content)
