"""The yearly review: who is written to, when, how often, and that nothing is forgotten or done twice."""

from __future__ import annotations

import re
from datetime import date

import pytest

from ropa.models import Answer, Happened, Review, ReviewEvent
from ropa.review_answers import NothingAskedError, Why, asked_by, take_answer
from ropa.review_links import LINK_DAYS
from ropa.reviews import ask, near_dates, standing, tell_at_once
from tests.ropa.reviewed import ANNA, DPO, ESKO, START, again, appoint, days, owned, published, sink
from tests.ropa.test_services import rule

__all__ = ["sink"]

UNSENDABLE = (f"a@{'x' * 70}.invalid", "a@ex..invalid", "a@.ä", "a@\u200b.invalid")
"""What looks like an address and has a domain that no letter can be sent to."""


@pytest.fixture
def organisation(db):
    found = published()
    appoint(found)
    return found


def tokens(letter):
    return re.findall(r"https://seloste\.example\.invalid/review/(\S+)/", letter.get_content())


def run(organisation, now):
    done = ask(organisation, now)
    assert done.problems == []
    return done.asked, done.reminded, done.escalated


def answered(organisation, sink, answer, text="", now=START):
    (token,) = tokens(sink.to(ANNA)[-1])
    event = take_answer(token, asked_by(token, now).digest, answer, text, now)
    if answer != "unchanged":
        tell_at_once(organisation, event.review, now)
    return token


def test_nobody_is_asked_before_the_day_and_everybody_on_it(organisation, sink):
    assert run(organisation, days(-1)) == (0, 0, 0)
    assert run(organisation, START) == (1, 0, 0)
    (letter,) = sink.letters
    assert letter["To"] == ANNA
    assert letter["From"] == "seloste@example.invalid"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Subject"].strip() == "Testi Oy: tarkista yksi kohta selosteesta käsittelytoimista"
    assert "Rekisterit: CRM (crm)" in letter.get_content()
    assert len(tokens(letter)) == 1
    review = Review.objects.get()
    assert (review.path, review.due_on, review.owner) == (
        "registers[crm]",
        date(2026, 1, 12),
        {"fi": "Asiakaspalvelupäällikkö"},
    )
    assert ReviewEvent.objects.get().email == ANNA


def test_the_day_is_the_organisations(organisation, sink):
    assert run(organisation, days(-1, hours=13)) == (0, 0, 0)  # 23.00 there
    assert run(organisation, days(-1, hours=14)) == (1, 0, 0)  # midnight there


def test_reminders_and_escalations_go_on_until_somebody_acts(organisation, sink):
    steps = [run(organisation, days(day)) for day in range(0, 100)]
    assert {day: step for day, step in enumerate(steps) if any(step)} == {
        0: (1, 0, 0),
        14: (0, 1, 0),
        28: (0, 0, 1),
        42: (0, 1, 0),
        56: (0, 0, 1),
        70: (0, 1, 0),
        84: (0, 0, 1),
        98: (0, 1, 0),
    }
    assert len(sink.to(ANNA)) == 5
    assert len(sink.to(DPO)) == 3
    assert sink.to(ANNA)[1]["Subject"].strip().startswith("Muistutus: ")
    assert "Vastuuhenkilöltä (Asiakaspalvelupäällikkö) on kysytty" in sink.to(DPO)[0].get_content()
    assert tokens(sink.to(DPO)[0]) == []


def test_days_on_which_nothing_ran_are_made_good_once(organisation, sink):
    run(organisation, START)
    assert run(organisation, days(200)) == (0, 1, 1)
    assert run(organisation, days(200, hours=3)) == (0, 0, 0)
    assert run(organisation, days(227)) == (0, 0, 0)
    assert run(organisation, days(228)) == (0, 1, 1)


def test_unchanged_ends_it_until_next_year(organisation, sink):
    run(organisation, START)
    answered(organisation, sink, "unchanged", now=days(3))
    assert [run(organisation, days(day)) for day in (3, 14, 28, 100, 367)] == [(0, 0, 0)] * 5
    assert run(organisation, days(368)) == (1, 0, 0)
    assert [row.due_on for row in Review.objects.order_by("due_on")] == [date(2026, 1, 12), date(2027, 1, 15)]


@pytest.mark.parametrize(("answer", "text"), [("changed", "Uusi toimittaja\n.piste"), ("unknown", "")])
def test_what_leaves_something_to_do_goes_to_the_dpo_at_once_and_again(organisation, sink, answer, text):
    run(organisation, START)
    answered(organisation, sink, answer, text, now=days(2))
    (letter,) = sink.to(DPO)
    assert all(line in letter.get_content() for line in text.splitlines())
    assert [run(organisation, days(day)) for day in (2, 14, 29, 30, 57, 58)] == [
        (0, 0, 0),
        (0, 0, 0),
        (0, 0, 0),
        (0, 0, 1),
        (0, 0, 0),
        (0, 0, 1),
    ]
    assert len(sink.to(ANNA)) == 1
    again(organisation, date(2026, 3, 15), registers=owned(ANNA, "2026-03-15"))
    assert run(organisation, days(100)) == (0, 0, 0)


def test_without_an_address_the_dpo_is_told_at_once(db, sink):
    organisation = published(registers=owned(""))
    appoint(organisation)
    assert [run(organisation, days(day)) for day in (0, 0, 27, 28)] == [(0, 0, 1), (0, 0, 0), (0, 0, 0), (0, 0, 1)]
    assert "ei ole vastuuhenkilöä" in sink.letters[0].get_content()


def test_without_a_dpo_that_is_said_every_day_and_the_owner_is_still_reminded(db, sink):
    organisation = published()
    run(organisation, START)
    run(organisation, days(14))
    for day in (28, 29):
        assert "registers[crm]: nobody to tell" in ask(organisation, days(day)).problems[0]
    done = ask(organisation, days(42))
    assert done.reminded == 1
    assert len(done.problems) == 1
    assert not ReviewEvent.objects.filter(what=Happened.ESCALATED).exists()


def test_an_entry_that_was_never_looked_over_is_due(db, sink):
    assert run(published(registers=owned(ANNA, None)), START) == (1, 0, 0)
    assert Review.objects.get().due_on == date(2025, 1, 1)


@pytest.mark.parametrize("day", ["2026-01-12", "2025-06-01"])
def test_what_has_ended_is_not_asked_about(db, sink, day):
    organisation = published(registers={}, activities={**owned(ANNA), "ended_on": day})
    assert run(organisation, START) == (0, 0, 0)


def test_what_ends_tomorrow_is(db, sink):
    organisation = published(registers={}, activities={**owned(ANNA), "ended_on": "2026-01-13"})
    assert run(organisation, START) == (1, 0, 0)


def test_one_letter_an_owner_with_a_link_for_each_entry(db, sink):
    organisation = published(activities=owned(ANNA), datasets=owned(ESKO))
    assert run(organisation, START) == (3, 0, 0)
    assert [len(tokens(letter)) for letter in sink.to(ANNA)] == [2]
    assert [len(tokens(letter)) for letter in sink.to(ESKO)] == [1]
    first, second = tokens(sink.to(ANNA)[0])
    assert asked_by(first, START).due.path == "activities[suhde]"
    take_answer(first, asked_by(first, START).digest, "unchanged", "", START)
    assert asked_by(second, START).due.path == "registers[crm]"


def test_only_what_is_published_is_asked_about(organisation, sink):
    from ropa.services import save_draft
    from tests.ropa.reviewed import content

    save_draft(content(registers=owned(ESKO)), "dpo", "luonnos")
    run(organisation, START)
    assert sink.to(ESKO) == []


class TestTrouble:
    def test_a_refused_letter_is_not_recorded_and_goes_the_next_time(self, db, sink):
        organisation = published(datasets=owned(ESKO))
        sink.refused.add(ANNA)
        done = ask(organisation, START)
        assert (done.asked, len(done.problems)) == (1, 1)
        assert "registers[crm]" in done.problems[0]
        assert ANNA not in done.problems[0]
        assert [row.path for row in Review.objects.all()] == ["datasets[asiakkaat]"]
        sink.refused.clear()
        assert run(organisation, START) == (1, 0, 0)

    def test_a_server_that_is_not_there_stops_the_run_and_changes_nothing(self, db, sink, settings):
        organisation = published(datasets=owned(ESKO))
        settings.EMAIL_PORT = 1
        done = ask(organisation, START)
        assert done.problems == ["the mail server cannot be reached (ConnectionRefusedError); the next run tries again"]
        assert not Review.objects.exists()

    def test_without_a_mail_server_that_is_said(self, organisation, sink, settings):
        settings.MAIL_URL = False
        assert "SELOSTE_MAIL_URL is not set" in ask(organisation, START).problems[0]
        assert not Review.objects.exists()

    @pytest.mark.parametrize(
        "email", ["nobody", "a@b\nBcc: c@example.invalid", "a@b, c@d", f"{'a' * 250}@b.fi", *UNSENDABLE]
    )
    def test_what_is_no_address_is_as_none(self, db, sink, email):
        organisation = published(registers=owned(email))
        appoint(organisation)
        assert run(organisation, START) == (0, 0, 1)

    @pytest.mark.parametrize("email", UNSENDABLE)
    def test_a_dpo_who_cannot_be_written_to_stops_nobody_else(self, db, sink, email):
        organisation = published(registers=owned(""), activities=owned(ANNA))
        appoint(organisation, email)
        done = ask(organisation, START)
        assert (done.asked, len(sink.to(ANNA)), len(done.problems)) == (1, 1, 1)
        assert "registers[crm]" in done.problems[0] and email not in done.problems[0]


class TestLinks:
    def refused(self, token, now=START):
        with pytest.raises(NothingAskedError) as error:
            asked_by(token, now)
        return error.value.why

    @pytest.fixture
    def token(self, organisation, sink):
        run(organisation, START)
        return tokens(sink.to(ANNA)[0])[0]

    def test_a_link_is_good_for_its_days_and_no_longer(self, token):
        assert asked_by(token, days(LINK_DAYS)).due.path == "registers[crm]"
        assert self.refused(token, days(LINK_DAYS + 1)) is Why.EXPIRED

    def test_a_link_that_was_changed_is_none(self, token):
        number, until, signature = token.split("-")
        for other in (
            f"{int(number) + 1}-{until}-{signature}",
            f"{number}-20991231-{signature}",
            f"{number}-{until}-{'0' * 64}",
            token[:-1],
            f"{token}0",
            "",
            "²-20991231-" + "0" * 64,
        ):
            assert self.refused(other) is Why.UNKNOWN

    def test_it_answers_once(self, organisation, sink, token):
        answered(organisation, sink, "unchanged")
        assert self.refused(token) is Why.ANSWERED
        with pytest.raises(NothingAskedError):
            take_answer(token, "", "unchanged", "", START)
        assert ReviewEvent.objects.filter(what=Happened.ANSWERED).count() == 1

    def test_another_owner_makes_it_worthless_and_is_asked(self, organisation, sink, token):
        again(organisation, date(2026, 1, 20), registers=owned(ESKO))
        assert self.refused(token, days(10)) is Why.OVER
        run(organisation, days(14))
        assert len(sink.to(ESKO)) == 1
        assert asked_by(tokens(sink.to(ESKO)[0])[0], days(14)).due.email == ESKO
        assert self.refused(token, days(14)) is Why.OVER

    def test_it_is_over_when_the_entry_is_gone_or_not_due(self, organisation, token):
        again(organisation, date(2026, 1, 20), registers=owned(ANNA, "2026-01-19"))
        assert self.refused(token, days(10)) is Why.OVER

    def test_the_answer_is_about_what_was_looked_at(self, organisation, token):
        seen = asked_by(token, START).digest
        again(organisation, date(2026, 1, 20), registers={**owned(ANNA), "name": {"fi": "Uusi CRM"}})
        with pytest.raises(NothingAskedError) as error:
            take_answer(token, seen, "unchanged", "", days(10))
        assert error.value.why is Why.OTHER_NOW
        take_answer(token, asked_by(token, days(10)).digest, "unchanged", "", days(10))


def test_the_record_is_only_added_to(organisation, sink):
    run(organisation, START)
    for row in (Review.objects.get(), ReviewEvent.objects.get()):
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()


def test_what_is_due_and_how_far_it_has_come(organisation, sink):
    assert [(one.due.path, one.state) for one in standing(organisation, START)] == [("registers[crm]", "due")]
    run(organisation, START)
    assert [one.state for one in standing(organisation, START)] == ["asked"]
    answered(organisation, sink, "unknown", now=days(1))
    (one,) = standing(organisation, days(1))
    assert one.state == "answered"
    assert one.answer is not None
    assert one.answer.answer == Answer.UNKNOWN


def test_dates_of_rules_and_agreements_that_are_near_or_past(db):
    agreement = {"status": "in_force", "expires_on": "2026-03-13"}
    written = {
        "grounds": [
            rule("ohi", kind="need", review_by="2026-01-11"),
            rule("lahella", kind="need", review_by="2026-03-13"),
            rule("kaukana", kind="need", review_by="2026-03-14"),
        ]
    }
    from tests.ropa.reviewed import content

    body = content(datasets=written)
    body["recipients"] = [{"id": "r", "name": {"fi": "R"}, "role": "processor", "agreement": {"value": agreement}}]
    from ropa.services import publish, save_draft

    organisation = save_draft(body, "controller", "testi")
    publish(organisation, date(2025, 1, 1), START, "controller")
    assert [(one.path, one.on, one.passed) for one in near_dates(organisation, START)] == [
        ("datasets[asiakkaat].grounds[ohi].review_by", date(2026, 1, 11), True),
        ("datasets[asiakkaat].grounds[lahella].review_by", date(2026, 3, 13), False),
        ("recipients[r].agreement.value.expires_on", date(2026, 3, 13), False),
    ]
