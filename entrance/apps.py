from django.apps import AppConfig
from django.contrib.admin import apps as administration


class EntranceConfig(AppConfig):
    default = True
    name = "entrance"
    verbose_name = "Entrance"


class SecondFactorAdmin(administration.AdminConfig):
    """Django's administration with our site, which asks for a second factor."""

    default = False
    default_site = "entrance.admin_site.SecondFactorSite"
