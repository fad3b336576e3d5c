"""Rules, entries, the draft: what a form says is what the document says, nobody's change is lost, and who decides."""

from __future__ import annotations

import html
import json
import re
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from entrance import factors
from retention.inventory_document import edit_entry, edit_head, yaml_text
from retention.inventory_document.shape import schema
from retention.rule_impact import impact_of
from ropa.draft import document_of, entry_of, normalised, rows_of
from ropa.kinds import KINDS, kind_of
from ropa.law import library
from ropa.models import Dataset, Membership, Notice, Opinion, Role
from ropa.ready_made import ready_made
from ropa.services import draft_digest, publish
from ropa.wording import day_in_words
from samples.companies import companies
from samples.documents import whole
from tests.api.conftest import make_register
from tests.factors import give_factor, member
from tests.retention.company import NOW, TODAY
from tests.retention.test_rule_impact import company  # noqa: F401  (a fixture)
from tests.web.forms import sent_back
from tests.web.test_pages import client, text
from web import drafting
from web.entry_told import definition_of
from web.rule_form import CEILINGS, GROUNDS, RuleForm, from_law
from web.sections import sections_of
from web.slot_form import SlotForm, keys_of, slots_of
from web.slots import ChoiceSlot, ValuesSlot

RULE = "/o/testi/datasets/crm-0/grounds/sopimus/"
PAGES = (
    *("rules/", "draft/", "record/", "record/organisation/", "record/activities/", "record/registers/crm/"),
    *("record/activities/crm-hoito/", "record/datasets/crm-0/", "datasets/crm-0/grounds/sopimus/"),
)


def fields(answer) -> dict[str, str | list[str]]:
    """What a browser would send back of the page's one large form, untouched."""
    page = answer.content.decode()
    found: dict[str, str | list[str]] = {}
    for tag in re.findall(r"<input\b[^>]*>", page):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        kind, name = told.get("type", "text"), told.get("name")
        if not name or name in ("csrfmiddlewaretoken", "q", "remove_reason"):
            continue
        if kind in ("radio", "checkbox"):
            if " checked" in tag:
                before = found.get(name)
                found[name] = told["value"] if kind == "radio" else [*(before or []), told["value"]]
        else:
            found[name] = html.unescape(told.get("value", ""))
    for name, inner in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page, re.S):
        found[name] = html.unescape(inner)
    for name, inner in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inner)
        first = re.search(r'<option value="([^"]*)"', inner)
        picked = chosen or first
        found[name] = html.unescape(picked[1]) if picked is not None else ""
    return found


def of_draft(house, kind: str, code: str) -> dict[str, Any]:
    row = rows_of(kind_of(kind), house.testi).get(code=code)
    return entry_of(kind_of(kind), row)


@pytest.mark.parametrize("at", PAGES)
def test_who_reads_the_record_and_who_may_change_it(house, at):
    address = f"/o/testi/{at}"
    assert client(None).get(address).status_code == 302
    assert {client(name).get(address).status_code for name in ("alice", "bob", "olga", "aino", "adam")} == {200}
    assert client("ines").get(address).status_code == 403
    assert client("charlie").get(address).status_code == 404
    if at not in ("rules/", "draft/", "record/", "record/activities/"):
        assert client("aino").post(address, {"do": "save"}).status_code == 403
        assert client("charlie").post(address, {"do": "save"}).status_code == 404


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("at", PAGES)
def test_the_pages_read_in_every_language_and_take_nothing_from_outside(house, at, language):
    content = client("olga", language).get(f"/o/testi/{at}").content.decode()
    assert f'<html lang="{language}">' in content
    assert not re.search(r"<(script|link|img)[^>]*https?://", content)
    assert " style=" not in content
    assert " onclick" not in content


def test_a_rule_that_is_sent_back_untouched_stays_as_it_is(house):
    before = of_draft(house, "datasets", "crm-0")
    sent = {**fields(client("olga").get(RULE)), "do": "save", "change_reason": "Ei muutosta"}
    assert client("olga").post(RULE, sent).status_code == 302
    assert of_draft(house, "datasets", "crm-0") == before


def test_a_period_is_changed_in_the_draft_with_person_and_reason(house):
    sent = {**fields(client("olga").get(RULE)), "number": "5", "do": "save", "change_reason": "Hallituksen päätös"}
    assert client("olga").post(RULE, sent).status_code == 302
    ground = of_draft(house, "datasets", "crm-0")["grounds"][0]
    assert ground["period"] == "P5Y"
    row = Dataset.objects.get(code="crm-0").grounds.get()
    assert row.history.latest().history_change_reason == "owner:olga: Hallituksen päätös"
    shown = text(client("bob").get("/o/testi/draft/"))
    assert "Luonnoksessa on 1 muutos versioon 1 verrattuna." in shown
    assert "3 vuotta → 5 vuotta" in shown


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"change_reason": " "}, "Perustele muutos"),
        ({"number": ""}, "Kerro, kuinka kauan"),
        ({"number": "-1"}, "Kuinka kauan:"),
        ({"trigger": "nonsense"}, "Mistä tapahtumasta:"),
        ({"unit": "-", "number": ""}, "mihin mennessä tarve arvioidaan"),
    ],
)
def test_what_is_wrong_in_a_rule_is_said_beside_it_and_nothing_is_written(house, over, said):
    before = of_draft(house, "datasets", "crm-0")
    sent = {**fields(client("olga").get(RULE)), "do": "save", "change_reason": "Syy", **over}
    answer = client("olga").post(RULE, sent)
    assert answer.status_code == 422
    assert said in text(answer)
    assert of_draft(house, "datasets", "crm-0") == before


def test_of_two_who_change_a_rule_the_second_is_told_and_what_she_wrote_stands(house):
    hers = {**fields(client("bob").get(RULE)), "number": "7", "do": "save", "change_reason": "Toinen"}
    his = {**fields(client("olga").get(RULE)), "number": "5", "do": "save", "change_reason": "Ensimmäinen"}
    assert client("olga").post(RULE, his).status_code == 302
    answer = client("bob").post(RULE, hers)
    assert answer.status_code == 409
    assert "5 vuotta sopimuksen päättymisestä" in text(answer)
    again = {**fields(answer), "do": "save"}
    assert (again["number"], again["change_reason"]) == ("7", "Toinen")
    assert of_draft(house, "datasets", "crm-0")["grounds"][0]["period"] == "P5Y"
    assert client("bob").post(RULE, again).status_code == 302
    assert of_draft(house, "datasets", "crm-0")["grounds"][0]["period"] == "P7Y"


def test_a_rule_is_written_as_a_statute_says_and_what_differs_is_told(house):
    new = "/o/testi/datasets/crm-0/grounds/new/"
    sent = {**fields(client("olga").get(new)), "law": "ACC-VOUCHER", "do": "take"}
    taken = fields(client("olga").post(new, sent))
    assert (taken["number"], taken["unit"], taken["rounding"], taken["kind"]) == (
        "6",
        "Y",
        "end_of_calendar_year_of_financial_year",
        "obligation",
    )
    shorter = client("olga").post(new, {**taken, "number": "4", "do": "told"}, headers={"HX-Request": "true"})
    assert "Se poikkeaa säädöksestä: määräaika." in text(shorter)
    assert "<html" not in shorter.content.decode()
    refused = client("olga").post(new, {**taken, "do": "save", "change_reason": "Tositteet"})
    assert refused.status_code == 422  # nothing tells the date of a voucher here: it would never be due
    told = {**taken, "trigger": "contract_ended", "do": "save", "change_reason": "Tositteet"}
    assert client("olga").post(new, told).status_code == 302
    added = of_draft(house, "datasets", "crm-0")["grounds"][1]
    assert (added["id"], added["law"], added["period"]) == ("acc-voucher", "ACC-VOUCHER", "P6Y")
    assert added["status"] == "proposed"


def _proposed(house, number: int) -> list[str]:
    """So many proposed reasons to keep in the draft; the boxes that the controller is shown for them."""
    entry = of_draft(house, "datasets", "crm-0")
    (rule,) = entry["grounds"]
    rules = [{**rule, "status": "proposed"}, {**rule, "id": "toinen", "period": "P3Y", "status": "proposed"}][:number]
    edit_entry(
        house.testi, "datasets", "crm-0", lambda now: {**(now or {}), "grounds": rules}, "owner:olga", "uusi ehdotus"
    )
    return re.findall(r'name="rule" value="([^"]+)"', client("alice").get("/o/testi/rules/").content.decode())


def test_the_controller_confirms_several_proposed_rules_at_once(house):
    boxes = _proposed(house, 2)
    assert len(boxes) == 2
    before = draft_digest(house.testi)
    for who, sent in (("alice", {"rule": boxes}), ("alice", {"reason": "Luettu"})):
        client(who).post("/o/testi/rules/", sent)
        assert draft_digest(house.testi) == before
    assert client("bob").post("/o/testi/rules/", {"rule": boxes, "reason": "x"}).status_code == 403
    assert 'name="rule"' not in client("bob").get("/o/testi/rules/").content.decode()
    answer = client("alice").post("/o/testi/rules/", {"rule": boxes[1:], "reason": "Luettu"}, follow=True)
    assert "vahvistettu luonnoksessa" in text(answer)
    left = re.findall(r'name="rule" value="([^"]+)"', answer.content.decode())
    assert left == boxes[:1]
    assert [one["status"] for one in of_draft(house, "datasets", "crm-0")["grounds"]] == ["proposed", "confirmed"]


def test_chosen_rules_stay_chosen_where_the_reason_was_forgotten(house):
    boxes = _proposed(house, 2)
    address = "/o/testi/rules/?q=crm&page=1"
    answer = client("alice").post(address, {"rule": boxes[1:], "reason": ""})
    assert answer.status_code == 422
    assert "valitse säännöt" in text(answer).lower()
    assert sent_back(answer, "rule") == {"rule": boxes[1], "reason": ""}
    unchosen = client("alice").post(address, {"reason": "Luettu"})
    assert sent_back(unchosen, "rule") == {"reason": "Luettu"}
    done = client("alice").post(address, {"rule": boxes[1:], "reason": "Luettu"})
    assert (done.status_code, done["Location"]) == (302, address)


def test_a_rule_that_was_changed_since_it_was_shown_is_not_confirmed(house):
    boxes = _proposed(house, 1)
    dataset, where, code, _shown = boxes[0].split("/")
    entry = of_draft(house, "datasets", dataset)
    longer = [{**one, "period": "P9Y"} if one["id"] == code else one for one in entry[where]]
    edit_entry(house.testi, "datasets", dataset, lambda now: {**(now or {}), where: longer}, "owner:olga", "pidempi")
    answer = client("alice").post("/o/testi/rules/", {"rule": boxes, "reason": "Luettu"}, follow=True)
    assert "joku on muuttanut" in text(answer)
    (rule,) = [one for one in of_draft(house, "datasets", dataset)[where] if one["id"] == code]
    assert rule["status"] == "proposed"


@pytest.mark.parametrize(
    "box", ["", "x", "crm-0/grounds", "crm-0/grounds/olematon/", "crm-0/steps/a/b", "nope/grounds/a/b"]
)
def test_a_box_that_nobody_was_shown_confirms_nothing(house, box):
    before = draft_digest(house.testi)
    assert client("alice").post("/o/testi/rules/", {"rule": box, "reason": "Luettu"}).status_code in (302, 422)
    assert draft_digest(house.testi) == before


@pytest.mark.parametrize("law", ["DEBT-OPEN", "ACC-VOUCHER"])
def test_what_a_statute_counts_from_stays_in_the_slot_when_it_is_saved(house, law):
    new = "/o/testi/datasets/crm-0/grounds/new/"
    taken = fields(client("olga").post(new, {**fields(client("olga").get(new)), "law": law, "do": "take"}))
    answer = client("olga").post(new, {**taken, "do": "save", "change_reason": "Laki"})
    shown = fields(answer)
    assert "ei ole vaihtoehtojen joukossa" not in text(answer)  # what nobody tells is refused for that, and stands
    assert shown["trigger"] == taken["trigger"]
    expected = from_law(library(house.testi.day_of(timezone.now()))[law])["trigger"]
    assert taken["trigger"] == (expected if isinstance(expected, str) else json.dumps(expected, sort_keys=True))


def test_several_events_that_no_statute_has_are_no_choice(house):
    new = "/o/testi/datasets/crm-0/grounds/new/"
    sent = {**fields(client("olga").get(new)), "trigger": '{"latest_of": ["recorded", "occurred"]}'}
    answer = client("olga").post(new, {**sent, "do": "save", "change_reason": "x"})
    assert answer.status_code == 422
    assert len(of_draft(house, "datasets", "crm-0")["grounds"]) == 1


def test_a_statute_is_found_by_words_of_its_text(house):
    sent = {**fields(client("olga").get(RULE)), "q": "tositteet kirjanpitolaki", "do": "find"}
    found = text(client("olga").post(RULE, sent, headers={"HX-Request": "true"}))
    assert "kirjanpitolaki" in found
    assert "sähköisen viestinnän" not in found


def test_a_duty_that_a_longest_time_cuts_is_a_conflict_while_one_types(house):
    new = "/o/testi/datasets/crm-0/grounds/new/"
    sent = {
        **fields(client("olga").get(new)),
        **{"kind": "obligation", "number": "11", "trigger": "contract_started", "do": "told"},
    }
    answer = client("olga").post(new, sent, headers={"HX-Request": "true"})
    assert "Ristiriita: laki vaatii" in text(answer)
    longer = client("olga").post(new, {**sent, "number": "9"}, headers={"HX-Request": "true"})
    assert "Ristiriita" not in text(longer)


def test_the_effect_is_counted_on_the_real_register_before_anything_is_saved(company):  # noqa: F811
    member(company, "olga", Role.OWNER)
    before = document_of(company)
    rule = "/o/testi/datasets/asiakastiedot/grounds/vaateet/"
    sent = {**fields(client("olga").get(rule)), "number": "1", "do": "effect"}
    with pytest.MonkeyPatch.context() as patch:
        noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=timezone.get_current_timezone())
        patch.setattr(timezone, "now", lambda: noon)
        answer = client("olga").post(rule, sent)
        shown = text(answer)
        changed = json.loads(json.dumps(before))
        entry = next(one for one in changed["datasets"] if one["id"] == "asiakastiedot")
        next(one for one in entry["grounds"] if one["id"] == "vaateet")["period"] = "P1Y"
        expected = next(one for one in impact_of(company, TODAY, changed).effects if one.dataset == "asiakastiedot")
    assert answer.status_code == 200
    assert expected.gained > 0
    assert f"{expected.gained} tietuetta poistuu aikaisemmin" in shown
    assert document_of(company) == before
    assert company.impacts.count() == 0


def test_the_effect_of_a_register_that_does_not_answer_is_not_known(company, data_dir):  # noqa: F811
    member(company, "olga", Role.OWNER)
    (data_dir / "registers" / "crm.sqlite3").unlink()
    rule = "/o/testi/datasets/asiakastiedot/grounds/vaateet/"
    sent = {**fields(client("olga").get(rule)), "number": "1", "do": "effect"}
    assert "vaikutusta ei tiedetä" in text(client("olga").post(rule, sent))


def test_a_rule_is_taken_out_with_a_reason_only(house):
    shown = fields(client("olga").get(RULE))
    assert client("olga").post(RULE, {"do": "remove", "seen": shown["seen"], "remove_reason": ""}).status_code == 302
    assert len(of_draft(house, "datasets", "crm-0")["grounds"]) == 1
    client("olga").post(RULE, {"do": "remove", "seen": shown["seen"], "remove_reason": "Ei tarvita"})
    assert of_draft(house, "datasets", "crm-0").get("grounds", []) == []


def test_an_opinion_and_the_publication_name_the_draft_that_was_looked_at(house):
    sent = {**fields(client("olga").get(RULE)), "number": "5", "do": "save", "change_reason": "Pidempi"}
    client("olga").post(RULE, sent)
    old = draft_digest(house.testi)
    assert client("alice").post("/o/testi/draft/advise/", {"digest": old, "stance": "supports"}).status_code == 403
    assert client("bob").post("/o/testi/draft/publish/", {"digest": old}).status_code == 403
    refused = client("bob").post("/o/testi/draft/advise/", {"digest": old, "stance": "advises_against"})
    assert refused.status_code == 422
    assert client("bob").post("/o/testi/draft/advise/", {"digest": old, "stance": "supports"}).status_code == 302
    assert Opinion.objects.get().digest == old
    client("olga").post(
        RULE, {**fields(client("olga").get(RULE)), "number": "6", "do": "save", "change_reason": "Taas"}
    )
    today = house.testi.day_of(timezone.now()).isoformat()
    late = client("alice").post(
        "/o/testi/draft/publish/", {"digest": old, "in_force_from": today, "reason": "Uusi aika", "opinion_reason": "x"}
    )
    assert late.status_code == 409
    assert "mitään ei päätetty" in text(late)
    now = draft_digest(house.testi)
    waits = client("alice").post(
        "/o/testi/draft/publish/", {"digest": now, "in_force_from": today, "reason": "Uusi aika"}
    )
    assert waits.status_code == 422
    assert house.testi.versions.count() == 1
    done = client("alice").post(
        "/o/testi/draft/publish/",
        {"digest": now, "in_force_from": today, "reason": "Uusi aika", "opinion_reason": "Kiire"},
    )
    assert done.status_code == 302
    assert house.testi.versions.order_by("-number").first().publisher == "controller:alice"
    assert "Luonnos on sama kuin versio 2." in text(client("bob").get("/o/testi/draft/"))


def test_a_dataset_that_is_purged_from_now_on_says_how_much_the_first_night_takes(company):  # noqa: F811
    """Its rules are the same, so nothing of it goes earlier or later: what is due goes at all."""
    member(company, "alice", Role.CONTROLLER)
    assert _with_mode(company, "observe")
    publish(company, TODAY, NOW, "controller:x", opinion_reason="x")
    assert _with_mode(company, "purge")
    with pytest.MonkeyPatch.context() as patch:
        noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=timezone.get_current_timezone())
        patch.setattr(timezone, "now", lambda: noon)
        client("alice").post("/o/testi/draft/count/")
        shown = text(client("alice").get("/o/testi/draft/"))
    (one,) = [row for row in impact_of(company, TODAY).effects if row.dataset == "asiakastiedot"]
    due = one.states[1]["due"]
    assert due > 0
    assert f"Tämän luonnoksen mukainen ensimmäinen yöajo voi poistaa {due} tietue" in shown
    assert "vain seurataan → poistetaan" in shown


def _with_mode(company, mode: str) -> bool:  # noqa: F811
    def change(entry):
        return {**entry, "policy": {**(entry.get("policy") or {}), "mode": mode}}

    edit_entry(company, "datasets", "asiakastiedot", change, "controller:x", "toimintatapa")
    return bool(of_draft(SimpleNamespace(testi=company), "datasets", "asiakastiedot")["policy"]["mode"] == mode)


def test_what_shortens_is_approved_by_one_and_published_by_another(company):  # noqa: F811
    for name in ("alice", "ada"):
        member(company, name, Role.CONTROLLER)
    rule = "/o/testi/datasets/asiakastiedot/grounds/vaateet/"
    client("alice").post(
        rule, {**fields(client("alice").get(rule)), "number": "1", "do": "save", "change_reason": "Lyhyempi"}
    )
    page = client("alice").get("/o/testi/draft/")
    assert "säilytysaika lyhenee" in text(page)
    assert "draft/approve/" not in page.content.decode()  # its effect is counted first
    assert client("alice").post("/o/testi/draft/count/").status_code == 302
    sent = {"digest": draft_digest(company), "impact": company.impacts.get().digest}
    assert "Hyväksy tämä luonnos" in text(client("alice").get("/o/testi/draft/"))
    client("alice").post("/o/testi/draft/approve/", sent)
    today = company.day_of(timezone.now()).isoformat()
    own = client("alice").post("/o/testi/draft/publish/", {**sent, "in_force_from": today, "reason": "Lyhyempi aika"})
    assert own.status_code == 422
    assert company.versions.count() == 1
    assert (
        client("ada")
        .post("/o/testi/draft/publish/", {**sent, "in_force_from": today, "reason": "Lyhyempi aika"})
        .status_code
        == 302
    )
    version = company.versions.order_by("-number").first()
    assert (version.publisher, version.approval["by"]) == ("controller:ada", "controller:alice")


def test_a_version_whose_day_has_not_come_is_taken_back_with_a_reason(house):
    client("olga").post(
        RULE, {**fields(client("olga").get(RULE)), "number": "5", "do": "save", "change_reason": "Pidempi"}
    )
    later = (house.testi.day_of(timezone.now()) + timedelta(days=9)).isoformat()
    sent = {"digest": draft_digest(house.testi), "in_force_from": later, "opinion_reason": "Kiire"}
    assert client("alice").post("/o/testi/draft/publish/", {**sent, "reason": " "}).status_code == 422
    assert house.testi.versions.count() == 1
    sent["reason"] = "Uusi aika"
    client("alice").post("/o/testi/draft/publish/", sent)
    client("alice").post("/o/testi/versions/2/withdraw/", {"reason": ""})
    assert house.testi.versions.standing().count() == 2
    client("alice").post("/o/testi/versions/2/withdraw/", {"reason": "Virhe"})
    assert house.testi.versions.standing().count() == 1


def test_every_section_that_is_sent_back_untouched_leaves_its_entry_as_it_was(house):
    for kind in KINDS:
        for row in rows_of(kind, house.testi):
            before = entry_of(kind, row)
            for section in sections_of(kind.name, before):
                if not section.keys:
                    continue
                here = f"/o/testi/record/{kind.name}/{row.code}/"
                shown = client("olga").get(here, {"edit": section.name})
                sent = {**fields(shown), "section": section.name, "change_reason": "Ei muutosta"}
                assert client("olga").post(here, sent).status_code == 302, (kind.name, section.name)
            assert of_draft(house, kind.name, row.code) == before


def _entries():
    for one in companies():
        document = normalised(whole(one, yaml_text.parse))
        for kind in KINDS:
            for entry in document.get(kind.name) or ():
                yield kind.name, entry


def test_every_entry_of_the_samples_goes_through_its_form_unchanged():
    tried = 0
    for kind, entry in _entries():
        for section in sections_of(kind, entry):
            definition = "purpose" if section.child else definition_of(kind)
            slots = slots_of(definition, section.keys, lambda name: [], (kind,))
            said = section.of(entry)
            form = SlotForm(None, slots, said)
            sent = {name: _as_sent(form, name) for name in form.fields}
            again = SlotForm(
                {**sent, "change_reason": "x"}, slots_of(definition, section.keys, lambda name: [], (kind,)), said
            )
            assert again.is_valid(), (kind, entry["id"], section.name, again.errors)
            assert section.put(entry, again.changed(said)) == entry or _alike(again.changed(said), said), (
                kind,
                entry["id"],
            )
            tried += 1
    assert tried > 200


def _as_sent(form, name):
    value = form[name].value()
    return [] if value is None and "Multiple" in type(form.fields[name]).__name__ else ("" if value is None else value)


def _alike(one, other) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_every_key_of_every_kind_has_a_slot_on_its_page():
    for kind in KINDS:
        here = {key for section in sections_of(kind.name, {}) for key in section.keys}
        elsewhere = {"purposes", "grounds", "ceilings", "passages", "addition"}
        assert set(keys_of(definition_of(kind.name))) - elsewhere <= here, kind.name
    assert schema()["properties"]["registers"]


def test_every_choice_of_a_form_has_words():
    bare: list[tuple[tuple[str, ...], str]] = []

    def look(slot: Any) -> None:
        if isinstance(slot, ChoiceSlot):
            bare.extend((slot.within, code) for code, name in slot.choices if code == name)
        for one in (*getattr(slot, "slots", ()), *getattr(slot, "rows", ()), getattr(slot, "inner", None)):
            look(one) if one is not None else None

    with translation.override("fi"):
        for definition, within in [*((definition_of(one.name), one.name) for one in KINDS), ("organisation",) * 2]:
            for slot in slots_of(definition, keys_of(definition), lambda _kind: [], (within,)):
                look(slot)
    assert bare == []


def test_what_is_typed_and_left_unsaid_is_not_thrown_away(house):
    here = "/o/testi/record/activities/crm-hoito/"
    page = client("olga").get(here, {"edit": "recipients"})
    sent = {**fields(page), "section": "recipients", "change_reason": "Kartoitus", "recipients-value-fi": "posti"}
    sent.pop("recipients-said", None)
    refused = client("olga").post(here, sent)
    assert refused.status_code == 422
    assert "Valitse jompikumpi." in text(refused)
    assert fields(refused)["recipients-value-fi"] == "posti"
    assert "recipients" not in of_draft(house, "activities", "crm-hoito")


def test_a_value_typed_under_none_is_not_thrown_away(house):
    here = "/o/testi/record/activities/crm-hoito/"
    page = client("olga").get(here, {"edit": "recipients"})
    sent = {**fields(page), "section": "recipients", "change_reason": "Kartoitus", "recipients-value-fi": "posti"}
    sent |= {"recipients-said": "none", "recipients-none-fi": "Ei luovuteta"}
    assert client("olga").post(here, sent).status_code == 422
    assert client("olga").post(here, {**sent, "recipients-value-fi": ""}).status_code == 302


def test_a_fault_does_not_hide_that_somebody_else_was_there_meanwhile(house):
    here = "/o/testi/record/registers/crm/"
    sent = {**fields(client("olga").get(here, {"edit": "what"})), "section": "what", "name-fi": "Minun"}
    edit_entry(house.testi, "registers", "crm", lambda now: {**(now or {}), "name": {"fi": "Hänen"}}, "owner:x", "y")
    faulty = client("olga").post(here, sent)  # no reason is given
    assert faulty.status_code == 422
    again = {**fields(faulty), "section": "what", "change_reason": "Nimi"}
    assert client("olga").post(here, again).status_code == 409
    assert of_draft(house, "registers", "crm")["name"] == {"fi": "Hänen"}


def test_who_is_dpo_and_owner_confirms_as_the_owner(house):
    boxes = _proposed(house, 1)
    bob = User.objects.get(username="bob")
    Membership.objects.create(user=bob, organisation=house.testi, role=Role.OWNER)
    if not factors.has(bob):
        give_factor(bob)
    client("bob").post("/o/testi/rules/", {"rule": boxes, "reason": "Luettu"})
    assert [one["status"] for one in of_draft(house, "datasets", "crm-0")["grounds"]] == ["confirmed"]


def test_an_id_that_is_emptied_stays(house):
    source = {
        "id": "omat",
        "subject_kind": "customer",
        "place": "sopimus",
        "subject": "nro",
        "contract": "s",
        "ended": "e",
    }
    edit_entry(house.testi, "registers", "crm", lambda now: {**(now or {}), "ledger": [source]}, "owner:x", "y")
    here = "/o/testi/record/registers/crm/"
    sent = {**fields(client("olga").get(here, {"edit": "reach"})), "section": "reach", "change_reason": "x"}
    assert client("olga").post(here, {**sent, "ledger-0-id": ""}).status_code == 302
    assert of_draft(house, "registers", "crm")["ledger"] == [source]


def test_chosen_words_stay_in_their_order(house):
    slot = ChoiceSlot("media", "media", choices=[("a", "A"), ("b", "B"), ("c", "C")], several=True)
    slot.initial(["c", "a"])
    assert slot.value({"media": ["a", "b", "c"]}) == ["c", "a", "b"]
    assert slot.value({"media": ["b"]}) == ["b"]


def test_a_change_that_is_committed_behind_a_newer_one_is_another_state(house):
    before = drafting._state()
    row = Dataset.history.latest("history_id")
    row.history_id = -1
    row.save(force_insert=True)
    assert drafting._state() != before


def test_what_is_published_for_a_day_ahead_is_no_mere_draft(house):
    today = house.testi.day_of(timezone.now())
    edit_entry(
        house.testi, "registers", "crm", lambda now: {**(now or {}), "name": {"fi": "Muu"}}, "owner:olga", "nimi"
    )
    head = {"financial_year_end": "06-30"}
    edit_head(house.testi, lambda now: {**now, **head}, "owner:olga", "tilikausi")
    sent = {**fields(client("olga").get(RULE)), "number": "9", "do": "save", "change_reason": "Pidempi"}
    client("olga").post(RULE, sent)
    changed = ("/o/testi/record/registers/crm/", "/o/testi/record/organisation/", RULE)
    olga = client("olga", "en")
    for page in changed:
        assert "Draft Nothing of it is carried out" in text(olga.get(page))
    publish(house.testi, today + timedelta(days=9), timezone.now(), "controller:alice", opinion_reason="x")
    coming = day_in_words(today + timedelta(days=9), "en").replace("\u00a0", " ")
    for page in changed:
        assert f"Comes into force on {coming} The published version 2 says the same." in text(olga.get(page))
    assert "In force Version 1 says the same." in text(olga.get("/o/testi/record/activities/crm-hoito/"))
    assert f"the same as version 2, which comes into force on {coming}" in text(olga.get("/o/testi/draft/"))


def test_before_the_first_day_the_pages_say_when_it_is(house):
    member(house.other, "maria", Role.DPO)
    maria, at = client("maria", "en"), house.other.day_of(timezone.now()) + timedelta(days=3)
    assert "Nothing is published yet." in text(maria.get("/o/toinen/registers/"))
    make_register(house.other, "crm")
    publish(house.other, at, timezone.now(), "controller:charlie", opinion_reason="x")
    coming = day_in_words(at, "en").replace("\u00a0", " ")
    for page in ("registers/", "flows/", "person/", "reports/"):
        assert f"Version 1 is published and comes into force on {coming}." in text(maria.get(f"/o/toinen/{page}"))


def test_an_entry_that_the_version_in_force_has_too_is_no_mere_draft(house):
    here = "/o/testi/record/registers/crm/"
    assert "Voimassa oleva versio 1 on tältä osin samansisältöinen." in text(client("olga").get(here))
    edit_entry(
        house.testi, "registers", "crm", lambda now: {**(now or {}), "name": {"fi": "Muu"}}, "owner:olga", "nimi"
    )
    assert "Tätä ei noudateta" in text(client("olga").get(here))


def test_a_refused_entry_of_a_list_is_opened_and_named(house):
    here = "/o/testi/record/registers/crm/"
    page = client("olga").get(here, {"edit": "reach"})
    at = f"ledger-{len(of_draft(house, 'registers', 'crm').get('ledger') or ())}"
    sent = {**fields(page), "section": "reach", "change_reason": "x", f"{at}-place": "sopimus"}
    refused = client("olga").post(here, sent)
    assert refused.status_code == 422
    assert "Sopimus- ja tapahtumatiedot, sopimus › Rekisteröityjen laji: puuttuu" in text(refused)
    assert '<details class="slot entry" open><summary>' in refused.content.decode()


def test_none_because_is_a_full_answer_and_an_empty_one_is_not(house):
    here = "/o/testi/record/activities/crm-hoito/"
    sent = {
        **fields(client("olga").get(here, {"edit": "transfers"})),
        "section": "transfers",
        "change_reason": "Kartoitus",
    }
    assert client("olga").post(here, {**sent, "transfers-said": "none"}).status_code == 422
    answer = client("olga").post(here, {**sent, "transfers-said": "none", "transfers-none-fi": "Kaikki on Suomessa"})
    assert answer.status_code == 302
    assert of_draft(house, "activities", "crm-hoito")["transfers"] == {"none_because": {"fi": "Kaikki on Suomessa"}}
    assert "Ei ole, koska Kaikki on Suomessa" in text(client("olga").get(here))


def test_who_tells_of_contracts_is_said_in_fields_and_gets_an_id_from_its_place(house):
    here = "/o/testi/record/registers/crm/"
    page = client("olga").get(here, {"edit": "reach"})
    sent = {**fields(page), "section": "reach", "change_reason": "Kartoitus"}
    at = f"ledger-{len(of_draft(house, 'registers', 'crm').get('ledger') or ())}"
    told = {
        f"{at}-subject_kind": "customer",
        f"{at}-via": "collect",
        f"{at}-place": "Sopimukset 2",
        f"{at}-subject": "asiakasnro",
        f"{at}-contract": "sopimusnro",
        f"{at}-ended": "paattyi",
        f"{at}-closed-column": "tila",
        f"{at}-closed-values": 'loppu\n9\n"9"\ntrue',
        f"{at}-events": "Tositteen päiväys = laskupvm\ndebt_due = erapvm",
    }
    assert client("olga").post(here, {**sent, **told}).status_code == 302
    assert of_draft(house, "registers", "crm")["ledger"][-1] == {
        "id": "sopimukset-2",
        "subject_kind": "customer",
        "via": "collect",
        "place": "Sopimukset 2",
        "subject": "asiakasnro",
        "contract": "sopimusnro",
        "ended": "paattyi",
        "closed": {"column": "tila", "values": ["loppu", 9, "9", True]},
        "events": {"invoice_dated": "laskupvm", "debt_due": "erapvm"},
    }
    again = {**fields(client("olga").get(here, {"edit": "reach"})), "section": "reach", "change_reason": "Pois"}
    emptied = {name: "" for name in again if name.startswith(f"{at}-")}
    assert client("olga").post(here, {**again, **emptied}).status_code == 302
    assert "sopimukset-2" not in [one["id"] for one in of_draft(house, "registers", "crm").get("ledger") or ()]


@pytest.mark.parametrize("value", ["x", "9", "true", '"', "007", "-1", " a", "a\nb", '"x"', "ä", 9, -1, True, False])
def test_a_value_of_a_column_is_read_as_it_was_written(value):
    slot = ValuesSlot("values", "values")
    assert slot.value(slot.initial([value, "z"])) == [value, "z"]


def test_a_quotation_mark_that_is_not_closed_is_told():
    with pytest.raises(ValidationError):
        ValuesSlot("values", "values").value({"values": '"9'})


def test_a_list_in_three_languages_is_matched_by_its_lines(house):
    here = "/o/testi/record/activities/crm-hoito/"
    sent = {
        **fields(client("olga").get(here, {"edit": "recipients"})),
        "section": "recipients",
        "change_reason": "Kartoitus",
    }
    sent |= {"recipients-said": "value", "recipients-value-fi": "posti\npankki", "recipients-value-sv": "post\nbank"}
    assert client("olga").post(here, sent).status_code == 302
    assert of_draft(house, "activities", "crm-hoito")["recipients"]["value"] == [
        {"fi": "posti", "sv": "post"},
        {"fi": "pankki", "sv": "bank"},
    ]


def test_of_two_who_change_a_section_the_second_is_told(house):
    here = "/o/testi/record/activities/crm-hoito/"
    form = {**fields(client("olga").get(here, {"edit": "what"})), "section": "what", "change_reason": "Nimi"}
    assert client("olga").post(here, {**form, "name-fi": "Ensimmäinen"}).status_code == 302
    late = client("bob").post(here, {**form, "name-fi": "Toinen"})
    assert late.status_code == 409
    assert "Ensimmäinen" in text(late)
    assert fields(late)["name-fi"] == "Toinen"
    assert client("bob").post(here, fields(late)).status_code == 302
    assert of_draft(house, "activities", "crm-hoito")["name"] == {"fi": "Toinen"}


def test_another_section_may_be_changed_meanwhile(house):
    here = "/o/testi/record/activities/crm-hoito/"
    form = {
        **fields(client("bob").get(here, {"edit": "transfers"})),
        "section": "transfers",
        "change_reason": "Siirrot",
    }
    other = {**fields(client("olga").get(here, {"edit": "what"})), "section": "what", "change_reason": "Nimi"}
    client("olga").post(here, {**other, "name-fi": "Uusi nimi"})
    answer = client("bob").post(here, {**form, "transfers-said": "none", "transfers-none-fi": "Ei siirretä"})
    assert answer.status_code == 302
    entry = of_draft(house, "activities", "crm-hoito")
    assert (entry["name"], entry["transfers"]) == ({"fi": "Uusi nimi"}, {"none_because": {"fi": "Ei siirretä"}})


def test_a_purpose_is_added_changed_and_taken_out(house):
    here = "/o/testi/record/activities/crm-hoito/"
    form = {
        **fields(client("olga").get(here, {"edit": "purposes-new"})),
        "section": "purposes-new",
        "change_reason": "Uusi",
    }
    form |= {"name-fi": "Asiakaspalvelu", "legal_basis-said": "value", "legal_basis-value-article": "6(1)(b)"}
    assert client("olga").post(here, form).status_code == 302
    purpose = of_draft(house, "activities", "crm-hoito")["purposes"][1]
    assert purpose["id"] == "asiakaspalvelu"
    assert purpose["legal_basis"] == {"value": {"article": "6(1)(b)"}}
    client("olga").post(here, {"do": "remove", "inside": "purposes/asiakaspalvelu", "remove_reason": "Turha"})
    assert [one["id"] for one in of_draft(house, "activities", "crm-hoito")["purposes"]] == ["crm-sopimus"]


def test_what_others_refer_to_is_not_taken_out(house):
    answer = client("olga").post(
        "/o/testi/record/registers/crm/", {"do": "remove", "remove_reason": "Pois"}, follow=True
    )
    assert of_draft(house, "registers", "crm")
    assert "note wait" in answer.content.decode()


def test_a_register_is_made_with_what_it_cannot_do_without(house):
    new = "/o/testi/record/registers/new/"
    assert client("aino").get(new).status_code == 403
    sent = {**fields(client("olga").get(new)), "change_reason": "Uusi järjestelmä"}
    assert client("olga").post(new, {**sent, "medium": "database"}).status_code == 422
    sent |= {"name-fi": "Etäluenta", "medium": "database"}
    assert client("olga").post(new, sent).status_code == 302
    entry = of_draft(house, "registers", "etaluenta")
    assert (entry["name"], entry["medium"], entry["addition"]) == ({"fi": "Etäluenta"}, "database", True)
    assert client("olga").post(new, sent).status_code == 302
    assert of_draft(house, "registers", "etaluenta-2")


def test_the_organisation_itself_is_changed_by_section(house):
    here = "/o/testi/record/organisation/"
    form = {**fields(client("olga").get(here, {"edit": "dpo"})), "section": "dpo", "change_reason": "Nimitys"}
    form |= {"dpo-said": "value", "dpo-value-role-fi": "Tietosuojavastaava", "dpo-value-email": "dpo@example.invalid"}
    assert client("olga").post(here, form).status_code == 302
    house.testi.refresh_from_db()
    assert document_of(house.testi)["organisation"]["dpo"] == {
        "value": {"role": {"fi": "Tietosuojavastaava"}, "email": "dpo@example.invalid"}
    }
    assert client("olga").post(here, form).status_code == 409


def test_activities_of_the_library_are_looked_at_and_taken(house):
    Notice.objects.all().delete()
    code = next(iter(ready_made().offered))
    looked = client("olga").post("/o/testi/library/", {"activity": [code], "do": "look"})
    digest = fields(looked)["digest"]
    assert "Mitä luonnokseen tulisi" in text(looked)
    before = len(document_of(house.testi)["activities"])
    bare = client("olga").post("/o/testi/library/", {"activity": [code], "do": "take", "digest": digest})
    assert bare.status_code == 422
    sent = {"activity": [code], "do": "take", "digest": digest, "reason": "Alku"}
    assert client("olga").post("/o/testi/library/", sent).status_code == 302
    assert len(document_of(house.testi)["activities"]) == before + 1
    assert client("aino").get("/o/testi/library/").status_code == 403


def test_ids_are_found_by_the_search_and_lists_are_paged(house):
    for number in range(120):
        Dataset.objects.create(
            organisation=house.testi,
            code=f"d{number}",
            name={"fi": f"Aineisto {number}"},
            register=Dataset.objects.get(code="crm-0").register,
            activity=Dataset.objects.get(code="crm-0").activity,
            grain="record",
        )
    first = client("olga").get("/o/testi/rules/")
    assert "1–50 / 121" in text(first)
    assert "Aineisto 77" in text(client("olga").get("/o/testi/rules/", {"q": "Aineisto 77"}))
    assert "Aineisto 5" not in text(client("olga").get("/o/testi/rules/", {"q": "Aineisto 77"}))


def test_entries_inside_others_are_offered_to_those_that_name_them(house):
    category = {"id": "yhteystiedot", "name": {"fi": "Yhteystiedot"}, "items": [{"id": "nimi", "name": {"fi": "Nimi"}}]}
    (purpose,) = of_draft(house, "activities", "crm-hoito")["purposes"]
    recipient = {"id": "tulostus", "name": {"fi": "Tulostustalo"}, "purposes": [purpose["id"]]}
    edit_entry(house.testi, "data_categories", "yhteystiedot", lambda _none: category, "dpo:bob", "Alku")
    edit_entry(house.testi, "recipients", "tulostus", lambda _none: recipient, "dpo:bob", "Alku")
    olga = client("olga")
    assert "Nimi" in text(olga.get("/o/testi/record/sources/new/"))
    (section,) = [one.name for one in sections_of("recipients", recipient) if "purposes" in one.keys]
    page = olga.get(f"/o/testi/record/recipients/tulostus/?edit={section}")
    assert fields(page)["purposes"] == [purpose["id"]]
    assert f"{purpose['name']['fi']}</label>" in page.content.decode()


def test_lists_ask_as_often_for_many_as_for_few(house, django_assert_max_num_queries):
    alice: Client = client("alice")
    alice.get("/o/testi/rules/")
    for page in ("rules/", "record/datasets/", "record/activities/"):
        with django_assert_max_num_queries(30):
            assert alice.get(f"/o/testi/{page}").status_code == 200


PERIODS = st.one_of(
    st.tuples(st.integers(0, 99_999), st.sampled_from("YMWD")).map(lambda one: f"P{one[0]}{one[1]}"),
    st.tuples(st.integers(1, 9), st.integers(1, 11)).map(lambda one: f"P{one[0]}Y{one[1]}M"),
)


@given(period=PERIODS, rounding=st.sampled_from(["none", "end_of_month", "next 06-30"]), ceiling=st.booleans())
def test_a_rule_goes_through_the_sentence_unchanged(period, rounding, ceiling):
    rule = {
        **{
            "id": "r",
            "trigger": {"latest_of": ["contract_ended", "debt_due"]},
            "period": period,
            "action": "anonymise",
        },
        **{"rounding": rounding, "status": "confirmed", "condition": [{"fact": "usage_billed", "is": True}]},
        **({"yields_to": ["obligation", "claim"]} if ceiling else {"kind": "claim", "ends_on": ["debt_settled"]}),
    }
    where = CEILINGS if ceiling else GROUNDS
    form = RuleForm(None, where, rule, (), (), {})
    sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    again = RuleForm({**sent, "change_reason": "x"}, where, rule, (), (), {})
    assert again.is_valid(), again.errors
    assert again.document() == rule


def test_every_statute_that_is_offered_can_be_written_into_the_sentence():
    from ropa.law import library

    for row in library(TODAY).values():
        if not row.executable or row.period is None:
            continue
        said = from_law(row)
        where = CEILINGS if "kind" not in said else GROUNDS
        form = RuleForm(None, where, {"action": "delete", **said}, (), (), {row.id: row})
        assert form["law"].value() == row.id
        assert (form["unit"].value(), form["number"].value()) != ("-", None)
