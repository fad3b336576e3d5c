"""An evidence file checks without us: what is whole passes, and whatever was changed is named with its line."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from django.db import transaction
from hypothesis import event, given, settings
from hypothesis import strategies as st

from retention import evidence_check, evidence_export, leaves, offline
from retention.approvals import approve
from retention.domain.decisions import Item, State, Why, decide
from retention.domain.errors import EvidenceError
from retention.domain.evidence import canonical, merkle_path, merkle_root, sha256_hex
from retention.domain.leaves import basis
from retention.domain.periods import FinancialYears, last_day
from retention.domain.rules import RuleSet
from retention.domain.written import parse_ceiling, parse_ground
from retention.evidence_check import verify
from retention.evidence_export import export, fingerprint, prove
from retention.evidence_log import EvidenceLog, copy_heads, sign_head
from retention.evidence_restore import adopt
from retention.holds import place
from retention.models import Attempt, EvidenceEntry, EvidenceHead, EvidenceLeaves, Lot
from retention.night import run_night
from retention.plan import rules_document
from tests.domain import strategies as some
from tests.retention.company import NOW, TODAY, controller, found_company
from tests.retention.test_evidence_restore import restore_to_before
from tests.retention.test_recovery import POLICY, Killed, interrupt

NEXT = TODAY + timedelta(days=1)


def exported(slug="testi"):
    out = io.BytesIO()
    export(slug, out)
    return out.getvalue()


def checked(content, trusted=""):
    return offline.Reader(io.BytesIO(content), trusted).read()


@pytest.fixture
def content(company, data_dir):
    run_night(company, TODAY, NOW)
    run_night(company, NEXT, NOW + timedelta(days=1))
    return exported()


def _kind(line):
    return next(iter(json.loads(line)))


def lines_of(content):
    return content.splitlines(keepends=True)


def test_what_is_whole_is_intact_and_every_decision_was_recomputed(content):
    found = checked(content, fingerprint())
    assert found.problems == []
    assert found.organisation == "testi"
    assert found.counts["leaves"] == found.counts["recomputed"] == 7  # 1004 goes in the second night
    assert found.counts["outcome destroyed"] == 7
    assert found.counts["heads"] == found.counts["chains"] == 2
    assert found.counts["stated"] == 0


def test_it_names_nobody(content):
    told = content.decode()
    assert "Testihenkilö" not in told
    assert not any(f'"{number}"' in told for number in ("1001", "1003", "1004", "1008"))


def test_the_module_alone_is_enough(content, tmp_path):
    """Copied to a place where there is nothing of ours, and run with an empty environment."""
    (tmp_path / "offline.py").write_bytes(Path(offline.__file__).read_bytes())
    (tmp_path / "evidence.jsonl").write_bytes(content)
    command = [sys.executable, "-I", "offline.py", "evidence.jsonl", "--public-key", fingerprint()]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "intact: testi" in done.stdout
    (tmp_path / "evidence.jsonl").write_bytes(content.replace(b"destroyed", b"destroyeb", 1))
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NOT intact" in done.stdout


def test_it_imports_nothing_of_ours():
    tree = ast.parse(Path(offline.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"cryptography"}


class TestChanged:
    def test_one_bit_of_any_line_is_found_and_its_line_is_named(self, content):
        """At every place of the shortest line of each kind, and at some places of every other."""
        lines, start = lines_of(content), 0
        whole = {min((one for one in lines if _kind(one) == kind), key=len) for kind in map(_kind, lines)}
        for number, line in enumerate(lines, 1):
            step = 1 if line in whole else max(1, len(line) // 15)
            for at in [*range(0, len(line), step), len(line) - 1]:
                bit = (number + at) % 8
                changed = bytearray(content)
                changed[start + at] ^= 1 << bit
                found = checked(bytes(changed))
                assert found.problems, (number, at, bit)
                assert found.problems[0][0] == number, (number, at, bit, found.problems[:3])
            start += len(line)

    def test_a_leaf_whose_text_was_hidden_is_not_taken_for_a_forgotten_one(self, content):
        lines = lines_of(content)
        at = next(n for n, line in enumerate(lines) if _kind(line) == "leaf")
        changed = [*lines[:at], lines[at].replace(b'"text":', b'"uext":'), *lines[at + 1 :]]
        assert checked(b"".join(changed)).problems[0] == (at + 1, "is not what a leaf must be")

    def test_a_dropped_line(self, content):
        lines = lines_of(content)
        for number in range(len(lines)):
            assert checked(b"".join(lines[:number] + lines[number + 1 :])).problems, number

    def test_cut_off_after_any_line(self, content):
        lines = lines_of(content)
        for number in range(1, len(lines)):
            said = [text for _, text in checked(b"".join(lines[:number])).problems]
            assert "the end is missing: the file was cut off" in said

    def test_added_after_the_end(self, content):
        found = checked(content + canonical({"chain": "x"}) + b"\n")
        assert found.problems == [(len(lines_of(content)) + 1, "stands after the end")]

    def test_empty(self):
        assert checked(b"").problems == [(1, "the end is missing: the file was cut off")]

    def test_another_key_than_the_one_that_is_known(self, content):
        assert checked(content, "ab" * 32).problems == [(1, "was signed with another key than the one given")]

    def test_a_file_of_another_signer_who_claims_the_heads(self, content):
        """Signed anew by somebody else, with their key in the first line: the heads are not theirs."""
        lines = [json.loads(line) for line in lines_of(content)]
        lines[0]["public_keys"] = ["3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"]
        found = checked(b"".join(canonical(line) + b"\n" for line in lines))
        assert "is signed with a key that the first line does not name" in [text for _, text in found.problems]


class TestDecisions:
    """The organisation itself wrote and signed something that does not agree: the arithmetic finds it."""

    def rewritten(self, monkeypatch, company, change):
        """A night whose leaves are other than what happened, with roots, chain and heads that fit."""
        honest = leaves.write

        def lie(log, about, texts):
            return honest(log, about, [canonical(change(json.loads(text))).decode() for text in texts])

        monkeypatch.setattr("retention.purge.leaves.write", lie)
        run_night(company, TODAY, NOW)
        content = exported()
        found = checked(content)
        lines = lines_of(content)
        assert all(next(iter(json.loads(lines[number - 1]))) == "leaf" for number, _ in found.problems)
        return found.problems

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"due_from": "2026-07-01"}, "it was due from 2026-07-01, and went on 2026-06-30"),
            ({"due_from": "2020-01-01"}, "not 2020-01-01"),
            ({"why": "CEILING"}, "(GROUNDS_ENDED)"),
            ({"holds": [["2026-01-01", None]]}, "a hold lay on it since 2026-01-01"),
            ({"holds": [["2026-01-01", "2026-07-01"]]}, "a hold lay on it since 2026-01-01"),
            ({"basis": []}, "does not speak of each rule once"),
            ({"rules": "0" * 64}, "other rules than the others of its lot"),
        ],
    )
    def test_what_it_says_of_an_item(self, monkeypatch, company, data_dir, change, said):
        problems = self.rewritten(monkeypatch, company, lambda leaf: {**leaf, **change})
        assert len(problems) == 6
        assert said in problems[0][1]

    def test_a_hold_that_was_released_in_time_is_none(self, monkeypatch, company, data_dir):
        past = {"holds": [["2026-01-01", "2026-06-30"]]}
        assert self.rewritten(monkeypatch, company, lambda leaf: {**leaf, **past}) == []

    def test_a_start_that_does_not_lead_to_its_last_day(self, monkeypatch, company, data_dir):
        def change(leaf):
            return {**leaf, "basis": [[*line[:2], "2026-01-01", *line[3:]] for line in leaf["basis"]]}

        problems = self.rewritten(monkeypatch, company, change)
        assert "from 2026-01-01 it lasts until 2028-01-01, not 2022-02-01" in problems[0][1]

    def test_a_start_event_that_is_not_the_rules(self, monkeypatch, company, data_dir):
        def change(leaf):
            return {**leaf, "basis": [[*line[:4], "contract_started", line[5]] for line in leaf["basis"]]}

        assert "does not start with 'contract_started'" in self.rewritten(monkeypatch, company, change)[0][1]

    def test_items_that_were_not_to_be_sent(self, monkeypatch, company, data_dir):
        honest = leaves.write
        other = sha256_hex(b"another")
        monkeypatch.setattr(
            "retention.purge.leaves.write",
            lambda log, about, texts: honest(
                log, about, [canonical({**json.loads(text), "item": other}).decode() for text in texts]
            ),
        )
        run_night(company, TODAY, NOW)
        assert "its leaves are of other items than were to be sent" in [t for _, t in checked(exported()).problems]

    def test_outcomes_that_were_not_counted(self, monkeypatch, company, data_dir):
        honest = leaves.write
        monkeypatch.setattr(
            "retention.purge.leaves.write",
            lambda log, about, texts: honest(
                log, about, [canonical({**json.loads(text), "outcome": "held"}).decode() for text in texts]
            ),
        )
        run_night(company, TODAY, NOW)
        assert "its leaves have other outcomes than were counted" in [t for _, t in checked(exported()).problems]

    def test_too_few_who_approved(self, monkeypatch, company, data_dir):
        monkeypatch.setattr("retention.purge.approvers", lambda lot: [])
        from retention import purge

        honest = purge._claim_body
        monkeypatch.setattr(purge, "_claim_body", lambda work, lot: {**honest(work, lot), "approvals_needed": 2})
        run_night(company, TODAY, NOW)
        assert any("0 approved it, and 2 had to" in text for _, text in checked(exported()).problems)

    @pytest.mark.parametrize(
        ("by", "made", "problem"),
        [
            (["controller:alice"], ["owner:alice"], "nobody approved it but one who wrote or published its rules"),
            (["controller:alice", "controller:ada"], ["owner:alice", "owner:ada"], ""),
            (["controller:alice"], ["owner:ada"], ""),
            (["shell:alice", "shell:ada"], [], "1 approved it, and 2 had to"),
        ],
    )
    def test_who_approved_and_who_made_the_rules(self, by, made, problem):
        def said(people):
            return [[who.partition(":")[0], who.partition(":")[2]] for who in people]

        needed = 2 if by[0].startswith("shell") else 1
        claim = {"lot": 1, "approvals_needed": needed, "approved_by": said(by), "made_by": said(made)}
        claim["grace_until"] = "2026-06-30"
        if not problem:
            offline.claim_agrees(claim, TODAY)
            return
        with pytest.raises(offline.Wrong, match=problem):
            offline.claim_agrees(claim, TODAY)

    def test_claims_from_before_it_was_told_who_made_the_rules(self):
        claim = {"lot": 1, "approvals_needed": 1, "approved_by": [["controller", "a"]], "grace_until": "2026-06-30"}
        offline.claim_agrees(claim, TODAY)


class TestNights:
    """What nights really do, and that it agrees with what the file recomputes."""

    def test_two_people_approved_it(self, db, data_dir):
        company = found_company(data_dir, {**POLICY, "approval": "two", "grace": "P1D"})
        run_night(company, TODAY, NOW)
        for lot in Lot.objects.all():
            for who in ("eka", "toka"):
                approve(lot, controller(company, who), lot.digest)
        for days in (1, 2):
            run_night(company, TODAY + timedelta(days=days), NOW + timedelta(days=days))
        content = exported()
        found = checked(content)
        assert found.problems == []
        assert found.counts["recomputed"] == 6  # 1004 waits for its own approvals
        claims = [e for line in lines_of(content) if (e := json.loads(line).get("entry", {})).get("kind") == "claimed"]
        for claim in claims:
            body = json.loads(claim["body"])
            assert [role for role, _ in body["approved_by"]] == ["controller", "controller"]
            assert body["grace_until"] == str(TODAY + timedelta(days=2))
        assert b"eka" not in content
        assert b"toka" not in content

    @pytest.mark.parametrize("point", ["intent committed", "intent journalled", "sent", "outcome committed"])
    def test_killed_and_run_again(self, company, data_dir, point):
        interrupt(company, point) if point != "outcome committed" else kill_after_outcome(company)
        run_night(company, TODAY, NOW + timedelta(hours=1))
        found = checked(exported())
        assert found.problems == []
        assert found.counts["leaves"] == found.counts["recomputed"] == 6
        recovered = 3 if point == "sent" else 0
        assert found.counts["outcome recovered"] == recovered

    def test_a_hold_before_the_claim_and_after_it(self, company, data_dir):
        placed: list[object] = []

        def late(point):
            if point == "intent journalled" and not placed:
                who = [("customer", "1008")]
                placed.append(place(company, who, "dispute", "", "lakiasiat", TODAY, TODAY + timedelta(days=90)))

        run_night(company, TODAY, NOW, at=late)
        found = checked(exported())
        assert found.problems == []
        assert found.counts["outcome held"] == 2  # their tickets; as a customer they were held before there was a lot
        held = [one for one in _texts(exported()) if one["outcome"] == "held"]
        assert all(one["holds"] == [[str(TODAY), None]] for one in held)

    def test_chunk_by_chunk(self, company, data_dir):
        run_night(company, TODAY, NOW, chunk=1)
        found = checked(exported())
        assert found.problems == []
        assert found.counts["recomputed"] == 6
        assert EvidenceLeaves.objects.count() == 6


def _texts(content):
    return [json.loads(one["text"]) for line in lines_of(content) if (one := json.loads(line).get("leaf"))]


def kill_after_outcome(company):
    def kill(reached):
        if reached == "outcome committed":
            raise Killed

    with pytest.raises(Killed):
        run_night(company, TODAY, NOW, at=kill)


class TestForgotten:
    def test_who_was_forgotten_is_counted_and_all_else_recomputed(self, content):
        leaves.forget("testi", "customer", "1008", NEXT, "owner", "request")
        found = checked(exported())
        assert found.problems == []
        assert (found.counts["forgotten"], found.counts["recomputed"]) == (3, 4)

    def test_a_night_that_was_lost_with_our_database(self, company, data_dir):
        run_night(company, TODAY, NOW)
        for table in (EvidenceEntry, EvidenceHead, EvidenceLeaves):
            table.objects.all().delete()
        adopt("testi", TODAY, "owner", "restored")
        assert checked(exported()).problems == []

    def test_a_chain_that_is_gone_and_was_not_said_to_be(self, content):
        EvidenceEntry.objects.filter(chain=str(TODAY)).delete()
        assert f"the chain {TODAY} is missing, and its head is here" in [t for _, t in checked(exported()).problems]


class TestWithoutTheKey:
    """Whoever can write our database and sign nothing: our own key then signs the file that tells of it."""

    def added(self, chain="2024-03-01"):
        """A night that never was, whole in itself: what it claimed, sent and destroyed, and its leaves."""
        log, item = EvidenceLog("testi", chain), sha256_hex(b"an item")
        step = {"lot": 999, "attempt": 1}
        with transaction.atomic():
            log.append("claimed", {**step, "rules_digest": "r", "approvals_needed": 0, "approved_by": [],
                                   "grace_until": "2024-03-01", "rules": {}})  # fmt: skip
            log.append("intent", {**step, "keys": [item], "root": merkle_root([item])})
            log.append("outcome", {**step, "tally": {"destroyed": 1}})
            leaves.write(log, {**step, "night": "2024-03-01", "rules_digest": "r"}, ["{}"])
        EvidenceLeaves.objects.filter(month="2024-03").update(sealed=None)

    def test_a_night_that_never_was_is_named(self, content):
        assert checked(exported()).problems == []
        self.added()
        with pytest.raises(EvidenceError, match=f"the chain 2024-03-01 has no head.*{NEXT}"):
            verify("testi")
        ((_, said),) = checked(exported(), fingerprint()).problems
        assert said.startswith("the chain 2024-03-01 above has no head")

    @pytest.mark.parametrize("chain", [str(TODAY + timedelta(days=9)).replace("-", ""), "campaign-2099-01-01-0a0b0c0d"])
    def test_what_is_no_night_is_never_without_a_head(self, content, chain):
        self.added(chain)
        with pytest.raises(EvidenceError, match=f"the chain {chain} has no head"):
            verify("testi")
        assert any(said.startswith(f"the chain {chain} above has no head") for _, said in checked(exported()).problems)

    def test_a_night_that_was_taken_away_is_missed_whatever_excuses_it(self, content):
        EvidenceEntry.objects.filter(chain=str(TODAY)).delete()
        with transaction.atomic():
            EvidenceLog("testi", f"adopted-{NEXT}-0a0b0c0d").append("adopted", {"nights": [str(TODAY)]})
        with pytest.raises(EvidenceError, match=f"the chain {TODAY} is gone"):
            verify("testi")
        said = [text for _, text in checked(exported()).problems]
        assert f"the chain {TODAY} is missing, and its head is here" in said
        assert any(text.startswith(f"the chain adopted-{NEXT}-0a0b0c0d above has no head") for text in said)

    def test_an_excuse_among_the_entries_of_a_night_excuses_nothing(self, company, data_dir):
        """A night that runs signs what it finds in its own chain."""
        run_night(company, TODAY, NOW)
        with transaction.atomic():
            log = EvidenceLog("testi", str(NEXT))
            log.append("night_started", {})
            log.append("adopted", {"nights": [str(TODAY)]})
            sign_head("testi", NEXT, log.chain, {})
        EvidenceEntry.objects.filter(chain=str(TODAY)).delete()
        assert [said for _, said in checked(exported()).problems] == [
            f"the chain {TODAY} is missing, and its head is here"
        ]

    def test_a_head_below_a_chain_that_is_not_its_own_covers_nothing(self, content):
        """Written by hand where an honest export would end: between a night's head and the next chain."""
        self.added()
        lines = lines_of(exported())
        heads = [n for n, line in enumerate(lines) if _kind(line) == "head"]
        start = next(n for n, line in enumerate(lines) if b"2024-03-01" in line)
        moved = [*lines[: heads[0]], *lines[start:-1], *lines[heads[0] : start], lines[-1]]
        assert f"is the head of {TODAY}, and stands below 2024-03-01" in [
            t for _, t in checked(b"".join(moved)).problems
        ]


class TestNightsThatHaveNoHeadYet:
    """Honest ones: under way, broken off and not yet counted, or lost with our own database."""

    def whole(self, unsigned):
        assert verify("testi").unsigned == unsigned
        found = checked(exported())
        assert found.problems == []
        assert found.counts["unsigned"] == unsigned

    def killed(self, company, day):
        def kill(point):
            if point == "outcome committed":
                raise Killed

        with pytest.raises(Killed):
            run_night(company, day, NOW + (day - TODAY), at=kill)

    def test_the_first_night_of_an_organisation(self, company, data_dir):
        self.killed(company, TODAY)
        self.whole(1)
        leaves.forget("testi", "customer", "1008", TODAY, "owner", "request")  # signed at once: no night
        self.whole(1)

    def test_one_that_runs_and_one_that_was_broken_off_before_it(self, company, data_dir):
        run_night(company, TODAY, NOW)
        for days in (1, 2):
            with transaction.atomic():
                EvidenceLog("testi", str(TODAY + timedelta(days=days))).append("night_started", {})
        self.whole(2)

    def test_the_next_one_signs_what_was_broken_off(self, company, data_dir):
        self.killed(company, TODAY)
        run_night(company, NEXT, NOW + timedelta(days=1))
        self.whole(0)

    def test_one_that_is_signed_while_the_file_is_written(self, content, monkeypatch):
        """After the heads were read: it is not written, rather than as a chain that has none."""
        honest, late = evidence_export._heads, list[int]()

        def heads(slug):
            yield from honest(slug)
            if not late:
                late.append(leaves.forget("testi", "customer", "1008", NEXT, "owner", "request"))

        monkeypatch.setattr(evidence_export, "_heads", heads)
        assert checked(exported()).problems == []
        assert late

    def test_one_that_is_signed_while_the_heads_are_recomputed(self, content, monkeypatch):
        honest = evidence_check._verify_heads

        def heads(slug, found):
            told = honest(slug, found)
            leaves.forget("testi", "customer", "1008", NEXT, "owner", "request")
            return told

        monkeypatch.setattr(evidence_check, "_verify_heads", heads)
        assert verify("testi").heads == 2

    def test_half_of_it_lost_and_signed_by_a_night_after_the_adoption(self, company, data_dir):
        """Restored to the middle of a night that had been killed: only its journal told of the rest."""
        self.killed(company, TODAY)
        Attempt.objects.all().delete()
        EvidenceEntry.objects.filter(kind__in=["intent", "outcome", "leaves"]).delete()
        EvidenceLeaves.objects.all().delete()
        assert adopt("testi", TODAY, "owner", "restored") == [str(TODAY)]
        assert verify("testi").unsigned == 1
        assert checked(exported()).problems == []
        run_night(company, NEXT, NOW + timedelta(days=1))
        heads = [json.loads(head.body)["chain"] for head in EvidenceHead.objects.order_by("number")]
        assert heads[1:] == [str(TODAY), str(NEXT)]
        verify("testi")
        assert checked(exported()).problems == []

    def test_an_earlier_date_than_that_of_a_lost_night(self, company, data_dir):
        """Restored to before two dates, of which only the later had run: the earlier may run after all."""
        run_night(company, TODAY, NOW)
        later = TODAY + timedelta(days=2)
        run_night(company, later, NOW + timedelta(days=2))
        copy_heads("testi")
        restore_to_before(later)
        adopt("testi", later, "owner", "restored")
        with transaction.atomic():
            EvidenceLog("testi", str(NEXT)).append("night_started", {})
        self.whole(1)


class TestProof:
    def proof(self, number="1008"):
        out = io.BytesIO()
        return prove("testi", "customer", number, out), out.getvalue()

    def test_one_persons_leaves_check_alone(self, content):
        number, proof = self.proof()
        found = checked(proof, fingerprint())
        assert found.problems == []
        assert number == found.counts["leaves"] == found.counts["recomputed"] == 3

    def test_it_shows_nobody_else(self, content):
        _, proof = self.proof()
        mine = leaves.person_digest("customer", "1008")
        for number in ("1001", "1003", "1004"):
            assert leaves.person_digest("customer", number).encode() not in proof
        shown = [json.loads(line)["leaf"] for line in lines_of(proof) if line.startswith(b'{"leaf"')]
        assert {json.loads(one["text"])["person"] for one in shown} == {mine}
        kinds = {json.loads(line)["proven"]["kind"] for line in lines_of(proof) if line.startswith(b'{"proven"')}
        assert kinds == {"claimed", "leaves"}  # not the intent: it holds the digests of every item

    def test_one_bit_of_any_line_is_found_and_its_line_is_named(self, content):
        _, proof = self.proof()
        start = 0
        for number, line in enumerate(lines_of(proof), 1):
            for at in [*range(0, len(line), max(1, len(line) // 60)), len(line) - 1]:
                changed = bytearray(proof)
                changed[start + at] ^= 1
                found = checked(bytes(changed))
                assert found.problems, (number, at)
                assert found.problems[0][0] == number, (number, at, found.problems[:3])
            start += len(line)

    def test_somebody_else_of_whom_there_is_nothing(self, content):
        number, proof = self.proof("9999")
        assert number == 0
        assert checked(proof).problems == []

    def test_after_forgetting_there_is_nothing_to_prove(self, content):
        leaves.forget("testi", "customer", "1008", NEXT, "owner", "request")
        assert self.proof()[0] == 0

    def test_what_went_by_a_claim_that_was_lost_is_left_out(self, content):
        """Restored to the middle of the first night: half its entries are there, and its head came back whole."""
        EvidenceEntry.objects.filter(chain=str(TODAY), kind="night_finished").delete()
        self.signed_adoption([str(TODAY)])
        number, proof = self.proof()
        assert (number, checked(proof).problems) == (0, [])
        number, proof = self.proof("1004")  # of the second night
        assert (number, checked(proof).problems) == (1, [])
        row = EvidenceEntry.objects.get(chain=str(NEXT), kind="claimed")
        EvidenceEntry.objects.filter(pk=row.pk).update(chain=str(TODAY), number=99)
        assert self.proof("1004")[0] == 0

    def signed_adoption(self, nights):
        log = EvidenceLog("testi", f"adopted-{NEXT}-0a0b0c0d")
        with transaction.atomic():
            log.append("adopted", {"nights": nights})
            sign_head("testi", NEXT, log.chain, {})

    def test_a_night_that_is_not_signed_proves_nothing(self, content):
        EvidenceHead.objects.all().delete()
        assert self.proof()[0] == 0


class TestRules:
    """What an honest night never writes: a basis that passes over a ceiling, or tells a condition that holds."""

    PLAIN: ClassVar = {
        "grounds": [
            {
                "id": "tarve", "kind": "need", "trigger": {"events": ["recorded"]}, "period": "P5Y", "rounding": "none",
                "status": "confirmed", "ends_on": [], "action": "delete",
                "conditions": [{"fact": "maksamatta", "value": True}],
            }
        ],
        "ceilings": [
            {
                "id": "katto", "trigger": {"events": ["recorded"]}, "period": "P1Y", "rounding": "none",
                "status": "confirmed", "action": "anonymise", "conditions": [], "yields_to": [],
            }
        ],
        "no_reason_to_keep": False,
        "is_step": False,
        "financial_years": {"day": [12, 31], "years": []},
    }  # fmt: skip
    CEILING: ClassVar = ["katto", "ceiling_passed", "2020-01-31", "2021-01-31", "recorded", None]

    def test_cut_on_the_day_of_the_ceiling(self):
        cut = ["tarve", "cut", None, "2021-01-31", "katto", None]
        assert offline.decide(self.PLAIN, [cut, self.CEILING]) == ("CEILING", date(2021, 2, 1), "anonymise")

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (["tarve", "ended", "2020-01-31", "2025-01-31", "recorded", None], "was to be cut on 2021-01-31"),
            (["tarve", "cut", None, "2022-01-31", "katto", None], "no ceiling cuts it then"),
            (["tarve", "condition_false", None, None, "maksamatta", True], "not against its conditions"),
            (["tarve", "condition_false", None, None, "muu", False], "not against its conditions"),
            (["tarve", "open", None, None, "recorded", None], "nothing was due by it"),
            (["tarve", "not_confirmed", None, None, "", None], "nothing was due by it"),
            (["tarve", "ended_by_event", "2020-01-31", "2020-06-01", "objection", None], "not ended by objection"),
        ],
    )
    def test_what_no_rule_allows(self, line, said):
        with pytest.raises(offline.Wrong, match=said):
            offline.decide(self.PLAIN, [line, self.CEILING])


class TestArithmetic:
    @given(st.dates(date(1990, 1, 1), date(2090, 12, 31)), some.periods, some.roundings)
    @settings(max_examples=400)
    def test_the_last_day_is_the_cores(self, start, period, rounding):
        years = FinancialYears((6, 30), ((date(2019, 4, 1), date(2020, 3, 31)), (date(2020, 4, 1), date(2021, 9, 30))))
        plain = {"day": [6, 30], "years": [["2019-04-01", "2020-03-31"], ["2020-04-01", "2021-09-30"]]}
        rule = {"period": str(period), "rounding": str(rounding)}
        assert offline.last_day(start, rule, plain) == last_day(start, period, rounding, years)

    @given(st.integers(1, 300), st.data())
    def test_a_path_leads_to_the_root_from_its_own_place_only(self, size, data):
        digests = [sha256_hex(str(n).encode()) for n in range(size)]
        at = data.draw(st.integers(0, size - 1))
        path = merkle_path(digests, at)
        assert offline.climb(digests[at], at, size, path) == merkle_root(digests)
        other = data.draw(st.integers(0, size - 1))
        if other != at:
            with contextlib.suppress(offline.Wrong):
                assert offline.climb(digests[at], other, size, path) != merkle_root(digests)


def test_a_hundred_thousand_entries_in_constant_memory(db, data_dir, tmp_path):
    """A file of 100,000 leaves is checked in a process of its own, with as much memory as one of 1,000."""

    def measured(number):
        log = EvidenceLog("testi", f"{date(2026, 1, 1) + timedelta(days=number % 97)}")
        told: dict[str, object] = {
            "basis": None,
            "due_from": "2020-01-01",
            "holds": [],
            "outcome": "destroyed",
            "person": None,
        }
        told |= {"read_back": True, "rules": "r", "why": "CEILING"}
        claim = {"rules_digest": "r", "approvals_needed": 0, "approved_by": [], "grace_until": "2026-01-01"}
        texts = [canonical({**told, "item": sha256_hex(str(n).encode())}).decode() for n in range(1000)]
        with transaction.atomic():
            for part in range(number // 1000):
                about = {"lot": part, "attempt": 1, "night": "2026-01-01", "rules_digest": "r"}
                log.append("claimed", claim | {"lot": part})
                leaves.write(log, about, texts)
            sign_head("testi", date(2026, 1, 1), log.chain, {})
        path = tmp_path / f"{number}.jsonl"
        with path.open("wb") as out:
            export("testi", out)
        code = "import resource, sys; from retention import offline; code = offline.main(sys.argv[1:]); "
        code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)"
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert f"leaves: {number + (0 if number == 1000 else 1000)}\n" in done.stdout
        return int(done.stdout.split()[-1]) / 1024

    few, many = measured(1000), measured(100_000)
    assert many < few + 10


RULES = {
    "grounds": some.some(some.ground_documents, 3, "g"),
    "ceilings": some.some(some.ceiling_documents, 2, "c"),
    "contracts": some.contracts,
    "scope": st.sampled_from([None, None, "A"]),
    "told": some.ledger_events,
    "known": st.sampled_from([None, True, False]),
    "no_reason": st.booleans(),
}


@given(**RULES)
@settings(max_examples=2500, deadline=None)
def test_whatever_was_due_is_due_by_the_file_too(grounds, ceilings, contracts, scope, told, known, no_reason):
    """Random rules and facts: the core that decides, and the arithmetic that an inspector reads, say the same."""
    rules = RuleSet(
        tuple(parse_ground(document, "g") for document in grounds),
        tuple(parse_ceiling(document, "c") for document in ceilings),
        no_reason,
        FinancialYears((4, 30), ((date(2018, 1, 1), date(2019, 6, 30)),)),
    )
    item = Item(tuple(contracts), scope, told, {} if known is None else {"known": known})
    decision = decide(item, rules, (), some.TODAY)
    shown, lines = json.loads(canonical(rules_document(rules))), json.loads(basis(decision))
    if decision.state is not State.DUE:
        event(f"{decision.state}")
        with contextlib.suppress(offline.Wrong):  # it may speak of a later day, never of one that has come
            why, due_from, _ = offline.decide(shown, lines)
            assert why != "NO_GROUND"
            assert due_from is not None
            assert due_from > some.TODAY
        return
    event(f"due: {decision.why}")
    why, due_from, action = offline.decide(shown, lines)
    assert (why, action) == (decision.why, decision.action)
    assert due_from == (None if decision.why is Why.NO_GROUND else decision.due_from)
