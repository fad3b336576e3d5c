"""Who may open a page: log-in, a role in the organisation, a second factor if the role needs one, and the right.

An organisation that is not the user's own does not exist for the user: 404, not 403. What is sent when the session
has ended is kept for whoever sent it (`web.again`); what is sent twice is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import wraps
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from entrance import factors
from ropa.models import Membership, Organisation
from ropa.rights import Verb, role_for
from web.again import forget, keep

View = Callable[..., HttpResponse]

ONCE = "once"
"""The field that says which form this is: what comes with it a second time is not done again."""
ONCE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Place:
    """One organisation, and whose eyes see it: `roles` are those of the account in it."""

    organisation: Organisation
    user: Any
    roles: frozenset[str]

    @property
    def today(self) -> date:
        return self.organisation.day_of(timezone.now())

    def may(self, verb: Verb) -> bool:
        return role_for(verb, self.roles) is not None

    def who(self, verb: Verb) -> str:
        """What evidence says of whoever does this: role and user name. Raises PermissionDenied."""
        role = role_for(verb, self.roles)
        if role is None:
            raise PermissionDenied
        return f"{role.value}:{self.user.get_username()}"


def places_of(user: Any) -> list[Place]:
    """Every organisation in which the account has a role, by name."""
    found: dict[Organisation, set[str]] = {}
    for one in Membership.objects.filter(user=user).select_related("organisation").order_by("organisation__name"):
        found.setdefault(one.organisation, set()).add(one.role)
    return [Place(organisation, user, frozenset(roles)) for organisation, roles in found.items()]


def page(private: Collection[str] = (), **needs: Verb) -> Callable[[View], View]:
    """A page of one organisation: `GET=Verb.READ, POST=Verb.DECIDE`. The view gets its `Place` after the request.

    `private`: fields that are not kept where the session has ended; they are asked for again.
    """

    def decorate(view: View) -> View:
        @never_cache
        @require_http_methods(["HEAD", *needs])
        @wraps(view)
        def opened(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_log_in(request, private)
            place = next((one for one in places_of(request.user) if one.organisation.slug == slug), None)
            if place is None:
                raise Http404
            if factors.needed_by(place.roles) and not factors.proven(request):
                return to_set_up(request, private)
            place.who(needs["GET" if request.method == "HEAD" else str(request.method)])
            if request.method == "POST":
                forget(request)
                onward = request.path if "GET" in needs else _back(request)
                return once(request, lambda: view(request, place, *args, **kwargs), onward)
            return view(request, place, *args, **kwargs)

        opened.private = frozenset(private)  # type: ignore[attr-defined]
        return opened

    return decorate


def superusers(view: View) -> Callable[..., HttpResponse]:
    """A page of the whole installation: for superusers alone, with a second factor as in Django's administration."""

    @never_cache
    @require_http_methods(["HEAD", "GET", "POST"])
    @wraps(view)
    def opened(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_log_in(request, ())
        if not request.user.is_superuser:
            raise PermissionDenied
        if not factors.proven(request):
            return to_set_up(request, ())
        if request.method == "POST":
            forget(request)
            return once(request, lambda: view(request), request.path)
        return view(request)

    opened.private = frozenset()  # type: ignore[attr-defined]
    return opened


def signed_in(view: View) -> View:
    """A page of the account's own, or of all its organisations."""

    @never_cache
    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_log_in(request, None)
        return view(request, *args, **kwargs)

    return opened


def to_log_in(request: HttpRequest, private: Collection[str] | None) -> HttpResponse:
    """Log in first, then go on; `private` None: nothing that was sent is kept."""
    return _led(request, "account_login", private)


def to_set_up(request: HttpRequest, private: Collection[str] | None) -> HttpResponse:
    """Set up a second factor first, then go on."""
    return _led(request, "second_factor", private)


def _led(request: HttpRequest, name: str, private: Collection[str] | None) -> HttpResponse:
    onward = request.get_full_path()
    if request.method == "POST":
        onward = reverse("again") if private is not None and keep(request, private) else reverse("web:portfolio")
        if name == "account_login":
            messages.info(request, _("Your session had ended: nothing was changed. Log in to go on."))
    address = f"{reverse(name)}?{urlencode({'next': onward}, safe='/')}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)


def once(request: HttpRequest, do: Callable[[], HttpResponse], onward: str) -> HttpResponse:
    """A double click, or the back button and the same form again: the first is done, the second is told so.

    `onward`: the page that tells it.
    """
    token = request.POST.get(ONCE, "")
    if not token:
        return do()
    key = "once:" + sha256(f"{request.user.pk} {token}".encode(errors="replace")).hexdigest()
    if not cache.add(key, "", ONCE_SECONDS):
        messages.info(request, _("This was sent already; it was not done a second time."))
        return redirect(onward)
    try:
        return do()
    except BaseException:
        cache.delete(key)  # it was not done
        raise


def _back(request: HttpRequest) -> str:
    """The page of ours on which the form stood, where the browser names it; else the list of organisations."""
    came = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(came, {request.get_host()}, request.is_secure())
    return came if ours else reverse("web:portfolio")
