"""`demo --all`, as somebody runs it: one night of every company, in one data directory, and the same night again."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from retention.connectors.registry import kinds
from samples import kotisivutaivas, ksvv
from samples.companies import companies
from samples.documents import registers_of
from samples.frame import Company
from samples.kotisivutaivas import story as kotisivutaivas_story
from samples.kotisivutaivas import systems as kotisivutaivas_systems
from samples.ksvv import story as ksvv_story
from samples.ksvv import systems as ksvv_systems
from samples.lives import Customer, Situation
from samples.running import obstacle
from tests.e2e.test_demo import Demo, contents
from tests.house.test_samples_companies import whole

pytestmark = pytest.mark.xdist_group("test_demo_all")  # one world for all of them

TODAY = date(2026, 6, 1)
CUSTOMERS = 80
NOT_DUE = {
    Situation.RUNNING,
    Situation.ENDED_LATELY,
    Situation.LAST_DAY,
    Situation.CLOSED_WITHOUT_DATE,
    Situation.UNPAID,
    Situation.ON_HOLD,
}
"""Of these the customer's own row stays tonight, in either company."""


class AllDemo(Demo):
    """One data directory, all companies."""

    def folder(self, company: Company) -> Path:
        return self.data / "demo" / company.slug

    def of(self, company: Company, database: str, question: str, *values: object) -> list[tuple[object, ...]]:
        return rows(self.folder(company) / database, question, *values)


def rows(path: Path, question: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question, values).fetchall()


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory with a short path that a mail server without root can enter; pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="seloste-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(scope="module")
def demo(data: Path) -> AllDemo:
    """After its first night."""
    demo = AllDemo(data)
    assert demo.run("-m", "config.keys", str(demo.data / "keys")).returncode == 0
    assert demo.run("manage.py", "migrate", "--verbosity", "0").returncode == 0
    first = demo.night(TODAY, "--all", "--customers", str(CUSTOMERS), "--language", "en")
    assert first.returncode == 0, first.stdout + first.stderr
    demo.first = first.stdout
    return demo


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two companies' systems as they were built."""
    directory = tmp_path_factory.mktemp("before")
    for company in (ksvv.COMPANY, kotisivutaivas.COMPANY):
        company.build(directory / company.slug, TODAY, customers=CUSTOMERS)
    return directory


def people(company: Company) -> list[Customer]:
    if company is ksvv.COMPANY:
        told = ksvv_story.tell(TODAY, ksvv_systems.SEED, CUSTOMERS)
        return list(told.customers)
    other = kotisivutaivas_story.tell(TODAY, kotisivutaivas_systems.SEED, CUSTOMERS)
    return list(other.customers)


def numbers(company: Company, *situations: Situation) -> set[str]:
    return {one.number for one in people(company) if one.situation in situations}


def unreachable(demo: AllDemo, company: Company) -> list[str]:
    """The registers that this machine cannot reach, by their ids."""
    document = whole(company)
    lost = {code for code, one in document["connections"].items() if one["kind"] not in kinds()}
    lost |= {server.connection for server in company.servers if obstacle(server, demo.folder(company))}
    return [register["id"] for register in registers_of(document, lost)]


def test_every_company_has_its_row_and_the_last_line_sums_them(demo):
    table = demo.first.partition("═══ All companies")[2]
    told = re.findall(r"^(\S.*?) {2,}([\d,]+(?: +[\d,]+)*)$", table, re.MULTILINE)
    found = {name: [int(number.replace(",", "")) for number in cells.split()] for name, cells in told}
    assert [*found] == [*(company.name for company in companies()), "Total"]
    for company in companies():
        assert found[company.name][0] == len(whole(company)["registers"])
        assert found[company.name][-1] == len(unreachable(demo, company))
        assert found[company.name][2] > 0, "nothing was deleted"
    assert found["Total"] == [sum(column) for column in zip(*[*found.values()][:-1], strict=True)]
    assert "Every night succeeded." in table


def test_a_register_out_of_reach_is_named_and_fails_nothing(demo):
    named = [register for company in companies() for register in unreachable(demo, company)]
    for register in named:
        assert f"   {register}: not reachable: " in demo.first
    assert ("does not fail the demo" in demo.first) == bool(named)


def test_each_company_has_its_reports(demo):
    written = {path.name for path in demo.out.glob("*/*")}
    assert written >= {
        f"{company.slug}-{TODAY}-controller.{suffix}"
        for company in companies()
        for suffix in ("html", "json", "pdf", "xlsx")
    }
    assert f"k-systems-{TODAY}-processor.pdf" in written


def test_every_dataset_has_something_due_and_something_kept(demo):
    """Of what embedded systems hold; a server's share is its connector's to test."""
    asked = rows(
        demo.data / "seloste.sqlite3",
        """SELECT o.slug, d.register, d.dataset, json_extract(d.counts, '$.due'), d.counts, d.problem
           FROM retention_datasetnight AS d JOIN retention_run AS r ON r.id = d.run_id
           JOIN ropa_organisation AS o ON o.id = r.organisation_id WHERE o.slug IN ('ksvv', 'kotisivutaivas')""",
    )
    assert len(asked) >= 32
    for slug, _, dataset, due, counts, problem in asked:
        assert problem == "", (slug, dataset)
        assert due, (slug, dataset)
        assert any(f'"left_{state}"' in str(counts) for state in ("keep", "open", "held")), (slug, dataset)


def test_due_customers_are_gone_and_nobody_else(demo):
    gone = numbers(ksvv.COMPANY, Situation.ENDED_LONG_AGO, Situation.DUE_TODAY, Situation.PAID_LATE, Situation.BANNED)
    left = {number for (number,) in demo.of(ksvv.COMPANY, "asiakkaat.sqlite3", "SELECT asiakasnro FROM asiakas")}
    assert gone and left == numbers(ksvv.COMPANY, *NOT_DUE, Situation.STILL_USED)
    left = {
        number for (number,) in demo.of(kotisivutaivas.COMPANY, "paneeli.sqlite3", "SELECT asiakasnro FROM asiakas")
    }
    assert left == numbers(kotisivutaivas.COMPANY, *NOT_DUE)


def test_a_running_customer_is_as_before_byte_for_byte(demo, before):
    same = (
        (ksvv.COMPANY, "asiakkaat.sqlite3", "SELECT * FROM asiakas WHERE asiakasnro = ?"),
        (ksvv.COMPANY, "asiakkaat.sqlite3", "SELECT * FROM sopimus WHERE asiakasnro = ?"),
        (ksvv.COMPANY, "asiakkaat.sqlite3", "SELECT * FROM palvelu WHERE asiakasnro = ?"),
        (ksvv.COMPANY, "laitteet.sqlite3", "SELECT * FROM paatelaite WHERE asiakasnro = ?"),
        (ksvv.COMPANY, "laskutus.sqlite3", "SELECT * FROM lasku WHERE asiakasnro = ? AND laskupvm > '2020-01-01'"),
        (kotisivutaivas.COMPANY, "paneeli.sqlite3", "SELECT * FROM asiakas WHERE asiakasnro = ?"),
        (kotisivutaivas.COMPANY, "paneeli.sqlite3", "SELECT * FROM sopimus WHERE asiakasnro = ?"),
        (kotisivutaivas.COMPANY, "paneeli.sqlite3", "SELECT * FROM verkkotunnus WHERE asiakasnro = ?"),
    )
    for company, database, question in same:
        for number in numbers(company, Situation.RUNNING):
            was = rows(before / company.slug / database, question, number)
            assert was and demo.of(company, database, question, number) == was
    for number in numbers(kotisivutaivas.COMPANY, Situation.RUNNING):
        site = Path("sisalto") / "sivustot" / number
        folder = demo.folder(kotisivutaivas.COMPANY)
        assert contents(folder / site) == contents(before / "kotisivutaivas" / site)


def test_a_ban_outlives_its_customer(demo):
    banned = numbers(ksvv.COMPANY, Situation.BANNED)
    assert banned
    kept = {number for (number,) in demo.of(ksvv.COMPANY, "markkinointi.sqlite3", "SELECT asiakasnro FROM kielto")}
    assert banned <= kept
    lifted = demo.of(ksvv.COMPANY, "markkinointi.sqlite3", "SELECT 1 FROM kielto WHERE peruttu < ?", TODAY.isoformat())
    assert lifted == []


def test_traffic_data_goes_by_the_day(demo):
    root = demo.folder(ksvv.COMPANY) / "valitystiedot"
    addresses = sorted(path.name for path in (root / "osoitteet").iterdir())
    assert (addresses[0], addresses[-1]) == ("dhcp-2026-03-01.log", "dhcp-2026-06-01.log")
    flows = sorted(path.name for path in (root / "virrat").iterdir())
    assert flows[0] == f"virrat-{TODAY - timedelta(days=14)}.log"
    log = [path.name for path in (root / "kasittelyloki").rglob("*.log")]
    assert log and min(log) >= "kasittely-2024-06-01.log"


def test_recordings_go_by_their_name_and_those_that_name_nobody_stay(demo, before):
    folder = Path("puhelut") / "tallenteet"
    was, left = contents(before / "ksvv" / folder), contents(demo.folder(ksvv.COMPANY) / folder)
    nameless = {name for name in was if "puhelu_" not in name}
    assert nameless and nameless <= set(left)
    first_kept = {name: re.search(r"puhelu_(\d{4}-\d{2}-\d{2})", name) for name in was}
    kept = {name for name, match in first_kept.items() if match and match[1] >= "2025-12-01"}
    assert set(left) == nameless | kept
    assert all(left[name] == was[name] for name in left)


def test_the_person_leaves_the_device_and_the_device_stays(demo, before):
    every = "SELECT id, sarjanro FROM paatelaite ORDER BY id"
    assert demo.of(ksvv.COMPANY, "laitteet.sqlite3", every) == rows(before / "ksvv" / "laitteet.sqlite3", every)
    ended = numbers(ksvv.COMPANY, Situation.ENDED_LONG_AGO, Situation.DUE_TODAY)
    holders = demo.of(ksvv.COMPANY, "laitteet.sqlite3", "SELECT asiakasnro FROM paatelaite WHERE asiakasnro NOT NULL")
    assert ended.isdisjoint({number for (number,) in holders})


def test_credit_data_goes_long_before_its_customer(demo):
    oldest = demo.of(kotisivutaivas.COMPANY, "paneeli.sqlite3", "SELECT asiakasnro, tarkistettu FROM luottotieto")
    held = numbers(kotisivutaivas.COMPANY, Situation.ON_HOLD)
    assert {number for number, day in oldest if str(day) < "2026-03-01"} == held


def test_a_second_run_the_same_day_is_a_no_op(demo):
    was = {company.slug: contents(demo.folder(company)) for company in companies()}
    second = demo.night(TODAY, "--all", "--customers", str(CUSTOMERS), "--language", "en")
    assert second.returncode == 0, second.stdout + second.stderr
    for told in ("nothing was done again: 0 deleted", "nothing was built", "nothing was imported"):
        assert second.stdout.count(told) == len(companies())
    for company in companies():
        now = contents(demo.folder(company))
        assert {name for name in now if not name.startswith("servers/")} == {
            name for name in was[company.slug] if not name.startswith("servers/")
        }
        assert all(now[name] == was[company.slug][name] for name in now if not name.startswith("servers/"))
