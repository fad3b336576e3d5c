"""KaseNet's inventory: its published notice and our additions; and its registers filled with artificial people."""

from datetime import date
from pathlib import Path

from samples.frame import Company
from samples.kasenet.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""What the inventory says beyond the notice."""
IMPLIED = Path(__file__).with_name("implied.yaml")
"""The same for two registers that the notice implies and does not name."""

COMPANY = Company("kasenet", "KaseNet Oy", date(2018, 5, 11), INVENTORY, build, built, (IMPLIED,))
