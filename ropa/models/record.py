"""What the record says beside registers, activities and datasets: one table per kind of entry.

docs/explanation/inventory.md says what each kind is; `ropa.kinds` which key of the document is which field.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

from ropa.models.inventory import Entry


def _text() -> models.JSONField[Any, Any]:
    return models.JSONField(default=dict, blank=True, help_text='{"fi": …, "sv": …, "en": …}')


def _list(what: str) -> models.JSONField[Any, Any]:
    return models.JSONField(default=list, blank=True, help_text=what)


def _object(what: str) -> models.JSONField[Any, Any]:
    return models.JSONField(default=dict, blank=True, help_text=what)


def _statement(what: str) -> models.JSONField[Any, Any]:
    return models.JSONField(null=True, blank=True, help_text=f"statement: {what}")


def _word(what: str, default: str = "") -> models.CharField[Any, Any]:
    return models.CharField(max_length=40, blank=True, default=default, help_text=what)


def _line() -> models.CharField[Any, Any]:
    return models.CharField(max_length=400, blank=True, default="")


class Reaching(Entry):
    """An entry that is about some registers or activities; about the whole organisation where it names none."""

    registers = _list("ids of registers")
    activities = _list("ids of activities")
    references = _list("ids of references: what it leans on")

    class Meta(Entry.Meta):
        abstract = True


class SubjectGroup(Reaching):
    """A category of data subjects (art. 30(1)(c)); `relation` indirect makes art. 14 apply."""

    declared = models.BooleanField(default=True, help_text="listed as such, not only to be read between the lines")
    relation = _word("direct, indirect, via_customer")
    roles = _list("texts: roles inside a customer organisation")
    trigger_owner = _text()
    inclusion = _object("condition, permission, otherwise: who is let in at all")
    history = HistoricalRecords()


class DataCategory(Reaching):
    """A category of personal data with its items (art. 30(1)(c))."""

    attached_to = _word("person, place, device, contract, organisation", "person")
    link_period = _text()
    scope = _word("stated; unspecified: one list for several registers, not broken down", "stated")
    listing = _word("complete, examples, maximum")
    condition = _text()
    subject_groups = _list("ids of subject groups")
    for_recipients = _list("ids of recipients that get exactly this")
    special = _statement("art. 9(2) or 10")
    purpose_limitation = _text()
    open_ended = models.BooleanField(default=False, help_text="a catch-all")
    items = _list("items, each with its id")
    history = HistoricalRecords()


class Source(Reaching):
    """Where data comes from (art. 14(2)(f))."""

    kind = _word("data_subject, customer, generated, device, staff, public_register …")
    occasion = _text()
    channels = _list("texts")
    reason = _text()
    operations = _list("collect, store, update, verify")
    data_categories = _list("ids of data categories")
    items = _list("ids of items")
    subject_groups = _list("ids of subject groups")
    listing = _word("complete, examples, maximum")
    history = HistoricalRecords()


class Recipient(Reaching):
    """To whom data goes, or is said not to go (art. 30(1)(d), 28)."""

    role = _word("processor, controller, authority, third_party, group_company")
    disclosed = models.BooleanField(default=True, help_text="false: a statement that nothing goes there")
    specified = models.BooleanField(default=True, help_text="false: only a condition, neither a name nor a category")
    declared = models.BooleanField(default=True, help_text="false: implied by another statement")
    party = _object("the named party")
    condition = _text()
    purpose = _text()
    purposes = _list("ids of purposes")
    scope = _text()
    personnel = models.BooleanField(default=False, help_text="people of a processor working under our supervision")
    supervision = _text()
    listing = _word("complete, examples, maximum")
    agreement = _statement("status, reference, signed_on, expires_on (art. 28(3))")
    data_categories = _list("ids of data categories")
    history = HistoricalRecords()


class Transfer(Reaching):
    """A transfer to a third country, or that there is none (art. 30(1)(e), 44–49)."""

    status = _word("none, yes, conditional, not_stated")
    countries = _list("two letters each")
    recipients = _list("ids of recipients")
    safeguards = _list("adequacy, scc, bcr, other_safeguards, consent, derogation")
    condition = _text()
    documentation = _statement("where the safeguards are documented (art. 49(1), second subparagraph)")
    history = HistoricalRecords()


class SecurityMeasure(Reaching):
    """One technical or organisational measure (art. 30(1)(g), 32)."""

    kind = _word("access_control, confidentiality, encryption_in_transit …")
    media = _list("paper, electronic")
    scope = _word("all, partial", "all")
    persons = _list("staff, external, partners")
    roles = _list("texts")
    granted_by = _text()
    standard = _line()
    implies_register = _text()
    history = HistoricalRecords()


class Right(Reaching):
    """How one right of data subjects is used, or how it is limited (art. 12, 13(2)(b)–(d), 15–22, 77)."""

    right = _word("access, rectify, erase, restrict, portability, object, object_marketing, complain …")
    limited = models.BooleanField(default=False, help_text="a statement that the right does not apply")
    reason = _text()
    data_categories = _list("ids of data categories")
    condition = _text()
    scope = _list("texts")
    initiative = _list("own, request")
    forms = _list("written, signed, authenticated, in_person, identity_document, electronic")
    channels = _list("email, post, phone, visit, web")
    contact_points = _list("ids of contact points")
    deadline = _object("period, from")
    fee = _object("free, free_interval, text")
    response = _text()
    until = _text()
    routed_to = _text()
    history = HistoricalRecords()


class MarketingRule(Reaching):
    """Per channel: on which ground, for whose products (art. 21(2); Act 917/2014, 200 §)."""

    channel = _word("electronic, post, phone, distance_selling, research, any", "any")
    basis = _word("consent, opt_out, soft_opt_in")
    products = _word("own, partners, any")
    third_party = models.BooleanField(null=True, help_text="whether data goes to others for their marketing")
    stores = _list("permission, ban: which of them is kept as data")
    scope = _list("texts")
    history = HistoricalRecords()


class TimeLimit(Reaching):
    """What is said about how long (art. 13(2)(a)); what is carried out stands at the datasets."""

    trigger = _line()
    period = _word("ISO 8601; empty: only a criterion")
    criterion = _text()
    bound = _word("minimum, maximum")
    condition = _text()
    otherwise = _word("do_not_store")
    action = _word("delete, destroy_paper, anonymise, keep")
    data_categories = _list("ids of data categories")
    subject_groups = _list("ids of subject groups")
    cascade_to = _list("ids of registers where linked content goes too")
    executor = _text()
    law = _line()
    history = HistoricalRecords()


class DisposalMethod(Reaching):
    """How data or media are destroyed: never a time."""

    media = _list("paper, electronic")
    standard = _line()
    protection_class = _line()
    security_level = _line()
    evidence = _text()
    history = HistoricalRecords()


class Reference(Entry):
    """A law, authority or standard as it is cited; `row` is what the library knows it as."""

    kind = _word("law, authority, standard, rules")
    row = _line()
    section = _line()
    used_as = _word("instrument, basis, limitation, security, right, source, recipient, retention, guidance")
    history = HistoricalRecords()


class ContactPoint(Reaching):
    """Whom to ask about what (art. 13(1)(a)–(b)); natural persons appear by their role."""

    tasks = _list("register, dpo, requests, marketing_ban, switchboard, customer_service, authority")
    kind = _word("person, role_mailbox, organisation")
    role = _text()
    postal_address = _line()
    phone = _line()
    email = _line()
    website = _line()
    hours = _text()
    same_as = models.SlugField(max_length=60, blank=True, default="")
    history = HistoricalRecords()


class Notice(Entry):
    """A published privacy notice (art. 12–14)."""

    language = models.CharField(max_length=2, blank=True, default="")
    instruments = _list("ids of references: the law it was drawn up under")
    created_on = models.DateField(null=True, blank=True)
    updated_on = models.DateField(null=True, blank=True)
    published_at = _list("where: web, premises, in_service, on_request; address")
    change_policy = _object("channels, reasons, text")
    informs = _text()
    history = HistoricalRecords()


class Passage(models.Model):
    """A piece of a notice, word for word, and where the inventory holds what it says."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="passages")
    code = models.SlugField(max_length=60)
    position = models.PositiveIntegerField(default=0)
    text = models.TextField(help_text="as published, errors included; named persons as roles")
    corrected = models.TextField(blank=True, default="", help_text="where the spelling misleads")
    english = models.TextField(blank=True, default="", help_text="what it says, in English")
    lines = _list("the lines of the notice on which it stands")
    held_in = _list("paths in the inventory")
    not_content = models.BooleanField(default=False, help_text="page furniture: nothing that an inventory holds")
    redacted = models.BooleanField(default=False, help_text="a person's name or number stood here")
    history = HistoricalRecords()

    class Meta:
        ordering = ["notice_id", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["notice", "code"], name="ropa_passage_code")]

    def __str__(self) -> str:
        return self.code
