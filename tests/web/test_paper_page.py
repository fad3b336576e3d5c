"""Paper on the pages: who sees and records what, that the night settles it, and that nothing goes by mistake."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from retention.connectors.paper_orders import Order, Orders
from retention.holds import place as place_hold
from retention.models import Connection, EvidenceEntry, Lot
from retention.night import run_night
from ropa.models import Membership, Organisation, Role
from tests.api.conftest import CAST
from tests.retention.company import NOW, TODAY, publish
from tests.retention.paper_company import CONTENTS, POLICY, found_archive
from tests.web.test_pages import client, text
from web.barcodes import _widths, barcode, symbols

SAID = {"destroyed_on": "2026-06-30", "method": "shredder", "level": "P-4", "signed_by": "arkistonhoitaja", "seen": "0"}


class Cellar:
    """The company, its archive and its people; `night` runs one."""

    def __init__(self, data_dir) -> None:
        self.folder = data_dir / "archive"
        self.company = found_archive(data_dir)
        other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
        for name, role in CAST.items():
            Membership.objects.create(user=User.objects.create(username=name), organisation=self.company, role=role)
        Membership.objects.create(
            user=User.objects.create(username="charlie"), organisation=other, role=Role.CONTROLLER
        )

    def night(self, days: int = 0):
        return run_night(self.company, TODAY + timedelta(days=days), NOW + timedelta(days=days))

    @property
    def orders(self) -> list[dict[str, Any]]:
        return [json.loads(one.read_text()) for one in sorted((self.folder / "orders").glob("*.order.json"))]

    @property
    def certificates(self) -> list[dict[str, Any]]:
        return [json.loads(one.read_text()) for one in (self.folder / "orders").glob("*.certificate*.json")]

    @property
    def papers(self) -> list[str]:
        return [line.split(";")[0] for line in (self.folder / "contents.csv").read_text().splitlines()[1:]]

    @property
    def tally(self) -> dict[str, int]:
        tally: dict[str, int] = Lot.objects.filter(dataset="paperit").order_by("pk")[0].tally
        return tally

    def at(self, number: str | None = None, more: str = "", slug: str = "testi") -> str:
        return f"/o/{slug}/paper/arkisto/{number or self.orders[0]['order']}/{more}"


@pytest.fixture
def cellar(db, data_dir) -> Cellar:
    found = Cellar(data_dir)
    found.night()
    return found


def rules(cellar: Cellar, number: int, **over) -> None:
    content = json.loads(cellar.company.versions.order_by("-number")[0].snapshot)
    content["datasets"][-1].update(over)
    publish(cellar.company, content, number, TODAY.isoformat())


def test_the_pages_are_for_those_who_may_read(cellar):
    client("olga").post(cellar.at(), {**SAID, "everything": "on"})
    readers = [name for name, role in CAST.items() if role is not Role.INTEGRATOR]
    for at in (
        "/o/testi/paper/",
        "/o/testi/paper/print/",
        *(cellar.at(more=m) for m in ("", "print/", "certificate/")),
    ):
        assert client(None).get(at)["Location"] == f"/login/?next={at}"
        assert {client(name).get(at).status_code for name in readers} == {200}
        assert client("ines").get(at).status_code == 403
        assert client("charlie").get(at).status_code == 404


def test_another_organisations_order_is_not_known(cellar, data_dir):
    number = cellar.orders[0]["order"]
    other = Organisation.objects.get(slug="toinen")
    for at in (cellar.at(slug="toinen"), cellar.at(more="certificate/", slug="toinen")):
        assert client("charlie").get(at).status_code == 404
    assert client("charlie").post(cellar.at(slug="toinen"), {**SAID, "everything": "on"}).status_code == 404
    # with an archive of the same name that is its own
    (data_dir / "other").mkdir()
    Connection.objects.create(
        organisation=other, code="arkisto", kind="paper", config={"orders": str(data_dir / "other")}
    )
    assert client("charlie").get(cellar.at(slug="toinen")).status_code == 404
    answer = client("charlie").post("/o/toinen/paper/", {"number": number}, follow=True)
    assert "Missään tilauksessa ei ole tätä numeroa" in text(answer)
    assert client("olga").get("/o/testi/paper/arkisto/D-000000000000/").status_code == 404
    assert client("olga").get(f"/o/testi/paper/nowhere/{number}/").status_code == 404
    assert not cellar.certificates


@pytest.mark.parametrize("name", ["bob", "aino", "adam", "ines"])
def test_who_may_not_record_sees_no_form_and_records_nothing(cellar, name):
    assert client(name).post(cellar.at(), {**SAID, "everything": "on"}).status_code == 403
    assert "Kirjaa hävitetyksi" not in text(client(name).get(cellar.at()))
    assert not cellar.certificates


def test_what_is_recorded_the_next_night_settles(cellar):
    shown = text(client("bob").get("/o/testi/paper/"))
    assert "Arkistonhoitajalla on 1 kokonaan hävitettävä laatikko." in shown
    assert "L1 , vanhat koko laatikko" in shown
    answer = client("olga").post(cellar.at(), {**SAID, "everything": "on"}, follow=True)
    assert "2 on kirjattu hävitetyiksi." in text(answer)
    (told,) = cellar.certificates
    assert (told["destroyed"], told["method"], told["level"]) == (["L1/1", "L1/2"], "shredder", "P-4")
    assert (told["signed_by"], told["destroyed_on"]) == ("arkistonhoitaja", "2026-06-30")
    (entry,) = EvidenceEntry.objects.filter(kind="paper_certified")
    assert json.loads(entry.body)["by"] == "owner:olga"
    assert (cellar.tally, len(cellar.papers)) == ({"pending": 2}, 3)
    assert "Seuraava yöajo lukee kirjauksen" in text(client("bob").get(cellar.at(more="certificate/")))

    cellar.night(1)
    assert (cellar.tally, cellar.papers) == ({"destroyed": 2}, ["L2/1"])
    shown = text(client("bob").get(cellar.at(more="certificate/")))
    assert "2 tilatuista 2 asiakirjasta on hävitetty." in shown
    assert "Yöajo on lukenut kirjauksen" in shown
    assert "sellaisena kuin se kirjattiin" in shown


def test_a_certificate_that_was_changed_afterwards_is_told(cellar):
    client("olga").post(cellar.at(), {**SAID, "destroyed": "L1/1"})
    (path,) = (cellar.folder / "orders").glob("*.certificate.json")
    path.write_text(path.read_text().replace("L1/1", "L1/2"))
    assert "ei todisteketjussa" in text(client("bob").get(cellar.at(more="certificate/")))


def test_not_all_and_not_found_are_failed_by_the_night_until_the_rest_is_recorded(cellar):
    olga = client("olga")
    olga.post(cellar.at(), {**SAID, "destroyed": "L1/1", "not_found": "L1/2"})
    shown = text(olga.get(cellar.at()))
    assert "kaikkea ei ole hävitetty" in shown
    assert "Ei löytynyt L1/2" in shown
    cellar.night(1)
    assert cellar.tally == {"destroyed": 1, "failed": 1}
    reasons = text(client("bob").get(f"/o/testi/nights/{TODAY + timedelta(days=1)}/"))
    assert "says that it was not found" in reasons

    olga.post(cellar.at(), {**SAID, "everything": "on", "seen": "1"})
    cellar.night(2)
    assert (cellar.tally, cellar.papers) == ({"destroyed": 2}, ["L2/1"])


def test_sent_twice_it_is_recorded_once_and_the_second_is_told(cellar):
    olga = client("olga")
    first = {**SAID, "destroyed": "L1/1"}
    assert olga.post(cellar.at(), first).status_code == 302
    assert olga.post(cellar.at(), first).status_code == 422  # what is certified is not asked for any more
    second = olga.post(cellar.at(), {**SAID, "destroyed": "L1/2"})
    assert second.status_code == 409
    assert "nyt ei kirjattu mitään" in text(second)
    assert [one["destroyed"] for one in cellar.certificates] == [["L1/1"]]
    missed = {**SAID, "not_found": "L1/2", "seen": "1"}
    assert [olga.post(cellar.at(), missed).status_code for _ in range(2)] == [302, 409]
    assert EvidenceEntry.objects.filter(kind="paper_certified").count() == 2


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"everything": ""}, "Merkitse, mikä hävitettiin"),
        ({"destroyed_on": "9999-01-01"}, "Päivä on vasta edessä"),
        ({"destroyed_on": ""}, "Tämä kenttä vaaditaan"),
        ({"method": ""}, "Valitse hävitystapa"),
        ({"method": "eaten"}, "eaten"),
        ({"level": ""}, "Valitse silppuluokka"),
        ({"level": "P-3"}, "P-3"),
        ({"signed_by": "  "}, "Tämä kenttä vaaditaan"),
        ({"destroyed": "L2/1", "everything": ""}, "1 niistä ei ole tilauksessa"),
        ({"destroyed": "L1/1", "not_found": "L1/1", "everything": ""}, "sekä hävitetty että kateissa"),
        ({"not_found": "L2/1"}, "1 niistä ei ole tilauksessa"),
        ({"seen": ""}, "Avaa tilaus uudelleen"),
    ],
)
def test_a_form_that_is_wrong_keeps_what_was_written_and_records_nothing(cellar, over, why):
    answer = client("olga").post(cellar.at(), {**SAID, "everything": "on", **over})
    assert answer.status_code == 422
    assert why in text(answer)
    if "signed_by" not in over:
        assert 'value="arkistonhoitaja"' in answer.content.decode()
    assert not cellar.certificates


def test_a_burnt_paper_has_no_fineness(cellar):
    client("olga").post(cellar.at(), {**SAID, "everything": "on", "method": "burnt", "level": ""})
    (told,) = cellar.certificates
    assert told["method"] == "burnt"
    assert "level" not in told


def test_where_two_approve_a_second_person_is_named_and_is_another(cellar):
    rules(cellar, 3, policy={**POLICY, "approval": "two"})
    olga = client("olga")
    said = {**SAID, "everything": "on"}
    assert "Kuka muu oli paikalla" in text(olga.get(cellar.at()))
    for witness in ("", "  Arkistonhoitaja "):
        assert olga.post(cellar.at(), {**said, "witness": witness}).status_code == 422
    assert not cellar.certificates
    olga.post(cellar.at(), {**said, "witness": "vahtimestari"})
    assert cellar.certificates[0]["witness"] == "vahtimestari"
    assert "vahtimestari" in text(olga.get(cellar.at(more="certificate/")))


def test_a_hold_is_told_before_the_night_takes_the_order_back(cellar):
    place_hold(cellar.company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1))
    olga = client("olga")
    shown = olga.get(cellar.at())
    assert "Älä hävitä laatikkoa" in text(shown)
    assert "poistokielto: älä hävitä" in text(shown)
    assert "1008" not in shown.content.decode()
    assert "kaikkea ei saa hävittää" in text(olga.get("/o/testi/paper/"))
    sheet = text(olga.get(cellar.at(more="print/")))
    assert "Kaikkea ei saa hävittää: kysy" in sheet
    refused = olga.post(cellar.at(), {**SAID, "everything": "on"})
    assert refused.status_code == 422
    assert "Tätä ei saa hävittää" in text(refused)
    assert olga.post(cellar.at(), {**SAID, "destroyed": "L1/1"}).status_code == 302  # of a box that is open already
    assert olga.post(cellar.at(), {**SAID, "everything": "on", "already": "on", "seen": "1"}).status_code == 302
    cellar.night(1)
    assert cellar.tally == {"destroyed": 2}


def test_what_a_certificate_left_out_and_a_hold_keeps_is_never_asked_for(cellar):
    olga = client("olga")
    olga.post(cellar.at(), {**SAID, "destroyed": "L1/1"})
    place_hold(cellar.company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1))
    cellar.night(1)
    assert cellar.tally == {"destroyed": 1, "held": 1}
    assert "poistokielto: älä hävitä" in text(olga.get(cellar.at()))
    assert "L1/2" not in text(olga.get(cellar.at(more="print/")))
    assert olga.post(cellar.at(), {**SAID, "everything": "on", "seen": "1"}).status_code == 422


def test_a_withdrawn_order_says_so_and_records_only_what_had_gone_before(cellar):
    place_hold(cellar.company, [("customer", "1008")], "dispute", "", "lakiasiat", TODAY, date(2027, 1, 1))
    cellar.night(1)
    (old,) = (
        one["order"] for one in cellar.orders if (cellar.folder / f"orders/{one['order']}.withdrawn.json").exists()
    )
    (new,) = (one["order"] for one in cellar.orders if one["order"] != old)
    olga = client("olga")
    shown = text(olga.get("/o/testi/paper/"))
    assert "Peruutettu: älä hävitä Niissä on jotakin, mitä ei enää saa hävittää. Ota tulosteet takaisin" in shown
    assert old in shown
    assert "Peruutettu: älä hävitä" in text(olga.get(cellar.at(old, "print/")))
    assert "1 säilytettävä asiakirja" in text(olga.get(cellar.at(new, "print/")))
    assert olga.post(cellar.at(old), {**SAID, "everything": "on"}).status_code == 422
    assert not cellar.certificates
    assert olga.post(cellar.at(old), {**SAID, "everything": "on", "already": "on"}).status_code == 302
    cellar.night(2)
    # the one under the hold is not asked about before the hold ends; the list keeps it until then
    assert (cellar.tally, cellar.papers) == ({"destroyed": 1, "held": 1}, ["L1/2", "L2/1"])
    assert "Arkistonhoitajalla ei ole avoimia tilauksia." in text(olga.get("/o/testi/paper/"))


def test_a_sealed_box_needs_the_seal_that_is_read_from_it(db, data_dir):
    cellar = Cellar(data_dir)
    (cellar.folder / "boxes.csv").write_text("box;shelf;description;security;seal\nL1;A1;vanhat;P-4;S-77\nL2;;;P-4;\n")
    cellar.night()
    olga = client("olga")
    assert "S-77" not in olga.get(cellar.at()).content.decode()
    assert "S-77" in text(olga.get(cellar.at(more="print/")))
    for seal in ("", "S-78"):
        assert olga.post(cellar.at(), {**SAID, "everything": "on", "seal": seal}).status_code == 422
    assert not cellar.certificates
    olga.post(cellar.at(), {**SAID, "everything": "on", "seal": "S-77"})
    assert cellar.certificates[0]["seals"] == ["S-77"]


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_what_a_list_says_is_never_markup(db, data_dir, language):
    cellar = Cellar(data_dir)
    evil = "<script>alert(1)</script>"
    (cellar.folder / "boxes.csv").write_text(f'box;shelf;description;security\nL1;"{evil}";{evil};P-4\nL2;A2;;P-4\n')
    (cellar.folder / "contents.csv").write_text(CONTENTS.replace("L1/1", "<b>L1/1"))
    cellar.night()
    olga = client("olga", language)
    olga.post(cellar.at(), {**SAID, "destroyed": "<b>L1/1", "signed_by": evil})
    for more in ("", "print/", "certificate/"):
        answer = olga.get(cellar.at(more=more))
        content = answer.content.decode()
        assert answer.status_code == 200
        assert f'<html lang="{language}">' in content
        assert "<script" not in content
        assert "<b>L1/1" not in content
        assert not re.search(r"<style| style=|(src|href)=.(https?:)?//", content)
    assert "<script" not in olga.get("/o/testi/paper/").content.decode()


def test_an_archive_that_cannot_be_read_is_not_empty(cellar):
    number = cellar.orders[0]["order"]
    (cellar.folder / "orders").rename(cellar.folder / "elsewhere")
    for at in ("/o/testi/paper/", "/o/testi/paper/print/"):
        shown = text(client("bob").get(at))
        assert "Ei tiedetä: Arkisto" in shown
    assert "Kaikkia arkistoja ei voitu lukea." in text(client("bob").get("/o/testi/paper/"))
    assert "Arkistoa ei voitu lukea" in text(client("olga").post(cellar.at(number), SAID, follow=True))


@pytest.mark.parametrize("asked", ["L1", "L1/2", "number"])
def test_an_order_is_found_by_what_is_scanned(cellar, asked):
    number = cellar.orders[0]["order"]
    answer = client("bob").post("/o/testi/paper/", {"number": number.upper() if asked == "number" else asked})
    assert answer["Location"] == cellar.at()


def test_a_box_of_many_papers_is_recorded_by_written_numbers(db, data_dir, monkeypatch):
    monkeypatch.setattr("web.paper.TICKED", 20)
    cellar = Cellar(data_dir)
    (cellar.folder / "contents.csv").write_text(CONTENTS + "".join(f"N{n:04};L1;1001;sopimus\n" for n in range(30)))
    cellar.night()
    olga = client("olga")
    assert 'value="N0001"' not in olga.get(cellar.at()).content.decode()
    wrong = olga.post(cellar.at(), {**SAID, "destroyed": "N0001\r\nN0002\r\n\r\nN9999"})
    assert wrong.status_code == 422
    assert "N0001\nN0002\nN9999</textarea>" in wrong.content.decode()
    olga.post(cellar.at(), {**SAID, "destroyed": "N0001\r\n N0002 \r\nN0001\r\n", "not_found": "N0003"})
    (told,) = cellar.certificates
    assert (told["destroyed"], told["not_found"]) == (["N0001", "N0002"], ["N0003"])


def test_a_page_stays_light_and_asks_for_nothing_that_no_lot_asks_for(cellar):
    box = {"box": "L9", "shelf": "A9", "description": "", "security": "P-4", "seal": "", "digitised": ""}
    many = tuple(f"N{n:04}" for n in range(1500))
    number = Orders(cellar.folder / "orders").write(Order("sopimus", box, many, 0))
    answer = client("olga").get(cellar.at(number))
    assert len(answer.content) < 100_000
    assert "ei enää hävitettävä: älä hävitä" in text(answer)
    assert client("olga").post(cellar.at(number), {**SAID, "everything": "on"}).status_code == 422
    assert len(client("olga").get("/o/testi/paper/print/").content) < 100_000


def test_what_a_certificate_left_out_and_new_rules_keep_is_never_asked_for(cellar):
    olga = client("olga")
    olga.post(cellar.at(), {**SAID, "destroyed": "L1/1"})
    (keep,) = json.loads(cellar.company.versions.order_by("-number")[0].snapshot)["datasets"][-1]["grounds"]
    rules(cellar, 3, grounds=[{**keep, "period": "P30Y"}])
    cellar.night(1)
    assert Lot.objects.get(dataset="paperit").tally == {"destroyed": 1, "superseded": 1}
    assert "ei enää hävitettävä: älä hävitä" in text(olga.get(cellar.at()))
    assert "L1/2" not in text(olga.get(cellar.at(more="print/")))
    assert olga.post(cellar.at(), {**SAID, "everything": "on", "seen": "1"}).status_code == 422


def test_without_an_archive_the_page_says_so(house):
    assert "Paperiarkistoa ei ole kytketty." in text(client("bob").get("/o/testi/paper/"))


# --- barcodes


def decoded(path: str, width: int) -> str:
    """Code 128 B read back from the bars alone, checked as a scanner does."""
    row = [0] * width
    for x, bar in re.findall(r"M(\d+) 0h(\d+)v", path):
        row[int(x) : int(x) + int(bar)] = [1] * int(bar)
    modules = "".join(map(str, row[10:-10]))
    known = {"".join("10"[n % 2] * int(w) for n, w in enumerate(_widths(v))): v for v in range(107)}
    values = [known[modules[at : at + 11]] for at in range(0, len(modules) - 13, 11)]
    assert (values[0], known[modules[-13:]]) == (104, 106)
    *letters, check = values[1:]
    assert check == (104 + sum(n * value for n, value in enumerate(letters, 1))) % 103
    return "".join(chr(value + 32) for value in letters)


@pytest.mark.parametrize("said", ["D-49c17cdc8c56", "P-01b2ad1ce0a0-2", " ", "".join(map(chr, range(32, 127)))])
def test_a_barcode_reads_back(said):
    drawn = barcode(said)
    assert drawn is not None
    assert decoded(drawn.path, drawn.width) == said


def test_the_table_of_bars_is_that_of_the_standard():
    table = [_widths(value) for value in range(106)]
    assert len(set(table)) == 106
    assert {sum(map(int, one)) for one in table} == {11}
    assert {sum(map(int, one[::2])) % 2 for one in table} == {0}
    assert (table[0], table[64], table[103], table[105], _widths(106)) == (
        "212222",
        "111422",
        "211412",
        "211232",
        "2331112",
    )
    assert symbols("Wikipedia")[-2] == 88  # the example that everybody works out


@pytest.mark.parametrize("said", ["", "Laatikko å", "a\nb", "\x7f"])
def test_what_code_b_cannot_say_has_no_barcode(said):
    assert barcode(said) is None


def test_today_is_the_day_that_the_form_offers(cellar):
    day = cellar.company.day_of(timezone.now())
    assert f'value="{day.isoformat()}"' in client("olga").get(cellar.at()).content.decode()
