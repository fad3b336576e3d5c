"""Organisations of the installation: a superuser makes them as the command does, and sees nothing of what is inside."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from retention.models import Gate
from ropa.models import Membership, Organisation, Role
from ropa.services import draft_of
from tests.factors import give_factor, sign_in
from tests.web.test_log_in import comes_in, found, fresh
from tests.web.test_pages import client, text

pytestmark = pytest.mark.usefixtures("clock")
PAGE = "/organisations/"
NEW = {"organisation": "Kuitu Oy", "slug": "kuitu", "language": "sv"}


def root() -> Client:
    return client("stranger", "en")


@pytest.mark.parametrize("name", ["adam", "alice", "bob", "ines", "charlie", "staff", None])
def test_only_a_superuser_sees_it_and_makes_one(people, name):
    give_factor(User.objects.create(username="staff", is_staff=True))
    before = Organisation.objects.count()
    who = client(name, "en")
    expected = 403 if name else 302
    for answer in (who.get(PAGE), who.post(PAGE, NEW)):
        assert answer.status_code == expected
        assert "Toinen Oy" not in answer.content.decode()
    assert Organisation.objects.count() == before
    if name:
        assert PAGE not in who.get("/account/").content.decode()


def test_a_superuser_comes_in_with_a_second_factor(people):
    who = fresh()
    who.force_login(people["stranger"])
    assert who.get(PAGE)["Location"].startswith("/account/second-factor/")
    assert who.post(PAGE, NEW)["Location"].startswith("/account/second-factor/")
    assert not Organisation.objects.filter(slug="kuitu").exists()
    assert comes_in("stranger").get(PAGE).status_code == 200


def test_it_is_made_as_the_command_makes_it(people):
    page = root().post(PAGE, NEW, follow=True)
    call_command("new_organisation", "voima", name="Voima Oy", by="superuser:stranger", language="sv")
    made, by_command = (Organisation.objects.get(slug=slug) for slug in ("kuitu", "voima"))
    assert (made.name, made.language) == ("Kuitu Oy", "sv")
    same = {"slug": "", "name": ""}
    theirs = draft_of(by_command)
    ours = draft_of(made)
    assert {**ours, "organisation": {**ours["organisation"], **same}} == {
        **theirs,
        "organisation": {**theirs["organisation"], **same},
    }
    assert [one.history.latest().history_change_reason for one in (made, by_command)] == [
        "superuser:stranger: new organisation"
    ] * 2
    assert Gate.objects.filter(organisation=made).exists()
    assert not Membership.objects.filter(organisation=made).exists()
    assert "Kuitu Oy is there, with nothing in it." in text(page)
    assert "people give kuitu --role administrator --user NAME --by stranger" in text(page)
    assert "people give kuitu --role controller --user NAME --by stranger" in text(page)


def test_what_it_shows_is_only_that_they_are_there(people, house):
    page = text(root().get(PAGE))
    assert "Testi Oy testi Suomi version 1 1 2" in page
    assert "Toinen Oy toinen Suomi nothing yet 0 1" in page
    assert "First people of Toinen Oy" in page
    assert "First people of Testi Oy" not in page
    assert root().get("/o/testi/").status_code == 404
    boss = User.objects.create(username="boss")
    Membership.objects.create(user=boss, organisation=house.other, role=Role.ADMINISTRATOR)
    assert "First people of Toinen Oy" not in text(root().get(PAGE))
    boss.is_active = False
    boss.save()
    assert "First people of Toinen Oy" in text(root().get(PAGE))


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"slug": "testi"}, "there is an organisation with this id already"),
        ({"slug": "Kuitu Oy"}, "is not an id"),
        ({"slug": "a/b"}, "is not an id"),
        ({"slug": ""}, "This field is required"),
        ({"organisation": " "}, "This field is required"),
        ({"language": "de"}, "Select a valid choice"),
    ],
)
def test_what_the_command_refuses_the_page_refuses(people, over, told):
    before = list(Organisation.objects.values_list("slug", "name"))
    page = root().post(PAGE, {**NEW, **over})
    assert page.status_code == 422
    assert told in text(page)
    assert list(Organisation.objects.values_list("slug", "name")) == before


def test_sent_twice_it_is_made_once(people):
    who = root()
    told = {**NEW, "once": found(r'name="once" value="([^"]+)"', who.get(PAGE))}
    who.post(PAGE, told)
    assert "not done a second time" in text(who.post(PAGE, told, follow=True))
    assert Organisation.objects.filter(slug="kuitu").count() == 1


def test_a_form_from_elsewhere_makes_nothing(people):
    who = Client(enforce_csrf_checks=True)
    sign_in(who, people["stranger"])
    assert who.post(PAGE, NEW, headers={"Origin": "https://example.org"}).status_code == 403
    assert not Organisation.objects.filter(slug="kuitu").exists()


def test_many_organisations_take_no_more_queries_and_come_a_page_at_a_time(people):
    who = root()
    who.get(PAGE)

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert who.get(PAGE).status_code == 200
        return len(queries)

    before = asked()
    Organisation.objects.bulk_create(Organisation(slug=f"n{n:03}", name=f"Numero {n:03}") for n in range(60))
    assert asked() == before
    page = who.get(PAGE)
    assert "1–50 of 62" in text(page)
    assert "Toinen Oy" not in text(page)
    assert "Toinen Oy" in text(who.get(f"{PAGE}?page=2"))


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_page_in_every_language(people, language):
    who = client("stranger", language)
    page = who.post(PAGE, {**NEW, "slug": "testi"})
    content = page.content.decode()
    assert f'<html lang="{language}">' in content
    said = {"fi": "tällä tunnuksella on jo", "sv": "finns redan en organisation", "en": "with this id already"}
    assert said[language] in text(page)
    assert not re.search(r"<script|<style| style=|(src|href)=.(https?:)?//", content)
    assert PAGE in who.get("/account/").content.decode()
    assert PAGE in who.get("/").content.decode()
