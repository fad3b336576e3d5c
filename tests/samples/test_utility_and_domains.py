"""Kymenlaakson Sähkö and K-Systems: their inventories add to the notices and say so; their people are artificial."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from retention.connectors.registry import kinds
from retention.domain.errors import Problem
from retention.inventory_document import export_document, import_document, normalised, read, warnings_of, yaml_text
from retention.inventory_document.checks import check
from ropa.article30 import missing
from ropa.law import library
from samples import k_systems, kymenlaakson_sahko
from samples.frame import Company, TooFewError
from samples.k_systems import story as k_systems_story
from samples.kymenlaakson_sahko import story as kymenlaakson_story
from samples.people import CHECK_CHARACTERS
from tests.samples.nights import TODAY, contents, whole, without_servers

SEEDS = {"kymenlaakson-sahko": 84_003, "k-systems": 73_004}
STORIES: dict[str, Any] = {"kymenlaakson-sahko": kymenlaakson_story, "k-systems": k_systems_story}
REGISTERS = {
    "kymenlaakson-sahko": [
        ("KS-R1", "Kymenlaakson Sähkö Oy:n asiakasrekisteri", "database", True),
        ("KS-R2", "Potentiaaliset asiakkaat", "database", False),
        ("KS-R3", "Kontaktitallenteet", "files", False),
        ("KS-R4", "Markkinoinnin lupa- ja kieltotiedot", "database", False),
        ("KS-R5", "Käyttökohteen tiedot", "database", False),
        ("KS-R6", "Ei-sähköisessä muodossa oleva tieto", "paper", False),
        ("KS-R7", "Palautteet, tyytyväisyys ja ostokäyttäytyminen", "database", False),
        ("KS-R8", "Kilpailujen, arvontojen ja puhelinmyynnin keruuaineisto", "files", False),
    ],
    "k-systems": [
        ("KSC-R1", "Asiakasrekisteri", "database", True),
        ("KSC-R2", "fi-verkkotunnusten käyttäjien tiedot", "database", True),
        ("KSC-R3", "Verkkopalvelimet ja webhotellit", "files", True),
        ("KSC-R4", "Markkinointi ja viestintäpalvelut", "database", False),
        ("KSC-R5", "Sähköpostipalvelujen käyttäjätilit", "mail", False),
        ("KSC-R6", "Laskutus", "database", False),
    ],
}
NOT_SAID = {  # what the notices do not say stays missing: nobody makes it up
    "kymenlaakson-sahko": {
        "organisation.joint_controllers",
        "organisation.dpo",
        *(f"activities.{code}.transfers" for code in ("asiakkuus", "kayttopaikat", "markkinointi", "tallenteet")),
        "activities.kehittaminen.transfers",
    },
    "k-systems": {"organisation.joint_controllers"},
}
IDENTITY_CODE = re.compile(r"\b([0-3]\d[01]\d{3})[-+A-FU-Y](\d{3})([0-9A-FHJ-NPR-Y])\b")
ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")


@pytest.fixture(scope="module", params=[kymenlaakson_sahko, k_systems], ids=list(REGISTERS))
def package(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def company(package: Any) -> Company:
    found: Company = package.COMPANY
    return found


@pytest.fixture(scope="module")
def document(company: Company) -> dict[str, Any]:
    return whole(company)


@pytest.fixture(scope="module")
def systems(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return company.build(tmp_path_factory.mktemp("demo") / company.slug, TODAY).directory


def rules(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for dataset in document["datasets"]:
        for rule in (*dataset["grounds"], *dataset.get("ceilings", ())):
            yield dataset, rule


def test_the_document_is_valid_and_leaves_no_doubt(company):
    document = without_servers(company)
    verdict = check(document)
    assert (verdict.errors, verdict.warnings) == ((), ())


def test_only_a_mail_connector_may_be_wanting(document):
    wanting = [] if "imap" in kinds() else ["connections.postipalvelin.kind"]
    found = [problem.path for problem in check(document).errors]
    assert found == (wanting if document["organisation"]["slug"] == "k-systems" else [])


@pytest.mark.django_db
def test_what_is_exported_reads_as_what_was_imported(company):
    document = without_servers(company)
    organisation = import_document(document, by="test", reason="test")
    written = export_document(organisation)
    again = read(written)
    assert normalised(again) == normalised(document)
    assert export_document(import_document(again, by="test", reason="test")) == written
    assert list(warnings_of(again, date(2026, 11, 25))) == list[Problem]()


def test_every_register_that_the_notice_names_or_implies_is_there(company, document):
    found = [(r["notes"]["register"], r["name"]["fi"], r["medium"], r["declared"]) for r in document["registers"]]
    assert found == REGISTERS[company.slug]
    assert {dataset["register"] for dataset in document["datasets"]} == {one["id"] for one in document["registers"]}


def test_what_contradicts_itself_is_noted_and_not_repaired(company, document):
    notes = {register["notes"]["register"]: register["notes"] for register in document["registers"]}
    if company.slug == "kymenlaakson-sahko":
        assert "ei ole kohtaa tietojen säilyttämisestä" in notes["KS-R1"]["retention"]
        assert "KS-084" in notes["KS-R1"]["group_company"]
        assert "ei säilytysaikaa" in notes["KS-R6"]["storage"]
    else:
        for register in ("KSC-R1", "KSC-R2"):
            assert {"KSC-044", "KSC-055"} <= set(re.findall(r"KSC-\d+", notes[register]["deletion_against_law"]))
        assert "KSC-055" in notes["KSC-R6"]["deletion_against_law"]
        assert "KSC-059" in notes["KSC-R3"]["disclosure"]


def test_what_the_notice_does_not_say_is_missing_and_nothing_else(company, document):
    assert {gap.where for gap in missing(document)} == NOT_SAID[company.slug]


def test_every_period_is_an_addition_that_nobody_has_confirmed(document):
    found = list(rules(document))
    assert len(found) > 10
    for dataset, rule in found:
        assert (rule["addition"], rule["status"]) == (True, "proposed"), (dataset["id"], rule["id"])
        assert set(rule["reason"]) == {"fi", "sv", "en"}, (dataset["id"], rule["id"])
        assert "policy" not in dataset


def test_a_duty_cites_its_law_and_a_claim_its_interest(document):
    interests = {
        purpose["id"]: purpose.get("legal_basis", {}).get("value", {})
        for activity in document["activities"]
        for purpose in activity["purposes"]
    }
    for dataset, rule in rules(document):
        if rule.get("kind") == "obligation":
            assert library()[rule["law"]].bound == "minimum", (dataset["id"], rule["id"])
            assert interests[rule["purpose"]]["law"], (dataset["id"], rule["id"])
        elif rule.get("kind") == "claim":
            basis = interests[rule["purpose"]]
            assert set(basis.get("interest", ())) == {"fi", "sv", "en"} or basis["law"], (dataset["id"], rule["id"])
        elif rule.get("kind") == "consent":
            assert interests[rule["purpose"]]["article"] == "6(1)(a)", (dataset["id"], rule["id"])


def test_a_processor_follows_instructions_and_a_controller_gives_itself_none(document):
    role = {activity["id"]: activity["role"] for activity in document["activities"]}
    for dataset in document["datasets"]:
        found = {ground["kind"] for ground in dataset["grounds"]}
        assert (found == {"instruction"}) is (role[dataset["activity"]] == "processor"), dataset["id"]
        assert "instruction" not in found or len(found) == 1, dataset["id"]


def test_the_authoritys_register_has_what_article_30_2_asks():
    document = whole(k_systems.COMPANY)
    (activity,) = [one for one in document["activities"] if one["id"] == "fi-verkkotunnusvalitys"]
    (controller,) = activity["on_behalf_of"]["value"]
    assert activity["role"] == "processor"
    assert controller["name"] == "Viestintävirasto"  # as the notice calls it; a note says what it is called now
    (register,) = [one for one in document["registers"] if one["id"] == "fi-verkkotunnukset"]
    assert "Traficom" in register["notes"]["controller"]
    mandate = activity["mandate"]
    assert mandate["instrument"] == "other_legal_act" and mandate["agreement"]["none_because"]
    assert [one["about"] for one in mandate["instructions"]] == ["data", "purpose", "security"]
    assert {gap.where for gap in missing(document) if gap.where.startswith(f"activities.{activity['id']}.")} == set()
    registers = {one["register"] for one in document["datasets"] if one["activity"] == activity["id"]}
    assert registers == {"fi-verkkotunnukset"}


def test_the_same_arguments_give_the_same_bytes(company, systems, tmp_path):
    again = company.build(tmp_path / company.slug, TODAY)
    other = company.build(tmp_path / "other", TODAY, seed=SEEDS[company.slug] + 1)
    assert again.seed == SEEDS[company.slug]
    assert contents(again.directory) == contents(systems)
    assert contents(other.directory) != contents(systems)
    told = company.built(systems)
    assert told is not None
    assert (told.today, told.customers, list(told.holds)) == (TODAY, again.customers, list(again.holds))


def test_every_situation_has_its_people(company):
    story = STORIES[company.slug]
    for seed in range(5):
        people = story.tell(TODAY, seed, story.LEAST_CUSTOMERS + 6).customers
        assert {customer.situation for customer in people} == set(story.Situation)
        assert len({customer.number for customer in people}) == len(people)
    with pytest.raises(TooFewError, match="too few"):
        story.tell(TODAY, 1, story.LEAST_CUSTOMERS - 1)


def texts(directory: Path) -> Iterator[str]:
    """Every text that any of the systems holds."""
    for path in sorted(directory.glob("*.sqlite3")):
        with closing(sqlite3.connect(path)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in names:
                for row in database.execute(f"SELECT * FROM {table}"):
                    yield from (value for value in row if isinstance(value, str))
    for name, content in contents(directory).items():
        if not name.endswith(".sqlite3"):
            yield name
            yield content.decode("utf-8", "replace")


def test_no_identity_code_and_no_mail_address_can_be_anybodys(company, systems):
    codes, hosts = [], set()
    for text in texts(systems):
        codes += [match.groups() for match in IDENTITY_CODE.finditer(text)]
        hosts |= {match[1] for match in ADDRESS.finditer(text)}
    for born, individual, sign in codes:
        assert 900 <= int(individual) <= 999
        assert CHECK_CHARACTERS[int(born + individual) % 31] == sign
    assert bool(codes) is (company.slug == "kymenlaakson-sahko")
    assert hosts and all(host == "example.invalid" or host.endswith(".example.invalid") for host in hosts)


def test_every_foreign_key_has_an_index(systems):
    seen = 0
    for path in sorted(systems.glob("*.sqlite3")):
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
    assert seen >= 1


def test_the_document_is_plain_yaml(company):
    assert yaml_text.parse(company.inventory.read_text(encoding="utf-8"))["organisation"]["slug"] == company.slug
