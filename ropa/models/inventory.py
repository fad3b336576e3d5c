"""Registers, activities, purposes and datasets: Art. 30(1)(b)–(g), one row per thing the record speaks of."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models.organisation import Organisation


class Entry(models.Model):
    """What every part of an inventory has: its place in one organisation's document."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="%(class)ss")
    code = models.SlugField(max_length=60, help_text="its id in the inventory document")
    name = models.JSONField(help_text='{"fi": …, "sv": …, "en": …}')
    position = models.PositiveIntegerField(default=0)
    addition = models.BooleanField(default=False, help_text="not in the published notice: added later")

    class Meta:
        abstract = True
        ordering = ["organisation_id", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "code"], name="%(app_label)s_%(class)s_code"),
        ]

    def __str__(self) -> str:
        return self.code


class Owned(Entry):
    """An entry that somebody answers for and looks over from time to time."""

    owner = models.JSONField(default=dict, blank=True, help_text="role, and its e-mail address")
    review = models.JSONField(default=dict, blank=True, help_text="every: how often; last: when it last was")

    class Meta(Entry.Meta):
        abstract = True


class Register(Owned):
    """A system or archive in which personal data lies, with its copies."""

    alias = models.JSONField(default=list, blank=True, help_text="texts: other names for it")
    printed_ordinal = models.CharField(max_length=400, blank=True, help_text="as the notice numbers it; no key")
    medium = models.CharField(max_length=20, help_text="database, files, mail, directory, map, paper …")
    place = models.JSONField(null=True, blank=True, help_text="statement: where it is kept")
    hosting = models.JSONField(default=dict, blank=True, help_text="text: on whose machines")
    lifecycle = models.CharField(max_length=20, default="active", help_text="active, migrating, frozen, closed")
    migrates_to = models.SlugField(max_length=60, blank=True, help_text="the register that its data moves to")
    copy_of = models.SlugField(max_length=60, blank=True, help_text="the register that it is a copy of")
    closed_on = models.DateField(null=True, blank=True)
    declared = models.BooleanField(default=True, help_text="named in the notice, not only implied by it")
    minimisation = models.JSONField(default=dict, blank=True, help_text="text: what is not stored (art. 5(1)(c))")
    listings = models.JSONField(default=dict, blank=True, help_text="kind of entries: complete, examples, maximum")
    references = models.JSONField(default=list, blank=True, help_text="ids of references")
    backups = models.JSONField(null=True, blank=True, help_text="statement: every, keep_for, keep_generations, at_most")
    connection = models.SlugField(max_length=60, blank=True, help_text="which connection reaches it")
    ledger = models.JSONField(default=list, blank=True, help_text="contracts and events it is the source of truth for")
    identities = models.JSONField(default=list, blank=True, help_text="other names of persons that it knows")
    notes = models.JSONField(default=dict, blank=True)

    history = HistoricalRecords()


class Activity(Owned):
    """A processing activity (käsittelytoimi)."""

    role = models.CharField(max_length=20, default="controller", help_text="controller or processor")
    on_behalf_of = models.JSONField(null=True, blank=True, help_text="statement, art. 30(2)(a)")
    mandate = models.JSONField(default=dict, blank=True, help_text="what binds the processor (art. 28(3))")
    ended_on = models.DateField(null=True, blank=True)
    successor = models.SlugField(max_length=60, blank=True, help_text="the activity that took over")
    recipients = models.JSONField(null=True, blank=True, help_text="statement, art. 30(1)(d)")
    transfers = models.JSONField(null=True, blank=True, help_text="statement, art. 30(1)(e)")
    security_measures = models.JSONField(null=True, blank=True, help_text="statement, art. 30(1)(g)")
    sources = models.JSONField(null=True, blank=True, help_text="statement, art. 14(2)(f)")
    provision = models.JSONField(null=True, blank=True, help_text="statement, art. 13(2)(e)")
    automated_decisions = models.JSONField(null=True, blank=True, help_text="statement, art. 13(2)(f), 22")
    dpia = models.JSONField(null=True, blank=True, help_text="statement, art. 35")
    handlers = models.JSONField(default=list, blank=True, help_text="texts: roles that process the data")
    listings = models.JSONField(default=dict, blank=True, help_text="kind of entries: complete, examples, maximum")
    references = models.JSONField(default=list, blank=True, help_text="ids of references")

    history = HistoricalRecords()


class Purpose(Entry):
    """One purpose of an activity, with its own legal basis (art. 6(1))."""

    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="purposes")
    aim = models.CharField(max_length=40, blank=True, help_text="service, billing, marketing, statistics …")
    listing = models.CharField(max_length=20, blank=True, help_text="complete, examples, maximum")
    on_behalf_of = models.JSONField(default=dict, blank=True, help_text="text: for others, too")
    limitation = models.JSONField(default=dict, blank=True, help_text="text: only for what")
    special = models.JSONField(null=True, blank=True, help_text="statement: art. 9(2) or 10")
    balancing_test = models.JSONField(null=True, blank=True, help_text="statement: art. 6(1)(f)")
    subject_groups = models.JSONField(default=list, blank=True, help_text="ids of subject groups")
    references = models.JSONField(default=list, blank=True, help_text="ids of references")
    legal_basis = models.JSONField(null=True, blank=True, help_text='statement: {"value": {"article": "6(1)(b)", …}}')

    history = HistoricalRecords()


class Dataset(Owned):
    """One data category of one data-subject category in one register. Retention is decided here."""

    register = models.ForeignKey(Register, on_delete=models.CASCADE, related_name="datasets")
    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="datasets")
    subjects = models.JSONField(null=True, blank=True, help_text="statement: category of data subjects")
    items = models.JSONField(null=True, blank=True, help_text="statement: categories of personal data")
    subject_groups = models.JSONField(default=list, blank=True, help_text="ids of subject groups")
    data_categories = models.JSONField(default=list, blank=True, help_text="ids of data categories")
    grain = models.CharField(max_length=20)
    subject_kind = models.CharField(max_length=20, blank=True, help_text="whose number `subject` is: customer, staff …")
    mapping = models.JSONField(null=True, blank=True, help_text="where it lies; null: not reached by us")
    enforced_by = models.CharField(max_length=20, default="us", help_text="us, register or other_controller")
    policy = models.JSONField(default=dict, help_text="mode, approval, grace, waves")
    follows = models.JSONField(default=list, blank=True, help_text="dataset, by, action: with what its items end")
    steps = models.JSONField(default=list, blank=True, help_text="what happens beside or before the end")
    no_reason_to_keep = models.JSONField(null=True, blank=True, help_text="the recorded decision, if there is one")

    history = HistoricalRecords()
