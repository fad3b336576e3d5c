"""Kymenlaakson Sähkö's inventory: its published register description and our additions; and its eight registers."""

from pathlib import Path

from samples.frame import Company
from samples.kymenlaakson_sahko.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""What the inventory says beyond the register description."""

COMPANY = Company("kymenlaakson-sahko", "Kymenlaakson Sähkö Oy", None, INVENTORY, build, built)
