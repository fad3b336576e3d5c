"""The API's side of [who may do what](../ropa/rights.py): the right is asked for each method of a view.

An organisation that is not the user's own does not exist for the user: 404, not 403.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ropa.models import Membership
from ropa.rights import Verb, role_for


class ByRole(BasePermission):
    """Asks the table, and puts `organisation` and `who` on the view. A view without `needs` is for nobody."""

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
        role = role_for(verb, held)
        if role is None:
            return False
        view.who = f"{role.value}:{request.user.get_username()}"
        return True
