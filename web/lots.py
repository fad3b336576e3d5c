"""What waits for an approval: lots, each with exactly what an approval signs, to be approved or turned down."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.approvals import approve, approvers, controller, still_wanted
from retention.disposal import reject
from retention.domain.errors import LifecycleError
from retention.models import Lot
from retention.waves import drawn_of, why_not
from ropa.models import Version
from ropa.rights import Verb
from ropa.selectors import light
from web.access import Place, page
from web.paging import paged
from web.record import Record, record_of, version_of
from web.shell import shown
from web.waiting import only_flags, summed, waiting_lots
from web.words import action_in_words, named, number

MOST_REASON = 2_000


@page(GET=Verb.READ, POST=Verb.DECIDE)
def lots(request: HttpRequest, place: Place) -> HttpResponse:
    """The lots that wait; a controller approves those that are chosen, or turns them down with a reason."""
    lacks = ""
    if request.method == "POST":
        lacks = _decide(request, place)
        if not lacks:
            return redirect(request.get_full_path())
        messages.warning(request, lacks)
    chosen = request.POST.getlist("lot")
    waiting = waiting_lots(place.organisation)
    pages = paged(request, waiting.defer("keys").prefetch_related("events").order_by("register", "dataset", "id"))
    versions = {
        one.pk: one for one in light(place.organisation.versions.filter(pk__in={one.version_id for one in pages.rows}))
    }
    in_force = version_of(place)
    record = record_of(in_force) if in_force is not None else None
    going, flagged = summed(waiting, record)
    context = {
        "rows": [_row(one, versions[one.version_id], place, record, chosen) for one in pages.rows],
        "pages": pages,
        "going": going,
        "flagged": flagged,
        "may_decide": place.may(Verb.DECIDE),
        "most_reason": MOST_REASON,
        "reason": _reason(request),
        "lacks": lacks if chosen else "",
    }
    return shown(request, place, "web/lots.html", context, here="lots", status=422 if lacks else 200)


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:MOST_REASON]


def _row(lot: Lot, version: Version, place: Place, in_force: Record | None, chosen: Collection[str]) -> dict[str, Any]:
    """A lot as it waits; one that was chosen stays so only as it was seen."""
    record = record_of(version)
    lot.version, lot.organisation = version, place.organisation
    given = approvers(lot)
    mine = any(one.account == place.user.pk for one in given)
    blocked = why_not(lot)
    return {
        "lot": lot,
        "name": named(record.name_of("datasets", lot.dataset), lot.dataset),
        "register": named(record.name_of("registers", lot.register), lot.register),
        "action": action_in_words(lot.action),
        "given": [one.who.partition(":")[2] for one in given],
        "wanted": still_wanted(lot, given),
        "mine": mine,
        "blocked": blocked,
        "only_flags": only_flags(lot.dataset, in_force),
        "sample": lot.wave is not None and place.may(Verb.DECIDE) and len(drawn_of(lot)),
        "chosen": f"{lot.pk}:{lot.digest}" in chosen,
        "open": place.may(Verb.DECIDE) and not mine and not blocked,
        "digest": " ".join(lot.digest[n : n + 4] for n in range(0, 64, 4)),
    }


def _decide(request: HttpRequest, place: Place) -> str:
    """Take each chosen lot by itself: what one refuses does not undo the others. What is chosen names its digest.

    What the form lacks, where nothing was decided for that; else nothing.
    """
    chosen = [value.partition(":") for value in request.POST.getlist("lot")]
    turned_down = request.POST.get("decision") == "reject"
    reason = _reason(request)
    if not chosen:
        return _("No lot was chosen: nothing was decided.")
    if turned_down and not reason:
        return _("Say why the lots are turned down: nothing was decided.")
    numbers = [pk for pk, _colon, _digest in chosen if pk.isascii() and pk.isdigit() and len(pk) < 19]
    known = {str(lot.pk): lot for lot in waiting_lots(place.organisation).filter(pk__in=numbers)}
    done = wanted = 0
    for pk, _colon, digest in chosen:
        lot = known.get(pk)
        if lot is None:
            messages.warning(request, _("Lot %(lot)s waits no more: somebody was faster.") % {"lot": pk[:20]})
            continue
        try:
            if turned_down:
                who = controller(place.organisation, place.user)
                if digest != lot.digest:
                    raise LifecycleError(f"lot {lot.pk} is not what was looked at: its digest is {lot.digest}")
                reject(lot, who.who, reason, who.account)
            else:
                wanted += bool(approve(lot, place.user, digest))
            done += 1
        except LifecycleError as error:
            messages.warning(request, str(error))
    _tell(request, done, wanted, turned_down)
    return ""


def _tell(request: HttpRequest, done: int, wanted: int, turned_down: bool) -> None:
    if not done:
        return
    if turned_down:
        text = ngettext(
            "%(n)s lot was turned down. The next night asks about its records again.",
            "%(n)s lots were turned down. The next night asks about their records again.",
            done,
        )
    else:
        text = ngettext("You approved %(n)s lot.", "You approved %(n)s lots.", done)
    messages.success(request, text % {"n": number(done)})
    if wanted:
        more = ngettext("%(n)s of them waits for another person.", "%(n)s of them wait for another person.", wanted)
        messages.info(request, more % {"n": number(wanted)})
