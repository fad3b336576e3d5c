"""Who may open a page: log-in, a role in the organisation, and the right for what is done there.

An organisation that is not the user's own does not exist for the user: 404, not 403.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ropa.models import Membership, Organisation
from ropa.rights import Verb, role_for

View = Callable[..., HttpResponse]


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


def page(**needs: Verb) -> Callable[[View], View]:
    """A page of one organisation: `GET=Verb.READ, POST=Verb.DECIDE`. The view gets its `Place` after the request."""

    def decorate(view: View) -> View:
        @never_cache
        @login_required
        @require_http_methods(["HEAD", *needs])
        @wraps(view)
        def opened(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            place = next((one for one in places_of(request.user) if one.organisation.slug == slug), None)
            if place is None:
                raise Http404
            place.who(needs["GET" if request.method == "HEAD" else str(request.method)])
            return view(request, place, *args, **kwargs)

        return opened

    return decorate
