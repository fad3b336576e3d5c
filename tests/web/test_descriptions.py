"""What a form says beside a field is tied to it: a hint and what is wrong are read out with the field."""

from __future__ import annotations

import pytest
from django.forms.models import model_to_dict
from lxml import html  # type: ignore[import-untyped]

from retention.inventory_document import edit_entry
from retention.models import Alarm
from ropa.kinds import KINDS
from tests.web.test_pages import PAGES, client
from tests.web.test_record_pages import PAGES as RECORD_PAGES

HOUSE = "/o/testi/"
BEGIN = ("library/", "begin/record/", "begin/notice/", "begin/document/")


def untied(answer) -> list[str]:
    """Hints and faults that belong to no field, and fields that name what is not there or is there twice."""
    page = html.fromstring(answer.content.decode())
    named = [one for told in page.xpath("//main//@aria-describedby") for one in told.split()]
    ids = page.xpath("//@id")
    hints = page.xpath("//main//form//*[contains(@class, 'hint') and not(ancestor::label)]")
    faults = page.xpath("//main//form//*[@aria-invalid='true']")
    return [
        *(one.text_content() for one in hints if one.get("id") not in named),
        *(f"{one} is there {ids.count(one)} times" for one in named if ids.count(one) != 1),
        *(f"{one.get('name')} says no fault" for one in faults if not _told_of(one)),
    ]


def _told_of(field) -> str:
    """What describes a field, or the group that it lies in."""
    return field.get("aria-describedby") or "".join(field.xpath("ancestor::fieldset/@aria-describedby"))


@pytest.mark.parametrize("at", [*PAGES, *RECORD_PAGES, *BEGIN, "estimates/", "paper/", "roles/", "person/"])
def test_what_stands_beside_a_field_is_tied_to_it(house, at):
    for name in ("alice", "olga", "adam"):
        answer = client(name, "en").get(f"{HOUSE}{at}")
        assert answer.status_code in (200, 403)
        assert untied(answer) == []


@pytest.mark.parametrize("kind", [one.name for one in KINDS])
def test_in_every_section_of_an_entry(house, kind):
    olga = client("olga", "en")
    for entry in olga.get(f"{HOUSE}record/{kind}/").context["rows"][:1]:
        address = f"{HOUSE}record/{kind}/{entry['code']}/"
        for section in olga.get(address).context["sections"]:
            assert untied(olga.get(f"{address}?edit={section['name']}")) == []
    wrong = olga.post(f"{HOUSE}record/{kind}/new/", {})
    assert wrong.status_code == 422
    assert untied(wrong) == []


@pytest.mark.parametrize(
    ("name", "at", "sent"),
    [
        ("adam", "connections/add/sql/", {"reason": ""}),
        ("adam", "connections/crm/", {"field-url": ""}),
        ("olga", "holds/", {"people": ""}),
        ("olga", "datasets/crm-0/grounds/sopimus/", {"do": "save", "number": "many", "review_by": "never"}),
        ("alice", "draft/publish/", {"in_force_from": "never"}),
        ("bob", "draft/advise/", {"stance": "advises_against"}),
        ("adam", "roles/", {"name": ""}),
        ("alice", "person/", {"number": ""}),
    ],
)
def test_so_is_what_is_wrong(house, name, at, sent):
    category = {"id": "tiedot", "name": {"fi": "Tiedot"}}
    edit_entry(house.testi, "data_categories", "tiedot", lambda _none: category, "dpo:bob", "So the draft differs")
    answer = client(name, "en").post(f"{HOUSE}{at}", sent)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert untied(answer) == []


def test_each_of_several_alarms_has_its_own(house):
    again = model_to_dict(house.alarm, exclude=["id", "organisation"])
    Alarm.objects.create(organisation=house.testi, **{**again, "thing": "another"})
    bob = client("bob", "en")
    assert untied(bob.get(f"{HOUSE}alarms/")) == []
    wrong = bob.post(f"{HOUSE}alarms/{house.alarm.pk}/acknowledge/", {})
    assert wrong.status_code == 422
    assert untied(wrong) == []
