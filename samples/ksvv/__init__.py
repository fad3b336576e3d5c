"""Keski-Suomen Valokuituverkot's inventory, as its published description states it, and its eight registers."""

from pathlib import Path

from samples.frame import Company, Server
from samples.ksvv import directory
from samples.ksvv.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""The inventory document."""

STATEMENTS = Path(__file__).with_name("statements.yaml")
"""Every statement of the published notice, and where one went that the inventory cannot cite."""

COMPANY = Company(
    "ksvv",
    "Keski-Suomen Valokuituverkot Oy",
    None,
    INVENTORY,
    build,
    built,
    servers=(Server("slapd", "hakemisto", directory.fill, directory.environment, directory.TOOLS),),
)
