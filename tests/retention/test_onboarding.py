"""A foreign record becomes part of the draft: looked at row by row, then all of it or nothing."""

from __future__ import annotations

import copy
import io
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook

from retention.domain.errors import DocumentError, LifecycleError
from retention.inventory_document import import_document, whole_draft
from retention.inventory_document.shape import schema
from retention.onboarding.record import apply, mapping_of, preview, save_mapping
from retention.onboarding.record.columns import ENTRIES
from ropa.models import ColumnMapping, Organisation, TimeLimit
from tests.retention.foreign_files import HEADINGS, MAPPING, ROWS, csv_of, saved, workbook

pytestmark = pytest.mark.usefixtures("english")

EMPTY = {"seloste": 1, "organisation": {"slug": "uusi", "name": "Uusi Oy"}}


@pytest.fixture
def uusi(db) -> Organisation:
    return import_document(EMPTY, "test")


def mapping(**columns: Any) -> dict[str, Any]:
    said = copy.deepcopy(MAPPING)
    said["columns"].update(columns)
    return said


def changed(row: int, heading: str, value: Any) -> bytes:
    book = workbook()
    book.active.cell(row, HEADINGS.index(heading) + 1).value = value
    return saved(book)


def problems(organisation: Organisation, content: bytes, said: Any = MAPPING) -> list[str]:
    """What is wrong, both when it is looked at and when it is to be applied; and nothing was changed."""
    before = whole_draft(organisation)
    found, _ = preview(organisation, content, said)
    with pytest.raises(DocumentError) as caught:
        apply(organisation, content, said, "dpo", "test")
    assert caught.value.problems == found.problems
    assert whole_draft(organisation) == before
    return [str(problem) for problem in found.problems]


def test_a_preview_says_what_would_become_of_each_row_and_changes_nothing(uusi):
    found, _ = preview(uusi, saved(workbook()), MAPPING)
    assert [(row.row, row.activity, row.outcome) for row in found.rows] == [
        (2, "Asiakassuhteen hoito", "new"),
        (3, "Palkanlaskenta", "new"),
    ]
    told = {change.path: (change.what, change.text) for change in found.rows[1].changes}
    assert told["recipients[tilitoimisto].activities"] == ("changed", "palkanlaskenta")
    assert told["recipients[verohallinto]"] == ("new", "Verohallinto")
    assert found.problems == ()
    assert whole_draft(uusi)["activities"] == []


def test_what_was_looked_at_is_applied_and_a_second_time_changes_nothing(uusi):
    content = saved(workbook())
    _, digest = preview(uusi, content, MAPPING)
    apply(uusi, content, MAPPING, "dpo", "the record of 2018", digest)
    draft = whole_draft(uusi)
    customer, pay = draft["activities"]
    assert customer == {
        "id": "asiakassuhteen-hoito",
        "name": {"fi": "Asiakassuhteen hoito"},
        "role": "controller",
        "purposes": [
            {
                "id": "sopimuksen-tayttaminen",
                "name": {"fi": "Sopimuksen täyttäminen"},
                "legal_basis": {"value": {"text": {"fi": "Sopimus"}}},
            },
            {"id": "laskutus", "name": {"fi": "Laskutus"}, "legal_basis": {"value": {"text": {"fi": "Sopimus"}}}},
        ],
        "transfers": {"none_because": {"fi": "Ei siirretä"}},
    }
    assert pay["transfers"] == {"none_because": {"fi": "Ei siirretä"}}
    assert "transfers" not in draft
    assert draft["security_measures"] == [
        {
            "id": "kayttooikeudet",
            "name": {"fi": "Käyttöoikeudet"},
            "activities": ["asiakassuhteen-hoito", "palkanlaskenta"],
            "registers": ["crm", "palkkajarjestelma"],
        }
    ]
    assert [one["id"] for one in draft["registers"]] == ["crm", "palkkajarjestelma"]
    history = Organisation.objects.get().activitys.get(code="palkanlaskenta").history.get()
    assert history.history_change_reason == "dpo: the record of 2018"
    again, _ = preview(uusi, content, MAPPING)
    assert [row.outcome for row in again.rows] == ["nothing", "nothing"]
    apply(uusi, content, MAPPING, "dpo", "again")
    assert whole_draft(uusi) == draft


def test_words_about_how_long_are_kept_as_words_and_never_made_a_rule(uusi):
    apply(uusi, saved(workbook()), MAPPING, "dpo", "test")
    draft = whole_draft(uusi)
    assert draft["time_limits"] == [
        {
            "id": "6-vuotta-tilikauden-paattymisesta",
            "name": {"fi": "6 vuotta tilikauden päättymisestä"},
            "activities": ["asiakassuhteen-hoito"],
            "registers": ["crm"],
        },
        {
            "id": "10-vuotta",
            "name": {"fi": "10 vuotta"},
            "activities": ["palkanlaskenta"],
            "registers": ["palkkajarjestelma"],
        },
    ]
    assert draft["datasets"] == []
    assert not TimeLimit.objects.exclude(period="").exists()


def test_a_csv_file_becomes_the_same_as_the_workbook(uusi):
    one, _ = preview(uusi, saved(workbook()), MAPPING)
    other, _ = preview(uusi, csv_of("cp1252", ";"), MAPPING)
    assert other.document == one.document
    assert [row.sheet for row in other.rows] == ["CSV", "CSV"]


def test_what_is_there_is_found_by_name_in_any_language_and_only_added_to(uusi):
    document = {
        **EMPTY,
        "registers": [{"id": "kanta", "name": {"fi": "Asiakaskanta", "en": "crm"}, "medium": "paper"}],
        "recipients": [
            {"id": "kaikille", "name": {"fi": "TILITOIMISTO"}},
            {"id": "vero", "name": {"fi": "Verohallinto"}, "activities": ["hoito"]},
        ],
        "activities": [
            {
                "id": "hoito",
                "name": {"sv": "Asiakassuhteen  hoito"},
                "purposes": [{"id": "p", "name": {"fi": "Laskutus"}, "legal_basis": {"value": {"article": "6(1)(b)"}}}],
            }
        ],
    }
    import_document(document, "test")
    found, _ = preview(uusi, saved(workbook()), MAPPING)
    assert [row.outcome for row in found.rows] == ["changes", "new"]
    apply(uusi, saved(workbook()), MAPPING, "dpo", "test")
    draft = whole_draft(uusi)
    assert [one["id"] for one in draft["activities"]] == ["hoito", "palkanlaskenta"]
    assert [one["id"] for one in draft["activities"][0]["purposes"]] == ["p", "sopimuksen-tayttaminen"]
    assert draft["activities"][0]["purposes"][0]["legal_basis"] == {"value": {"article": "6(1)(b)"}}
    assert draft["registers"][0] == {**document["registers"][0], "lifecycle": "active", "declared": True}  # type: ignore[index]
    everywhere, tax = draft["recipients"]
    assert "activities" not in everywhere
    assert tax["activities"] == ["hoito", "palkanlaskenta"]
    assert any("has a legal basis already" in warning.message for warning in found.warnings)


@pytest.mark.parametrize(
    ("row", "heading", "value", "wanted"),
    [
        (2, HEADINGS[0], None, f"sheet Seloste, row 2, column A ({HEADINGS[0]}): is missing: whose row is it?"),
        (3, "Vastaanottajat", "=A1", "sheet Seloste, row 3, column F (Vastaanottajat): is a formula"),
        (3, "Vastaanottajat", "#REF!", "sheet Seloste, row 3, column F (Vastaanottajat): is the error #REF!"),
        (2, "Turvatoimet", " - ", "sheet Seloste, row 2, column I (Turvatoimet): holds no word"),
        (2, HEADINGS[0], "…", f"sheet Seloste, row 2, column A ({HEADINGS[0]}): holds no word"),
        (2, HEADINGS[1], None, "sheet Seloste, row 2, column C (Oikeusperuste): is the basis of no purpose"),
        (1, "Turvatoimet", "Säilytysaika", "sheet Seloste, row 1, column I (Säilytysaika): is a heading twice"),
        (1, "Turvatoimet", "Uusi otsikko", "columns[turvatoimet]: no sheet that is read has this heading"),
        (1, HEADINGS[0], "=A2", "sheet Seloste, row 1, column A: is a formula"),
        (2, "Henkilötietoryhmät", "x" * 10_001, "sheet Seloste, row 2: data_categories["),
        (2, "Henkilötietoryhmät", ";".join(f"t{n}" for n in range(201)), "names more than 200"),
    ],
)
def test_what_is_wrong_is_told_by_sheet_row_and_column_and_nothing_is_changed(uusi, row, heading, value, wanted):
    assert any(wanted in one for one in problems(uusi, changed(row, heading, value)))


def test_every_error_is_told_at_once(uusi):
    book = workbook()
    book.active["F2"] = "=1"
    book.active["I3"] = "-"
    found, _ = preview(uusi, saved(book), MAPPING)
    assert [row.outcome for row in found.rows] == ["error", "error"]
    assert len(problems(uusi, saved(book))) == 2


def test_two_entries_of_one_name_are_not_chosen_between(uusi):
    import_document(
        {**EMPTY, "recipients": [{"id": one, "name": {"fi": "Tilitoimisto"}} for one in ("a", "b")]}, "test"
    )
    assert "is the name of more than one entry: a, b" in problems(uusi, saved(workbook()))[0]


def test_a_register_needs_its_medium_from_a_person(uusi):
    said = mapping(Järjestelmä={"to": "registers"})
    assert "say in the mapping of which medium" in problems(uusi, saved(workbook()), said)[0]


def test_what_says_both_some_and_none_is_refused(uusi):
    none = {"transfers": {"none_because": {"fi": "Ei siirretä"}}}
    import_document({**EMPTY, "activities": [{"id": "a", "name": {"fi": "Palkanlaskenta"}, **none}]}, "test")
    found = problems(uusi, changed(3, "Siirrot EU:n ulkopuolelle", "Yhdysvallat"))
    assert found == [
        "sheet Seloste, row 3, column G (Siirrot EU:n ulkopuolelle): names some; the draft says that there is none"
    ]


def test_words_that_read_as_none_are_doubted(uusi):
    found, _ = preview(uusi, changed(2, "Vastaanottajat", "Ei säännönmukaisia luovutuksia"), MAPPING)
    assert str(found.warnings[0]).startswith(
        "sheet Seloste, row 2, column F (Vastaanottajat): reads as if there were none"
    )


def test_a_cell_that_seems_to_name_several_is_doubted(uusi):
    found, _ = preview(uusi, saved(workbook()), mapping(Henkilötietoryhmät={"to": "data_categories"}))
    assert [str(one) for one in found.warnings if "several" in one.message] == [
        f"sheet Seloste, row {row}, column E (Henkilötietoryhmät): is taken for one; if it names several, say "
        "what parts them: separator"
        for row in (2, 3)
    ]


def test_columns_that_nobody_mapped_are_named(uusi):
    said = mapping()
    del said["columns"]["Muuta"]
    found, _ = preview(uusi, saved(workbook()), said)
    assert found.unread == ("Seloste: Muuta",)


def test_hidden_sheets_are_read_only_when_they_are_named(uusi):
    book = workbook()
    book.create_sheet("Tyhjä")
    book["Seloste"].sheet_state = "hidden"
    book.active = 1
    content = saved(book)
    found, _ = preview(uusi, content, MAPPING)
    assert "sheet Seloste: is hidden, and is not read" in map(str, found.warnings)
    found, _ = preview(uusi, content, {**MAPPING, "sheets": {"Seloste": {"heading_row": 1}}})
    assert len(found.rows) == 2
    assert "sheet Muu: is not in the file" in problems(uusi, content, {**MAPPING, "sheets": {"Muu": None}})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("31.12.2025", ""),
        (date(2025, 12, 31), ""),
        ("2025-12-31", ""),
        ("31.12.25", "two digits"),
        ("31.2.2025", "no day"),
    ],
)
def test_a_day_is_read_as_finns_write_it_and_a_short_year_is_doubtful(uusi, written, said):
    mapped = mapping(Muuta={"to": "ended_on"})
    content = changed(2, "Muuta", written)
    if said:
        assert said in problems(uusi, content, mapped)[0]
        return
    apply(uusi, content, mapped, "dpo", "test")
    assert whole_draft(uusi)["activities"][0]["ended_on"] == "2025-12-31"


def test_a_role_is_one_of_two_and_whom_it_is_for_is_kept(uusi):
    book = load_workbook(io.BytesIO(saved(workbook())))
    assert book.active is not None
    book.active["K2"], book.active["J2"] = "Käsittelijä", "Toinen Oy; Kolmas Oy"
    said = mapping(Muuta={"to": "role"}, Järjestelmä={"to": "on_behalf_of", "separator": ";"})
    apply(uusi, saved(book), said, "dpo", "test")
    activity = whole_draft(uusi)["activities"][0]
    assert activity["role"] == "processor"
    assert activity["on_behalf_of"]["value"] == [{"name": "Toinen Oy"}, {"name": "Kolmas Oy"}]
    assert (
        "is neither controller nor processor"
        in problems(uusi, changed(2, "Muuta", "molemmat"), mapping(Muuta={"to": "role"}))[0]
    )


@pytest.mark.parametrize(
    ("target", "first", "second"),
    [
        ("role", "Rekisterinpitäjä", "Käsittelijä"),
        ("owner", "Johtaja", "Päällikkö"),
        ("ended_on", "1.2.2025", "2.2.2025"),
    ],
)
def test_rows_that_say_otherwise_of_one_activity_are_not_chosen_between(uusi, target, first, second):
    said = mapping(Muuta={"to": target})
    agree = [[*ROWS[0][:-1], first], [*ROWS[0][:-1], first]]
    assert not preview(uusi, saved(workbook(agree)), said)[0].problems
    agree[1][-1] = second
    (problem,) = problems(uusi, saved(workbook(agree)), said)
    assert "row 3, column K (Muuta): says otherwise of the same activity than sheet Seloste, row 2" in problem


def test_a_cell_behind_the_last_heading_of_a_csv_file_moved_its_row(uusi):
    lines = csv_of("utf-8", ";").decode().splitlines()
    moved = "\r\n".join([*lines[:2], f"{lines[2]}Verohallinto;x"]).encode()
    assert "sheet CSV, row 3, column L: stands behind the last heading" in problems(uusi, moved)[0]


def test_a_column_without_a_heading_is_told_once(uusi):
    book = workbook()
    book.active["M2"], book.active["M3"] = "huomautus", "toinen"
    found, _ = preview(uusi, saved(book), MAPPING)
    (said,) = [str(one) for one in found.warnings if "no heading" in one.message]
    assert said.startswith("sheet Seloste, row 2, column M: stands under no heading")


def test_a_draft_that_changed_since_it_was_looked_at_is_looked_at_again(uusi):
    content = saved(workbook())
    _, digest = preview(uusi, content, MAPPING)
    import_document({**EMPTY, "activities": [{"id": "a", "name": {"fi": "Muu"}}]}, "test")
    with pytest.raises(LifecycleError):
        apply(uusi, content, MAPPING, "dpo", "test", digest)
    assert [one["id"] for one in whole_draft(uusi)["activities"]] == ["a"]


def test_it_is_not_applied_without_a_reason(uusi):
    with pytest.raises(DocumentError, match="reason"):
        apply(uusi, saved(workbook()), MAPPING, "dpo", " ")


def test_a_mapping_is_kept_under_its_name_with_its_history(uusi):
    save_mapping(uusi, "excel", MAPPING, "dpo", "first")
    save_mapping(uusi, "excel", MAPPING, "dpo", "nothing new")
    save_mapping(uusi, "excel", mapping(Muuta={"to": "owner"}), "dpo", "owners too")
    assert mapping_of(uusi, "excel")["columns"]["Muuta"] == {"to": "owner"}
    reasons = ColumnMapping.objects.get().history.values_list("history_change_reason", flat=True)
    assert list(reasons) == ["dpo: owners too", "dpo: first"]
    with pytest.raises(LookupError):
        mapping_of(uusi, "other")
    with pytest.raises(DocumentError):
        save_mapping(uusi, "no name", MAPPING, "dpo")


def test_entries_made_of_words_alone_say_all_that_their_kind_needs():
    for kind, said in ENTRIES.items():
        rule = schema()["$defs"][schema()["properties"][kind]["items"]["$ref"].removeprefix("#/$defs/")]
        assert set(rule["required"]) <= {"id", "name", *said, *({"medium"} if kind == "registers" else set())}
        assert kind == "registers" or {"activities", "registers"} <= set(rule["properties"])


def test_a_record_of_thousands_of_rows_is_looked_at_in_seconds(uusi):
    import time

    rows = [[f"Toiminto {n}", *ROWS[0][1:]] for n in range(2_000)]
    content = saved(workbook(rows))
    started = time.monotonic()
    found, _ = preview(uusi, content, MAPPING)
    assert [row.outcome for row in found.rows] == ["new"] * 2_000
    assert sum(len(change.text) for row in found.rows for change in row.changes) < 1_000_000
    assert time.monotonic() - started < 60
