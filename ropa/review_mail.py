"""The letters of the yearly review: to an owner with one link for each entry, and to the data protection officer."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext, ngettext, override

from ropa.change_words import label, text_in
from ropa.models import Answer, Happened, Organisation
from ropa.review_dates import Due
from ropa.wording import day_in_words

Linked = Sequence[tuple[Due, str]]
"""Entries, each with the address of its page."""
Told = Sequence[tuple[Due, str, str]]
"""Entries, each with the owner's answer ("" where there is none) and what the owner wrote."""


def ask_owner(organisation: Organisation, email: str, what: Happened, linked: Linked) -> None:
    """Write to an owner. Raises OSError (SMTPException) where the mail server does not take it."""
    language = organisation.language
    with override(language):
        subject = ngettext(
            "%(organisation)s: please check an entry of the record of processing activities",
            "%(organisation)s: please check %(number)d entries of the record of processing activities",
            len(linked),
        ) % {"organisation": organisation.name, "number": len(linked)}
        if what is Happened.REMINDED:
            subject = gettext("Reminder: %(subject)s") % {"subject": subject}
        lines = [
            gettext("You are named as the owner of the following in the record of processing activities."),
            gettext(
                "Please open each link, look at the entry, and say whether it is still right. No log-in is needed."
            ),
            "",
        ]
        for due, address in linked:
            lines += [f"{_named(due, language)}", address, ""]
        lines += [
            gettext("Each link is for you, for one entry and one answer. Please do not forward it."),
            gettext("You can also answer that you do not know: then the data protection officer takes it over."),
        ]
    _send(subject, lines, [email])


def tell_dpo(organisation: Organisation, emails: Sequence[str], told: Told) -> None:
    """Write to the DPO about what owners have not answered, or have answered. Raises as `ask_owner` does."""
    language = organisation.language
    with override(language):
        subject = ngettext(
            "%(organisation)s: an entry of the record of processing activities waits for you",
            "%(organisation)s: %(number)d entries of the record of processing activities wait for you",
            len(told),
        ) % {"organisation": organisation.name, "number": len(told)}
        lines = [gettext("The yearly review of these entries is not finished:"), ""]
        for due, answer, text in told:
            lines += [_named(due, language), _why(due, answer, language)]
            lines += [f"  {line}" for line in text.splitlines()] + [""]
        lines.append(
            gettext(
                "An entry is finished when its owner confirms it, or when a published version has a later review day."
            )
        )
    _send(subject, lines, emails)


def _named(due: Due, language: str) -> str:
    return f"{label(due.kind, language)}: {text_in(due.entry.get('name'), language)} ({due.code})"


def _why(due: Due, answer: str, language: str) -> str:
    role = text_in(due.role, language)
    if answer == Answer.UNKNOWN:
        return gettext("%(role)s does not know whether it is still right.") % {"role": role}
    if answer == Answer.CHANGED:
        return gettext("%(role)s says that it has changed:") % {"role": role}
    if not due.email:
        return gettext("Due since %(day)s. It has no owner with an e-mail address, so nobody was asked.") % {
            "day": day_in_words(due.due_on, language)
        }
    return gettext("Due since %(day)s. %(role)s was asked and has not answered.") % {
        "day": day_in_words(due.due_on, language),
        "role": role,
    }


def _send(subject: str, lines: Sequence[str], to: Sequence[str]) -> None:
    message = EmailMessage(
        subject=" ".join(subject.split()),
        body="\n".join(lines) + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=list(to),
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.send()
