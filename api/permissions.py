"""The API's side of [who may do what](../ropa/rights.py): the right is asked for each method of a view.

Whose roles need a second factor comes in with one: a session that was opened with it, or a token that was made when
the account had it (`entrance.factors`).

An organisation that is not the user's own does not exist for the user: 404, not 403.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from entrance import factors
from ropa.models import Membership
from ropa.rights import Verb, role_for

SECOND_FACTOR_WANTED = _("Your role needs a second factor: set one up on the pages, log in with it and try again.")


def came_in_well(request: Request) -> bool:
    """Whether this caller has shown a second factor, now or when its token was made."""
    if isinstance(request.auth, AuthToken):
        return factors.token_is_younger(request.user, request.auth.created)
    return factors.proven(request._request)


class ByRole(BasePermission):
    """Asks the table, and puts `organisation`, `who` and the roles `held` on the view.

    A view without `needs` is for nobody.
    """

    message = _("Your role does not have this right.")

    def has_permission(self, request: Request, view: Any) -> bool:
        needs: Mapping[str, Verb] | None = getattr(view, "needs", None)
        if not request.user.is_authenticated or needs is None:
            return False
        memberships = list(
            Membership.objects.filter(user=request.user, organisation__slug=view.kwargs["slug"]).select_related(
                "organisation"
            )
        )
        if not memberships:
            raise Http404
        view.organisation = memberships[0].organisation
        verb = needs.get("GET" if request.method == "HEAD" else str(request.method))
        if verb is None:
            return True  # no such method here: the view answers 405
        held = {membership.role for membership in memberships}
        if factors.needed_by(held) and not came_in_well(request):
            self.message = SECOND_FACTOR_WANTED
            return False
        role = role_for(verb, held)
        if role is None:
            return False
        view.who = f"{role.value}:{request.user.get_username()}"
        view.held = held
        return True
