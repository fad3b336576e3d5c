"""The samples: KaseNet's inventory says what its notice says, and its artificial people are artificial."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from retention.inventory_document import yaml_text
from retention.inventory_document.checks import check
from ropa.wording import table
from samples.companies import companies
from samples.documents import whole
from samples.kasenet import COMPANY
from samples.kasenet.people import CHECK_CHARACTERS, identity_code
from samples.kasenet.story import Situation, tell
from samples.kasenet.systems import CUSTOMERS, MARKER, SEED, NotOursError, build, built

TODAY = date(2026, 6, 1)
ALONE = replace(COMPANY, further=())
PRINTED = [  # section 3 of the notice: its numbering restarts
    ("1.", "Asiakashallinta/laskutusjärjestelmä"),
    ("2.", "Tikettijärjestelmä"),
    ("3.", "Sähköinen kuitu-/liittymäkarttahallinta"),
    ("2.", "Manuaalinen paperiaineisto"),
    ("3.", "Kuitukysely/työmääräin"),
    ("4.", "Dokumentaatiopalvelin"),
    ("5.", "KaseNet AD / VPN"),
    ("6.", "Sähköpostipalvelimet"),
]
IDENTITY_CODE = re.compile(r"\b([0-3]\d[01]\d{3})[-+A-FU-Y](\d{3})([0-9A-FHJ-NPR-Y])\b")
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")


@pytest.fixture(scope="module")
def document():
    return whole(ALONE, yaml_text.parse)


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    return build(tmp_path_factory.mktemp("demo") / "kasenet", TODAY).directory


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def databases(directory: Path) -> list[Path]:
    return sorted([*directory.glob("*.sqlite3"), *directory.glob("*.gpkg")])


def texts(directory: Path) -> Iterator[str]:
    """Every text that any of the systems holds: each cell of each table, each file and its name."""
    for path in databases(directory):
        with closing(sqlite3.connect(path)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in names:
                for row in database.execute(f"SELECT * FROM {table}"):
                    yield from (value for value in row if isinstance(value, str))
    for name, content in contents(directory).items():
        if not name.endswith((".sqlite3", ".gpkg")):
            yield name
            yield content.decode("latin-1")


def test_the_inventory_is_a_valid_document_with_all_its_additions():
    verdict = check(whole(COMPANY, yaml_text.parse))
    assert (verdict.errors, verdict.warnings) == ((), ())


def test_every_register_of_the_notice_stands_with_its_printed_ordinal(document):
    declared = [register for register in document["registers"] if register["declared"]]
    found = [(r["printed_ordinal"], r["name"]["fi"]) for r in declared]
    assert found == PRINTED


def test_every_period_is_an_addition_that_nobody_has_confirmed(document):
    rules = [
        (dataset["id"], rule)
        for dataset in document["datasets"]
        for rule in (*dataset["grounds"], *dataset.get("ceilings", ()))
    ]
    assert len(rules) > 25
    for dataset, rule in rules:
        assert rule["addition"] is True and rule["status"] == "proposed", (dataset, rule["id"])
        assert set(rule["reason"]) == {"fi", "sv", "en"}, (dataset, rule["id"])


def test_a_dataset_lies_in_a_register_that_a_connection_reaches(document):
    connections = document["connections"]
    registers = {register["id"]: register for register in document["registers"] if register["declared"]}
    assert {dataset["register"] for dataset in document["datasets"]} == set(registers)
    assert {register["connection"] for register in registers.values()} == set(connections)


def test_the_same_arguments_give_the_same_bytes(systems, tmp_path):
    again = build(tmp_path / "kasenet", TODAY)
    other = build(tmp_path / "other", TODAY, seed=SEED + 1)
    assert contents(again.directory) == contents(systems)
    assert contents(other.directory) != contents(systems)


def test_what_was_built_is_recognised(systems):
    told = built(systems)
    assert told is not None
    assert (told.today, told.seed, told.customers) == (TODAY, SEED, CUSTOMERS)
    assert list(told.holds) == list(tell(TODAY, SEED, CUSTOMERS).holds)


def test_every_situation_has_its_people():
    for seed in range(5):
        assert {customer.situation for customer in tell(TODAY, seed, CUSTOMERS).customers} == set(Situation)
    with pytest.raises(ValueError, match="too few"):
        tell(TODAY, SEED, 10)


def test_no_identity_code_is_one_that_a_person_could_have(systems):
    found = [match for text in texts(systems) for match in IDENTITY_CODE.finditer(text)]
    assert len(found) > 300
    for match in found:
        born, individual, check = match.groups()
        assert 900 <= int(individual) <= 999
        assert CHECK_CHARACTERS[int(born + individual) % 31] == check
    assert identity_code(date(1990, 1, 1), 900) == "010190-900P"
    with pytest.raises(ValueError, match="test range"):
        identity_code(date(1990, 1, 1), 899)


def test_no_mail_address_can_be_anybodys(systems):
    found = {match[1] for text in texts(systems) for match in ADDRESS.finditer(text)}
    assert found == {"example.invalid"}


def test_every_foreign_key_has_an_index(systems):
    seen = 0
    for path in databases(systems):
        with closing(sqlite3.connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                if table.startswith("gpkg_"):
                    continue
                indexed = {
                    database.execute(f"PRAGMA index_info({index[1]})").fetchone()[2]
                    for index in database.execute(f"PRAGMA index_list({table})").fetchall()
                }
                keys = {key[3] for key in database.execute(f"PRAGMA foreign_key_list({table})")}
                assert keys <= indexed, (path.name, table)
                seen += len(keys)
    assert seen >= 6


def test_the_map_is_a_geopackage_with_its_index_and_its_trap(systems, tmp_path):
    copy = tmp_path / "kartta.gpkg"
    copy.write_bytes((systems / "kuitukartta.gpkg").read_bytes())
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        points = database.execute("SELECT count(*) FROM liittyma").fetchone()
        assert database.execute("SELECT count(*) FROM rtree_liittyma_geom").fetchone() == points
        database.execute("DELETE FROM liittyma WHERE fid = 1")
        assert database.execute("SELECT count(*) FROM rtree_liittyma_geom").fetchone() == (points[0] - 1,)
        with pytest.raises(sqlite3.OperationalError, match="ST_IsEmpty"):
            database.execute("UPDATE liittyma SET asiakas_nimi = NULL WHERE fid = 2")


def test_a_folder_that_is_not_the_demos_own_is_left_alone(tmp_path):
    (tmp_path / "kasenet").mkdir()
    (tmp_path / "kasenet" / "oma.txt").write_text("tärkeä")
    with pytest.raises(NotOursError, match=MARKER):
        build(tmp_path / "kasenet", TODAY)
    with pytest.raises(NotOursError):
        built(tmp_path / "kasenet")
    assert contents(tmp_path / "kasenet") == {"oma.txt": "tärkeä".encode()}
    assert not (tmp_path / "kasenet.part").exists()


def test_a_folder_of_its_own_is_built_anew(tmp_path):
    first = build(tmp_path / "kasenet", TODAY, customers=80)
    (first.directory / "crm.sqlite3").unlink()
    before = contents(build(tmp_path / "fresh", TODAY, customers=80).directory)
    assert contents(build(tmp_path / "kasenet", TODAY, customers=80).directory) == before


def test_every_fact_of_the_samples_has_words():
    """The authority reads conditions: no machine's name stands in them."""
    for company in companies():
        for file in (company.inventory, *company.further):
            for fact, value in re.findall(r"fact: (\w+), is: (\w+)", file.read_text(encoding="utf-8")):
                meant = {"true": True, "false": False}.get(value, value)
                for language in ("fi", "sv", "en"):
                    assert meant in table(language)["facts"][fact], (company.slug, language)
