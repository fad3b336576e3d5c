"""K-Systems Contacts' inventory, as its published privacy notice states it, and its six registers."""

from pathlib import Path

from samples.frame import Company, Server
from samples.k_systems.mail import environment, fill
from samples.k_systems.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""The inventory document."""

STATEMENTS = Path(__file__).with_name("statements.yaml")
"""Every statement of the published notice, and where one went that is no part of the inventory."""

COMPANY = Company(
    "k_systems",
    "K-Systems Contacts Oy",
    None,
    INVENTORY,
    build,
    built,
    servers=(Server("dovecot", "postipalvelin", fill, environment),),
)
