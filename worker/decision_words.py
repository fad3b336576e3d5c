"""A decision in words: what keeps an item, until when, and what each rule and hold says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from retention.domain.decisions import Decision, Reason, ReasonCode, State, Why
from retention.domain.rules import Action
from ropa.wording import day_in_words, table


def day(value: date | None) -> str:
    """A day as the reader's language writes it."""
    return "–" if value is None else day_in_words(value, (get_language() or "en")[:2])


def state(value: State) -> str:
    """A state's name, as it stands in a list of numbers."""
    return {
        State.OPEN: _("kept for now"),
        State.KEEP: _("kept until its day"),
        State.DUE: _("due"),
        State.HELD: _("on hold"),
        State.REVIEW: _("awaiting a decision"),
        State.TRIGGER_MISSING: _("start event missing"),
        State.RULE_CONFLICT: _("conflict"),
    }[value]


def action(value: Action | None) -> str:
    """What will be done, as a noun."""
    return {
        Action.DELETE: _("deletion"),
        Action.DESTROY_PAPER: _("destruction of the paper"),
        Action.CRYPTO_SHRED: _("destruction of the key"),
        Action.ANONYMISE: _("anonymisation"),
        None: "–",
    }[value]


def sentence(decision: Decision) -> str:
    """The decision in one or two sentences."""
    words = {"day": day(decision.due_from), "action": action(decision.action)}
    match decision.state:
        case State.OPEN:
            text = _("It is kept for now: a reason to keep it is still open.")
        case State.KEEP:
            text = _("It is kept. It may go from %(day)s: %(action)s.") % words
        case State.DUE:
            overdue = decision.overdue_days or 0
            text = _("It is due since %(day)s: %(action)s.") % words + " " + _because(decision.why)
            if overdue:
                text += " " + ngettext("Overdue by %(n)d day.", "Overdue by %(n)d days.", overdue) % {"n": overdue}
        case State.HELD:
            text = _("It would be due since %(day)s (%(action)s), but a hold suspends it.") % words
        case State.REVIEW:
            text = _("A person must decide: nothing is destroyed on an undecided rule.")
        case State.TRIGGER_MISSING:
            text = _("A date that must be known is missing: nothing is destroyed, and somebody must find it out.")
        case State.RULE_CONFLICT:
            text = _("A longest time ends before a legal obligation does: a person must decide.")
    if decision.estimated:
        text += " " + _("A date that was missing is estimated here: it is not the real one.")
    if decision.blocked:
        text += " " + _("Only an obligation or a claim keeps it: its use must be restricted.")
    return text


def _because(why: Why | None) -> str:
    match why:
        case Why.GROUNDS_ENDED:
            return _("Every reason to keep it has ended.")
        case Why.CEILING:
            return _("Its longest time has passed.")
        case Why.NO_GROUND:
            return _("No reason to keep it applies.")
    return ""


def reasons(decision: Decision) -> Iterator[str]:
    """What each rule and hold says, one line each."""
    for reason in decision.reasons:
        text = f"{reason.rule}: {_reason(reason)}" if reason.rule else _reason(reason)
        yield text + _(" (by an estimated date)") if reason.estimated else text
    actions = table((get_language() or "en")[:2])["actions"]
    for step in decision.steps:
        words = {"action": actions[step.action.value], "state": state(step.state), "day": day(step.due_from)}
        yield f"{step.step}: " + _("a step before the end (%(action)s): %(state)s, from %(day)s") % words


def _by(reason: Reason) -> str:
    """What a reason points at, in words where it is an event or a fact; names that people gave stay as they are."""
    words = table((get_language() or "en")[:2])
    if reason.code in (ReasonCode.CONDITION_FALSE, ReasonCode.FACT_UNKNOWN):
        return str(words["facts"].get(reason.by, {}).get(True, reason.by))
    if reason.code in (ReasonCode.OPEN, ReasonCode.NEVER_BEGAN, ReasonCode.START_MISSING, ReasonCode.CEILING_NOT_BEGUN):
        return ", ".join(words["events"].get(name, [name])[0] for name in reason.by.split())
    return reason.by


def _reason(reason: Reason) -> str:
    words = {"day": day(reason.day), "by": _by(reason)}
    texts = {
        ReasonCode.OPEN: _("open: not yet happened: %(by)s"),
        ReasonCode.LASTS: _("keeps it until %(day)s, that day included"),
        ReasonCode.ENDED: _("ended on %(day)s"),
        ReasonCode.ENDED_BY_EVENT: _("ended early on %(day)s by an event"),
        ReasonCode.CUT: _("ends on %(day)s at the latest, by the ceiling %(by)s"),
        ReasonCode.CONDITION_FALSE: _("does not count: this is not as its condition asks: %(by)s"),
        ReasonCode.NEVER_BEGAN: _("does not count: never happened: %(by)s"),
        ReasonCode.START_MISSING: _("the date is missing: %(by)s"),
        ReasonCode.NOT_CONFIRMED: _("nobody has confirmed this rule yet"),
        ReasonCode.FACT_UNKNOWN: _("nobody knows whether this is so: %(by)s"),
        ReasonCode.CRITERION_OPEN: _("has a criterion instead of a period; review by %(day)s"),
        ReasonCode.CRITERION_DUE: _("has a criterion instead of a period, and its review is due"),
        ReasonCode.NO_RULE: _("no reason to keep it was written, and none was decided not to exist"),
        ReasonCode.NO_REASON_TO_KEEP: _("it is a recorded decision that nothing keeps it"),
        ReasonCode.CEILING_AHEAD: _("a longest time that ends on %(day)s"),
        ReasonCode.CEILING_PASSED: _("a longest time that ended on %(day)s"),
        ReasonCode.CEILING_NOT_BEGUN: _("a longest time that has not begun: %(by)s"),
        ReasonCode.CONFLICT: _("conflicts with the ceiling %(by)s, which ends on %(day)s"),
        ReasonCode.FOLLOWED_GONE: _("nothing is left of what it belongs to"),
        ReasonCode.FOLLOWED_UNKNOWN: _("nobody knows what it belongs to"),
        ReasonCode.HELD: _("on hold since %(day)s: %(by)s"),
    }
    return texts[reason.code] % words
