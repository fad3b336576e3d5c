"""K-Systems Contacts' inventory: its published privacy notice and our additions; and its six registers."""

from pathlib import Path

from samples.frame import Company, Server
from samples.k_systems.mail import environment, fill
from samples.k_systems.systems import build, built

INVENTORY = Path(__file__).with_name("inventory.yaml")
"""What the inventory says beyond the notice."""

COMPANY = Company(
    "k-systems",
    "K-Systems Contacts Oy",
    None,
    INVENTORY,
    build,
    built,
    servers=(Server("dovecot", "postipalvelin", fill, environment),),
)
