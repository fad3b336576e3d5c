"""The references library: what became of what notices cite, and how it is found in their sentences."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from retention.domain.errors import RuleError
from ropa import law
from ropa.references import FILE, load, mentions, references
from ropa.report.references import known_as

TODAY = date(2026, 11, 25)
ROWS = {row["id"]: row for row in yaml.safe_load(FILE.read_text(encoding="utf-8"))}


def found(text: str) -> list[tuple[str, str]]:
    return [(one.id, one.spelling) for one in mentions(text)]


@pytest.mark.parametrize(
    ("id_", "status", "successor"),
    [
        ("henkilotietolaki", "repealed", "tietosuoja-asetus"),
        ("sahkoisen-viestinnan-tietosuojalaki", "repealed", "laki-sahkoisen-viestinnan-palveluista"),
        ("tietoyhteiskuntakaari", "renamed", "laki-sahkoisen-viestinnan-palveluista"),
        ("viestintavirasto", "renamed", "traficom"),
        ("vaestorekisterikeskus", "renamed", "digi-ja-vaestotietovirasto"),
        ("yhdistysnetti", "withdrawn", "patentti-ja-rekisterihallitus"),
        ("din-32757", "withdrawn", "iso-iec-21964"),
        ("mittausasetus-2009", "repealed", "mittausasetus"),
        ("ly-tunnus", "renamed", "y-tunnus"),
        ("tietosuojalautakunta", "repealed", "tietosuojavaltuutettu"),
        ("kirjanpitolaki", "in_force", ""),
        ("ytj", "in_force", ""),
        ("ulosottoviranomainen", "in_force", ""),
    ],
)
def test_what_became_of_what_is_cited(id_, status, successor):
    row = references()[id_]
    assert (row.status_on(TODAY), row.successor) == (status, successor)


def test_a_law_is_in_force_until_its_last_day_and_not_before_its_first():
    old, new = references()["henkilotietolaki"], references()["tietosuojalaki"]
    assert old.successors == ("tietosuoja-asetus", "tietosuojalaki")
    assert [old.status_on(day) for day in (date(1999, 5, 31), date(1999, 6, 1))] == ["not_yet", "in_force"]
    assert [old.status_on(day) for day in (date(2018, 12, 31), date(2019, 1, 1))] == ["in_force", "repealed"]
    assert [new.status_on(day) for day in (date(2018, 12, 31), date(2019, 1, 1))] == ["not_yet", "in_force"]


@pytest.mark.parametrize(
    ("id_", "articles"),
    [
        ("henkilotietolaki-8-1", ("6(1)(a)",)),
        ("henkilotietolaki-8-2", ("6(1)(b)",)),
        ("henkilotietolaki-8-5", ("6(1)(f)",)),
        ("henkilotietolaki-8-6", ("6(1)(f)",)),
        ("henkilotietolaki-8-7", ("28",)),
        ("henkilotietolaki-10", ("30", "13", "14")),
        ("henkilotietolaki-24", ("13", "14")),
        ("henkilotietolaki-26", ("15", "12")),
    ],
)
def test_a_section_says_which_articles_it_has_become(id_, articles):
    assert references()[id_].maps_to == articles
    assert references()[id_].part_of == "henkilotietolaki"


def test_a_commission_is_no_legal_basis_and_says_so():
    row = references()["henkilotietolaki-8-7"]
    assert not any(one.startswith("6(1)") for one in row.maps_to)
    assert set(row.note) == {"fi", "sv", "en"}


def test_whatever_has_ended_ends_in_something_that_is_in_force():
    rows = references()
    for row in rows.values():
        if row.status_on(TODAY) != "in_force":
            assert row.successors or row.part_of, row.id
            assert all(rows[one].status_on(TODAY) == "in_force" for one in row.successors), row.id


def test_every_statute_of_the_law_library_is_a_row():
    numbers = {row.number for row in references().values()}
    for row in law.library().values():
        for statute in row.statute.split(";"):
            number = statute.split()[-1]
            assert number in numbers, row.id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Henkilötietolaki (523/1999) 10 § ja 24 §", ["henkilotietolaki-10", "henkilotietolaki-24"]),
        ("Henkilötietolain (523/99) 10:n mukainen rekisteriseloste", ["henkilotietolaki-10"]),
        ("henkilötietolain (523/1999) 10 §:n mukainen", ["henkilotietolaki-10"]),
        ("henkilötietolain 10 ja 24 §:ssä", ["henkilotietolaki-10", "henkilotietolaki-24"]),
        ("henkilötietolain 8 §:n 1 momentin 5 kohdan nojalla", ["henkilotietolaki-8-5"]),
        (
            "perustuu henkilötietolain 8 pykälän 1 momentin 1, 2, 5, 6 ja 7 kohtiin.",
            [f"henkilotietolaki-8-{item}" for item in (1, 2, 5, 6, 7)],
        ),
        ("henkilötietolain mukaista tarkistusoikeutta", ["henkilotietolaki"]),
        ("henkilötietolain 99 §:n mukaan", ["henkilotietolaki"]),
        ("käytetään ainoastaan tietoyhteiskuntakaaren mukaisesti", ["tietoyhteiskuntakaari"]),
        ("tietoyhteiskuntakaaren (917/2014) 200 §", ["tietoyhteiskuntakaari"]),
        ("sähköisen viestinnän palveluista annetun lain (917/2014)", ["laki-sahkoisen-viestinnan-palveluista"]),
        ("suojattu sähköisen viestinnän tietosuojalain ja", ["sahkoisen-viestinnan-tietosuojalaki"]),
        ("sähköisen viestinnän\ntietosuojalaissa", ["sahkoisen-viestinnan-tietosuojalaki"]),
        ("tietosuojalain 29 §:n mukaisesti", ["tietosuojalaki"]),
        ("työelämän tietosuojalain nojalla", ["tyoelaman-tietosuojalaki"]),
        ("EU:n yleisen tietosuoja-asetuksen (EU) 2016/679 mukaan", ["tietosuoja-asetus"]),
        ("GDPR:n 30 artikla", ["tietosuoja-asetus"]),
        ("kuten Väestörekisterikeskuksen osoitepalvelua", ["vaestorekisterikeskus"]),
        ("Liikenne- ja viestintävirasto Traficomille", ["traficom"]),
        ("sekä Viestintäviraston määräysten", ["viestintavirasto"]),
        ("valitus tietosuojavaltuutetulle", ["tietosuojavaltuutettu"]),
        ("2. Ulosottoviranomaiselle tarvittaessa", ["ulosottoviranomainen"]),
        ("YTJ:stä", ["ytj"]),
        ("Patentti ja rekisterihallituksen Yhdistysnetti", ["patentti-ja-rekisterihallitus", "yhdistysnetti"]),
        ("tuhoaan DIN 32757 -standardin mukaiseksi", ["din-32757"]),
        ("laissa 523/1999 säädetään", ["henkilotietolaki"]),
        ("sähkömarkkinalain (386/1995) ja sähkömarkkinalain", ["sahkomarkkinalaki-1995", "sahkomarkkinalaki"]),
        ("personuppgiftslagens 10 §", ["henkilotietolaki-10"]),
        ("Personal Data Act (523/1999), s. 10", ["henkilotietolaki-10"]),
    ],
)
def test_a_sentence_names_rows_in_any_case_and_by_number(text, expected):
    assert [one.id for one in mentions(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "tietosuojalainsäädännön mukaan",
        "voimassa olevan lainsäädännön rajoissa",
        "Suomen lain mukaan",
        "www.viestintavirasto.fi, ytj.fi, prh.fi",
        "posti@ytj.fi",
        "puhelin 523/99, versio 66/2009",
        "1523/1999",
        "kaariveto",
        "",
    ],
)
def test_what_only_looks_like_a_name_is_none(text):
    assert mentions(text) == []


def test_a_mention_says_where_it_stands():
    text = "Noudatetaan henkilötietolain (523/1999) 10 §:n ja Viestintäviraston määräyksiä."
    assert found(text) == [
        ("henkilotietolaki-10", "henkilötietolain (523/1999) 10 §:n"),
        ("viestintavirasto", "Viestintäviraston"),
    ]
    assert all(text[one.start : one.end] == one.spelling for one in mentions(text))


def test_letters_with_their_dots_apart_are_read_too():
    text = "La\u0308hde: Va\u0308esto\u0308rekisterikeskus, YTJ"
    assert [one.id for one in mentions(text)] == ["vaestorekisterikeskus", "ytj"]
    assert all(text[one.start : one.end] == one.spelling for one in mentions(text))


@pytest.mark.parametrize("id_", [row["id"] for row in ROWS.values() if row.get("spellings") != []])
def test_each_row_is_found_by_its_own_name_in_each_language(id_):
    for language, name in references()[id_].name.items():
        assert id_ in [one.id for one in mentions(f"x {name} x")], language


def written(tmp_path: Path, *rows: object) -> Path:
    file = tmp_path / "rows.yaml"
    file.write_text(yaml.safe_dump(list(rows), allow_unicode=True), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "letter"}, "kirjanpitolaki.kind"),
        ({"status": "old"}, "kirjanpitolaki.status"),
        ({"status": "in_force", "valid_to": "2030-01-01"}, "kirjanpitolaki.status: is in force"),
        ({"status": "repealed", "valid_to": "1990-01-01"}, "kirjanpitolaki.valid_to: ends before"),
        ({"status": "repealed", "successors": ["x"]}, "kirjanpitolaki.successors: 'x' is no other row"),
        ({"status": "repealed", "successors": ["kirjanpitolaki"]}, "kirjanpitolaki.successors"),
        ({"name": {"fi": "kirjanpitolaki"}}, "kirjanpitolaki.name"),
        ({"number": "1336"}, "kirjanpitolaki.number"),
        ({"maps_to": ["art. 6"]}, "kirjanpitolaki.maps_to"),
        ({"sections": [{"section": "x"}]}, r"kirjanpitolaki.sections\[x\]"),
        ({"sections": [{"section": "1", "colour": "blue"}]}, r"kirjanpitolaki.sections\[1\]: unknown: colour"),
        ({"colour": "blue"}, "kirjanpitolaki: missing or unknown: colour"),
        ({"valid_from": "1997"}, "kirjanpitolaki.valid_from"),
        ({"certainty": "F"}, "kirjanpitolaki.certainty"),
    ],
)
def test_a_wrong_row_is_named_with_its_place(tmp_path, change, said):
    with pytest.raises(RuleError, match=f"^{said}"):
        load(written(tmp_path, {**ROWS["kirjanpitolaki"], **change}))


def test_rows_that_cannot_be_told_apart_are_refused(tmp_path):
    row = ROWS["kirjanpitolaki"]
    with pytest.raises(RuleError, match="kirjanpitolaki: this id is there twice"):
        load(written(tmp_path, row, row))
    with pytest.raises(RuleError, match=r"other.spellings: .* is a spelling of kirjanpitolaki too"):
        load(written(tmp_path, row, {**row, "id": "other"}))
    with pytest.raises(RuleError, match=r"other.number: 1336/1997 is the number of kirjanpitolaki too"):
        load(written(tmp_path, row, {**row, "id": "other", "spellings": []}))
    with pytest.raises(RuleError, match="goes in a circle"):
        load(
            written(
                tmp_path,
                {**row, "status": "repealed", "successors": ["other"]},
                {**ROWS["ytj"], "id": "other", "status": "repealed", "successors": ["kirjanpitolaki"]},
            )
        )
    with pytest.raises(RuleError, match=r"rows.yaml: is not a list"):
        file = tmp_path / "rows.yaml"
        file.write_text("a: 1", encoding="utf-8")
        load(file)


def test_the_report_says_what_came_in_place_of_what_is_cited():
    cited = {"row": "henkilotietolaki"}
    assert known_as(cited, "fi", date(2018, 12, 31)) == {
        "words": "henkilötietolaki",
        "outdated": False,
        "successor": None,
    }
    assert known_as(cited, "fi", TODAY) == {
        "words": "henkilötietolaki",
        "outdated": True,
        "successor": "yleinen tietosuoja-asetus, tietosuojalaki",
    }
    assert known_as({"row": "none"}, "fi", TODAY) is None
