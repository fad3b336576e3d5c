"""The only code that destroys.

`purge_chunk` sends one chunk of a lot, once, and says whether there may be more, so a night is
`while purge_chunk(work): …`. For each chunk:

1. In one transaction, under the organisation's gate: the stops are read, and INTENT is written with the
   keyed digests and the gate's epoch.
2. The intent is appended to the journal outside the database and synced.
3. The sources of truth are asked again for these people (`recollection`): a contract that runs again or a debt
   that was booked since supersedes its keys. Holds are read under the gate, keys under one are set aside.
   A source that is taken in whole meanwhile has them asked anew.
   Just before each call to the register the epoch is read once
   more: a hold that came meanwhile wins.
4. The connector disposes under the still-due predicate and the subject's number, and is read back. The first chunk of
   a dataset in a night is small, and what it leaves out must be there afterwards (`breakers`).
5. In one transaction: the outcome of every key, the tally, the evidence.

Killed anywhere, the next call finds an intent without an outcome and sends the same chunk again, unless
somebody has said stop. What is absent then went by our own intent and counts as *recovered*; what a hold,
a new contract or other rules protect now and is still there is left alone. Every key is counted once: a
lot's tally sums to what was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import transaction

from retention import leaves, replay, substitutes, waves
from retention.approvals import approvers, hands, in_evidence
from retention.breakers import NOT_CLAIMED, Beside, gone_tonight, refuse_untrue
from retention.connectors.contract import (
    Connector,
    ConnectorError,
    Disposal,
    Flags,
    InBulk,
    Ref,
    Residue,
    SeesOnce,
    TellsAbsence,
)
from retention.disposal import move, wipe
from retention.domain.breakers import BESIDE
from retention.domain.errors import EvidenceError, LifecycleError
from retention.domain.evidence import merkle_root
from retention.domain.leaves import leaf
from retention.domain.lifecycle import FINAL, GONE, RETRIED, LotState, Outcome, may_be_sent
from retention.domain.predicates import FALSE, Expression, is_false
from retention.domain.rules import Hold, carried_out_as
from retention.evaluation import in_doubt, moved_on
from retention.evidence_log import EvidenceLog, Journal, subject_digest, subject_digests
from retention.holds import UNNAMED, claim_gate, epoch_of, holding, of_item, register_stopped, stopped
from retention.leases import LeaseLost
from retention.ledger import changes_whole
from retention.lot_keys import LotKey, lot_digest, unpack
from retention.models import Attempt, FirstSeen, KeyOutcome, Lot, Run
from retention.plan import rules_document
from retention.question import Question, Scope
from retention.replay import settled_dates
from retention.residue import Left, by_key

CHUNK = 20_000
"""Keys sent at once at most: a whole lot."""

USUAL = 500
"""Keys sent at once to a register that says nothing of more."""

REMEMBERED = frozenset({Outcome.DESTROYED, Outcome.RECOVERED})
"""What went whole and by us: it is known again if a backup brings it back. A field may lawfully be filled again."""


class Stopped(LifecycleError):
    """Somebody stopped the night or the organisation: nothing more is claimed."""


class RegisterStopped(LifecycleError):
    """Somebody stopped this register: nothing of it is claimed, and the night goes on with the others."""


@dataclass
class Work:
    """A lot in hand: its keys unpacked once, and all that a chunk needs.

    blind  it is only found out what went
    void   why the lot may no longer be carried out: the same, and what others were asked for is called back
    needed whose items wait, and why: they tell names by which another register still holds something (D6)
    unfinished  which keys wait, and why: a step of theirs is due and was not carried out
    closed  why a register takes nothing at this hour
    changed which keys are due otherwise than the lot says: since another day, or for another action (V3)
    """

    lot: Lot
    run: Run
    question: Question
    connector: Connector
    log: EvidenceLog
    journal: Journal
    chunk: int = CHUNK
    at: Callable[[str], None] = lambda point: None
    blind: bool = False
    void: str = ""
    needed: Callable[[Sequence[str]], Mapping[str, str]] = lambda subjects: {}
    unfinished: Callable[[Sequence[LotKey]], Mapping[str, str]] = lambda entries: {}
    closed: Callable[[str], str] = lambda register: ""
    changed: Callable[[Sequence[LotKey]], frozenset[str]] = lambda entries: frozenset()
    keys: list[LotKey] = field(init=False)
    digests: list[str] = field(init=False)
    heard: Mapping[str, Sequence[Hold]] = field(init=False, default_factory=dict)
    """The holds that were read last, for the chunk in hand."""
    told: tuple[int, dict[str, object]] | None = field(init=False, default=None)
    """The attempt whose intent was told last, and what was said of it."""
    first: bool = field(init=False, default=False)
    """Whether less of the dataset has gone tonight than one usual chunk: what lies beside it is looked at."""

    def __post_init__(self) -> None:
        bulk = self.connector.at_once(self.question.mapping) if isinstance(self.connector, InBulk) else USUAL
        self.chunk = min(self.chunk, bulk)
        if self.lot.keys is None:
            raise LifecycleError(f"lot {self.lot.pk} has no keys left")
        self.keys = unpack(bytes(self.lot.keys))
        signed = lot_digest(self.keys, self.lot.dataset, self.lot.action, self.lot.rules_digest)
        if subject_digest(signed) != self.lot.digest:
            raise EvidenceError(f"lot {self.lot.pk}: its keys are not those that were flagged and approved")
        self.digests = subject_digests(entry.key for entry in self.keys)

    def ref(self, position: int) -> Ref:
        """The key at this position, as the register is asked for it."""
        entry = self.keys[position]
        return Ref(entry.key, entry.subject, entry.name)


def purge_chunk(work: Work) -> bool:
    """Send the next chunk of the lot; False when nothing is left to send tonight.

    Raises Stopped, and ConnectorError when the register failed: the intent then stays, and is recovered later;
    LeaseLost where somebody else has settled the chunk meanwhile.
    """
    attempt = work.lot.attempts.filter(state="intent").first()
    recovering = attempt is not None
    work.first = not work.void and gone_tonight(work.run, work.lot) < USUAL
    if attempt is None:
        attempt = _intend(work)
        if attempt is None:
            if not work.void:
                _finish(work)
            return False
        work.at("intent committed")
    elif not work.void:
        _refuse_if_stopped(work)
    work.journal.append({"kind": "intent", "run": work.run.pk, **_intent_body(work, attempt)})
    work.at("intent journalled")
    work.heard = {}
    beside = _beside(work, attempt) if work.first else None
    outcomes = _send(work, attempt, recovering)
    work.at("sent")
    residues = _read_back(work, outcomes)
    if beside is not None:
        beside.refuse_gone(work.run, work.lot)
    work.at("read back")
    _record(work, attempt, outcomes, residues)
    work.at("outcome committed")
    work.journal.append({"kind": "outcome", "lot": work.lot.pk, "attempt": attempt.number, "tally": attempt.tally})
    return True


def _beside(work: Work, attempt: Attempt) -> Beside | None:
    """What one of the first chunks leaves out, of this lot or else of another; None where whole items do not go."""
    mapping = work.question.mapping
    if mapping.fields or work.question.dataset.step is not None:
        return None
    action = carried_out_as(work.lot.action)
    rest = [work.ref(p) for p in range(max(attempt.positions) + 1, work.lot.size)[:BESIDE]]
    own = Beside(work.question, work.connector, action, rest).as_it_is()
    if own.refs:
        return own
    others = Lot.objects.filter(
        organisation=work.lot.organisation, dataset=work.lot.dataset, state__in=NOT_CLAIMED, keys__isnull=False
    )
    other = others.exclude(pk=work.lot.pk).order_by("-size").first()
    if other is None or other.keys is None:
        return None
    there = [Ref(entry.key, entry.subject, entry.name) for entry in unpack(bytes(other.keys))[:BESIDE]]
    return Beside(work.question, work.connector, action, there, other).as_it_is()


def _intend(work: Work) -> Attempt | None:
    if not work.void:
        refuse_untrue(work.run, work.lot, work.question.mapping.place)
    with transaction.atomic():
        gate = claim_gate(work.question.organisation)
        if not work.void:
            _refuse_if_stopped(work)
        lot = Lot.objects.select_for_update().get(pk=work.lot.pk)
        positions = _next_positions(lot, work)
        if not positions:
            return None
        if lot.state == LotState.APPROVED:
            move(lot, LotState.CLAIMED, "night", digest=lot.digest)
            work.log.append("claimed", _claim_body(work, lot))
        if lot.state != LotState.CLAIMED:
            raise LifecycleError(f"lot {lot.pk} is {lot.state}: it may not be claimed")
        attempt = Attempt.objects.create(
            lot=lot, run=work.run, number=lot.attempts.count() + 1, positions=positions, epoch=gate.epoch
        )
        work.log.append("intent", _intent_body(work, attempt))
    work.lot.state = lot.state
    return attempt


def _refuse_if_stopped(work: Work) -> None:
    step = work.question.dataset.step
    into = {step.target.register} if step is not None and step.target is not None else set()
    for register in sorted({work.lot.register} | into):
        refuse_if_stopped(work.run, register)
        if reason := work.closed(register):
            raise RegisterStopped(f"{register} {reason}")


def refuse_if_stopped(run: Run, register: str) -> None:
    """Raises Stopped where somebody stopped everything or this night, RegisterStopped of this register alone."""
    if reason := stopped(run.organisation):
        raise Stopped(reason)
    if reason := register_stopped(run.organisation, register):
        raise RegisterStopped(f"{register} is stopped: {reason}")
    now = Run.objects.only("stop_requested", "stop_reason").get(pk=run.pk)
    if now.stop_requested:
        raise Stopped(now.stop_reason or "the night was stopped")


def _next_positions(lot: Lot, work: Work) -> list[int]:
    """Keys never sent; then keys that an earlier night could not finish. A night tries each key once, few at first.

    Of a void lot: only those that other people were asked for.
    """
    if work.void:
        asked = lot.exceptions.filter(outcome=Outcome.PENDING).order_by("position")
        return list(asked.values_list("position", flat=True)[: work.chunk])
    most = min(work.chunk, USUAL) if work.first else work.chunk
    fresh = list(range(lot.next_position, min(lot.next_position + most, lot.size)))
    if fresh:
        return fresh
    again = lot.exceptions.filter(outcome__in=list(RETRIED)).exclude(attempt__run=work.run)
    return list(again.order_by("position").values_list("position", flat=True)[:most])


def _intent_body(work: Work, attempt: Attempt) -> dict[str, object]:
    """What the evidence and the journal say of an attempt; made once, for it names each key."""
    if work.told is not None and work.told[0] == attempt.number:
        return work.told[1]
    digests = [work.digests[position] for position in attempt.positions]
    body = {
        "lot": work.lot.pk,
        "attempt": attempt.number,
        "register": work.lot.register,
        "dataset": work.lot.dataset,
        "action": work.lot.action,
        "epoch": attempt.epoch,
        "rules_digest": work.lot.rules_digest,
        **_estimated(work.lot),
        "keys": digests,
        "root": merkle_root(digests),
    }
    work.told = attempt.number, body
    return body


def _estimated(lot: Lot) -> dict[str, list[int]]:
    """What evidence says of a lot whose keys are due by an estimate; nothing of another."""
    return {"estimated": lot.estimated} if lot.estimated else {}


def _claim_body(work: Work, lot: Lot) -> dict[str, object]:
    """By which rules the lot goes and who approved that: enough to recompute the decision of each of its leaves."""
    return {
        "lot": lot.pk,
        "digest": lot.digest,
        "rules_digest": lot.rules_digest,
        **_estimated(lot),
        "rules": rules_document(work.question.dataset.rules),
        "approvals_needed": lot.approvals_needed,
        "approved_by": in_evidence(approvers(lot)),
        "made_by": in_evidence(hands(lot)) if lot.approvals_needed else [],
        **waves.in_evidence(lot),
        "grace_until": lot.grace_until and lot.grace_until.isoformat(),
    }


def _holds(work: Work, positions: Sequence[int]) -> Mapping[str, Sequence[Hold]]:
    """Everything is held, too, where somebody has confirmed or withdrawn a substitute since the lot was looked at.

    Also where whoever purges began after that and asks by the new ones: the lot was made, and approved, by the old.
    """
    found = work.question.holds({work.keys[p].subject for p in positions})
    dataset = work.question.dataset
    if work.lot.rules_digest != dataset.rules_digest or substitutes.changed(work.question.organisation, dataset):
        return {**found, "": (*found.get("", ()), Hold(work.question.today, reason="campaign"))}
    return found


def _held(work: Work, entry: LotKey, holds: Mapping[str, Sequence[Hold]]) -> bool:
    return holding(holds, entry.subject, work.question.today)


def _send(work: Work, attempt: Attempt, recovering: bool) -> dict[int, Disposal]:
    """Ask again, then dispose. Whatever is not sent has its outcome too."""
    positions: list[int] = list(attempt.positions)
    if work.void:
        unsent = {p: Disposal(work.keys[p].key, Outcome.SUPERSEDED, work.void) for p in positions}
        outcomes = {**unsent, **(_already_gone(work, unsent) if recovering else {})}
        return {**outcomes, **_called_back(work, outcomes)}
    if work.blind:
        unsent = {
            p: Disposal(work.keys[p].key, Outcome.FAILED, "it was not known whether it is due") for p in positions
        }
        return {**unsent, **_already_gone(work, unsent)}
    outcomes = {}
    groups: dict[int, tuple[Expression, list[int]]] = {}
    scope_has_contract = work.question.contract_grain
    needed, unfinished, conditions, moved, dropped = _asked_again(work, positions)
    epoch, holds = _epoch_and_holds(work, positions)
    for position in positions:
        entry = work.keys[position]
        condition = conditions[(entry.subject or "", entry.contract if scope_has_contract else None)]
        if _held(work, entry, holds):
            outcomes[position] = Disposal(entry.key, Outcome.HELD)
        elif is_false(condition):
            outcomes[position] = Disposal(entry.key, Outcome.SUPERSEDED, "no longer due")
        elif entry.key in dropped:
            outcomes[position] = Disposal(entry.key, Outcome.SUPERSEDED, dropped[entry.key])
        elif entry.subject is not None and entry.subject in needed:
            outcomes[position] = Disposal(entry.key, Outcome.WAITING, needed[entry.subject])
        elif entry.key in unfinished:
            outcomes[position] = Disposal(entry.key, Outcome.WAITING, unfinished[entry.key])
        else:
            sent_by = FALSE if position in moved else condition
            groups.setdefault(id(sent_by), (sent_by, []))[1].append(position)
    if recovering and outcomes:
        outcomes.update(_already_gone(work, outcomes))
    outcomes.update(_called_back(work, outcomes))  # first: what may still go is then asked for anew
    for condition, members in groups.values():
        sent = _dispose(work, condition, members, epoch, recovering)
        outcomes.update({**sent, **_called_back(work, sent)})
    _unblock(work, outcomes)
    return outcomes


class Again(NamedTuple):
    """What was asked again of a chunk: the condition of each scope, and by position or key what may not go."""

    needed: Mapping[str, str]
    unfinished: Mapping[str, str]
    conditions: Mapping[Scope, Expression]
    moved: frozenset[int]
    dropped: Mapping[str, str]


def _asked_again(work: Work, positions: Sequence[int]) -> Again:
    """Anew where a source was taken in whole meanwhile: it may have been read before the sources were asked again, and
    have made the ledger say what they say no more. A night takes few in so."""
    while True:
        before = changes_whole(work.question.organisation)
        found = _ask_again(work, positions)
        if changes_whole(work.question.organisation) == before:
            return found


def _ask_again(work: Work, positions: Sequence[int]) -> Again:
    entries = [work.keys[p] for p in positions]
    needed = work.needed(sorted({entry.subject for entry in entries if entry.subject is not None}))
    unfinished = work.unfinished(entries)
    # last, so that little comes in between: the sources, the ledger, the items that others decide about
    conditions = work.question.still_due({(entry.subject, entry.contract) for entry in entries})
    others: frozenset[int] = frozenset()
    if work.lot.why == replay.WHY:
        conditions, others = _restored(work, positions, conditions)
    moved_keys = moved_on(work.question, work.connector, entries, _holds(work, positions))
    moved = others | {p for p in positions if work.keys[p].key in moved_keys}
    changed = work.changed(entries)
    dropped = {**_doubtful(work, positions), **dict.fromkeys(changed, "due otherwise than it was flagged")}
    return Again(needed, unfinished, conditions, moved, dropped)


def _doubtful(work: Work, positions: Sequence[int]) -> dict[str, str]:
    """Keys of which it was seen since they were flagged that they are perhaps several persons', with that as reason."""
    keys = [work.keys[p].key for p in positions]
    found = in_doubt(work.question.organisation, work.question.dataset.code, keys)
    return dict.fromkeys(found, "it was seen to be perhaps several persons'")


def _unblock(work: Work, outcomes: Mapping[int, Disposal]) -> None:
    """What was blocked while its lot waited, and may stay after all, is unblocked."""
    back = [work.ref(p) for p, disposal in sorted(outcomes.items()) if disposal.outcome is Outcome.SUPERSEDED]
    if back and work.lot.flagged_there and isinstance(work.connector, Flags):
        lifted = work.connector.unflag(work.question.mapping, back)
        stay = sum(answer.outcome not in {Outcome.SUPERSEDED, Outcome.ALREADY_ABSENT} for answer in lifted)
        if stay:
            raise ConnectorError(f"{work.lot.register}: {stay} blocks could not be lifted", permanent=False)


def _restored(
    work: Work, positions: Sequence[int], conditions: dict[Scope, Expression]
) -> tuple[dict[Scope, Expression], frozenset[int]]:
    """Of what came back from a backup: its person is still known to nobody, so its former destruction decides.

    That was of what only the ledger told: what its own columns say now is asked too, and what was reopened since stays.

    The register is read again just before: the keys whose own dates are others now come second, and stay. So does
    everything of a person whom the ledger knows by now, unless the rules say that it is due.
    """
    entries = {p: work.keys[p] for p in positions}
    who = {entry.subject for entry in entries.values() if entry.subject}
    known = work.question.known(who)
    there = {c.ref.key: settled_dates(c) for c in work.connector.find(work.question.mapping, subjects=sorted(who))}
    strangers = {p: entry for p, entry in entries.items() if entry.subject not in known}
    contract_grain = work.question.contract_grain
    scopes = {(entry.subject or "", entry.contract if contract_grain else None) for entry in strangers.values()}
    others = frozenset(
        p for p, entry in strangers.items() if not entry.dates or there.get(entry.key, entry.dates) != entry.dates
    )
    return {**conditions, **dict.fromkeys(scopes, work.question.due_again)}, others


def _called_back(work: Work, outcomes: Mapping[int, Disposal]) -> dict[int, Disposal]:
    """Of keys that other people were asked to dispose of, and that may not go now: the register is told so.

    It answers *destroyed* where they had done it already; what it calls back keeps its outcome of tonight.
    """
    asked = set(work.lot.exceptions.filter(outcome=Outcome.PENDING).values_list("position", flat=True))
    kept = {p: d for p, d in sorted(outcomes.items()) if p in asked and d.outcome in {Outcome.HELD, Outcome.SUPERSEDED}}
    if not kept:
        return {}
    refs = [work.ref(p) for p in kept]
    answers = work.connector.dispose(work.question.mapping, refs, carried_out_as(work.lot.action), FALSE)
    return {position: answer for position, answer in zip(kept, answers, strict=True) if answer.outcome in GONE}


def _epoch_and_holds(work: Work, positions: Sequence[int]) -> tuple[int, Mapping[str, Sequence[Hold]]]:
    with transaction.atomic():
        gate = claim_gate(work.question.organisation)
        holds = _holds(work, positions)
        asked = {"", UNNAMED, *(work.keys[p].subject for p in positions)}
        work.heard = {**{who: on for who, on in work.heard.items() if who not in asked}, **holds}
        return gate.epoch, holds


def _dispose(
    work: Work, condition: Expression, positions: Sequence[int], epoch: int, recovering: bool
) -> dict[int, Disposal]:
    if epoch_of(work.question.organisation) != epoch:
        _, holds = _epoch_and_holds(work, positions)
        late = {p: Disposal(work.keys[p].key, Outcome.HELD) for p in positions if _held(work, work.keys[p], holds)}
        if work.question.follower is not None:  # a hold may lie on what it follows, whose person is another
            stale = moved_on(work.question, work.connector, [work.keys[p] for p in positions], holds)
            late |= {p: Disposal(work.keys[p].key, Outcome.HELD) for p in positions if work.keys[p].key in stale}
        positions = [p for p in positions if p not in late]
        outcomes = {**late, **(_already_gone(work, late) if recovering else {})}
    else:
        outcomes = {}
    if not positions:
        return outcomes
    refs = [work.ref(p) for p in positions]
    work.at("before disposal")
    answers = list(work.connector.dispose(work.question.mapping, refs, carried_out_as(work.lot.action), condition))
    work.at("disposed")
    if [answer.key for answer in answers] != [ref.key for ref in refs]:
        raise ConnectorError(
            f"{work.lot.register}: answered for {len(answers)} of {len(refs)} keys, or out of order", permanent=True
        )
    for position, answer in zip(positions, answers, strict=True):
        recovered = recovering and answer.outcome is Outcome.ALREADY_ABSENT
        outcomes[position] = Disposal(answer.key, Outcome.RECOVERED) if recovered else answer
    return outcomes


def _already_gone(work: Work, outcomes: Mapping[int, Disposal]) -> dict[int, Disposal]:
    """Of keys that may not be sent now: those that an interrupted attempt of ours has already disposed of."""
    refs = {p: work.ref(p) for p in outcomes}
    left = {
        residue.key
        for residue in work.connector.verify(
            work.question.mapping, list(refs.values()), carried_out_as(work.lot.action)
        )
        if not residue.copy
    }
    gone = {ref.key for ref in refs.values()} - left
    if isinstance(work.connector, TellsAbsence):
        gone &= work.connector.absent(work.question.mapping, sorted(gone))
    return {p: Disposal(ref.key, Outcome.RECOVERED) for p, ref in refs.items() if ref.key in gone}


def _read_back(work: Work, outcomes: Mapping[int, Disposal]) -> dict[str, Left]:
    refs = [work.ref(position) for position, disposal in sorted(outcomes.items()) if disposal.outcome in GONE]
    if not refs:
        return {}
    found = work.connector.verify(work.question.mapping, refs, carried_out_as(work.lot.action))
    return by_key([*found, *_unseen(work, outcomes)])


def _unseen(work: Work, outcomes: Mapping[int, Disposal]) -> Iterator[Residue]:
    """Of what went in a call that was broken off: what only that call could see, and nobody noted, is a person's."""
    gone = [disposal.key for disposal in outcomes.values() if disposal.outcome is Outcome.RECOVERED]
    if gone and isinstance(work.connector, SeesOnce) and (what := work.connector.unseen(work.question.mapping)):
        for key in gone:
            yield Residue(key, f"perhaps {what}, which nobody looked for", copy=True, seen_once=True)


def _record(work: Work, attempt: Attempt, outcomes: Mapping[int, Disposal], residues: Mapping[str, Left]) -> None:
    if sorted(outcomes) != sorted(attempt.positions):
        raise EvidenceError(f"lot {work.lot.pk}: {len(outcomes)} outcomes for {len(attempt.positions)} keys")
    with transaction.atomic():
        lot = Lot.objects.select_for_update().get(pk=work.lot.pk)
        if Attempt.objects.select_for_update().values_list("state", flat=True).get(pk=attempt.pk) != "intent":
            raise LeaseLost(f"lot {lot.pk}: somebody else has settled attempt {attempt.number}")
        # exceptions are few, and naming 20,000 positions costs more than reading what lies between the first and last
        between = lot.exceptions.filter(position__range=(min(outcomes), max(outcomes)))
        before = {row.position: row for row in between if row.position in outcomes}
        tally = Counter(lot.tally)
        for row in before.values():
            if not may_be_sent(Outcome(row.outcome)):
                raise LifecycleError(f"lot {lot.pk}: a key that is {row.outcome} was sent again")
            tally[row.outcome] -= 1
        tally.update(disposal.outcome.value for disposal in outcomes.values())
        lot.exceptions.filter(pk__in=[row.pk for row in before.values()]).delete()
        nothing = Left("")
        KeyOutcome.objects.bulk_create(
            KeyOutcome(
                lot=lot,
                attempt=attempt,
                position=position,
                outcome=disposal.outcome.value,
                detail=disposal.detail[:400],
                residue=residues.get(disposal.key, nothing).where,
                residue_seen_once=residues.get(disposal.key, nothing).seen_once,
            )
            for position, disposal in sorted(outcomes.items())
            if disposal.outcome not in GONE or disposal.key in residues
        )
        lot.tally = {name: n for name, n in sorted(tally.items()) if n}
        lot.next_position = max(lot.next_position, max(attempt.positions) + 1)
        if sum(lot.tally.values()) != lot.next_position:
            raise EvidenceError(f"lot {lot.pk}: {sum(lot.tally.values())} outcomes for {lot.next_position} keys")
        lot.save(update_fields=["tally", "next_position"])
        attempt.state, attempt.run = "outcome", work.run  # an interrupted one counts in the night that settles it
        attempt.tally = dict(sorted(Counter(d.outcome.value for d in outcomes.values()).items()))
        attempt.save(update_fields=["state", "run", "tally"])
        _forget_first_seen(work, outcomes)
        if work.question.dataset.substitutes:
            away = [work.digests[p] for p, d in outcomes.items() if d.outcome in {*GONE, Outcome.ALREADY_ABSENT}]
            substitutes.forget_gaps(lot.organisation, lot.dataset, away)
        gone = [work.keys[p] for p, d in outcomes.items() if d.outcome in REMEMBERED and work.keys[p].dates]
        if gone and not work.question.mapping.fields and work.question.dataset.step is None:
            went = replay.Went(lot.action, lot.rules_digest, tuple(lot.estimated))
            replay.remember(lot.organisation, lot.dataset, went, work.question.today, gone)
        work.log.append(
            "outcome",
            {
                "lot": lot.pk,
                "attempt": attempt.number,
                "register": lot.register,
                "dataset": lot.dataset,
                **_estimated(lot),
                "tally": attempt.tally,
                "residue": len(residues),
                "exceptions": [
                    [work.digests[position], disposal.outcome.value, disposal.detail]
                    for position, disposal in sorted(outcomes.items())
                    if disposal.outcome not in GONE
                ],
            },
        )
        _write_leaves(work, attempt, outcomes, residues)
    work.lot = lot


def _write_leaves(work: Work, attempt: Attempt, outcomes: Mapping[int, Disposal], residues: Mapping[str, Left]) -> None:
    """One leaf a key, in the order of the intent."""
    lot, question = work.lot, work.question
    subjects = list(dict.fromkeys(s for p in attempt.positions if (s := work.keys[p].subject) is not None))
    people = dict(zip(subjects, leaves.person_digests(question.dataset.subject_kind, subjects), strict=True))
    texts = []
    for position in attempt.positions:
        entry, outcome = work.keys[position], outcomes[position].outcome
        texts.append(
            leaf(
                item=work.digests[position],
                person=None if entry.subject is None else people[entry.subject],
                rules=lot.rules_digest,
                why=lot.why,
                due_from=entry.due_from,
                basis=entry.basis,
                holds=of_item(work.heard, entry.subject) if work.heard else (),
                outcome=outcome.value,
                read_back=entry.key not in residues if outcome in GONE else None,
                estimated=lot.estimated,
            )
        )
    body = {
        "lot": lot.pk,
        "attempt": attempt.number,
        "night": question.today.isoformat(),
        "register": lot.register,
        "dataset": lot.dataset,
        "action": lot.action,
        "rules_digest": lot.rules_digest,
    }
    leaves.write(work.log, body, texts)


def _forget_first_seen(work: Work, outcomes: Mapping[int, Disposal]) -> None:
    """The key of what is gone may hold a person's number; what may stay after all is seen for the first time again."""
    mine = FirstSeen.objects.filter(organisation=work.question.organisation, dataset=work.lot.dataset)
    if mine.exists():
        settled = [work.digests[position] for position, disposal in outcomes.items() if disposal.outcome in FINAL]
        mine.filter(key__in=settled).delete()


def _finish(work: Work) -> None:
    """All keys sent and none to try again: the lot is done, and its keys are forgotten."""
    with transaction.atomic():
        lot = Lot.objects.select_for_update().get(pk=work.lot.pk)
        waiting = lot.exceptions.filter(outcome__in=list(RETRIED)).exists()
        if lot.state != LotState.CLAIMED or lot.next_position < lot.size or waiting:
            return
        residue = lot.exceptions.exclude(residue="").count()
        move(lot, LotState.DONE, "night", f"residue of {residue} keys" if residue else "")
        work.log.append("done", {"lot": lot.pk, "dataset": lot.dataset, "tally": lot.tally, "residue": residue})
        if not residue:
            move(lot, LotState.VERIFIED, "night")
            wipe(lot)
    work.lot = lot
