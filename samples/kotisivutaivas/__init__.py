"""Kotisivutaivas's inventory, as its published notice states it, and its seven registers with artificial people."""

from pathlib import Path

from samples.frame import Company, Server
from samples.kotisivutaivas import support_mail
from samples.kotisivutaivas.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""The inventory document."""

STATEMENTS = Path(__file__).with_name("statements.yaml")
"""Every statement of the published notice, and where one went that the inventory cannot cite."""

COMPANY = Company(
    "kotisivutaivas",
    "Kotisivutaivas Oy",
    None,
    INVENTORY,
    build,
    built,
    servers=(Server("dovecot", "tukiposti", support_mail.fill, support_mail.environment),),
)
