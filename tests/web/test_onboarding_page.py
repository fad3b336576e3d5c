"""Bringing in what there is: each way leads where it says, all or nothing, and nobody sees what another brought."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from retention.inventory_document import export_document
from retention.models import Connection
from ropa.models import Activity, ColumnMapping, Membership, Notice, Passage, Recipient, Role, SubjectGroup
from tests.retention.foreign_files import ROWS, csv_of, saved, workbook
from tests.web.forms import sent_back
from tests.web.test_pages import client, text

BEGIN = "/o/testi/begin/"
RECORD, COLUMNS, ROWS_AT = f"{BEGIN}record/", f"{BEGIN}record/columns/", f"{BEGIN}record/rows/"
NOTICE, DOCUMENT = f"{BEGIN}notice/", f"{BEGIN}document/"
PAGES = (BEGIN, RECORD, NOTICE, f"{NOTICE}seloste/", DOCUMENT)
TEXT = "Rekisteriin kuuluvat asiakkaat. Tietoja ei luovuteta EU:n ulkopuolelle.\nEtusivu\n"


def file(content: bytes, name: str = "seloste.xlsx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def at_rows(user, content: bytes, **over):
    """A client that has brought a record and said what its columns are, and the preview it is shown."""
    brought = user.post(RECORD, {"file": file(content)})
    assert brought.status_code == 302, text(brought)
    sent = sent_back(user.get(COLUMNS), "c1-to")
    told = user.post(COLUMNS, {**sent, "c10-medium": "database", "do": "look", **over})
    assert told.status_code == 302, text(told)
    return user.get(told["Location"])


def activities(house) -> set[str]:
    return {name["fi"] for name in Activity.objects.filter(organisation=house.testi).values_list("name", flat=True)}


@pytest.mark.parametrize("at", PAGES)
def test_who_may_bring_something(house, at):
    assert client(None).get(at).status_code == 302
    assert {client(name).get(at).status_code for name in ("alice", "bob", "olga")} == {200}
    assert {client(name).get(at).status_code for name in ("aino", "adam", "ines")} == {403}
    assert client("charlie").get(at).status_code == 404
    if at != BEGIN:
        told = {"do": "held", "title": "x", "passage": "0001"}
        assert client("aino").post(at, told).status_code == 403
        assert client("charlie").post(at, told).status_code == 404


@pytest.mark.parametrize("at", PAGES)
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_pages_read_in_every_language_and_take_nothing_from_outside(house, at, language):
    answer = client("olga", language).get(at)
    content = answer.content.decode()
    assert f'<html lang="{language}">' in content
    assert " style=" not in content
    assert "<script" not in content
    assert len(answer.content) < 100_000


def test_the_menu_leads_there_who_may_edit(house):
    assert f'href="{BEGIN}"' in client("olga").get("/o/testi/").content.decode()
    assert f'href="{BEGIN}"' not in client("aino").get("/o/testi/").content.decode()


@pytest.mark.parametrize(("content", "name"), [(saved(workbook()), "a.xlsx"), (csv_of(), "a.csv")], ids=["xlsx", "csv"])
def test_a_record_is_brought_mapped_looked_at_and_taken(house, content, name):
    olga = client("olga")
    page = at_rows(olga, content)
    shown = text(page)
    assert "2 uusi käsittelytoimi" in shown
    assert "Sopimuksen täyttäminen" in shown
    assert "Palkanlaskenta" not in activities(house)
    sent = sent_back(page, "digest")
    assert olga.post(ROWS_AT, {**sent, "reason": " "}).status_code == 422
    taken = olga.post(ROWS_AT, {**sent, "reason": "Vanha seloste"})
    assert taken["Location"] == "/o/testi/record/activities/"
    assert {"Asiakassuhteen hoito", "Palkanlaskenta"} <= activities(house)
    row = Activity.objects.get(organisation=house.testi, name__fi="Palkanlaskenta")
    assert row.history.latest().history_change_reason == "owner:olga: Vanha seloste"
    again = olga.post(ROWS_AT, {**sent, "reason": "Vanha seloste"})  # the same form once more
    assert again["Location"] == RECORD
    assert len(activities(house)) == 3
    assert not any((Path(settings.DATA_DIR) / "brought").iterdir())


def test_what_the_columns_are_is_kept_under_its_name_and_used_again(house):
    olga = client("olga")
    at_rows(olga, saved(workbook()), name="excel-2018", **{"c4-parts": [";", ","], "c7-none": "Ei siirretä\nEi\n"})
    said = ColumnMapping.objects.get(organisation=house.testi, name="excel-2018").said
    assert said["columns"]["Rekisteröityjen ryhmät"] == {"to": "subject_groups", "separator": [";", ","]}
    assert said["columns"]["Siirrot EU:n ulkopuolelle"] == {"to": "transfers", "none": ["Ei siirretä", "Ei"]}
    assert said["columns"]["Järjestelmä"] == {"to": "registers", "medium": "database"}
    sent = sent_back(olga.get(f"{COLUMNS}?mapping=excel-2018"), "c1-to")
    assert sent["c4-parts"] == [";", ","]
    assert sent["name"] == "excel-2018"
    assert olga.post(COLUMNS, {**sent, "do": "look"}).status_code == 302
    assert ColumnMapping.objects.get(name="excel-2018").said == said


def test_what_a_mapping_lacks_is_said_beside_it_and_nothing_is_kept(house):
    olga = client("olga")
    olga.post(RECORD, {"file": file(saved(workbook()))})
    sent = sent_back(olga.get(COLUMNS), "c1-to")
    for over, said in (
        ({"c1-to": "nothing"}, "mikään sarake ei ole käsittelytoimi"),
        ({"c2-to": "activity"}, "useampi kuin yksi sarake"),
        ({"name": "../excel"}, "Kirjaimet a–z"),
        ({"c1-to": "password"}, "Valitse oikea vaihtoehto"),
    ):
        answer = olga.post(COLUMNS, {**sent, "do": "look", "name": "uusi", **over})
        assert answer.status_code == 422
        assert said in text(answer)
    assert not ColumnMapping.objects.filter(name="uusi").exists()


def test_other_heading_rows_are_read_again_and_what_was_said_goes_with_its_heading(house):
    book = workbook()
    book.active.insert_rows(1)
    book.active["A1"] = "Seloste käsittelytoimista 2018, laatinut hallinto, hyväksytty hallituksessa"
    for n in range(2, 12):
        book.active.cell(1, n).value = f"otsikko {n}"
    olga = client("olga")
    olga.post(RECORD, {"file": file(saved(book))})
    sent = sent_back(olga.get(COLUMNS), "c1-to")
    assert sent["c2-of"] == "otsikko 2"
    moved = {**sent, "s0-row": "2", "c2-to": "purposes"}
    assert olga.post(COLUMNS, {**moved, "do": "look"}).status_code == 409
    answer = olga.post(COLUMNS, {**moved, "do": "headings"})
    assert answer.status_code == 200
    again = sent_back(answer, "c1-to")
    assert (again["c2-of"], again["s0-row"]) == ("Käsittelyn tarkoitus", "2")


def test_what_is_wrong_in_a_row_is_told_by_sheet_row_and_column_and_nothing_can_be_taken(house):
    rows = [[*ROWS[0]], [*ROWS[1]]]
    rows[1][0] = None
    rows[0][1] = "=A1"
    olga = client("olga")
    page = at_rows(olga, saved(workbook(rows)))
    shown = text(page)
    assert "taulukko Seloste, rivi 3, sarake A (Käsittelytoimen nimi)" in shown
    assert "taulukko Seloste, rivi 2, sarake B (Käsittelyn tarkoitus)" in shown
    assert "on kaava" in shown
    assert 'name="digest"' not in page.content.decode()
    forged = olga.post(ROWS_AT, {"mapping": "record", "digest": "0" * 64, "reason": "Syy"})
    assert forged.status_code == 409
    assert activities(house) == {"Hoito"}


def test_a_record_is_not_taken_where_the_draft_has_changed_since_it_was_looked_at(house):
    olga = client("olga")
    sent = sent_back(at_rows(olga, saved(workbook())), "digest")
    SubjectGroup.objects.create(organisation=house.testi, code="uusi", name={"fi": "Uusi"})
    answer = olga.post(ROWS_AT, {**sent, "reason": "Syy"})
    assert answer.status_code == 409
    assert 'value="Syy"' in answer.content.decode()
    assert activities(house) == {"Hoito"}
    fresh = sent_back(answer, "digest")
    assert olga.post(ROWS_AT, {**fresh, "reason": "Syy"}).status_code == 302


def test_what_one_brought_nobody_else_sees_or_takes(house):
    olga, bob = client("olga"), client("bob")
    sent = sent_back(at_rows(olga, saved(workbook())), "digest")
    assert bob.get(COLUMNS)["Location"] == RECORD
    assert bob.post(ROWS_AT, {**sent, "reason": "Syy"})["Location"] == RECORD
    Membership.objects.create(user_id=Membership.objects.get(user__username="olga").user_id, organisation=house.other,
                              role=Role.OWNER)  # fmt: skip
    assert olga.get("/o/toinen/begin/record/columns/")["Location"] == "/o/toinen/begin/record/"
    assert activities(house) == {"Hoito"}


def test_a_file_is_kept_for_a_day_readable_by_us_alone_and_can_be_put_aside(house):
    olga = client("olga")
    olga.post(RECORD, {"file": file(saved(workbook()))})
    (path,) = (Path(settings.DATA_DIR) / "brought").iterdir()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert olga.get(COLUMNS).status_code == 200
    os.utime(path, (time.time() - 90_000,) * 2)
    assert olga.get(COLUMNS)["Location"] == RECORD
    assert not path.exists()
    olga.post(RECORD, {"file": file(saved(workbook()))})
    assert "odottaa sinua" in text(olga.get(RECORD))
    olga.post(RECORD, {"do": "aside"})
    assert not path.exists()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", b"0" * 60_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (bomb(), "a.xlsx", "purkautuu"),
        (b"%PDF-1.7 ...", "a.pdf", "Tämä on PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "vanhaa muotoa (.xls)"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.png", "ei ole työkirja (.xlsx) eikä tekstiä"),
        (b"   \n", "a.csv", "Tiedosto on tyhjä"),
        (b"yksi\nkaksi\n", "a.csv", "vain yhden sarakkeen"),
    ],
    ids=["bomb", "pdf", "old", "picture", "empty", "one column"],
)
def test_a_wrong_or_hostile_record_is_refused_with_a_clear_word_and_kept_nowhere(house, content, name, said, caplog):
    answer = client("olga").post(RECORD, {"file": file(content, name)})
    assert answer.status_code == 422
    assert said in text(answer)
    folder = Path(settings.DATA_DIR) / "brought"
    assert not folder.exists() or not any(folder.iterdir())
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


@pytest.mark.parametrize("at", [RECORD, NOTICE, DOCUMENT])
def test_a_file_over_the_bound_is_not_read_and_the_page_says_so(house, at, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 50_000
    answer = client("olga").post(at, {"title": "Seloste", "file": file(b"a;b\n" * 20_000, "a.csv")})
    assert answer.status_code == 413
    assert "Tiedosto on suurempi kuin" in text(answer)
    assert Notice.objects.filter(organisation=house.testi).count() == 1


def test_between_the_forms_bound_and_the_records_it_is_refused_too(house):
    answer = client("olga").post(RECORD, {"file": file(b"a;b\n" * 5_500_000, "a.csv")})
    assert answer.status_code == 413
    assert "suurempi kuin 20 megatavua" in text(answer)


def test_of_nobody_who_is_logged_in_no_file_is_read(house, monkeypatch):
    read: list[int] = []
    monkeypatch.setattr(
        "django.core.files.uploadhandler.MemoryFileUploadHandler.receive_data_chunk",
        lambda self, data, start: read.append(len(data)),
    )
    told = {"file": file(b"x" * 1_000), "username": "olga", "password": "x"}
    assert client(None).post(f"/login/?next={BEGIN}", told).status_code == 200
    assert read == []
    client("olga").post(RECORD, {"file": file(b"x" * 1_000)})
    assert read == [1_000]


def test_a_cell_with_markup_is_shown_as_text(house):
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    rows = [[nasty, nasty, "Sopimus", *ROWS[0][3:]]]
    book = workbook(rows, title="S<b>")
    book.active["K1"] = '"><svg onload=alert(1)>'
    olga = client("olga")
    pages = [at_rows(olga, saved(book)), olga.get(COLUMNS)]
    for page in pages:
        content = page.content.decode()
        assert "alert(1)" in content
        assert "<script" not in content
        assert "<img" not in content
        assert "<svg onload" not in content
    sent = sent_back(pages[0], "digest")
    assert olga.post(ROWS_AT, {**sent, "reason": "Syy"}).status_code == 302
    assert "<img" not in olga.get("/o/testi/record/activities/").content.decode()


# the notice


def brought(user):
    answer = user.post(NOTICE, {"title": "Uusi seloste", "file": file(TEXT.encode(), "a.txt")})
    assert answer["Location"] == f"{NOTICE}uusi-seloste/", text(answer)
    return answer["Location"]


def states(code: str) -> list[tuple[list[str], bool]]:
    rows = Passage.objects.filter(notice__code=code).order_by("position", "pk")
    return [(one.held_in, one.not_content) for one in rows]


def test_a_notice_is_brought_and_its_passages_assigned_one_after_the_other(house):
    olga = client("olga")
    at = brought(olga)
    page = olga.get(at)
    assert "0 kohtaa sijoitettu, 0 ilman sisältöä, 3 odottaa" in text(page)
    assert "Rekisteriin kuuluvat asiakkaat." in text(page)
    sent = sent_back(olga.get(f"{at}?list=subject_groups"), "seen")
    assert sent["passage"] == "0001"
    held = olga.post(at, {**sent, "held": "subject_groups[ryhma].name", "do": "held"})
    assert held["Location"] == f"{at}?passage=0002"
    page = olga.get(f"{at}?passage=0002")
    assert "Siirrot kolmansiin maihin (eu:n" in text(page)  # the words hint at it
    page = olga.get(f"{at}?passage=0002&list=transfers")
    new = {**sent_back(page, "seen"), "status": "none", "name-fi": "Ei siirtoja", "do": "new"}
    assert olga.post(at, new)["Location"] == f"{at}?passage=0003"
    last = {**sent_back(olga.get(f"{at}?passage=0003"), "seen"), "do": "not_content"}
    assert olga.post(at, last)["Location"] == at
    assert "Yksikään kohta ei odota." in text(olga.get(at))
    assert states("uusi-seloste") == [
        (["subject_groups[ryhma].name"], False), (["transfers[ei-siirtoja].name"], False), ([], True),
    ]  # fmt: skip
    row = Passage.objects.get(notice__code="uusi-seloste", code="0001")
    assert row.history.latest().history_change_reason.startswith("owner:olga: ")
    back = {**sent_back(olga.get(f"{at}?passage=0003"), "seen"), "do": "open"}
    olga.post(at, back)
    assert states("uusi-seloste")[2] == ([], False)


def test_of_two_who_assign_a_passage_the_second_is_told_and_nothing_is_written_over(house):
    olga, bob = client("olga"), client("bob")
    at = brought(olga)
    his, hers = (sent_back(one.get(f"{at}?passage=0003"), "seen") for one in (bob, olga))
    olga.post(at, {**hers, "do": "not_content"})
    answer = bob.post(at, {**his, "held": "subject_groups[ryhma].name", "do": "held"})
    assert answer.status_code == 409
    assert "toinen" in text(answer).lower()
    assert states("uusi-seloste")[2] == ([], True)
    again = olga.post(at, {**hers, "do": "not_content"})  # a double click: the second finds it changed
    assert again.status_code == 409


def test_a_wrong_place_or_an_unfinished_entry_writes_nothing(house):
    olga = client("olga")
    at = brought(olga)
    sent = sent_back(olga.get(f"{at}?list=recipients"), "seen")
    for over, status in (
        ({"do": "held"}, 422),
        ({"do": "held", "held": "recipients[x].name"}, 422),
        ({"do": "held", "held": "<script>alert(1)</script>"}, 422),
        ({"do": "new", "name-fi": "", "name-sv": "", "name-en": ""}, 422),
        ({"do": "not_content", "change_reason": " "}, 422),
        ({"do": "everything"}, 422),
        ({"do": "held", "held": "subject_groups[ryhma].name", "passage": "9999"}, 404),
    ):
        answer = olga.post(at, {**sent, **over})
        assert answer.status_code == status, over
        assert "<script" not in answer.content.decode()
    assert states("uusi-seloste") == [([], False)] * 3
    assert not Recipient.objects.filter(organisation=house.testi).exists()


def test_a_person_who_is_named_stands_as_a_role_in_the_history_too(house):
    olga = client("olga")
    content = "Yhteyshenkilö on Matti Meikäläinen, puh. 040 123 4567.".encode()
    at = olga.post(NOTICE, {"title": "Toinen", "file": file(content, "a.txt")})["Location"]
    page = olga.get(at)
    assert "näyttää nimeävän henkilön" in text(page)
    olga.post(at, {**sent_back(page, "seen"), "do": "not_content", "role": "tietosuojavastaava"})
    row = Passage.objects.get(notice__code="toinen")
    assert row.text == "[tietosuojavastaava]"
    assert not row.history.filter(text__contains="Matti").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7 broken", "ei voi lukea PDF:nä"),
        (bomb(), "purkautuu"),
        (b"\x89PNG\r\n\x1a\n", "on kuva"),
        (b"{\\rtf1 hei}", "on RTF"),
    ],
    ids=["pdf", "bomb", "picture", "rtf"],
)
def test_what_is_no_notice_is_refused_and_leaves_nothing(house, content, said):
    answer = client("olga").post(NOTICE, {"title": "Uusi", "file": file(content, "a.docx")})
    assert answer.status_code == 422
    assert said in text(answer)
    assert 'value="Uusi"' in answer.content.decode()
    assert Notice.objects.filter(organisation=house.testi).count() == 1


def test_another_organisations_notice_does_not_exist(house):
    assert client("charlie").get("/o/toinen/begin/notice/seloste/").status_code == 404
    assert client("olga").get(f"{NOTICE}nothing/").status_code == 404
    assert client("olga").get(f"{NOTICE}seloste/?passage=9999").status_code == 404


# the whole document


@pytest.mark.parametrize("form", ["yaml", "xlsx", "csv"])
def test_the_draft_is_taken_away_and_brought_back_without_a_difference(house, form):
    bob = client("bob")
    content = bob.get(f"{DOCUMENT}{form}/").content
    assert bob.post(DOCUMENT, {"file": file(content, "a")})["Location"] == DOCUMENT
    assert "mikään ei muuttuisi" in text(bob.get(DOCUMENT))
    assert client("aino").get(f"{DOCUMENT}{form}/").status_code == 200
    assert client("charlie").get(f"{DOCUMENT}{form}/").status_code == 404
    assert client("bob").get(f"{DOCUMENT}exe/").status_code == 404


def test_a_document_is_looked_at_and_then_taken_as_it_was_looked_at(house):
    bob = client("bob")
    changed = export_document(house.testi).replace("fi: Hoito", "fi: Asiakkaiden hoito")
    bob.post(DOCUMENT, {"file": file(changed.encode(), "a.yaml")})
    page = bob.get(DOCUMENT)
    assert "Asiakkaiden hoito" in text(page)
    assert activities(house) == {"Hoito"}
    sent = sent_back(page, "digest")
    assert bob.post(DOCUMENT, {**sent, "do": "take", "reason": ""}).status_code == 422
    SubjectGroup.objects.create(organisation=house.testi, code="uusi", name={"fi": "Uusi"})
    stale = bob.post(DOCUMENT, {**sent, "do": "take", "reason": "Korjaus"})
    assert stale.status_code == 409
    assert SubjectGroup.objects.filter(code="uusi").exists()
    fresh = sent_back(stale, "digest")
    assert bob.post(DOCUMENT, {**fresh, "do": "take"})["Location"] == "/o/testi/draft/"
    assert activities(house) == {"Asiakkaiden hoito"}
    assert not SubjectGroup.objects.filter(code="uusi").exists()  # the file did not have it, and said so


def test_a_document_that_changes_a_connection_is_not_taken_of_who_may_not(house):
    changed = export_document(house.testi).replace("crm.sqlite3", "muu.sqlite3")
    bob = client("bob")
    answer = bob.post(DOCUMENT, {"file": file(changed.encode(), "a.yaml")})
    assert answer.status_code == 422
    assert "saadaan yhteys; jätä se tässä ennalleen" in text(answer)
    bob.post(DOCUMENT, {"file": file(export_document(house.testi).encode(), "a.yaml")})
    looked = sent_back(bob.get(DOCUMENT), "digest")
    Connection.objects.update(config={"url": "sqlite:///muu.sqlite3"})
    assert bob.post(DOCUMENT, {**looked, "do": "take", "reason": "Korjaus"}).status_code == 422
    assert Connection.objects.get().config == {"url": "sqlite:///muu.sqlite3"}


def test_a_document_with_problems_changes_nothing_and_names_each_with_its_place(house):
    bob = client("bob")
    broken = (
        export_document(house.testi).replace("register: crm", "register: cmr").replace("grain: subject", "grain: x")
    )
    answer = bob.post(DOCUMENT, {"file": file(broken.encode(), "a.yaml")})
    assert answer.status_code == 422
    assert "Mitään ei muutettu." in text(answer)
    assert "Tietoaineistot › Perustiedot › " in text(answer)
    other = export_document(house.testi).replace("slug: testi", "slug: toinen")
    assert "koskee toista organisaatiota" in text(bob.post(DOCUMENT, {"file": file(other.encode(), "a.yaml")}))
    assert 'name="digest"' not in bob.get(DOCUMENT).content.decode()
    assert bob.post(DOCUMENT, {"do": "take", "digest": "0" * 64, "reason": "x"}).status_code == 409
