"""What an alarm says, in the active language: one sentence that tells, one that helps. Names of things, not people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from retention.domain.breakers import Breaker
from retention.models import Alarm, AlarmEvent
from retention.models.alarm import AlarmKind, AlarmState
from retention.models.canary import CanaryProblem
from retention.models.evidence import StampProblem
from ropa.models import Organisation
from ropa.wording import day_in_words, number_in_words

COUNTS = ("number", "due", "items", "unforeseen")


def sentence(kind: str, thing: str, facts: Mapping[str, Any]) -> str:
    """What is wrong."""
    told = {**facts, "thing": thing}
    for name in ("day", "since", "last"):
        if told.get(name):
            told[name] = _day(told[name])
    numbers = {name: number_in_words(told[name], _language()) for name in COUNTS if told.get(name) is not None}
    return _sentence(AlarmKind(kind), told) % {**told, **numbers}


def _sentence(kind: AlarmKind, told: Mapping[str, Any]) -> str:
    match kind:
        case AlarmKind.OVERDUE if told["since"]:
            return ngettext(
                "Dataset %(thing)s: %(number)s item is overdue without an explanation, since %(since)s.",
                "Dataset %(thing)s: %(number)s items are overdue without an explanation, the oldest since %(since)s.",
                told["number"],
            )
        case AlarmKind.OVERDUE:
            return ngettext(
                "Dataset %(thing)s: %(number)s item is overdue without an explanation.",
                "Dataset %(thing)s: %(number)s items are overdue without an explanation.",
                told["number"],
            )
        case AlarmKind.START_MISSING:
            return ngettext(
                "Dataset %(thing)s: %(number)s item lacks the date from which its time runs.",
                "Dataset %(thing)s: %(number)s items lack the date from which their time runs.",
                told["number"],
            )
        case AlarmKind.DELIVERY_FAILING:
            return ngettext(
                "%(number)s message about alarms cannot be delivered (%(thing)s).",
                "%(number)s messages about alarms cannot be delivered (%(thing)s).",
                told["number"],
            )
        case AlarmKind.CANARY_WRONG:
            return CANARY_WORDS[CanaryProblem(told["problem"])]()
        case AlarmKind.BREAKER:
            return BREAKER_WORDS[Breaker(told["breaker"])]()
        case AlarmKind.HEAD_NOT_STAMPED:
            return STAMP_WORDS[told["problem"]]()
        case AlarmKind.NIGHT_MISSING if not told["last"]:
            return _("The night of %(day)s has not run, and none has ever ended.")
        case AlarmKind.NIGHT_LATE if told["running"]:
            return _("The night of %(day)s was not over in the morning.")
    return {
        AlarmKind.NIGHT_MISSING: _("The night of %(day)s has not run; the last one that ended was that of %(last)s."),
        AlarmKind.NIGHT_LATE: _("The night of %(day)s ended only after the morning."),
        AlarmKind.NIGHT_STOPPED: _("The night of %(day)s is stopped."),
        AlarmKind.CLOCK_WRONG: _(
            "The machine's clock says %(day)s %(at)s, but something was recorded at %(last)s %(last_at)s: it is behind "
            "now, or was ahead then."
        ),
        AlarmKind.NIGHT_PROBLEM: _("The night of %(day)s had a problem: %(thing)s."),
        AlarmKind.DATASET_PROBLEM: _(
            "Dataset %(thing)s of register %(register)s could not be asked, or did not answer as it should."
        ),
        AlarmKind.SOURCE_INCOMPLETE: _("Source %(thing)s of register %(register)s was not collected whole."),
        AlarmKind.EVIDENCE_BROKEN: _("The evidence does not verify."),
        AlarmKind.HEAD_NOT_COPIED: _(
            "The signed head %(number)s, of the night of %(day)s, has no copy that could leave the machine."
        ),
        AlarmKind.PAPER_ORDER: _("Order %(thing)s to the archive keeper has waited since %(since)s."),
        AlarmKind.HOLD_REVIEW: _("Hold %(thing)s should have been reviewed by %(since)s."),
        AlarmKind.NOT_LOOKED: _("It could not be seen whether all is well (%(thing)s)."),
    }[kind]


CANARY_WORDS: Mapping[CanaryProblem, Callable[[], str]] = {
    CanaryProblem.LEFT: lambda: _(
        "Canary %(thing)s in dataset %(dataset)s should have been destroyed and was still there on %(day)s."
    ),
    CanaryProblem.NEVER_SEEN: lambda: _(
        "Canary %(thing)s in dataset %(dataset)s has never been found: it proves nothing."
    ),
    CanaryProblem.UNHELD: lambda: _("Canary %(thing)s in dataset %(dataset)s has no hold that would protect it."),
    CanaryProblem.TOO_EARLY: lambda: _("Canary %(thing)s in dataset %(dataset)s went before its time."),
    CanaryProblem.NOT_OURS: lambda: _(
        "Canary %(thing)s in dataset %(dataset)s has gone, and not by the nightly deletion."
    ),
    CanaryProblem.LOST: lambda: _("Canary %(thing)s in dataset %(dataset)s was under a hold and has gone."),
    CanaryProblem.UNREAD: lambda: _(
        "Canary %(thing)s: dataset %(dataset)s is not read any more, so nobody looks for it."
    ),
}


BREAKER_WORDS: Mapping[Breaker, Callable[[], str]] = {
    Breaker.UNFORESEEN: lambda: _(
        "Dataset %(thing)s: on the night of %(day)s, of %(items)s items %(unforeseen)s were due that nothing had "
        "foreseen. They wait for an approval."
    ),
    Breaker.SHARE: lambda: _(
        "Dataset %(thing)s: on the night of %(day)s, of %(items)s items %(due)s fell due at once. "
        "They wait for an approval."
    ),
}


STAMP_WORDS: Mapping[str, Callable[[], str]] = {
    StampProblem.AWAY: lambda: _(
        "Signed heads have no time stamp (%(number)s, since %(since)s): the authority cannot be reached."
    ),
    StampProblem.REFUSED: lambda: _(
        "Signed heads have no time stamp (%(number)s, since %(since)s): the authority gives none."
    ),
    StampProblem.WRONG: lambda: _(
        "Signed heads have no time stamp (%(number)s, since %(since)s): what the authority answered is not their stamp."
    ),
    "": lambda: _("Signed heads have no time stamp (%(number)s, since %(since)s): nobody has asked for it."),
}


def advice(kind: str) -> str:
    """What to do about it."""
    return {
        AlarmKind.NIGHT_MISSING: _("See whether the schedule and a worker run, then run the night."),
        AlarmKind.NIGHT_LATE: _("See how far it is, and which register is slow."),
        AlarmKind.NIGHT_STOPPED: _("Read its reason, put it right, and ask for the night again."),
        AlarmKind.CLOCK_WRONG: _("Put the clock right. Nights may be left out until the recorded time has come."),
        AlarmKind.NIGHT_PROBLEM: _("Read the night's problems, and put them right before the next one."),
        AlarmKind.OVERDUE: _(
            "Read the dataset's row of the night: a policy that only watches, a refusal or a failure."
        ),
        AlarmKind.DATASET_PROBLEM: _("Read the night's problem, and see whether the register can be reached."),
        AlarmKind.SOURCE_INCOMPLETE: _("Nothing that rests on it goes. Read why, and put the source right."),
        AlarmKind.START_MISSING: _("Such items are never deleted. Have the date entered in the register."),
        AlarmKind.EVIDENCE_BROKEN: _("Change nothing, keep a copy, and run evidence verify: it names the place."),
        AlarmKind.HEAD_NOT_COPIED: _("See whether the data directory can be written to."),
        AlarmKind.HEAD_NOT_STAMPED: _("Read the log, and run evidence stamp; the next night asks again too."),
        AlarmKind.PAPER_ORDER: _("Ask the archive keeper for the certificate, and record it."),
        AlarmKind.HOLD_REVIEW: _("Ask its owner whether it is still needed; release it, or place it anew."),
        AlarmKind.CANARY_WRONG: _("Stop the register's deletion until it is known why. Then withdraw the canary."),
        AlarmKind.BREAKER: _(
            "Look at the lots: approve them if their dates are right, or else have the register put right."
        ),
        AlarmKind.DELIVERY_FAILING: _("See whether the mail server or the receiver is there; nothing is lost."),
        AlarmKind.NOT_LOOKED: _("Run the alarms command, and read the log."),
    }[AlarmKind(kind)]


def happening(what: str) -> str:
    """What happened to it, before its sentence."""
    return {
        "raised": _("New"),
        "reminded": _("Reminder"),
        "escalated": _("Not acknowledged"),
        "resolved": _("Over"),
        "acknowledged": _("Acknowledged"),
        "lapsed": _("The acknowledgement has run out"),
    }[what]


def state(name: str) -> str:
    """A state in the active language."""
    return {
        AlarmState.OPEN: _("open"),
        AlarmState.ACKNOWLEDGED: _("acknowledged"),
        AlarmState.RESOLVED: _("over"),
    }[AlarmState(name)]


def of_alarm(alarm: Alarm) -> str:
    """An alarm's sentence."""
    return sentence(alarm.kind, alarm.thing, alarm.facts)


def letter(organisation: Organisation, events: Sequence[AlarmEvent]) -> tuple[str, list[str]]:
    """Subject and lines of a letter about these events."""
    live = [event for event in events if event.what != "resolved"]
    if live:
        subject = ngettext(
            "%(organisation)s: %(number)d alarm of the deletion",
            "%(organisation)s: %(number)d alarms of the deletion",
            len(live),
        ) % {"organisation": organisation.name, "number": len(live)}
    else:
        subject = _("%(organisation)s: alarms of the deletion are over") % {"organisation": organisation.name}
    lines: list[str] = []
    for event in events:
        alarm = event.alarm
        lines.append(f"{happening(event.what)}: {of_alarm(alarm)}")
        since = _day(organisation.day_of(alarm.first_seen))
        lines.append("  " + _("Alarm %(number)d, since %(day)s.") % {"number": alarm.pk, "day": since})
        if event.what != "resolved":
            lines.append(f"  {advice(alarm.kind)}")
        lines.append("")
    if settings.PUBLIC_URL and live:
        lines.append(f"{settings.PUBLIC_URL}/api/v1/organisations/{organisation.slug}/alarms/")
    lines.append(_("An alarm ends when what it is about has ended. Until then you are reminded of it."))
    return subject, lines


def message(event: AlarmEvent, uid: str) -> dict[str, Any]:
    """The webhook's message: the same for programs."""
    alarm = event.alarm
    return {
        "id": uid,
        "event": event.what,
        "at": event.at.isoformat(),
        "organisation": alarm.organisation.slug,
        "alarm": alarm.pk,
        "kind": alarm.kind,
        "thing": alarm.thing,
        "facts": alarm.facts,
        "state": alarm.state,
        "level": event.level,
        "first_seen": alarm.first_seen.isoformat(),
        "last_seen": alarm.last_seen.isoformat(),
        "count": alarm.count,
        "text": of_alarm(alarm),
    }


def _day(written: str | date) -> str:
    return day_in_words(written, _language())


def _language() -> str:
    return (get_language() or "en")[:2]
