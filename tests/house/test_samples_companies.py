"""The inventories of two more companies say what their notices say, and their people are artificial."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from stdnum.fi import ytunnus

from retention.connectors.registry import kinds
from retention.inventory_document import export_document, import_document, normalised, read, yaml_text
from retention.inventory_document.checks import check
from ropa.law import library
from samples import documents, kasenet, kotisivutaivas, ksvv
from samples.companies import PACKAGES, companies
from samples.documents import registers_of, unreached
from samples.frame import MARKER, Company, NotOursError, built
from samples.kotisivutaivas.story import business_id, is_company
from samples.kotisivutaivas.story import tell as tell_kotisivutaivas
from samples.lives import LEAST_CUSTOMERS, Situation
from samples.people import CHECK_CHARACTERS

TODAY = date(2026, 6, 1)
REGISTERS = {
    "ksvv": [
        ("KSVV-R1", "Keski-Suomen Valokuituverkot Oy:n asiakasrekisteri", "database", True),
        ("KSVV-R2", "Puhelutallenteet", "files", False),
        ("KSVV-R3", "Viestinnän välitystiedot", "files", False),
        ("KSVV-R4", "Päätelaitteiden laitetiedot", "database", False),
        ("KSVV-R5", "Suoramarkkinointisuostumukset ja -kiellot", "database", False),
        ("KSVV-R6", "Laskutus- ja perintätiedot", "database", False),
        ("KSVV-R7", "Tarjouspyynnöt", "database", False),
        ("KSVV-R8", "Käyttöoikeudet ja käsittelyloki", "directory", False),
    ],
    "kotisivutaivas": [
        ("KT-R1", "Kotisivutaivaan internetpalvelujen asiakastietorekisteri", "database", True),
        ("KT-R2", "Tekniset yhteyshenkilöt (ei asiakassuhdetta)", "database", False),
        ("KT-R3", "Asiakaspalveluyhteydenotot", "mail", False),
        ("KT-R4", "Muualta hankittavat tiedot", "database", False),
        ("KT-R5", "Manuaalinen aineisto", "paper", False),
        ("KT-R7", "Suoramarkkinointi", "database", False),
        ("KT-R6", "Palvelimille tallennettu asiakkaiden sisältö", "files", False),
        ("KT-R6", "Asiakkaiden postilaatikot", "mail", False),
    ],
}
SERVED = {"ksvv": ["kayttooikeudet"], "kotisivutaivas": ["asiakaspalvelu", "asiakassahkopostit"]}
IDENTITY_CODE = re.compile(r"\b([0-3]\d[01]\d{3})[-+A-FU-Y](\d{3})([0-9A-FHJ-NPR-Y])\b")
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")


@pytest.fixture(scope="module", params=[ksvv, kotisivutaivas], ids=list(REGISTERS))
def package(request: pytest.FixtureRequest) -> ModuleType:
    found: ModuleType = request.param
    return found


@pytest.fixture(scope="module")
def company(package: ModuleType) -> Company:
    found: Company = package.COMPANY
    return found


@pytest.fixture(scope="module")
def document(company: Company) -> dict[str, Any]:
    return whole(company)


@pytest.fixture(scope="module")
def systems(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return company.build(tmp_path_factory.mktemp("demo") / company.slug, TODAY).directory


def whole(company: Company) -> dict[str, Any]:
    return documents.whole(company, yaml_text.parse)


def reached(document: dict[str, Any]) -> dict[str, Any]:
    return unreached(document, [code for code, one in document["connections"].items() if one["kind"] not in kinds()])


def rules(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for dataset in document["datasets"]:
        for rule in (*dataset["grounds"], *dataset.get("ceilings", ())):
            yield dataset, rule


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def databases(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.sqlite3"))


def texts(directory: Path) -> Iterator[str]:
    """Every text that any of the systems holds: each cell of each table, each file and its name."""
    for path in databases(directory):
        with closing(sqlite3.connect(path)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in names:
                for row in database.execute(f"SELECT * FROM {table}"):
                    yield from (value for value in row if isinstance(value, str))
    for name, content in contents(directory).items():
        if not name.endswith(".sqlite3"):
            yield name
            yield content.decode("latin-1")


def test_the_document_is_valid_and_leaves_no_doubt(document):
    verdict = check(reached(document))
    assert (verdict.errors, verdict.warnings) == ((), ())


def test_only_a_connector_that_is_not_installed_may_be_wanting(document):
    wanting = [code for code, one in document["connections"].items() if one["kind"] not in kinds()]
    about = tuple(f"connections.{code}" for code in wanting)
    assert [problem for problem in check(document).errors if not problem.path.startswith(about or ("-",))] == []


@pytest.mark.django_db
def test_what_is_exported_reads_as_what_was_imported(document):
    told = reached(document)
    organisation = import_document(told, by="test", reason="test")
    written = export_document(organisation)
    again = read(written)
    assert normalised(again) == normalised(told)
    assert export_document(import_document(again, by="test", reason="test")) == written


def test_every_register_that_the_notice_names_or_implies_is_there(company, document):
    found = [(r["notes"]["register"], r["name"]["fi"], r["medium"], r["declared"]) for r in document["registers"]]
    assert found == REGISTERS[company.slug]
    assert {dataset["register"] for dataset in document["datasets"]} == {one["id"] for one in document["registers"]}


def test_every_period_is_an_addition_that_nobody_has_confirmed(document):
    found = list(rules(document))
    assert len(found) > 20
    for dataset, rule in found:
        assert rule["addition"] is True and rule["status"] == "proposed", (dataset["id"], rule["id"])
        assert set(rule["reason"]) == {"fi", "sv", "en"}, (dataset["id"], rule["id"])


def test_a_duty_names_its_statute_and_follows_it(document):
    duties = [rule for _, rule in rules(document) if rule.get("kind") == "obligation"]
    assert duties
    for rule in duties:
        law = library()[rule["law"]]
        assert rule["period"] == str(law.period), rule["id"]


def test_every_dataset_lies_in_a_register_that_a_connection_reaches(company, document):
    assert all("mapping" in dataset and dataset["grounds"] for dataset in document["datasets"])
    assert {register["connection"] for register in document["registers"]} == set(document["connections"])
    served = [server.connection for server in company.servers]
    assert [register["id"] for register in registers_of(document, served)] == SERVED[company.slug]


def test_what_cannot_be_reached_stays_in_the_record(company, document):
    served = [server.connection for server in company.servers]
    told = unreached(document, served)
    lost = SERVED[company.slug]
    assert all("connection" not in one for one in told["registers"] if one["id"] in lost)
    assert set(served).isdisjoint(told["connections"])
    assert len(told["datasets"]) == len(document["datasets"])
    assert [one["id"] for one in told["datasets"] if "mapping" not in one] == [
        one["id"] for one in document["datasets"] if one["register"] in lost
    ]


def test_the_same_arguments_give_the_same_bytes(company, systems, tmp_path):
    again = company.build(tmp_path / company.slug, TODAY)
    other = company.build(tmp_path / "other", TODAY, seed=again.seed + 1)
    assert contents(again.directory) == contents(systems)
    assert contents(other.directory) != contents(systems)


def test_what_was_built_is_recognised_and_nothing_else_is_touched(company, systems, tmp_path):
    told = company.built(systems)
    assert told is not None and told.today == TODAY and told.holds
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "oma.txt").write_text("tärkeä", encoding="utf-8")
    with pytest.raises(NotOursError, match=MARKER):
        company.build(tmp_path / "foreign", TODAY)
    assert contents(tmp_path / "foreign") == {"oma.txt": "tärkeä".encode()}
    assert built(tmp_path / "absent") is None


def test_too_few_customers_are_refused_before_anything_is_written(company, tmp_path):
    with pytest.raises(ValueError, match="too few"):
        company.build(tmp_path / company.slug, TODAY, customers=LEAST_CUSTOMERS - 1)
    assert list(tmp_path.iterdir()) == []


def test_every_situation_has_its_people():
    for seed in range(5):
        people = tell_kotisivutaivas(TODAY, seed, LEAST_CUSTOMERS + 10).customers
        assert {customer.situation for customer in people} == set(Situation)


def test_no_identity_code_is_one_that_a_person_could_have(systems):
    found = [match for text in texts(systems) for match in IDENTITY_CODE.finditer(text)]
    assert len(found) > 20
    for match in found:
        born, individual, character = match.groups()
        assert 900 <= int(individual) <= 999
        assert CHECK_CHARACTERS[int(born + individual) % 31] == character


def test_no_mail_address_can_be_anybodys(systems):
    assert {match[1] for text in texts(systems) for match in ADDRESS.finditer(text)} == {"example.invalid"}


def test_business_ids_are_whole_and_each_customers_own():
    people = [one for one in tell_kotisivutaivas(TODAY, 7, 200).customers if is_company(one)]
    found = [business_id(one) for one in people]
    assert len(found) > 50 and all(ytunnus.is_valid(one) and one.startswith("99") for one in found)
    assert len(set(found)) == len(found)


def test_every_foreign_key_has_an_index(systems):
    seen = 0
    for path in databases(systems):
        with closing(sqlite3.connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                indexed = {
                    database.execute(f"PRAGMA index_info({index[1]})").fetchone()[2]
                    for index in database.execute(f"PRAGMA index_list({table})").fetchall()
                }
                keys = {key[3] for key in database.execute(f"PRAGMA foreign_key_list({table})")}
                assert keys <= indexed, (path.name, table)
                seen += len(keys)
    assert seen >= 3


def test_the_companies_stand_in_their_order():
    assert PACKAGES == ("kasenet", "ksvv", "kotisivutaivas", "kymenlaakson_sahko", "k_systems")
    assert [company.slug for company in companies()][:3] == ["kasenet", "ksvv", "kotisivutaivas"]


def test_kasenets_implied_registers_are_a_valid_part_of_its_record():
    document = whole(kasenet.COMPANY)
    verdict = check(document)
    assert (verdict.errors, verdict.warnings) == ((), ())
    implied = [register for register in document["registers"] if not register["declared"]]
    assert [register["id"] for register in implied] == ["kulunvalvonta", "kameravalvonta"]
    added = {dataset["id"] for dataset in document["datasets"] if dataset["register"] in {r["id"] for r in implied}}
    for dataset, rule in rules(document):
        if dataset["id"] in added:
            assert rule["addition"] is True and rule["status"] == "proposed"
