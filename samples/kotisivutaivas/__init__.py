"""Kotisivutaivas's inventory: its published description and our additions; and its eight registers."""

from pathlib import Path

from samples.frame import Company, Server
from samples.kotisivutaivas import customer_mail, support_mail
from samples.kotisivutaivas.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""What the inventory says beyond the register description."""

COMPANY = Company(
    "kotisivutaivas",
    "Kotisivutaivas Oy",
    None,
    INVENTORY,
    build,
    built,
    servers=(Server("dovecot", "postipalvelin", customer_mail.fill, support_mail.environment),),
)
