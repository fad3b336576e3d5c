"""KaseNet's inventory, as its published notice states it, and its eight registers filled with artificial people."""

from datetime import date
from pathlib import Path

from samples.frame import Company
from samples.kasenet.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""The inventory document."""
IMPLIED = Path(__file__).with_name("implied.yaml")
"""Two registers that the notice implies and does not name."""

COMPANY = Company("kasenet", "KaseNet Oy", date(2018, 5, 11), INVENTORY, build, built, (IMPLIED,))
