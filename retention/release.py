"""Which Seloste this is."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings


@cache
def release() -> str:
    """Seloste's own version: the installed package's, or the checkout's."""
    try:
        return version("seloste")
    except PackageNotFoundError:
        project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
