"""Choices of a form for which the record's own words have none: the report tells them otherwise, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ropa.change_words import value_in_words
from web.words import action_in_words, language

NAMES: Mapping[str, str] = {
    "email": gettext_noop("E-mail address"),
    "uid": gettext_noop("User name"),
    "phone": gettext_noop("Telephone number"),
    "ip": gettext_noop("IP address"),
    "number": gettext_noop("Number"),
    "guid": gettext_noop("Identifier of the directory (GUID)"),
}
"""Names that a register knows a person by."""
CHOICES: Mapping[str, Mapping[str, str]] = {
    "security_measures.kind": {
        "access_control": gettext_noop("Access rights and log-in"),
        "need_to_know": gettext_noop("Access by the needs of one's task"),
        "authorised_roles": gettext_noop("Named roles only"),
        "audit_trail": gettext_noop("Log of use"),
        "confidentiality": gettext_noop("Duty of confidentiality"),
        "training": gettext_noop("Training of staff"),
        "encryption_in_transit": gettext_noop("Encryption of data in transit"),
        "encryption_at_rest": gettext_noop("Encryption of stored data"),
        "network_segregation": gettext_noop("Separated networks"),
        "firewall": gettext_noop("Firewall"),
        "physical": gettext_noop("Physical protection"),
        "physical_access_control": gettext_noop("Control of access to premises"),
        "cctv": gettext_noop("Camera surveillance"),
        "locked_storage": gettext_noop("Locked storage"),
        "backup": gettext_noop("Backups"),
        "legal_compliance": gettext_noop("As the law demands"),
        "general": gettext_noop("Described in general only"),
    },
    "security_measures.scope": {"all": gettext_noop("All data")},
    "data_categories.attached_to": {"person": gettext_noop("To a person")},
    "data_categories.scope": {"stated": gettext_noop("Listed by register")},
    "contact_points.kind": {
        "person": gettext_noop("A person"),
        "role_mailbox": gettext_noop("A role's mailbox"),
        "organisation": gettext_noop("An organisation"),
    },
    "organisation.services": {
        "internet_access": gettext_noop("Internet access"),
        "fibre_network": gettext_noop("Fibre network"),
        "electricity_network": gettext_noop("Electricity network"),
        "electricity_supply": gettext_noop("Electricity supply"),
        "district_heat": gettext_noop("District heating"),
        "water": gettext_noop("Water supply"),
        "hosting": gettext_noop("Hosting"),
        "email": gettext_noop("E-mail"),
        "domain_names": gettext_noop("Domain names"),
        "other": gettext_noop("Another service"),
    },
    "identities.kind": NAMES,
    "subject_key.kind": NAMES,
}
"""By what holds it and the key."""


def choice_in_words(value: Any, within: tuple[str, ...], names: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """A choice, several, or what else stands there, in the reader's language. `within`: the keys that lead to it."""
    if isinstance(value, list):
        return "; ".join(choice_in_words(one, within, names) for one in value)
    told = value_in_words(value, language(), within, names)
    if told != value or not isinstance(value, str):
        return told
    if within[-1:] == ("action",):
        return action_in_words(value)
    known = CHOICES.get(".".join(within[-2:]), {})
    return _(known[value]) if value in known else told
