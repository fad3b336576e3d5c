"""Files whose every line is signed by the organisation's own key, and that tell of what no night can have done."""

from __future__ import annotations

import hashlib
import io

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from retention import offline
from retention.domain.evidence import GENESIS, canonical, link, merkle_path, merkle_root, sha256_hex

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw().hex()
KEY_ID = sha256_hex(bytes.fromhex(PUBLIC))
NIGHT, ITEM, PERSON, OTHER = "2024-03-01", "aa" * 32, "bb" * 32, "cc" * 32

RULES = {
    "grounds": [
        {
            "id": "g", "kind": "need", "trigger": {"events": ["contract_ended"], "choose": "only"}, "period": "P1Y",
            "rounding": "none", "action": "delete", "conditions": [], "if_absent": None, "ends_on": [],
            "status": "confirmed", "review_by": None, "purpose": "", "law": "",
        }
    ],
    "ceilings": [], "follows": [], "steps": [], "no_reason_to_keep": False, "is_step": False,
    "financial_years": {"day": [12, 31], "years": []},
}  # fmt: skip


def leaf(person=PERSON):
    text = canonical(
        {
            "basis": [["g", "ended", "2020-01-01", "2021-01-01", "contract_ended", None]], "due_from": "2021-01-02",
            "holds": [], "item": ITEM, "outcome": "destroyed", "person": person, "read_back": True, "rules": "r1",
            "why": "GROUNDS_ENDED",
        }
    ).decode()  # fmt: skip
    key = "11" * 16
    digest = hashlib.blake2b(text.encode(), key=bytes.fromhex(key), digest_size=32).hexdigest()
    return {"digest": digest, "key": key, "text": text}


def chained(told):
    """Entries that follow one another."""
    entries, previous = [], GENESIS
    for number, (kind, body) in enumerate(told, 1):
        content = canonical(body)
        digest = link(previous, number, kind, content)
        entry = {"number": number, "kind": kind, "body": content.decode(), "previous": previous, "digest": digest}
        entries.append(entry)
        previous = digest
    return entries


def night(*without):
    """A lot flagged, claimed, sent and gone in one night; without some kinds of entries."""
    root = merkle_root([ITEM])
    step = {"lot": 9, "attempt": 1}
    claim = {
        "lot": 9, "rules_digest": "r1", "rules": RULES, "approvals_needed": 2, "made_by": [], "grace_until": NIGHT,
        "approved_by": [["controller", "p1"], ["controller", "p2"]],
    }  # fmt: skip
    about = {**step, "night": NIGHT, "register": "crm", "dataset": "d", "action": "delete", "rules_digest": "r1"}
    told = [
        ("lot", {"lot": 9, "size": 1, "root": root, "due_from": ["2021-01-02", "2021-01-02"]}),
        ("claimed", claim),
        ("intent", {**step, "keys": [ITEM], "root": root}),
        ("outcome", {**step, "tally": {"destroyed": 1}}),
        ("leaves", {**about, "leaves": 1, "root": merkle_root([leaf()["digest"]])}),
        ("done", {"lot": 9}),
    ]
    return chained([(kind, body) for kind, body in told if kind not in without])


def head(entries, chain=NIGHT, number=1, previous=GENESIS):
    digests = [entry["digest"] for entry in entries]
    about = {"business_date": NIGHT, "chain": chain, "entries": len(entries), "last": (digests or [GENESIS])[-1]}
    about |= {"number": number, "organisation": "testi", "previous": previous, "root": merkle_root(digests)}
    body = canonical(about)
    signature = KEY.sign(bytes.fromhex(sha256_hex(body))).hex()
    return {"head": {"body": body.decode(), "digest": sha256_hex(body), "key_id": KEY_ID, "signature": signature}}


def chain(entries, name=NIGHT):
    lines = [{"chain": {"name": name, "digest": sha256_hex(name.encode())}}]
    for entry in entries:
        lines += [{"entry": entry}, *([{"leaf": leaf()}] if entry["kind"] == "leaves" else [])]
    return lines


def proven(entries, *kinds, person=PERSON):
    """The lines of a proof: the head, these entries, and the leaf."""
    digests = [entry["digest"] for entry in entries]
    lines = [head(entries)]
    for at, entry in enumerate(entries):
        if entry["kind"] in kinds:
            told = {name: entry[name] for name in ("number", "kind", "body", "previous")}
            lines.append({"proven": {**told, "chain": NIGHT, "path": merkle_path(digests, at)}})
    return [*lines, {"leaf": {**leaf(person), "index": 0, "path": []}}]


def written(lines, schema=offline.EVIDENCE, **besides):
    """The problems of a file of these lines, and its counts."""
    first = {"schema": schema, "organisation": "testi", "public_keys": [PUBLIC], **besides}
    raw = [canonical(line) + b"\n" for line in (first, *lines)]
    about = {"first": sha256_hex(raw[0]), "lines": len(raw) + 1, "sha256": sha256_hex(b"".join(raw))}
    signature = KEY.sign(schema.encode() + b"\n" + canonical(about)).hex()
    end = canonical({"end": {**about, "key_id": KEY_ID, "signature": signature}}) + b"\n"
    found = offline.Reader(io.BytesIO(b"".join(raw) + end), PUBLIC).read()
    return [said for _, said in found.problems], found.counts


def test_what_is_whole_has_no_problem():
    entries = night()
    for lines, schema, besides in (
        ([*chain(entries), head(entries)], offline.EVIDENCE, {}),
        (proven(entries, "claimed", "leaves"), offline.PROOF, {"person": PERSON}),
    ):
        problems, counts = written(lines, schema, **besides)
        assert problems == []
        assert (counts["leaves"], counts["recomputed"]) == (1, 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(chain(night("lot", "intent", "outcome", "done")), "evidence/1 alone", id="chains and no head"),
        pytest.param(
            [line for line in proven(night(), "claimed", "leaves") if "head" not in line], "", id="its head left out"
        ),
        pytest.param(proven(night(), "leaves"), "lot 9 was never claimed", id="the claim left out"),
        pytest.param(
            proven(night("claimed"), "leaves"), "lot 9 was never claimed", id="no claim in what the night signed"
        ),
    ],
)
def test_a_proof_of_what_no_head_signs_or_nobody_claimed(lines, said):
    problems, counts = written(lines, offline.PROOF, person=PERSON)
    assert any(said in problem for problem in problems), problems
    assert counts["recomputed"] == counts["stated"] == 0


def test_a_proof_of_another_person():
    problems, counts = written(proven(night(), "claimed", "leaves"), offline.PROOF, person=OTHER)
    assert problems == [f"item {ITEM[:16]}…: it is of another person than the proof"]
    assert counts["recomputed"] == 0


def test_a_proof_of_nobody():
    problems, _ = written(proven(night(), "claimed", "leaves"), offline.PROOF)
    assert "is not what such a line must be" in problems


@pytest.mark.parametrize("lines", [proven(night(), "claimed", "leaves")[1:2], proven(night(), "claimed")[-1:]])
def test_lines_of_a_proof_in_an_evidence_file(lines):
    entries = night()
    problems, _ = written([*chain(entries), head(entries), *lines])
    assert "is a line of seloste.proof/1 alone" in problems


def test_destroyed_without_a_claim():
    """By no rules, and with nobody's approval: it was once only counted as stated."""
    entries = night("claimed")
    problems, counts = written([*chain(entries), head(entries)])
    assert len(problems) == 1
    assert "lot 9 was never claimed" in problems[0]
    assert counts["stated"] == 0


def test_destroyed_without_leaves():
    entries = night("leaves")
    problems, _ = written([*chain(entries), head(entries)])
    assert problems == ["lot 9: of what attempt 1 did there are no leaves above"]


def test_a_claim_that_was_lost_with_our_own_database_is_not_asked_for():
    """A night that was lost may have claimed it; that is known once an adoption was signed, not before."""
    adoption = chained([("adopted", {"nights": ["2024-02-29"]})])
    name, entries = "adopted-2024-03-01-0a0b0c0d", night("lot", "claimed", "intent")
    first = head(adoption, name)
    after = head(entries, number=2, previous=first["head"]["digest"])
    problems, counts = written([*chain(adoption, name), first, *chain(entries), after])
    assert (problems, counts["stated"]) == ([], 1)
    problems, _ = written([*chain(entries), head(entries), *chain(adoption, name)])
    assert any("lot 9 was never claimed" in problem for problem in problems)


def test_a_night_that_is_left_out_and_excused_by_nobody():
    gone = head(night())
    adoption = chained([("adopted", {"nights": [NIGHT]})])
    name = "adopted-2024-03-01-0a0b0c0d"
    problems, _ = written([gone, *chain(adoption, name)])
    assert f"the chain {NIGHT} is missing, and its head is here" in problems
    signed = head(adoption, name, 2, gone["head"]["digest"])
    assert written([gone, *chain(adoption, name), signed])[0] == []
