"""The five companies, in the order in which the demo shows them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from samples.frame import Company

PACKAGES = ("kasenet", "ksvv", "kotisivutaivas", "kymenlaakson_sahko", "k_systems")
"""Each company's package in this folder; it exposes COMPANY."""


def companies() -> list[Company]:
    """Every company that is here, in the order of PACKAGES."""
    here = [f"samples.{package}" for package in PACKAGES if find_spec(f"samples.{package}")]
    return [import_module(name).COMPANY for name in here]
