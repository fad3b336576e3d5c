"""A ban outlives its person: a real register, a night that deletes everything of her, and a campaign afterwards."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from retention.domain.errors import RuleError
from retention.evidence_log import Journal
from retention.identifiers import Identifier
from retention.models import BanEvent, Collection, EvidenceEntry
from retention.night import run_night
from retention.plan import bans_of
from retention.runs import succeeded
from retention.suppression import check
from retention.suppression_lists import Columns, check_list
from ropa.models import Version
from tests.naming import names_any
from tests.retention.company import NOW, SURVIVORS, TODAY, customers, document, publish

NUMBERS = {"1001": "040 555 1001", "1002": "040 555 1002"}
BANS = [
    (1, "1001", "suoramainonta", "2021-05-05", None),
    (2, "1001", "sähköinen", "2021-05-05", None),
    (3, "1002", "sähköinen", "2021-05-05", "2022-01-01"),
    (4, "1003", "sähköinen", "2021-05-05", "2021-05-05"),
    (5, "1008", "muu", "2020-01-01", None),
]


def content(**bans):
    told = document()
    crm = told["registers"][0]
    crm["ledger"].append(
        {
            "id": "kiellot",
            "subject_kind": "customer",
            "place": "kielto",
            "subject": "asiakasnro",
            "thing": "kanava",
            "purpose": "sopimus",
            "events": {"objection": "kielletty", "ban_lifted": "peruttu"},
            "options": {"bans": bans or {"by_thing": {"suoramainonta": ["post"], "sähköinen": "electronic"}}},
        }
    )
    crm["identities"] = [
        {
            "id": kind,
            "kind": kind,
            "subject_kind": "customer",
            "place": "asiakas",
            "subject": "asiakasnro",
            "value": column,
        }
        for kind, column in (("email", "sposti"), ("phone", "puhelin"))
    ]
    told["datasets"].append(
        {
            **told["datasets"][0],
            "id": "kiellot",
            "name": {"fi": "Kiellot"},
            "mapping": {"place": "kielto", "key": "id", "subject": "asiakasnro"},
            "grounds": [{**told["datasets"][1]["grounds"][0], "id": "kielto"}],
        }
    )
    return told


@pytest.fixture
def crm(company, data_dir):
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm, crm:
        crm.executescript(
            "alter table asiakas add sposti text; alter table asiakas add puhelin text;"
            "create table kielto(id integer primary key, asiakasnro text, kanava text, kielletty date, peruttu date);"
            "update asiakas set sposti = 'testi.' || asiakasnro || '@posti.example'"
        )
        crm.executemany("insert into kielto values (?, ?, ?, ?, ?)", BANS)
        crm.executemany("update asiakas set puhelin = ? where asiakasnro = ?", [(v, k) for k, v in NUMBERS.items()])
    Version.objects.all().delete()
    publish(company, content())
    return company


def bans(data_dir):
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as crm:
        return {number for (number,) in crm.execute("select asiakasnro from kielto")}


def test_a_ban_outlives_the_customer(crm, data_dir, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    run = run_night(crm, TODAY, NOW)
    assert succeeded(run), run.summary
    assert customers(data_dir) == SURVIVORS
    assert bans(data_dir) == {"1002"}  # hers and the others' rows are gone
    campaign = tmp_path / "kampanja.csv"
    campaign.write_text(
        "sposti;puhelin\nTESTI.1001@Posti.EXAMPLE;\n;+358-40-5551001\ntesti.1002@posti.example;\ntesti.1008@posti.example;\n"
        "uusi@posti.example;\n"
    )
    columns = Columns({"sposti": "email", "puhelin": "phone"})
    assert check_list(crm, campaign, columns, "electronic").banned == [2, 3, 5]
    assert check_list(crm, campaign, columns, "post").banned == [2, 3, 5]
    assert check_list(crm, campaign, columns, "phone").banned == [5]
    assert check(crm, [Identifier("number", "1001")]).banned == {"post", "electronic"}
    assert check(crm, [Identifier("email", "testi.1003@posti.example")]).banned == {"electronic"}
    told = " ".join(EvidenceEntry.objects.values_list("body", flat=True)) + caplog.text
    told += str(list(Collection.objects.values())) + str(list(BanEvent.objects.values()))
    told += str(list(Journal(crm.slug, TODAY).lines())) + str(run.summary)
    assert not names_any(told, "testi.1001", "5551001", "posti.example")


def test_the_next_night_adds_nothing(crm):
    run_night(crm, TODAY, NOW)
    rows = BanEvent.objects.count()
    day = timedelta(days=1)
    assert run_night(crm, TODAY + day, NOW + day).summary["unheard"] == {}
    assert BanEvent.objects.count() == rows


def test_a_lifting_holds_from_its_day_and_not_before(crm, data_dir):
    ahead = TODAY + timedelta(days=1)
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as source, source:
        source.execute("update kielto set peruttu = ? where asiakasnro = '1001'", [ahead.isoformat()])
    run_night(crm, TODAY, NOW)
    number = [Identifier("number", "1001")]
    assert check(crm, number).banned
    assert not BanEvent.objects.filter(what="lift", day__gt=TODAY).exists()
    run_night(crm, ahead, NOW + timedelta(days=1))
    assert not check(crm, number).banned


def test_without_the_key_nothing_of_such_persons_goes(crm, data_dir):
    (data_dir / "keys" / "suppression.key").unlink()
    before = customers(data_dir)
    run = run_night(crm, TODAY, NOW)
    assert not succeeded(run)
    assert customers(data_dir) == before
    assert "marketing bans could not be kept" in run.summary["problems"]["asiakastiedot"]
    assert "suppression.key" in run.summary["unheard"]["bans:crm:kiellot"]


def test_where_the_names_cannot_be_asked_nothing_goes_either(crm, data_dir):
    Version.objects.all().delete()
    wrong = content()
    wrong["registers"].append(
        {
            "id": "posti",
            "name": {"fi": "Posti"},
            "medium": "mail",
            "connection": "nowhere",
            "identities": [{**wrong["registers"][0]["identities"][0], "id": "osoitteet"}],
        }
    )
    publish(crm, wrong)
    before = customers(data_dir)
    run = run_night(crm, TODAY, NOW)
    assert customers(data_dir) == before
    assert "nowhere" in run.summary["unheard"]["bans:crm:kiellot"]


def test_a_fact_bans_too(crm, data_dir):
    with closing(sqlite3.connect(data_dir / "registers" / "crm.sqlite3")) as database, database:
        database.executescript(
            "create table esto(asiakasnro text, esto boolean);insert into esto values ('1001', 1), ('1002', 0)"
        )
    Version.objects.all().delete()
    told = content()
    source = told["registers"][0]["ledger"][1]
    for key in ("thing", "purpose", "events"):
        del source[key]
    source |= {"place": "esto", "facts": {"became_customer": "esto"}}
    source["options"] = {"bans": {"fact": "became_customer", "channels": ["phone"]}}
    publish(crm, told)
    for day in range(2):
        run_night(crm, TODAY + timedelta(days=day), NOW + timedelta(days=day))
    assert check(crm, [Identifier("phone", "+358405551001")]).banned == {"phone"}
    assert check(crm, [Identifier("number", "1002")]).banned == frozenset()
    assert BanEvent.objects.count() == 3


@pytest.mark.parametrize(
    "said", [[], "all", {"channel": ["all"]}, {"channels": ["sms"]}, {"channels": []}, {"by_thing": {"a": "b"}}]
)
def test_what_a_source_may_say_of_bans(said):
    with pytest.raises(RuleError, match=r"options\.bans"):
        bans_of({"id": "kiellot", "options": {"bans": said}})
