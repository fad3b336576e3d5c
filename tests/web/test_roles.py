"""People and roles: nobody becomes a decider unseen, the last one stays, and nothing reaches into another house."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from knox.models import AuthToken
from rest_framework.test import APIClient

from entrance.models import AccountLink, ActState, PersonAct
from entrance.tokens import make_token
from ropa.models import Membership, Role
from tests.api.conftest import PASSWORD
from tests.api.test_tokens import ORGANISATIONS, bearer
from tests.factors import give_factor, sign_in
from tests.web.test_log_in import found, fresh, inside, password, set_up
from tests.web.test_pages import client, text

pytestmark = pytest.mark.usefixtures("clock")
ROLES = "/o/testi/roles/"
NEW = "a new and long password"


def by(name: str) -> Client:
    return client(name, "en")


def act(who: Client, what: str, user: User, role: str = "", reason: str = "a new task", slug: str = "testi"):
    told = {"act": what, "user": user.pk, "role": role, "reason": reason}
    return who.post(f"/o/{slug}/roles/act/", told, follow=True)


def decide(who: Client, decision: str = "confirm", slug: str = "testi"):
    newest = PersonAct.objects.latest("pk").pk
    return who.post(f"/o/{slug}/roles/{newest}/decide/", {"decision": decision}, follow=True)


def roles_of(user: User) -> set[str]:
    return set(Membership.objects.filter(user=user, organisation__slug="testi").values_list("role", flat=True))


def link_on(page) -> str:
    return found(r'<code class="digest">http://testserver(/welcome/[^<]+)</code>', page)


def accept(client: Client, address: str, word: str = NEW):
    answer = client.get(address)
    if answer.status_code != 302:
        return answer
    return client.post(answer["Location"], {"password1": word, "password2": word})


@pytest.mark.parametrize("name", ["alice", "bob", "olga", "aino", "ines", "charlie", None])
def test_only_an_administrator_does_it(people, name):
    before = Membership.objects.count()
    who = by(name) if name else fresh()
    answer = who.post(f"{ROLES}act/", {"act": "give", "user": people["bob"].pk, "role": "auditor", "reason": "x"})
    assert answer.status_code == {"charlie": 404, None: 302}.get(name, 403)
    assert who.post(ROLES, {"name": "zoe", "role": "auditor", "reason": "x"}).status_code in {302, 403, 404}
    assert Membership.objects.count() == before
    assert not User.objects.filter(username="zoe").exists()


@pytest.mark.parametrize("name", ["adam", "bob", "olga", "aino", "ines"])
def test_only_a_controller_confirms(people, name):
    act(by("adam"), "give", people["bob"], Role.OWNER)
    assert by(name).post(f"{ROLES}{PersonAct.objects.get().pk}/decide/", {"decision": "confirm"}).status_code == 403
    assert roles_of(people["bob"]) == {"dpo"}


def test_a_role_that_decides_nothing_is_given_at_once_and_kept(people):
    page = act(by("adam"), "give", people["olga"], Role.AUDITOR, "she follows the audit")
    assert roles_of(people["olga"]) == {"owner", "auditor"}
    assert "Auditor: given to olga she follows the audit · Administrator adam" in text(page)
    act(by("adam"), "take", people["olga"], Role.AUDITOR)
    assert roles_of(people["olga"]) == {"owner"}
    assert [one.history_type for one in Membership.history.filter(user=people["olga"], role="auditor")] == ["-", "+"]


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.OWNER])
def test_a_role_that_frees_deletion_waits_for_a_controller(people, role):
    page = act(by("adam"), "give", people["aino"], role)
    assert roles_of(people["aino"]) == {"auditor"}
    assert "waits for a controller" in text(page)
    assert "People and roles 1 thing is to be confirmed." in text(by("alice").get("/o/testi/"))
    decide(by("alice"))
    assert roles_of(people["aino"]) == {"auditor", role}
    kept = PersonAct.objects.get()
    assert (kept.asked_by, kept.decided_by) == ("administrator:adam", "controller:alice")
    again = decide(by("ada"), "refuse")
    assert "decided already" in text(again)
    assert roles_of(people["aino"]) == {"auditor", role}


def test_what_is_refused_is_not_done_and_stays_told(people):
    act(by("adam"), "give", people["aino"], Role.CONTROLLER)
    assert "refused" in text(decide(by("alice"), "refuse"))
    assert roles_of(people["aino"]) == {"auditor"}
    assert PersonAct.objects.get().state == ActState.REFUSED


def test_the_same_waits_once(people):
    act(by("adam"), "give", people["aino"], Role.CONTROLLER)
    assert "waits for a controller already" in text(act(by("adam"), "give", people["aino"], Role.CONTROLLER))
    assert PersonAct.objects.count() == 1


@pytest.mark.parametrize("role", [Role.DPO, Role.OWNER, Role.CONTROLLER, Role.AUDITOR, Role.INTEGRATOR])
def test_nobody_gives_a_role_to_himself(people, role):
    act(by("adam"), "give", people["adam"], role)
    assert roles_of(people["adam"]) == {"administrator"}
    assert PersonAct.objects.get().state == ActState.WAITING


def test_who_asked_does_not_confirm_also_with_both_roles(people, house):
    Membership.objects.create(
        user=people["adam"], organisation=people["adam"].memberships.get().organisation, role=Role.CONTROLLER
    )
    act(by("adam"), "give", people["aino"], Role.CONTROLLER)
    assert "Another controller confirms this" in text(decide(by("adam")))
    assert roles_of(people["aino"]) == {"auditor"}


def test_who_gains_does_not_confirm(people):
    act(by("adam"), "give", people["alice"], Role.OWNER)
    assert "Another controller confirms this" in text(decide(by("alice")))
    assert roles_of(people["alice"]) == {"controller"}
    decide(by("ada"))
    assert roles_of(people["alice"]) == {"controller", "owner"}


def test_a_dpo_becomes_no_controller_by_any_way(people):
    page = act(by("adam"), "give", people["bob"], Role.CONTROLLER)
    decide(by("alice"))
    assert roles_of(people["bob"]) == {"dpo"}
    assert PersonAct.objects.get().state == ActState.WAITING  # what could not be done is not done
    assert page.status_code == 200


def test_the_last_administrator_and_the_last_controller_stay(people):
    assert "last one with this role" in text(act(by("adam"), "take", people["adam"], Role.ADMINISTRATOR))
    assert "Not of your own account" in text(act(by("adam"), "block", people["adam"]))
    act(by("adam"), "take", people["ada"], Role.CONTROLLER)
    assert roles_of(people["ada"]) == {"controller"}
    decide(by("alice"))
    assert roles_of(people["ada"]) == set()
    assert "last one with this role" in text(act(by("adam"), "take", people["alice"], Role.CONTROLLER))
    assert roles_of(people["adam"]) == {"administrator"}


def test_an_administrator_cannot_be_rid_of_the_controllers_and_put_his_own_there(people):
    for name in ("alice", "ada"):
        act(by("adam"), "block", people[name])
    assert "there is none who may" in text(act(by("adam"), "give", people["aino"], Role.CONTROLLER))
    assert roles_of(people["aino"]) == {"auditor"}


def test_the_first_controller_is_somebody_else(people):
    Membership.objects.filter(role=Role.CONTROLLER, organisation__slug="testi").delete()
    act(by("adam"), "give", people["adam"], Role.CONTROLLER)
    assert roles_of(people["adam"]) == {"administrator"}
    act(by("adam"), "give", people["aino"], Role.CONTROLLER)
    assert "controller" in roles_of(people["aino"])


def test_no_account_is_left_over_where_its_role_is_refused(people, house):
    Membership.objects.filter(role=Role.CONTROLLER, organisation=house.testi).delete()
    Membership.objects.create(user=people["adam"], organisation=house.testi, role=Role.CONTROLLER)
    adam = by("adam")
    page = adam.post(ROLES, {"name": "zoe", "role": "controller", "reason": "begins"})
    assert "there is none who may" in text(page)
    assert not User.objects.filter(username="zoe").exists()
    assert "new_link" not in adam.session
    assert not AccountLink.objects.exists()


def test_a_new_person_sets_a_password_by_a_link_that_works_once(people, clock):
    page = by("adam").post(ROLES, {"name": "zoe", "role": "auditor", "reason": "begins"}, follow=True)
    assert page.status_code == 200
    adam = by("adam")
    page = adam.post(ROLES, {"name": "yrjö", "role": "controller", "reason": "begins"}, follow=True)
    address = link_on(page)
    token = address.split("/")[2]
    assert token not in str(list(AccountLink.objects.values_list("digest", flat=True)))
    assert token not in adam.get(ROLES).content.decode()  # shown once
    yrjo = fresh()
    assert yrjo.get(address)["Location"] == "/welcome/"
    assert yrjo.get(address).status_code == 302  # looking uses nothing up
    form = yrjo.get("/welcome/")
    assert "Your user name is yrjö" in text(form)
    assert "no-store" in form["Cache-Control"]
    assert yrjo.post("/welcome/", {"password1": "short", "password2": "short"}).status_code == 422
    assert yrjo.post("/welcome/", {"password1": NEW, "password2": NEW + "x"}).status_code == 422
    assert accept(yrjo, address)["Location"] == "/login/"
    thief = fresh()
    assert accept(thief, address, "the thief's long password").status_code == 410
    assert "used already" in text(thief.get("/welcome/"))
    password(yrjo, "yrjö", word=NEW)
    assert inside(yrjo)
    assert yrjo.get("/o/testi/").status_code == 404  # the role waits for a controller
    waiting = text(by("alice").get(ROLES))
    assert "The last link of the account was used on" in waiting
    decide(by("alice"))
    assert yrjo.get("/o/testi/")["Location"].startswith("/account/second-factor/")
    set_up(yrjo)
    assert yrjo.get("/o/testi/").status_code == 200


def test_a_link_ends_in_three_days_and_with_the_next_one(people, clock):
    first = link_on(act(by("adam"), "link", people["aino"]))
    second = link_on(act(by("adam"), "link", people["aino"]))
    assert "Its time is over" in text(fresh_at(first))
    clock.shift(3 * 24 * 3600 - 1)
    assert fresh_at(second).status_code == 200
    clock.shift(2)
    assert "Its time is over" in text(fresh_at(second))
    assert "never made" in text(fresh_at("/welcome/nonsense/"))
    assert fresh().get("/welcome/").status_code == 410


def fresh_at(address: str):
    return fresh().get(address, follow=True)


def test_a_new_link_ends_all_that_opened_the_account(people):
    aino = fresh()
    password(aino, "aino")
    set_up(aino)
    AuthToken.objects.create(people["aino"])
    act(by("adam"), "link", people["aino"], reason="phone lost, seen in person")
    assert not inside(aino)
    assert not Authenticator.objects.filter(user=people["aino"]).exists()
    assert not AuthToken.objects.exists()
    late = fresh()
    assert password(late, "aino").status_code == 200
    assert not inside(late)


def test_a_deciders_link_is_made_by_a_controllers_confirmation_and_shown_to_her(people):
    page = act(by("adam"), "link", people["ada"], reason="phone lost")
    assert "/welcome/" not in page.content.decode()
    assert Authenticator.objects.filter(user=people["ada"]).exists()
    assert "Another controller confirms this" in text(decide(by("ada")))
    alice = by("alice")
    address = link_on(decide(alice))
    assert not Authenticator.objects.filter(user=people["ada"]).exists()
    assert accept(fresh(), address)["Location"] == "/login/"


def test_a_blocked_account_opens_nothing_and_its_sessions_do_not_come_back(people):
    aino = fresh()
    password(aino, "aino")
    AuthToken.objects.create(people["aino"])
    act(by("adam"), "block", people["aino"], reason="has left")
    assert not inside(aino)
    assert not AuthToken.objects.exists()
    assert password(fresh(), "aino").status_code == 200
    act(by("adam"), "unblock", people["aino"], reason="is back")
    assert not inside(aino)
    password(aino, "aino")
    assert inside(aino)


def test_an_administrator_sees_how_many_tokens_there_are_and_revokes_a_persons(people):
    (_row, aino), (_other, bob) = (make_token(people[name], 3) for name in ("aino", "bob"))
    assert "aino Auditor none 1 Change" in re.sub(r" (–|\d+ \w+ \d{4}) ", " ", text(by("adam").get(ROLES)))
    assert "Tokens of programs" not in text(by("alice").get(ROLES))
    person = f"{ROLES}{people['aino'].pk}/"
    assert "1 token opens what the account may." in text(by("adam").get(person))
    for name in ("alice", "bob", "olga", "aino", "ines"):
        assert act(by(name), "revoke", people["aino"]).status_code == 403, name
    assert AuthToken.objects.count() == 2
    page = act(by("adam"), "revoke", people["aino"], reason="a laptop was lost")
    assert "The tokens of aino are revoked a laptop was lost · Administrator adam" in text(page)
    assert [APIClient().get(ORGANISATIONS, **bearer(token)).status_code for token in (aino, bob)] == [401, 200]
    assert (PersonAct.objects.get().act, PersonAct.objects.get().state) == ("revoke", "done")
    assert "The account has no tokens." in text(act(by("adam"), "revoke", people["aino"]))
    assert "a laptop was lost" in text(by("alice").get(ROLES))


def test_tokens_of_an_account_of_two_houses_are_the_machines(people, house, capsys):
    make_token(people["aino"], 3)
    Membership.objects.create(user=people["aino"], organisation=house.other, role=Role.AUDITOR)
    assert "alone. Whoever runs the machine" in text(act(by("adam"), "revoke", people["aino"]))
    assert AuthToken.objects.exists()
    call_command("people", "revoke", "testi", "--user", "aino", "--by", "mikko", "--reason", "a laptop was lost")
    assert not AuthToken.objects.exists()
    assert PersonAct.objects.get().asked_by == "machine:mikko"


def test_an_act_that_is_sent_twice_is_done_once_and_told_where_it_was_sent(people):
    adam, person = by("adam"), f"{ROLES}{people['olga'].pk}/"
    told = {"act": "give", "user": people["olga"].pk, "role": "auditor", "reason": "x", "once": "1"}
    adam.post(f"{ROLES}act/", told)
    again = adam.post(f"{ROLES}act/", told, headers={"Referer": f"http://testserver{person}"}, follow=True)
    assert again.redirect_chain[-1][0] == f"http://testserver{person}"
    assert "not done a second time" in text(again)
    elsewhere = adam.post(f"{ROLES}act/", told, headers={"Referer": "https://example.org/"})
    assert elsewhere["Location"] == "/"
    assert PersonAct.objects.count() == 1


def test_nothing_reaches_into_another_organisation(people, house):
    boss = User.objects.create(username="boss")
    Membership.objects.create(user=boss, organisation=house.other, role=Role.ADMINISTRATOR)
    give_factor(boss)
    other = by("boss")
    for what, role in (("give", "auditor"), ("take", "auditor"), ("link", ""), ("block", "")):
        assert act(other, what, people["aino"], role, slug="toinen").status_code == 404, what
        assert act(other, what, people["aino"], role).status_code == 404, what
    act(by("adam"), "give", people["aino"], Role.CONTROLLER)
    Membership.objects.create(user=boss, organisation=house.other, role=Role.CONTROLLER)
    assert decide(other, slug="toinen").status_code == 404
    assert decide(other).status_code == 404
    assert roles_of(people["aino"]) == {"auditor"}
    assert "adam" not in text(other.get("/o/toinen/roles/"))


def test_an_account_of_two_houses_belongs_to_neither(people, house):
    Membership.objects.create(user=people["aino"], organisation=house.other, role=Role.CONTROLLER)
    for what in ("link", "block"):
        assert "alone. Whoever runs the machine" in text(act(by("adam"), what, people["aino"]))
    Membership.objects.create(user=people["stranger"], organisation=house.testi, role=Role.AUDITOR)
    assert "alone. Whoever runs the machine" in text(act(by("adam"), "link", people["stranger"]))
    assert not AccountLink.objects.exists()
    aino = fresh()
    password(aino, "aino")
    assert inside(aino)


def test_a_role_by_another_way_is_told_to_the_controllers(people, house):
    told = "given or taken by another way than the pages"
    Membership.history.all().update(history_date="2020-01-01T00:00:00Z")
    assert told not in text(by("alice").get("/o/testi/"))
    root = sign_in(fresh(), people["stranger"])
    root.post(
        "/admin/ropa/membership/add/", {"user": people["adam"].pk, "organisation": house.testi.pk, "role": "controller"}
    )
    assert "controller" in roles_of(people["adam"])
    assert told in text(by("alice").get("/o/testi/"))
    assert "Controller: given to adam stranger" in text(by("alice").get(ROLES))
    assert told not in text(by("olga").get("/o/testi/"))


def test_a_persons_own_page_is_the_administrators(people):
    page = by("adam").get(f"{ROLES}{people['aino'].pk}/")
    assert "Password or phone lost" in text(page)
    assert "Password or phone lost" not in text(by("adam").get(f"{ROLES}{people['adam'].pk}/"))
    assert by("alice").get(f"{ROLES}{people['aino'].pk}/").status_code == 403
    assert by("adam").get(f"{ROLES}{people['charlie'].pk}/").status_code == 404


def test_every_act_wants_a_reason(people):
    refused = act(by("adam"), "give", people["olga"], Role.AUDITOR, reason=" ")
    assert "Say why" in text(refused)
    assert refused.status_code == 422
    assert f'value="{Role.AUDITOR}" selected' in refused.content.decode()
    assert not PersonAct.objects.exists()


def test_a_form_from_elsewhere_changes_nothing(people):
    adam = Client(enforce_csrf_checks=True)
    sign_in(adam, people["adam"])
    told = {"act": "give", "user": people["olga"].pk, "role": "auditor", "reason": "x"}
    assert adam.post(f"{ROLES}act/", told, headers={"Origin": "https://example.org"}).status_code == 403
    assert not PersonAct.objects.exists()


def test_a_name_differs_by_more_than_its_case(people):
    page = by("adam").post(ROLES, {"name": "Alice", "role": "auditor", "reason": "x"})
    assert page.status_code == 422
    assert not User.objects.filter(username="Alice").exists()


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("name", ["adam", "alice", "aino"])
def test_the_page_in_every_language(people, name, language):
    act(by("adam"), "give", people["aino"], Role.CONTROLLER)
    page = client(name, language).get(ROLES)
    assert page.status_code == 200
    assert not re.search(r"<script|<style| style=|(src|href)=.(https?:)?//", page.content.decode())
    assert ('name="decision"' in page.content.decode()) == (name == "alice")


def test_the_machine_does_what_nobody_else_may(people, capsys):
    said = ["--by", "mikko", "--reason", "the only controller lost her phone"]
    with pytest.raises(CommandError, match="--by"):
        call_command("people", "link", "testi", "--user", "alice")
    call_command("people", "link", "testi", "--user", "alice", *said)
    address = capsys.readouterr().out.split("8000")[1].strip()
    assert accept(fresh(), address)["Location"] == "/login/"
    call_command("people", "add", "testi", "--user", "zoe", "--role", "controller", *said)
    assert roles_of(User.objects.get(username="zoe")) == {"controller"}
    assert [one.asked_by for one in PersonAct.objects.all()] == ["machine:mikko"] * 3
    call_command("people", "list", "testi")
    assert "zoe" in capsys.readouterr().out
    with pytest.raises(CommandError, match="already"):
        call_command("people", "give", "testi", "--user", "zoe", "--role", "controller", *said)


def test_the_password_of_before_opens_nothing_after_a_link(people):
    act(by("adam"), "link", people["aino"])
    assert not User.objects.get(username="aino").check_password(PASSWORD)
