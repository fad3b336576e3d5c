"""KaseNet's inventory, as its published notice states it, and its eight registers filled with artificial people."""

from pathlib import Path

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""The inventory document."""
