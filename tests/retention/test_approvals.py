"""Lots are approved by persons: accounts, two where two are wanted, and never by those alone who made the rules."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from retention.approvals import approve, approvers, hands, in_evidence, still_wanted
from retention.domain.errors import LifecycleError
from retention.evidence_log import subject_digest
from retention.inventory_document import edit_head
from retention.models import EvidenceEntry, Lot, LotEvent
from retention.night import run_night
from ropa.models import Membership, Role, Version
from ropa.persons import Person
from ropa.services import save_draft
from tests.naming import names_any
from tests.retention.company import NOW, TODAY, controller, customers, document, found_company
from tests.ropa.two_persons import SECOND, publish_by_two

pytestmark = pytest.mark.usefixtures("english")

ONE = {"mode": "purge", "approval": "one", "grace": "P0D", "waves": False}
TWO = {**ONE, "approval": "two"}


def waiting(organisation, dataset="asiakastiedot") -> Lot:
    return Lot.objects.get(organisation=organisation, dataset=dataset, state="flagged")


@pytest.fixture
def one(db, data_dir):
    """A company whose lots wait for one person."""
    company = found_company(data_dir, ONE)
    run_night(company, TODAY, NOW)
    return company


@pytest.fixture
def two(db, data_dir):
    company = found_company(data_dir, TWO)
    run_night(company, TODAY, NOW)
    return company


def next_night(company, days=1):
    return run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))


def had_a_hand(company, *people, dataset="asiakastiedot", publisher=None):
    """As if these had written the rules of the dataset, and that one published them."""
    version = Version.objects.filter(organisation=company)
    version.update(hands={dataset: [[user.pk, f"controller:{user.username}"] for user in people]})
    if publisher is not None:
        version.update(published_by=publisher, publisher=f"controller:{publisher.username}")


class TestWho:
    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.CONTROLLER])
    def test_nobody_but_a_controller(self, one, role):
        user = User.objects.create(username="joku")
        Membership.objects.create(user=user, organisation=one, role=role)
        with pytest.raises(LifecycleError, match="controller of its organisation"):
            approve(waiting(one), user, waiting(one).digest)
        assert approvers(waiting(one)) == []

    def test_no_controller_of_another_organisation(self, one):
        other = type(one).objects.create(slug="toinen", name="Toinen Oy")
        with pytest.raises(LifecycleError, match="controller of its organisation"):
            approve(waiting(one), controller(other, "muu"), waiting(one).digest)

    def test_no_account_that_was_closed(self, one):
        user = controller(one, "alice")
        user.is_active = False
        with pytest.raises(LifecycleError, match="controller of its organisation"):
            approve(waiting(one), user, waiting(one).digest)

    def test_the_dpo_never_not_even_with_another_role_beside(self, one):
        user = controller(one, "bob")
        Membership.objects.bulk_create([Membership(user=user, organisation=one, role=Role.DPO)])  # as no form lets it
        with pytest.raises(LifecycleError, match="38"):
            approve(waiting(one), user, waiting(one).digest)


class TestTwoPersons:
    def test_two_accounts(self, two, data_dir):
        lot = waiting(two)
        assert approve(lot, controller(two, "alice"), lot.digest) == 1
        next_night(two)
        assert "1001" in customers(data_dir)
        assert approve(lot, controller(two, "ada"), lot.digest) == 0
        next_night(two, 2)
        assert "1001" not in customers(data_dir)

    def test_a_renamed_account_is_nobody_else(self, two):
        lot, alice = waiting(two), controller(two, "alice")
        approve(lot, alice, lot.digest)
        alice.username = "aliisa"
        alice.save()
        with pytest.raises(LifecycleError, match="same person"):
            approve(lot, alice, lot.digest)

    @pytest.mark.parametrize("again", ["alice", "Alice", "ａｌｉｃｅ"])
    def test_nor_is_one_that_was_deleted_and_made_anew(self, two, again):
        lot, alice = waiting(two), controller(two, "alice")
        approve(lot, alice, lot.digest)
        alice.delete()
        with pytest.raises(LifecycleError, match="same person"):
            approve(lot, controller(two, again), lot.digest)

    def test_approvals_from_before_accounts_were_kept_are_read_by_their_names(self, two):
        lot = waiting(two)
        for who in ("controller:alice", "toimitusjohtaja"):
            LotEvent.objects.create(
                lot=lot, before="flagged", after="flagged", who=who, reason="approval", digest=lot.digest
            )
        assert [one.name for one in approvers(lot)] == ["alice", "toimitusjohtaja"]
        assert still_wanted(lot, approvers(lot)) == 0
        for name in ("alice", "toimitusjohtaja"):
            with pytest.raises(LifecycleError, match="same person"):
                approve(lot, controller(two, name), lot.digest)

    def test_what_was_approved_of_something_else_does_not_count(self, two):
        lot, alice = waiting(two), controller(two, "alice")
        LotEvent.objects.create(
            lot=lot, before="flagged", after="flagged", who="controller:ada", reason="approval", digest="1" * 64
        )
        assert approve(lot, alice, lot.digest) == 1


class TestWhoMadeTheRules:
    def test_the_publisher_alone_is_not_enough(self, one, data_dir):
        alice = controller(one, "alice")
        had_a_hand(one, publisher=alice)
        lot = waiting(one)
        assert approve(lot, alice, lot.digest) == 1
        next_night(one)
        assert "1001" in customers(data_dir)
        assert approve(lot, controller(one, "ada"), lot.digest) == 0

    def test_nor_is_whoever_wrote_them(self, one):
        alice = controller(one, "alice")
        had_a_hand(one, alice)
        assert approve(waiting(one), alice, waiting(one).digest) == 1
        assert waiting(one).state == "flagged"

    def test_who_wrote_other_rules_is(self, one):
        alice = controller(one, "alice")
        had_a_hand(one, alice, dataset="tiketit")
        assert approve(waiting(one), alice, waiting(one).digest) == 0

    def test_one_who_published_at_a_command_line_is_known_by_name(self, one):
        Version.objects.filter(organisation=one).update(publisher="controller:Alice")
        assert approve(waiting(one), controller(one, "alice"), waiting(one).digest) == 1

    def test_two_who_made_them_are_two_persons(self, two):
        alice, ada = controller(two, "alice"), controller(two, "ada")
        had_a_hand(two, alice, publisher=ada)
        lot = waiting(two)
        assert [approve(lot, alice, lot.digest), approve(lot, ada, lot.digest)] == [1, 0]

    def test_nor_is_whoever_switched_a_reason_to_keep_off_by_a_fact_of_the_organisation(self, one):
        def published():
            one.refresh_from_db()
            return publish_by_two(one, now.date(), timezone.now())

        now = timezone.now()
        content = document(ONE)
        content["organisation"]["facts"] = {"pieni": False}
        content["datasets"][1]["grounds"][1]["condition"] = [{"fact": "pieni", "is": False}]
        save_draft(content, "owner:olga", "alku")
        published()
        edit_head(one, lambda head: {**head, "facts": {"pieni": True}}, SECOND, "olemme pieni")
        published()  # published by another, and approved by whoever wrote it
        run_night(one, now.date(), now, confirm_gap=True)
        lot = waiting(one)
        assert lot.size > 3
        ada = controller(one, SECOND.partition(":")[2])
        assert approve(lot, ada, lot.digest) == 1
        assert approve(lot, controller(one, "kaisa"), lot.digest) == 0
        run_night(one, now.date() + timedelta(days=1), now + timedelta(days=1))
        claims = [json.loads(entry.body) for entry in EvidenceEntry.objects.filter(kind="claimed")]
        (claim,) = [one for one in claims if one["lot"] == lot.pk]
        assert ["controller", subject_digest("approver\0ada")] in claim["made_by"]

    def test_a_step_goes_by_the_hands_of_its_dataset(self, one):
        alice = controller(one, "alice")
        had_a_hand(one, alice)
        lot = waiting(one)
        lot.dataset = "asiakastiedot.osoite"
        assert alice.pk in [hand.account for hand in hands(lot)]


class TestAtTheShell:
    def test_it_is_written_down_as_such(self, one, data_dir):
        lot, alice = waiting(one), controller(one, "alice")
        said = self.call("approve", lot.pk, by="alice", digest=lot.digest)
        assert "0" in said
        event = LotEvent.objects.filter(lot=lot, reason="approval").get()
        assert (event.who, event.account) == ("shell:alice", alice.pk)
        next_night(one)
        claim = self.claims()[0]
        assert claim["approved_by"] == [["shell", subject_digest("approver\0alice")]]

    def test_whoever_has_a_shell_is_one_person_whatever_names_they_give(self, two):
        lot = waiting(two)
        controller(two, "alice")
        ada = controller(two, "ada")
        self.call("approve", lot.pk, by="alice", digest=lot.digest)
        with pytest.raises(CommandError, match="log in"):
            self.call("approve", lot.pk, by="ada", digest=lot.digest)
        assert approve(lot, ada, lot.digest) == 0

    def test_nobody_is_made_up_there(self, one):
        lot = waiting(one)
        with pytest.raises(CommandError, match="no user"):
            self.call("approve", lot.pk, by="keksitty", digest=lot.digest)
        User.objects.create(username="keksitty")
        with pytest.raises(CommandError, match="controller of its organisation"):
            self.call("approve", lot.pk, by="keksitty", digest=lot.digest)
        with pytest.raises(CommandError, match="digest"):
            controller(one, "alice")
            self.call("approve", lot.pk, by="alice", digest="0" * 64)

    def test_a_lot_is_rejected_with_a_reason(self, one):
        lot = waiting(one)
        controller(one, "alice")
        with pytest.raises(CommandError, match="reason"):
            self.call("reject", lot.pk, by="alice")
        self.call("reject", lot.pk, by="alice", reason="liian aikaisin")
        lot.refresh_from_db()
        assert (lot.state, lot.keys) == ("rejected", None)
        assert list(lot.events.values_list("who", flat=True)) == ["night", "shell:alice"]

    def test_it_lists_what_waits_and_shows_one(self, two):
        lot = waiting(two)
        listed = json.loads(self.call("list", json=True))
        assert [one["lot"] for one in listed] == sorted(Lot.objects.values_list("pk", flat=True))
        shown = json.loads(self.call("show", lot.pk, json=True))
        assert (shown["digest"], shown["approvals_wanted"], shown["size"]) == (lot.digest, 2, 3)
        assert lot.digest in self.call("show", lot.pk)
        assert not names_any(self.call("show", lot.pk) + self.call("list"), "1001")

    def call(self, what, *number, **options):
        out = StringIO()
        call_command("lots", what, "testi", *number, stdout=out, language="en", **options)
        return out.getvalue()

    def claims(self):
        return [json.loads(entry.body) for entry in EvidenceEntry.objects.filter(kind="claimed")]


class TestEvidence:
    def test_it_says_who_approved_and_who_made_the_rules_by_digests_alone(self, one, data_dir):
        alice, ada = controller(one, "alice"), controller(one, "ada")
        had_a_hand(one, alice)
        lot = waiting(one)
        approve(lot, alice, lot.digest)
        approve(lot, ada, lot.digest)
        next_night(one)
        (claim,) = [json.loads(entry.body) for entry in EvidenceEntry.objects.filter(kind="claimed")]
        alices, adas = (["controller", subject_digest(f"approver\0{name}")] for name in ("alice", "ada"))
        assert claim["approved_by"] == [alices, adas]
        assert claim["made_by"] == [alices]
        everything = "".join(EvidenceEntry.objects.values_list("body", flat=True))
        assert not names_any(everything, "alice", "ada")

    def test_a_person_stands_there_once_and_nobody_does_not(self, db, data_dir):
        people = [Person("controller:alice", 1), Person("controller:Alice", 2), Person("controller"), Person("night")]
        assert in_evidence(people) == [["controller", subject_digest("approver\0alice")]]
