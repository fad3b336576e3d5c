"""The inventory: what we process and why."""

from django.apps import AppConfig


class RopaConfig(AppConfig):
    name = "ropa"
    verbose_name = "Inventory"
