"""Keski-Suomen Valokuituverkot's inventory: its published description and our additions; and its eight registers."""

from pathlib import Path

from samples.frame import Company, Server
from samples.ksvv import directory
from samples.ksvv.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""What the inventory says beyond the register description."""

COMPANY = Company(
    "ksvv",
    "Keski-Suomen Valokuituverkot Oy",
    None,
    INVENTORY,
    build,
    built,
    servers=(Server("slapd", "hakemisto", directory.fill, directory.environment, directory.TOOLS),),
)
