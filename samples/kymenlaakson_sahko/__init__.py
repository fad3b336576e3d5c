"""Kymenlaakson Sähkö's inventory, as its published register description states it, and its eight registers."""

from pathlib import Path

from samples.frame import Company
from samples.kymenlaakson_sahko.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""The inventory document."""

STATEMENTS = Path(__file__).with_name("statements.yaml")
"""Every statement of the published text, and where one went that is no part of the inventory."""

COMPANY = Company("kymenlaakson_sahko", "Kymenlaakson Sähkö Oy", None, INVENTORY, build, built)
