"""The organisation whose record this is: controller or processor (GDPR art. 4(7), 4(8))."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import models
from simple_history.models import HistoricalRecords


class Organisation(models.Model):
    """One controller or processor, with what Art. 30(1)(a) asks of it.

    Texts are {"fi": …, "sv": …, "en": …}. A `statement` field has the three honest states of report.md:
    {"value": …}, {"none_because": {"fi": …}} or null, which is missing.
    """

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=200)
    short_name = models.CharField(max_length=400, blank=True)
    business_id = models.CharField(max_length=20, blank=True)
    line_of_business = models.JSONField(default=dict, blank=True, help_text="text")
    services = models.JSONField(default=list, blank=True, help_text="internet_access, hosting, electricity_network …")
    accreditations = models.JSONField(default=list, blank=True, help_text="texts")
    language = models.CharField(max_length=2, default="fi")
    time_zone = models.CharField(max_length=60, default="Europe/Helsinki")
    financial_year_end = models.CharField(max_length=5, default="12-31", help_text="MM-DD; 02-29: February's last day")
    financial_years = models.JSONField(default=list, blank=True, help_text="real years that were longer or shorter")
    first_plausible_day = models.DateField(default=date(1950, 1, 1), help_text="an earlier date is a placeholder")
    contact = models.JSONField(default=dict, blank=True, help_text="addresses, phone, email, website")
    joint_controllers = models.JSONField(null=True, blank=True, help_text="statement, art. 26")
    related_organisations = models.JSONField(null=True, blank=True, help_text="statement: group companies, art. 26")
    representative = models.JSONField(null=True, blank=True, help_text="statement, art. 27")
    dpo = models.JSONField(null=True, blank=True, help_text="statement, art. 37")
    security_measures = models.JSONField(null=True, blank=True, help_text="statement, art. 32(1)")
    provision = models.JSONField(null=True, blank=True, help_text="statement, art. 13(2)(e)")
    automated_decisions = models.JSONField(null=True, blank=True, help_text="statement, art. 13(2)(f), 22")
    listings = models.JSONField(default=dict, blank=True, help_text="kind of entries: complete, examples, maximum")
    facts = models.JSONField(default=dict, blank=True, help_text="organisation facts for conditions")

    history = HistoricalRecords()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def day_of(self, instant: datetime) -> date:
        """The day on which this aware instant lies where the organisation is."""
        return instant.astimezone(ZoneInfo(self.time_zone)).date()
