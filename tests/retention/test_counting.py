"""Counting that was asked for: at once where it is little, by one worker where it is much, once for one question."""

from __future__ import annotations

from datetime import timedelta

import pytest

from retention import counting
from retention.campaign import survey
from retention.campaign_survey import Heap
from retention.counting import FRESH, LOST, ask, newest, take_one, waiting
from retention.models import Counting, DatasetNight, Outlook
from retention.models.counting import Counted
from retention.rule_impact import impact_of
from ropa.draft import entry_of, rows_of
from ropa.kinds import kind_of
from tests.retention.company import NOW, TODAY
from tests.retention.test_rule_impact import change, company, period  # noqa: F401  (a fixture)


@pytest.fixture
def many(company):  # noqa: F811
    """The last night counted more than anybody waits for."""
    row = DatasetNight.objects.get(run__organisation=company, dataset="asiakastiedot")
    row.counts = {**row.counts, "left_keep": counting.FEW + 1}
    row.save()
    return company


def of_draft(organisation):
    return entry_of(kind_of("datasets"), rows_of(kind_of("datasets"), organisation).get(code="asiakastiedot"))


def test_few_records_are_counted_while_one_waits_and_it_is_the_effect_itself(company, data_dir):  # noqa: F811
    change(data_dir, asiakastiedot=period("P1Y"))
    company.refresh_from_db()
    found = ask(company, Counted.DRAFT, NOW, "owner:olga", None)
    assert found.done_at is not None
    kept = company.impacts.get()
    assert (found.result, kept.shown_to) == ({"impact": kept.digest}, "owner:olga")
    assert kept.as_text()["counted"] == impact_of(company, TODAY).as_data()


def test_much_is_taken_by_a_worker_once_however_often_it_is_asked(many):
    first = ask(many, Counted.AHEAD, NOW, "dpo:bob", None)
    again = ask(many, Counted.AHEAD, NOW + timedelta(seconds=5), "owner:olga", None)
    assert (first.pk, first.done_at) == (again.pk, None)
    assert waiting(many, Counted.AHEAD) == first
    assert not Outlook.objects.exists()
    done = take_one(NOW + timedelta(seconds=9))
    assert done is not None
    assert (done.pk, done.problem, Outlook.objects.count()) == (first.pk, "", 1)
    assert take_one(NOW) is None
    assert waiting(many, Counted.AHEAD) is None


def test_nobody_takes_what_somebody_is_at_before_it_is_lost(many, monkeypatch):
    row = ask(many, Counted.AHEAD, NOW, "dpo:bob", None)
    Counting.objects.update(begun_at=NOW)
    assert take_one(NOW + LOST - timedelta(seconds=1)) is None
    done = take_one(NOW + LOST + timedelta(seconds=1))
    assert done is not None
    assert done.pk == row.pk


def test_a_dataset_nobody_has_saved_is_counted_and_not_saved(company):  # noqa: F811
    before = of_draft(company)
    entry = {**before, **period("P1Y")}
    found = ask(company, Counted.DATASET, NOW, "owner:olga", None, entry)
    assert found.result is not None
    assert found.result["gained"] > 0
    assert [one["dataset"] for one in found.result["datasets"]] == ["asiakastiedot"]
    assert of_draft(company) == before
    other = ask(company, Counted.DATASET, NOW, "owner:olga", None, {**before, **period("P2Y")})
    assert other.pk != found.pk


def test_it_is_counted_anew_when_it_is_old_the_draft_is_another_or_it_failed(company, data_dir):  # noqa: F811
    first = ask(company, Counted.AHEAD, NOW, "dpo:bob", None)
    Counting.objects.filter(pk=first.pk).update(done_at=NOW)
    assert ask(company, Counted.AHEAD, NOW + FRESH - timedelta(seconds=1), "dpo:bob", None).pk == first.pk
    assert ask(company, Counted.AHEAD, NOW + FRESH + timedelta(seconds=1), "dpo:bob", None).pk != first.pk
    newest = Counting.objects.latest("pk")
    change(data_dir, asiakastiedot=period("P4Y"))
    company.refresh_from_db()
    assert ask(company, Counted.AHEAD, NOW, "dpo:bob", None).pk > newest.pk
    Counting.objects.update(problem="gone")
    assert ask(company, Counted.AHEAD, NOW, "dpo:bob", None).problem == ""


def test_gaps_are_what_the_survey_finds_and_are_read_anew_each_time(company):  # noqa: F811
    first = ask(company, Counted.GAPS, NOW, "owner:olga", None, anew=True)
    expected = [{**one.as_dict(), "examples": []} for one in survey(company, NOW, Heap())]
    assert expected
    assert (first.problem, first.result) == ("", {"groups": expected})
    again = ask(company, Counted.GAPS, NOW + timedelta(seconds=5), "owner:olga", None, anew=True)
    assert again.pk != first.pk
    one = ask(company, Counted.GAPS, NOW, "owner:olga", None, {"id": "asiakastiedot"}, anew=True)
    assert one.result is not None
    assert {group["dataset"] for group in one.result["groups"]} <= {"asiakastiedot"}
    assert (newest(company, Counted.GAPS), newest(company, Counted.GAPS, "asiakastiedot")) == (again, one)
    assert newest(company, Counted.GAPS, "tiketit") is None


def test_two_who_ask_for_gaps_at_once_wait_for_one(many):
    first = ask(many, Counted.GAPS, NOW, "owner:olga", None, anew=True)
    assert ask(many, Counted.GAPS, NOW, "controller:alice", None, anew=True).pk == first.pk


def test_what_breaks_off_is_told_and_does_not_stop_the_next(many, monkeypatch):
    def broken(*about):
        raise RuntimeError("quotes 123456-789X")

    monkeypatch.setattr(counting, "impact_of", broken)
    ask(many, Counted.DRAFT, NOW, "owner:olga", None)
    done = take_one(NOW)
    assert done is not None
    assert (done.problem, done.result) == ("RuntimeError", None)


def test_requests_of_yesterday_are_forgotten(company):  # noqa: F811
    first = ask(company, Counted.AHEAD, NOW, "dpo:bob", None)
    ask(company, Counted.AHEAD, NOW + timedelta(days=1, seconds=1), "dpo:bob", None)
    assert not Counting.objects.filter(pk=first.pk).exists()
