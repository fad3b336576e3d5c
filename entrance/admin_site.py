"""The emergency administration: behind the same log-in, and for nobody without a second factor."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from entrance import factors


class SecondFactorSite(AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and factors.proven(request)
