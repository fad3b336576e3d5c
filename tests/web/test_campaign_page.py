"""Missing dates: a substitute is proposed, decided and confirmed by persons; what one may not do is neither offered
nor done."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from retention.counting import take_one
from retention.models import Campaign, CampaignGap, EvidenceEntry
from retention.models.counting import Counting
from ropa.models import Membership, Role
from tests.api.test_campaigns import crm  # noqa: F401  (a fixture)
from tests.factors import give_factor
from tests.web.forms import buttons, sent_back
from tests.web.test_log_in import found
from tests.web.test_pages import client, text
from web.places import calling

LIST = "/o/testi/estimates/"
GROUP = {"dataset": "crm-0", "event": "contract_ended", "cause": "no_date"}
NEW = f"{LIST}new/?dataset=crm-0&event=contract_ended&cause=no_date&same_day="
TOLD = {"day": "2020-12-31", "evidence": "Viimeinen lasku on vuodelta 2020.", "attachments": f"laskut.pdf {'a' * 64}"}


@pytest.fixture
def proposed(house, crm):  # noqa: F811
    """A campaign that ada has proposed."""
    answer = client("ada").post(f"{LIST}new/", {**GROUP, **TOLD})
    assert answer["Location"] == f"{LIST}1/", text(answer)
    return Campaign.objects.get()


def taken() -> str:
    """A worker reads what was asked for; why it could not."""
    found = take_one(timezone.now())
    assert found is not None
    return str(found.problem)


def answered(name: str, do: str, campaign: Campaign, reason: str = "Kirjanpito kertoo saman.", **over):
    told = {"do": do, "reason": reason, "root": campaign.root, **over}
    return client(name).post(f"{LIST}{campaign.number}/answer/", told)


def state() -> str:
    return Campaign.objects.get().state


@pytest.mark.parametrize("at", [LIST, f"{LIST}1/", f"{LIST}1/minutes/html/"])
def test_who_reads(house, proposed, at):
    assert client(None).get(at).status_code == 302
    assert {client(name).get(at).status_code for name in ("alice", "bob", "olga", "aino", "adam")} == {200}
    assert client("ines").get(at).status_code == 403
    assert client("charlie").get(at).status_code == 404


def test_another_organisations_campaign_does_not_exist_under_ones_own_address(house, proposed):
    for at in ("1/", "1/minutes/pdf/"):
        assert client("charlie").get(f"/o/toinen/estimates/{at}").status_code == 404
    answer = client("charlie").post("/o/toinen/estimates/1/answer/", {"do": "refuse", "reason": "x"})
    assert answer.status_code == 404
    assert state() == "proposed"


def test_groups_are_looked_for_when_asked_and_lead_to_a_proposal(house, crm):  # noqa: F811
    olga = client("olga")
    assert "odottavat päivämäärää" in text(olga.get(LIST))
    waits = text(olga.post(LIST, {"dataset": "crm-0"}, follow=True))
    assert "Rekistereitä luetaan." in waits  # nobody knows yet how much there is: a worker takes it
    page = olga.get(f"{LIST}?dataset=crm-0")
    assert found(r'<a href="([^"]+)">Päivitä nyt</a>', page) == f"{LIST}?dataset=crm-0"  # a fragment loads nothing anew
    assert taken() == ""
    shown = text(olga.get(f"{LIST}?dataset=crm-0"))
    assert "Rekisterit luettu" in shown
    assert "Perustiedot sopimuksen päättyminen: päivämäärä puuttuu 1 1" in shown
    assert "Ehdota korvaavaa päivää" in shown
    for name in ("bob", "aino"):
        assert client(name).post(LIST, {"dataset": "crm-0"}).status_code == 403
        page = client(name).get(f"{LIST}?dataset=crm-0")
        assert "Ehdota korvaavaa" not in text(page)
        assert 'value="look"' not in page.content.decode()
    assert "ei ole" in text(olga.post(LIST, {"dataset": "nothing"}, follow=True))


def test_of_many_datasets_the_name_is_written(house, crm, monkeypatch):  # noqa: F811
    monkeypatch.setattr("web.campaigns.CHOSEN", 0)
    olga = client("olga")
    assert "<select" not in olga.get(LIST).content.decode()
    answer = olga.post(LIST, {"dataset": "Perustiedot"})
    assert answer["Location"] == f"{LIST}?dataset=crm-0#groups"
    assert 'value="Perustiedot"' in olga.get(f"{LIST}?dataset=crm-0").content.decode()


def test_of_two_datasets_of_one_name_the_id_is_chosen(house, crm, monkeypatch):  # noqa: F811
    monkeypatch.setattr("web.campaigns._names", lambda _plan: {"crm-0": "Perustiedot", "crm-1": "Perustiedot"})
    monkeypatch.setattr("web.campaigns.CHOSEN", 0)
    olga = client("olga", "en")
    answer = olga.post(LIST, {"dataset": "Perustiedot"})
    assert answer.status_code == 422
    assert "Several datasets are called so: choose one." in text(answer)
    assert answer.context["datasets"] == [("crm-0", "Perustiedot (crm-0)"), ("crm-1", "Perustiedot (crm-1)")]
    assert not Counting.objects.exists()
    assert olga.post(LIST, {"dataset": "crm-0"})["Location"] == f"{LIST}?dataset=crm-0#groups"


def test_from_the_proposal_to_the_confirmation_by_three_persons(house, proposed):
    assert (proposed.items, proposed.state, proposed.attachments) == (
        1, "proposed", [{"name": "laskut.pdf", "sha256": "a" * 64}],
    )  # fmt: skip
    page = client("olga").get(f"{LIST}1/")
    assert "1 tietue." in text(page)
    assert buttons(page) == {"decide", "refuse", "withdraw"}
    sent = sent_back(page, "root")
    assert sent["root"] == proposed.root
    client("olga").post(f"{LIST}1/answer/", {**sent, "do": "decide", "reason": "Kirjanpito kertoo saman."})
    assert state() == "decided"
    for name in ("olga", "ada"):
        page = client(name).get(f"{LIST}1/")
        assert buttons(page) == {"refuse", "withdraw"}
        assert "toinen henkilö vahvistaa sen" in text(page)
        assert answered(name, "confirm", proposed).status_code == 409
    assert state() == "decided"
    assert "confirm" in buttons(client("alice").get(f"{LIST}1/"))
    answered("alice", "confirm", proposed)
    assert state() == "confirmed"
    said = list(Campaign.objects.get().events.values_list("what", "by"))
    assert said == [("proposed", "controller:ada"), ("decided", "owner:olga"), ("confirmed", "controller:alice")]
    assert buttons(client("alice").get(f"{LIST}1/")) == {"withdraw"}
    answered("olga", "withdraw", proposed, "Väärä päivä")
    assert state() == "withdrawn"
    assert not CampaignGap.objects.exists()
    assert buttons(client("olga").get(f"{LIST}1/")) == set()


def test_a_refusal_needs_a_reason_and_lets_the_group_go(house, proposed):
    answer = answered("olga", "refuse", proposed, " ")
    assert answer.status_code == 422
    assert state() == "proposed"
    answered("olga", "refuse", proposed, "Näyttö ei riitä.")
    assert state() == "refused"
    assert "Näyttö ei riitä." in text(client("aino").get(f"{LIST}1/"))


@pytest.mark.parametrize(("name", "status"), [("bob", 403), ("aino", 403), ("adam", 403), ("charlie", 404)])
def test_who_has_no_part_is_offered_nothing_and_can_do_nothing(house, proposed, name, status):
    for do in ("decide", "confirm", "refuse", "withdraw"):
        assert answered(name, do, proposed).status_code == status
    assert client(name).get(NEW).status_code == status
    assert client(name).post(f"{LIST}new/", {**GROUP, **TOLD}).status_code == status
    if status == 403:
        assert buttons(client(name).get(f"{LIST}1/")) == set()
    assert (state(), Campaign.objects.count()) == ("proposed", 1)


def test_a_dpo_who_is_an_owner_too_advises_and_decides_nothing(house, proposed):
    bob = User.objects.get(username="bob")
    Membership.objects.create(user=bob, organisation=house.testi, role=Role.OWNER)
    give_factor(bob)
    assert buttons(client("bob").get(f"{LIST}1/")) == set()
    answer = answered("bob", "decide", proposed)
    assert answer.status_code == 409
    assert "38 artiklan 6 kohta" in text(answer)
    page = client("bob").get(NEW.replace("no_date", "implausible"))
    assert "ei päätä" in text(page) or "eikä päätä" in text(page)
    assert client("bob").post(f"{LIST}new/", {**GROUP, "cause": "implausible", **TOLD}).status_code == 409
    assert state() == "proposed"


def test_of_a_double_click_one_counts_and_the_other_is_told(house, proposed):
    answered("olga", "decide", proposed)
    before = EvidenceEntry.objects.count()
    again = answered("olga", "decide", proposed)
    assert again.status_code == 409
    assert "odottaa vahvistusta" in text(again) or "vahvist" in text(again)
    assert EvidenceEntry.objects.count() == before
    twice = client("ada").post(f"{LIST}new/", {**GROUP, **TOLD})
    assert twice["Location"] == f"{LIST}1/"
    assert Campaign.objects.count() == 1


def test_another_root_than_was_looked_at_is_not_decided(house, proposed):
    answer = answered("olga", "decide", proposed, root="0" * 64)
    assert answer.status_code == 409
    assert "Kirjanpito kertoo saman.</textarea>" in answer.content.decode()
    assert state() == "proposed"
    assert answered("olga", "destroy", proposed).status_code == 404


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"day": ""}, "joko päivä tai toinen tapahtuma"),
        ({"by": "invoice_sent"}, "Valitse oikea vaihtoehto"),
        ({"day": "2999-01-01"}, "tulevaisuudessa"),
        ({"evidence": " "}, "vaaditaan"),
        ({"attachments": "laskut.pdf abc"}, "SHA-256"),
    ],
)
def test_what_is_wrong_in_a_proposal_is_said_beside_it_and_nothing_is_closed(house, crm, over, said):  # noqa: F811
    answer = client("olga").post(f"{LIST}new/", {**GROUP, **TOLD, **over})
    assert answer.status_code == 422
    assert said in text(answer)
    assert not Campaign.objects.exists()
    assert not CampaignGap.objects.exists()


def test_a_group_that_cannot_be_is_not_found(house, crm):  # noqa: F811
    for query in (
        "dataset=crm-0&event=x&cause=no_date",
        "dataset=x&event=contract_ended&cause=no_date",
        "dataset=crm-0&event=contract_ended&cause=x",
        "dataset=crm-0&event=contract_ended&cause=same_day&same_day=x",
    ):
        assert client("olga").get(f"{LIST}new/?{query}").status_code == 404
    consent = {**GROUP, "event": "consent_given", **TOLD}
    answer = client("olga").post(f"{LIST}new/", consent)
    assert answer.status_code == 422
    assert not Campaign.objects.exists()


def test_a_register_that_does_not_answer_is_told_and_nothing_is_closed(house):
    olga = client("olga")
    olga.post(LIST, {"dataset": "crm-0"})
    told = taken()
    assert told
    shown = text(olga.get(f"{LIST}?dataset=crm-0"))
    assert calling(told) in shown
    assert "Mikään luettu tietue ei odota" not in shown  # what was not read is not nothing
    assert olga.post(f"{LIST}new/", {**GROUP, **TOLD}).status_code == 409
    assert not Campaign.objects.exists()


def test_what_people_wrote_is_shown_as_text(house, crm):  # noqa: F811
    nasty = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    client("ada").post(f"{LIST}new/", {**GROUP, **TOLD, "evidence": nasty, "attachments": f"<b>x</b> {'a' * 64}"})
    campaign = Campaign.objects.get()
    answered("olga", "decide", campaign, nasty)
    for at in (LIST, f"{LIST}1/", f"{LIST}1/minutes/html/"):
        content = client("aino").get(at).content.decode()
        assert "<script" not in content
        assert "<img" not in content
        assert "<b>x" not in content


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_pages_and_minutes_in_every_language(house, proposed, language):
    for at in (LIST, f"{LIST}1/", f"{LIST}1/minutes/html/"):
        answer = client("olga", language).get(at)
        assert f'<html lang="{language}">' in answer.content.decode()
        if "minutes" not in at:
            assert " style=" not in answer.content.decode()
            assert "<script" not in answer.content.decode()
    assert client("aino").get(f"{LIST}1/minutes/pdf/").content.startswith(b"%PDF")
    assert client("aino").get(f"{LIST}1/minutes/exe/").status_code == 404
