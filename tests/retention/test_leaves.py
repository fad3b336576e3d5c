"""What the evidence says of single items: one leaf each, which tells nobody's number, and can be forgotten alone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from retention import leaves
from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical, merkle_root
from retention.domain.leaves import leaf_digest
from retention.evidence_check import verify
from retention.evidence_log import EvidenceLog, subject_digest
from retention.models import EvidenceEntry, EvidenceHead, EvidenceLeaves
from retention.night import run_night
from tests.retention.company import NOW, TODAY


def told(slug="testi"):
    """Each leaf that can be read, as data, with its entry's body."""
    found = []
    for entry in EvidenceEntry.objects.filter(organisation=slug, kind=leaves.KIND).order_by("chain", "number"):
        _, opened = leaves.of_entry(slug, entry.digest)
        found += [(json.loads(one.text), json.loads(entry.body)) for one in opened if one is not None]
    return found


@pytest.fixture
def night(company, data_dir):
    return run_night(company, TODAY, NOW)


def of_person(number):
    return [one for one, _ in told() if one["person"] == leaves.person_digest("customer", number)]


def test_each_item_that_was_sent_has_one_leaf_with_what_decided(night):
    assert len(told()) == 6  # three customers, three tickets
    (customer,) = [one for one in of_person("1001") if len(one["basis"]) == 2]
    assert customer["item"] == subject_digest("1")
    assert customer["basis"] == [
        ["sopimus", "ended", "2022-01-31", "2022-01-31", "contract_ended", None],
        ["vaateet", "ended", "2022-01-31", "2025-01-31", "contract_ended", None],
    ]
    assert customer["due_from"] == "2025-02-01"
    assert (customer["why"], customer["outcome"], customer["read_back"]) == ("GROUNDS_ENDED", "destroyed", True)
    assert customer["holds"] == []


def test_the_entry_holds_the_root_over_its_leaves_and_nothing_of_anybody(night):
    entries = EvidenceEntry.objects.filter(kind=leaves.KIND)
    assert entries.count() == 2
    for entry in entries:
        body = json.loads(entry.body)
        digests, opened = leaves.of_entry("testi", entry.digest)
        assert body["root"] == merkle_root(digests)
        assert digests == [leaf_digest(one.key, one.text) for one in opened if one is not None]
        assert set(body) == {
            "lot", "attempt", "night", "register", "dataset", "action", "rules_digest", "leaves", "root",
        }  # fmt: skip


def test_a_leaf_is_canonical_and_its_digest_cannot_be_found_by_trying(night):
    for entry in EvidenceEntry.objects.filter(kind=leaves.KIND):
        _, opened = leaves.of_entry("testi", entry.digest)
        whole = [one for one in opened if one is not None]
        for one in whole:
            assert canonical(json.loads(one.text)).decode() == one.text
            assert one.key != bytes(16)
        assert len({one.key for one in whole}) == len(opened)


def test_neither_numbers_nor_leaves_lie_open_in_the_database(night):
    people = [leaves.person_digest("customer", number).encode() for number in ("1001", "1003", "1008")]
    for row in EvidenceLeaves.objects.all():
        content = bytes(row.sealed or b"") + bytes(row.digests)
        assert not any(person in content or bytes.fromhex(person.decode()) in content for person in people)
        assert b"contract_ended" not in content


def test_a_person_stands_under_another_digest_than_a_row_with_their_number(night):
    assert leaves.person_digest("customer", "1001") != subject_digest("1001")
    assert leaves.person_digest("customer", "1001") != leaves.person_digest("employee", "1001")


def test_a_chunk_is_one_row_however_many_leaves_it_has(db, data_dir):
    def queries(number):
        log = EvidenceLog("testi", f"2026-07-0{1 + number % 9}")
        with (
            transaction.atomic(),
            CaptureQueriesContext(
                connection,
            ) as caught,
        ):
            leaves.write(log, {"lot": number, "night": "2026-07-01"}, [f'{{"n":{n}}}' for n in range(number)])
        return len(caught)

    queries(1)  # has a key made for the month
    assert queries(2) == queries(3000)
    assert EvidenceLeaves.objects.count() == 3


class TestBroken:
    def said(self):
        with pytest.raises(EvidenceError) as caught:
            verify("testi")
        return str(caught.value)

    def test_whole(self, night):
        assert verify("testi").leaves == 6

    def test_one_flipped_bit_of_a_digest(self, night):
        row = EvidenceLeaves.objects.latest("pk")
        entry = EvidenceEntry.objects.get(digest=row.entry)
        digests = bytearray(row.digests)
        digests[32] ^= 1
        EvidenceLeaves.objects.filter(pk=row.pk).update(digests=bytes(digests))
        assert f"entry {entry.number} (leaves): its leaf 2 was changed" in self.said()

    @pytest.mark.parametrize("at", [0, 5, 40, -1])
    def test_one_flipped_bit_of_what_is_sealed(self, night, at):
        row = EvidenceLeaves.objects.latest("pk")
        sealed = bytearray(row.sealed or b"")
        sealed[at] ^= 1
        EvidenceLeaves.objects.filter(pk=row.pk).update(sealed=bytes(sealed))
        assert "(leaves): its leaves cannot be opened" in self.said()

    def test_rows_that_changed_places(self, night):
        one, other = EvidenceLeaves.objects.all()
        EvidenceLeaves.objects.filter(pk=one.pk).update(sealed=other.sealed)
        assert "cannot be opened" in self.said()

    def test_a_row_that_is_gone(self, night):
        EvidenceLeaves.objects.latest("pk").delete()
        assert "(leaves): its leaves are gone" in self.said()

    def test_leaves_that_were_left_out(self, night):
        row = EvidenceLeaves.objects.latest("pk")
        EvidenceLeaves.objects.filter(pk=row.pk).update(digests=bytes(row.digests)[:-32], sealed=None)
        assert "another root" in self.said()


class TestForget:
    def forget(self, number="1008"):
        return leaves.forget("testi", "customer", number, TODAY + timedelta(days=1), "owner", "request of the person")

    def test_their_leaves_are_unreadable_and_all_else_holds(self, night):
        others = [one for one, _ in told() if one["person"] != leaves.person_digest("customer", "1008")]
        assert len(of_person("1008")) == 3
        assert self.forget() == 3
        assert of_person("1008") == []
        assert [one for one, _ in told()] == others
        found = verify("testi")
        assert (found.leaves, found.heads) == (6, 2)

    def test_it_is_recorded_and_signed_and_names_nobody(self, night):
        self.forget()
        entry = EvidenceEntry.objects.get(kind=leaves.FORGOTTEN)
        assert json.loads(entry.body) == {
            "by": "owner", "entries": 2, "leaves": 3, "reason": "request of the person",
        }  # fmt: skip
        assert json.loads(EvidenceHead.objects.latest("number").body)["chain"] == entry.chain

    def test_twice_is_refused_and_changes_nothing(self, night):
        self.forget()
        with pytest.raises(EvidenceError, match="no leaves"):
            self.forget()
        assert EvidenceHead.objects.count() == 2

    def test_it_needs_somebody_and_a_reason(self, night):
        with pytest.raises(EvidenceError, match="reason"):
            leaves.forget("testi", "customer", "1008", TODAY, "owner", " ")
        assert len(of_person("1008")) == 3

    def test_two_people_on_one_day(self, night):
        self.forget()
        self.forget("1001")
        assert verify("testi").heads == 3
