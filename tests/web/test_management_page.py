"""The management report: numbers of the nights and the reader alone, and what nobody knows is never a nought."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pypdf import PdfReader

from retention.models import Hold
from tests.api.conftest import CAST, make_lot
from tests.web.test_pages import client, dataset_night, finished, text
from web.access import Place
from web.management_told import SHOWN, months
from web.month_chart import month_chart

ADDRESS = "/o/testi/reports/management/"


def today(house) -> date:
    day: date = house.testi.day_of(timezone.now())
    return day


def row(**over) -> dict[str, Any]:
    return {"register": "crm", "dataset": "crm-0", "unexplained": 0, "failed": 0, "refused": 0, **over}


def of(house, day: date) -> list[Any]:
    """The months as they are told on a day."""

    class OnDay(Place):
        today = day

    return months(OnDay(house.testi, None, frozenset()))


def test_it_is_for_readers_of_the_organisation(house):
    assert client(None).get(ADDRESS)["Location"] == f"/login/?next={ADDRESS}"
    assert {name for name in CAST if client(name).get(ADDRESS).status_code == 200} == set(CAST) - {"ines"}
    assert client("charlie").get(ADDRESS).status_code == 404
    assert client("ines").get(f"{ADDRESS}?format=pdf").status_code == 403
    assert ADDRESS in client("bob").get("/o/testi/reports/").content.decode()


def test_before_the_first_night_nothing_is_known(house):
    shown = text(client("bob").get(ADDRESS))
    assert "Yksikään yöajo ei ole päättynyt: ei tiedetä, mikä on myöhässä." in shown
    assert shown.count("Ei tiedetä") == 3
    assert "Mikään ei ole myöhässä" not in shown
    assert "Mikään ei epäonnistunut" not in shown


def test_what_is_overdue_failed_and_wanted_is_told_by_name_and_number(house):
    run = finished(house, today(house), purged=7, datasets=[row(unexplained=4)])
    outcomes = {"destroyed": 7, "failed": 2, "refused": 3}
    dataset_night(
        run,
        unexplained=4,
        people_overdue=3,
        overdue_since=date(2026, 9, 1),
        counts={"outcomes": outcomes},
    )
    make_lot(house.run, number=2)
    Hold.objects.filter(pk=house.hold.pk).update(review_by=today(house) - timedelta(days=1))
    shown = text(client("bob").get(ADDRESS))
    assert "4 tietuetta on myöhässä. 2 päätöstä odotetaan." in shown
    assert "Koskee 3 henkilöä, 1.9.2026 alkaen." in shown
    assert "Perustiedot Rekisteri crm 4 3 1.9.2026" in shown
    assert "Epäonnistui tai järjestelmä kieltäytyi 5" in shown
    assert "Perustiedot Rekisteri crm 2 3" in shown
    assert "2 erää, 6 tietuetta" in shown
    assert "1 poistokielto on voimassa. 1 on tarkistamatta määräpäivänä." in shown


def test_a_register_that_did_not_answer_makes_nothing_in_order(house):
    run = finished(house, today(house), problems={"crm-0": "did not answer"})
    dataset_night(run, problem="did not answer", overdue_left=None, unexplained=None)
    shown = text(client("bob").get(ADDRESS))
    assert "Minkään ei tiedetä olevan myöhässä, mutta kaikkea ei tiedetä." in shown
    assert "Ei tiedetä, koska ei vastannut: Rekisteri crm." in shown
    assert "Mikään ei ole myöhässä" not in shown


def test_old_numbers_are_told_as_old(house):
    run = finished(house, today(house) - timedelta(days=2), datasets=[row()])
    dataset_night(run)
    assert "Vanhat luvut" in text(client("bob").get(ADDRESS))
    dataset_night(finished(house, today(house) - timedelta(days=1), datasets=[row()]))
    assert "Vanhat luvut" not in text(client("bob").get(ADDRESS))


def test_months_sum_up_their_nights_and_end_as_the_last_night_left_them(house):
    finished(house, date(2025, 1, 31), purged=1000)  # more than a year ago
    finished(house, date(2026, 4, 29), purged=10, datasets=[row(unexplained=9, failed=9)])
    finished(house, date(2026, 4, 30), purged=5, datasets=[row(unexplained=1, failed=2, refused=3), row()])
    finished(house, date(2026, 6, 2), purged=0, datasets=[row(unexplained=4), row(unexplained=None)])
    found = of(house, date(2026, 6, 3))
    assert [one.first for one in found[:2]] == [date(2025, 7, 1), date(2025, 8, 1)]
    assert len(found) == 12
    april, may, june = found[-3:]
    assert (april.nights, april.days, april.deleted, april.overdue, april.failed, april.whole) == (
        2,
        30,
        15,
        1,
        5,
        True,
    )
    assert (may.nights, may.days, may.overdue, may.failed, may.whole) == (0, 31, None, None, False)
    assert (june.nights, june.days, june.deleted, june.overdue, june.whole) == (1, 3, 0, 4, False)


def test_months_begin_with_the_first_night_and_a_silent_last_night_is_not_whole(house):
    finished(house, date(2026, 5, 20), datasets=[row()], unheard={"crm:contracts": "did not answer"})
    (may,) = of(house, date(2026, 5, 31))
    assert (may.nights, may.days, may.overdue, may.whole) == (1, 12, 0, False)
    assert of(house, date(2026, 4, 30)) == []  # the first night is still to come


def test_without_a_single_night_there_are_no_months(house):
    assert of(house, date(2026, 5, 31)) == []


def test_a_month_that_is_not_known_is_crossed_and_no_column(house):
    chart = month_chart([("4/26", 10), ("5/26", None), ("6/26", 0)], late=True)
    assert [(one.value, one.height, one.late) for one in chart.columns] == [
        ("10", 76.0, True),
        ("", 0.0, False),
        ("0", 0.0, False),
    ]
    assert [one.y for one in chart.columns] == [20.0, 96.0, 96.0]


def test_the_tables_are_short_and_say_how_much_more_there_is(house):
    run = finished(house, today(house), datasets=[row(unexplained=1)])
    for n in range(SHOWN + 2):
        dataset_night(run, dataset=f"d-{n}", unexplained=1)
    assert "Lisäksi 2 tietoaineistoa." in text(client("bob").get(ADDRESS))


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_pdf_says_what_the_page_says_on_two_pages(house, language):
    run = finished(house, today(house), purged=7, datasets=[row(unexplained=4)])
    dataset_night(run, unexplained=4, people_overdue=3, counts={"outcomes": {"failed": 2}})
    for n in range(SHOWN + 2):
        dataset_night(run, dataset=f"d-{n}", unexplained=1, counts={"outcomes": {"refused": 1}})
        make_lot(house.run, number=10 + n)
    answer = client("bob", language).get(f"{ADDRESS}?format=pdf")
    assert answer["Content-Type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert len(pages) == 2
    said = re.sub(r"\s+", " ", " ".join(one.extract_text() for one in pages).replace("\u00ad", ""))
    first = {"fi": "14 tietuetta on myöhässä.", "sv": "14 poster är försenade.", "en": "14 records are overdue."}
    assert first[language] in said
    page = text(client("bob", language).get(ADDRESS))
    assert first[language] in page
    assert f'<html lang="{language}">' in client("bob", language).get(ADDRESS).content.decode()


def test_names_are_never_markup_and_nothing_comes_from_outside(house):
    run = finished(house, today(house), datasets=[row(unexplained=1)])
    dataset_night(run, register="<script>", dataset="<b>x", unexplained=1, counts={"outcomes": {"failed": 1}})
    answer = client("bob").get(ADDRESS)
    assert answer.status_code == 200
    assert not re.search(r"<script|<b>x|<style| style=|(src|href)=.(https?:)?//", answer.content.decode())
    assert client("bob").get(f"{ADDRESS}?format=pdf").status_code == 200


def test_the_number_of_queries_does_not_grow_with_nights(house, django_assert_max_num_queries):
    for n in range(40):
        dataset_night(finished(house, today(house) - timedelta(days=n), datasets=[row()]))
    bob = client("bob")
    with django_assert_max_num_queries(65):
        bob.get(ADDRESS)
