"""The controller's record and the processor's: each whole, and nothing of the other in it."""

from __future__ import annotations

import json

import pytest

from retention.inventory_document.shape import schema
from ropa.law import LANGUAGES
from ropa.render import FORMATS, to_html, to_json, to_pdf
from ropa.render.layout import sheet_of
from ropa.render.layout_compact import LARGE, is_large
from ropa.render.xlsx import to_xlsx
from ropa.report import RECORDS, build, part_of, records_of
from ropa.report.entries import NOT_SHOWN, SHOWN
from ropa.wording import citation_in_words, table
from tests.ropa.full_record import full
from tests.ropa.inventories import data, evidence, fi, inventory

OF_CONTROLLER = ("Asiakassuhteen hoito ja laskutus", "Laskutustiedot", "Asiakashallinta ja laskutus", "Kirjanpito")
OF_PROCESSOR = ("Verkkosivustojen ylläpito", "Asiakkaiden sisällöt", "Esimerkkiasiakas Oy", "Konesaliyhtiö")


def report(record="controller", language="fi", **over):
    return build(data(language, document=full(), record=record, **over))


def whole(value):
    return json.dumps(value, ensure_ascii=False)


def test_an_organisation_that_is_both_keeps_both():
    assert records_of(full()) == RECORDS
    assert records_of(inventory()) == ("controller",)
    document = inventory()
    document["activities"] = []
    assert records_of(document) == ("controller",)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_two_records_are_never_mixed(language):
    ours, theirs = whole(report("controller", language)), whole(report("processor", language))
    for said in OF_CONTROLLER:
        assert said in ours and said not in theirs
    for said in OF_PROCESSOR:
        assert said in theirs and said not in ours
    assert "30(2)" not in ours and "30(1)" not in theirs


@pytest.mark.parametrize("record", RECORDS)
def test_no_form_of_a_record_says_anything_of_the_other(record):
    foreign = OF_PROCESSOR if record == "controller" else OF_CONTROLLER
    page = to_html(report(record)).decode().replace("\u00ad", "").replace("\u00a0", " ")
    book = _texts(to_xlsx(report(record)))
    for said in foreign:
        assert said not in page and said not in book


def test_the_processor_s_record_has_whom_it_serves_and_on_what_instructions():
    built = report("processor")
    (activity,) = built["activities"]
    assert activity["on_behalf_of"]["lines"][0]["text"] == "Esimerkkiasiakas Oy, asiakas@example.invalid"
    assert [line["text"] for line in activity["mandate"]["said"]][1].startswith(
        "sopimus: voimassa, S-12, päättyy 31.12.2028"
    )
    assert "recipients" not in activity and "legal_basis" not in activity["purposes"][0]
    assert [row["dataset"] for row in built["retention"]] == ["sivustot"]
    assert [one["id"] for one in built["registers"]] == ["sisallot"]
    assert {gap["article"][:5] for gap in built["gaps"]} <= {"30(2)"}


def test_a_record_that_is_not_kept_is_refused():
    with pytest.raises(ValueError, match=r"no record under Article 30\(2\)"):
        part_of(inventory(), "processor")


def test_without_extras_only_what_article_30_asks_for_is_said():
    built = report(extras=False)
    assert built["extras"] is None and "sources" not in built["entries"]
    said = whole(built)
    for gone in ("Yritystietojärjestelmä", "Tarkastusoikeus", "Asiakaspalvelu", "täytäntöönpano", "Omat palvelimet"):
        assert gone not in said and gone in whole(report()), gone
    assert all(gap["article"].startswith("30(") for gap in built["gaps"])


def test_what_was_added_is_marked_wherever_it_stands():
    built = report()
    assert built["controller"]["dpo"]["addition"] is True
    assert [one["addition"] for one in built["activities"]] == [False, True, False]
    assert built["activities"][0]["purposes"][0]["addition"] is True
    item = next(one for one in built["entries"]["data_categories"] if one["id"] == "perus")["items"][1]
    assert item["addition"] is True
    page = to_html(built).decode()
    assert page.count('class="mark"') >= 4


def test_entries_answer_a_field_that_the_activity_leaves_out():
    document = full()
    del document["activities"][0]["transfers"], document["activities"][0]["recipients"]
    activity = build(data(document=document))["activities"][0]
    assert activity["transfers"] == activity["recipients"] == {"state": "entries"}
    document["transfers"][0]["status"] = "not_stated"
    activity = build(data(document=document))["activities"][0]
    assert activity["transfers"] == {"state": "missing", "article": "30(1)(e)"}


def test_negative_and_conditional_statements_are_said_as_such():
    entries = report()["entries"]
    denied = next(one for one in entries["recipients"] if one["id"] == "mainostajat")
    assert denied["denied"] is True
    page = to_html(report()).decode().replace("\u00ad", "").replace("\u00a0", " ")
    assert "Ilmoitettu: ei luovuteta: </span>Mainostajat" in page
    group = entries["subject_groups"][0]
    assert [one["text"] for one in group["said"]] == [
        "suora suhde rekisterinpitäjään",
        "rekisteriin ottamisen ehto: sopimus on tehty (muutoin tietoja ei tallenneta)",
    ]
    cloud = report("processor")["entries"]["transfers"][0]
    assert [one["text"] for one in cloud["said"]][:3] == [
        "siirretään ehdollisesti",
        "maat: Yhdysvallat",
        "suojatoimet: tietosuojaa koskevat vakiolausekkeet",
    ]
    item = entries["data_categories"][0]["items"][1]
    assert [one["text"] for one in item["said"]][:2] == ["ehto: luotto myönnetään", "vaihtoehtoisesti: Y-tunnus"]
    assert entries["data_categories"][0]["said"][-1]["text"] == "luettelo on esimerkinomainen"
    assert entries["data_categories"][1]["said"][-1]["text"] == "enintään luetellut"


def test_what_was_published_about_time_stands_beside_what_is_executed():
    rows = report()["retention"]
    assert {row["dataset"]: row["published"] for row in rows}["laskut"] == ["paattyminen"]
    assert {row["dataset"]: row["published"] for row in rows}["tiketit"] == []
    said = report()["entries"]["time_limits"][0]["said"][0]["text"].replace("\u00a0", " ")
    assert said == "3 vuotta sopimuksen päättymisestä"


def test_an_ended_activity_says_when_and_what_came_after():
    ended = report()["activities"][2]["ended"]
    assert ended["words"].replace("\u00a0", " ") == "päättynyt 30.6.2026; tilalla: Kuituverkon rakentaminen ja ylläpito"


def test_an_activity_that_ends_later_is_still_carried_out_and_asked_about():
    whole = full()
    activity = whole["activities"][0]
    activity |= {"ended_on": "2026-10-15"}
    activity["purposes"] = []
    told = [build(data(document=whole, record="controller", as_of=day)) for day in ("2026-10-14", "2026-10-15")]
    said = [one["activities"][0]["ended"]["words"].replace("\u00a0", " ") for one in told]
    assert said == ["päättyy 15.10.2026", "päättynyt 15.10.2026"]
    where = f"activities.{activity['id']}.purposes"
    assert [where in {gap["where"] for gap in one["gaps"]} for one in told] == [True, False]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
def test_the_full_record_gives_the_same_bytes_each_time(record, language, render):
    assert render(report(record, language)) == render(report(record, language))


def test_every_key_of_an_entry_is_said_or_left_out_for_a_reason():
    definitions = schema()["$defs"]
    for kind, shown in SHOWN.items():
        name = {"transfers": "transfer_entry", "items": "item", "data_categories": "data_category"}.get(kind)
        properties = definitions[name or kind[:-1]]["properties"]
        for key in properties:
            told = key in shown or key in NOT_SHOWN or f"{key} of {kind}" in NOT_SHOWN
            assert told, f"{kind}: nobody says {key}"
        assert set(shown) <= set(properties)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_has_its_words(language):
    definitions, choices = schema()["$defs"], table(language)["choices"]
    missing = []
    for kind, shown in SHOWN.items():
        name = {"transfers": "transfer_entry", "items": "item", "data_categories": "data_category"}.get(kind)
        for key, written in definitions[name or kind[:-1]]["properties"].items():
            rule = written
            while "$ref" in rule:
                rule = definitions[rule["$ref"].rsplit("/", 1)[1]]
            codes = rule.get("enum") or (rule.get("items") or {}).get("enum") or ()
            if key in shown:
                known = choices.get(f"{kind}.{key}") or choices.get(key) or {}
                missing += [f"{kind}.{key}: {code}" for code in codes if code not in known]
    assert missing == []


def test_acts_are_cited_in_the_report_s_language():
    law = "kirjanpitolaki (1336/1997) 2:10 §"
    assert citation_in_words(law, "sv") == "bokföringslagen (1336/1997) 2:10 §"
    assert citation_in_words(law, "en") == "Accounting Act (1336/1997) 2:10"
    gdpr = "yleinen tietosuoja-asetus (EU) 2016/679, 21 artiklan 3 kohta"
    assert citation_in_words(gdpr, "en") == "General Data Protection Regulation (EU) 2016/679, Article 21(3)"
    assert citation_in_words("ACC-VOUCHER", "en") == "Accounting Act (1336/1997) 2:10.2"
    assert citation_in_words("hallituksen päätös 3/2020", "sv") == "hallituksen päätös 3/2020"


def test_json_keeps_one_row_a_line_and_is_the_report():
    content = to_json(report())
    assert json.loads(content) == json.loads(json.dumps(report()))
    assert content.count(b"\n") > len(report()["retention"])


def _texts(book):
    import io

    from openpyxl import load_workbook

    workbook = load_workbook(io.BytesIO(book), read_only=True)
    try:
        return "\n".join(
            str(value) for sheet in workbook for row in sheet.iter_rows(values_only=True) for value in row if value
        )
    finally:
        workbook.close()


def test_a_large_record_is_gathered_on_paper_and_leaves_nothing_out():
    document = inventory()
    shape = document["datasets"][2]
    names = [f"Suuri aineisto {number}" for number in range(LARGE + 1)]
    document["datasets"] += [{**shape, "id": f"d{number}", "name": fi(name)} for number, name in enumerate(names)]
    late = evidence(tiketit={"overdue": 3, "overdue_since": "2026-01-01"})
    built = build(data(document=document, evidence=late))
    assert is_large(built) and not is_large(report())
    sheet = sheet_of(built, compact=True)
    said = " ".join(run.text for section in sheet.sections for run in _runs(section))
    assert all(name in said for name in names)
    assert "Tiketit ja viestit" in said and "lisätty" in said
    assert sum(1 for section in sheet.sections for _ in _runs(section)) < 2_000
    assert to_pdf(built) == to_pdf(built)


def _runs(section):
    for block in section.blocks:
        cells = []
        if block.kind == "table":
            cells = [cell for row in block.rows for cell in row]
        elif block.kind == "facts":
            cells = [row.cell for row in block.rows]
        elif block.kind == "text":
            cells = [block.cell]
        elif block.kind == "entries":
            cells = block.rows
        for cell in cells:
            for line in cell:
                yield from line
