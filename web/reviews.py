"""The page behind a link of the yearly review: no log-in, no script, no cookie but the form's.

Looking changes nothing, however often a mail scanner opens the link; only the form's POST answers, and it does so once.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, gettext, override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from retention.domain.errors import DocumentError
from ropa.change_words import entry_in_words, label, text_in
from ropa.changes import identified
from ropa.law import LANGUAGES
from ropa.models import Answer
from ropa.review_answers import MOST_TEXT, Asked, NothingAskedError, Why, asked_by, take_answer
from ropa.reviews import tell_at_once
from ropa.wording import day_in_words

ONE_OF = {"registers": "register", "activities": "activity", "datasets": "dataset"}
"""What an entry of a list is called by itself."""
POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
LEFT_OUT = frozenset(
    {"id", "name", "owner", "review", "addition", "mapping", "policy", "connection", "ledger", "identities"}
)
"""Of an entry: what the page says elsewhere, and what only a machine reads."""
STATUS = {Why.UNKNOWN: HTTPStatus.NOT_FOUND, Why.OTHER_NOW: HTTPStatus.CONFLICT}


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, token: str) -> HttpResponse:
    """Show the entry that an owner is asked about; take the answer."""
    now = timezone.now()
    try:
        asked = asked_by(token, now)
        if request.method == "POST":
            return _answered(request, token, asked)
        return _page(request, asked, HTTPStatus.OK)
    except NothingAskedError as error:
        return _refused(request, token, error)


def _refused(request: HttpRequest, token: str, error: NothingAskedError) -> HttpResponse:
    """Where the entry has changed meanwhile, the page as it is now; it may be gone by now, too."""
    if error.why is Why.OTHER_NOW:
        try:
            return _page(request, asked_by(token, timezone.now()), HTTPStatus.CONFLICT, error.why)
        except NothingAskedError as later:
            error = later
    return _nothing(request, error)


def _answered(request: HttpRequest, token: str, asked: Asked) -> HttpResponse:
    now = timezone.now()
    answer, text = request.POST.get("answer", ""), request.POST.get("text", "").replace("\r\n", "\n")
    try:
        event = take_answer(token, request.POST.get("seen", ""), answer, text, now)
    except DocumentError as error:
        paths = {problem.path for problem in error.problems}
        return _page(request, asked, HTTPStatus.UNPROCESSABLE_ENTITY, said=request.POST, wrong=paths)
    if event.answer != Answer.UNCHANGED:
        tell_at_once(asked.review.organisation, asked.review, now)
    with override(_language(request, asked.review.organisation.language)):
        told = {
            Answer.UNCHANGED: gettext(
                "Your answer is recorded: the entry is still right. You will be asked again in time."
            ),
            Answer.CHANGED: gettext(
                "Your answer is recorded. The data protection officer goes on with what has changed."
            ),
            Answer.UNKNOWN: gettext("Your answer is recorded. The data protection officer takes it over."),
        }
        context = {"heading": gettext("Thank you"), "paragraphs": [told[Answer(event.answer)]]}
        return _rendered(request, context, HTTPStatus.OK)


def _page(
    request: HttpRequest,
    asked: Asked,
    status: HTTPStatus,
    why: Why | None = None,
    said: Mapping[str, Any] | None = None,
    wrong: frozenset[str] | set[str] = frozenset(),
) -> HttpResponse:
    organisation = asked.review.organisation
    language = _language(request, organisation.language)
    entry = asked.due.entry
    said = said or {}
    with override(language):
        problems = []
        if why is Why.OTHER_NOW:
            problems.append(gettext("The entry has changed since you opened the page. Please look at it again."))
        if "answer" in wrong:
            problems.append(gettext("Please choose one of the answers."))
        if "text" in wrong:
            problems.append(
                gettext("Please write what has changed, in at most %(number)d characters.") % {"number": MOST_TEXT}
            )
        context = {
            "heading": gettext("Is this still right?"),
            "paragraphs": [
                gettext("%(organisation)s keeps a record of processing activities (article 30 GDPR).")
                % {"organisation": organisation.name},
                gettext("Answering for this entry of it: %(role)s.") % {"role": text_in(asked.due.role, language)},
                gettext("The review is due since %(day)s.") % {"day": day_in_words(asked.due.due_on, language)},
            ],
            "problems": problems,
            "list": label(ONE_OF.get(asked.due.kind, asked.due.kind), language),
            "name": text_in(entry.get("name"), language),
            "rows": entry_in_words(_named(entry, asked.document, language), language, LEFT_OUT),
            "legend": gettext("Your answer"),
            "answers": [
                {"value": value, "label": text, "chosen": said.get("answer") == value}
                for value, text in (
                    (Answer.UNCHANGED.value, gettext("Unchanged: all of it is still right")),
                    (Answer.CHANGED.value, gettext("Changed: something is no longer right")),
                    (Answer.UNKNOWN.value, gettext("I do not know")),
                )
            ],
            "text_label": gettext(
                "What has changed? (Needed if something has.) Please do not write about single persons."
            ),
            "text": said.get("text", ""),
            "most": MOST_TEXT,
            "send": gettext("Send the answer"),
            "seen": asked.digest,
            "form": True,
            "languages": _languages(language),
        }
        return _rendered(request, context, status)


def _nothing(request: HttpRequest, error: NothingAskedError) -> HttpResponse:
    preferred = error.organisation.language if error.organisation is not None else get_language() or "fi"
    with override(_language(request, preferred)):
        told = {
            Why.UNKNOWN: gettext(
                "This link is not known here. Open it from the letter as it stands, or ask whoever sent it."
            ),
            Why.EXPIRED: gettext(
                "This link is too old. If the review is still open, the next reminder brings a new one."
            ),
            Why.ANSWERED: gettext("This has been answered already. Nothing more is needed."),
            Why.OVER: gettext(
                "This is no longer asked: the entry or its owner has changed, or the review is finished."
            ),
        }
        context = {"heading": gettext("There is nothing to answer here"), "paragraphs": [told[error.why]]}
        return _rendered(request, context, STATUS.get(error.why, HTTPStatus.GONE))


def _rendered(request: HttpRequest, context: dict[str, Any], status: HTTPStatus) -> HttpResponse:
    context["language"] = get_language()
    response = render(request, "web/review.html", context, status=int(status))
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Content-Security-Policy"] = POLICY
    return response


def _language(request: HttpRequest, preferred: str) -> str:
    asked = request.GET.get("language", "")
    return asked if asked in LANGUAGES else preferred if preferred in LANGUAGES else "fi"


def _languages(current: str) -> list[tuple[str, str]]:
    return [(code, name) for code, name in settings.LANGUAGES if code != current]


def _named(entry: Mapping[str, Any], document: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The entry with the names of other entries where it has their ids: `register: crm`, `registers: [crm]`."""
    names: dict[str, dict[str, str]] = {
        kind: {one["id"]: text_in(one.get("name"), language) or one["id"] for one in members}
        for kind, members in document.items()
        if identified(members)
    }
    lists = {**{kind: kind for kind in names}, "register": "registers", "activity": "activities"}
    found = dict(entry)
    for key, value in entry.items():
        known = names.get(lists.get(key, ""), {})
        if isinstance(value, str) and value in known:
            found[key] = known[value]
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            found[key] = [known.get(one, one) for one in value]
    return found
