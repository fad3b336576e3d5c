"""Ages of records against their limits: what was counted and seen, and what neither knows."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention.models import Outlook
from retention.night import run_night
from retention.outlook import count
from ropa.models import Role
from tests.factors import member
from tests.retention.company import NOW, TODAY, document, found_company, publish
from tests.web.test_pages import client, text
from web.ages import HIGH, LIMIT, ages_of

AT = "/o/testi/registers/crm/"
OBSERVE = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}


def shown(language: str = "en") -> str:
    return text(client("bob", language).get(AT))


def svgs() -> list[str]:
    page = client("bob", "en").get(AT).content.decode()
    return re.findall(r'<svg class="ch" viewBox="0 0 320 40".*?</svg>', page, re.S)


def test_before_anybody_has_looked_nothing_is_said(db, data_dir):
    member(found_company(data_dir, OBSERVE), "bob", Role.DPO)
    told = shown()
    assert "When records come to their limit is not known. What is past its limit is not known." in told
    assert "Nothing is past its limit" not in told
    assert "Tiketit – – – – – – –" in told
    assert not svgs()


def test_both_sides_of_the_line_are_as_they_were_counted_without_asking_a_register(db, data_dir):
    company = found_company(data_dir, OBSERVE)
    member(company, "bob", Role.DPO)
    run = run_night(company, TODAY, NOW)
    kept = count(company, NOW)
    (data_dir / "registers" / "crm.sqlite3").unlink()
    people = next(one for one in kept.datasets if one["dataset"] == "asiakastiedot")
    near = sum(month["gained"] for month in people["months"])
    night = run.datasets.get(dataset="asiakastiedot")
    assert (near, night.overdue_left, night.counts["left_held"]) == (1, 3, 1)
    told = shown()
    later = people["items"] - near - people["at_once"]["gained"]
    assert f"1 record comes to its limit within 24 months; {later} later, or without a day yet." in told
    assert "1 record is on hold." in told
    assert f"Asiakkaan perustiedot {later} 0 1 {people['at_once']['gained']}" in told
    _tickets, customers = svgs()
    assert "1 record is on hold." in customers.partition("</title>")[0]
    bars = {style: float(x) for style, x in re.findall(r'<rect class="([\w-]+)" x="([\d.]+)"', customers)}
    assert bars["f-keep"] < LIMIT < bars["o-hold"]


def test_the_scale_is_one_and_begins_at_nought(db, data_dir):
    company = found_company(data_dir, OBSERVE)
    run = run_night(company, TODAY, NOW)
    row = run.datasets.get(dataset="tiketit")
    row.overdue_left, row.unexplained, row.counts = 30, 10, {"left_held": 5}
    kept = count(company, NOW)
    months = [{"month": f"2026-{n:02}", "gained": 40 if n == 7 else 0, "lost": 0} for n in range(7, 13)]
    kept.datasets = [
        {"dataset": "tiketit", "problem": "", "items": 100, "at_once": {"gained": 30, "lost": 0}, "months": months}
    ]
    (bars,) = [one.bars for one in ages_of(kept, {"tiketit": row}, ["tiketit"]).values()]
    heights = {bar.style: bar.height for bar in bars}
    assert heights == {"f-keep": HIGH, "f-late": HIGH / 4, "o-wait": HIGH / 2, "o-hold": HIGH / 8}


def test_a_side_that_nobody_knows_is_said_to_be_unknown(db, data_dir):
    company = found_company(data_dir, OBSERVE)
    member(company, "bob", Role.DPO)
    count(company, NOW)
    told = shown()
    assert "Not all of it is known" in told
    assert "What is past its limit is not known." in told
    content = document(OBSERVE)
    content["datasets"][1]["mapping"] = None
    publish(company, content, 2)
    Outlook.objects.all().delete()
    run_night(company, TODAY, NOW)
    company.refresh_from_db()
    count(company, NOW + timedelta(days=1))
    assert "When records come to their limit is not known." in shown()


def test_no_more_queries_for_more_datasets(db, data_dir):
    company = found_company(data_dir, OBSERVE)
    member(company, "bob", Role.DPO)
    run_night(company, TODAY, NOW)
    count(company, NOW)
    bob, asked = client("bob"), []
    content = document(OBSERVE)
    for number in (None, 2):
        if number:
            content["datasets"] += [{**content["datasets"][0], "id": f"lisa-{n}"} for n in range(20)]
            publish(company, content, number)
        bob.get(AT)
        with CaptureQueriesContext(connection) as queries:
            assert bob.get(AT).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]
