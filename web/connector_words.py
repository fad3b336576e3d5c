"""Connectors in the reader's language: what they reach, what their fields are called, and why one did not answer.

A connector is plain Python and speaks English. Its fields' explanations are collected where they are declared
(`config.messages`); what it says of a system that fails is known here by its form. Another house's words stay as they
are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

KINDS: Mapping[str, str] = {
    "sql": gettext_noop("SQL database"),
    "ldap": gettext_noop("Directory (LDAP)"),
    "imap": gettext_noop("Mail server (IMAP)"),
    "files": gettext_noop("Folder of documents"),
    "paper": gettext_noop("Paper archive"),
}
FIELDS: Mapping[str, str] = {
    "url": gettext_noop("Address of the system"),
    "timeout": gettext_noop("Longest wait"),
    "connect_timeout": gettext_noop("Longest wait for a connection"),
    "statement_timeout": gettext_noop("Longest time of a statement"),
    "time_zone": gettext_noop("Time zone"),
    "stored_time_zone": gettext_noop("Time zone of what is stored"),
    "vacuum": gettext_noop("Rewrite the file"),
    "mounted": gettext_noop("A share is mounted here"),
    "receipts": gettext_noop("Table of receipts"),
    "receipt_key": gettext_noop("Key of receipts"),
    "host": gettext_noop("Server"),
    "port": gettext_noop("Port"),
    "tls": gettext_noop("Encryption"),
    "ca_file": gettext_noop("Trusted certificates"),
    "master_user": gettext_noop("Master user"),
    "master_separator": gettext_noop("Separator before the master user"),
    "password": gettext_noop("Password"),
    "doveadm_url": gettext_noop("Address of doveadm"),
    "doveadm_key": gettext_noop("Key of doveadm"),
    "accounts_file": gettext_noop("File of accounts"),
    "own_domains": gettext_noop("Own domains"),
    "bind_dn": gettext_noop("Service account"),
    "server_name": gettext_noop("Name in the certificate"),
    "directory": gettext_noop("Kind of directory"),
    "accesslog": gettext_noop("Access log"),
    "root": gettext_noop("Folder"),
    "list": gettext_noop("List of boxes"),
    "contents": gettext_noop("List of contents"),
    "orders": gettext_noop("Folder for orders"),
    "kind": gettext_noop("Kind"),
}
SAID = (
    gettext_noop("it was changed, and no controller has confirmed that yet"),
    gettext_noop("Nobody has said where it lies in its register, so no night reaches it."),
    gettext_noop("no connection is named"),
    gettext_noop("there is no connection %(name)s"),
    gettext_noop("%(name)s is not set"),
    gettext_noop("%(name)s is empty"),
    gettext_noop("%(name)s cannot be read (%(why)s)"),
    gettext_noop("its secret is neither env:NAME nor file:PATH"),
    gettext_noop("is neither text nor a secret's reference"),
    gettext_noop("is this installation's own, and no connection's"),
    gettext_noop("is this installation's own database, and no register's"),
    gettext_noop("the database server could not be reached, or the connection broke"),
    gettext_noop("the database server: TLS failed, or its certificate is not trusted"),
    gettext_noop("the database server takes no connections now"),
    gettext_noop("the database server refuses the user, the password or the database"),
    gettext_noop("the database refuses: a right is missing"),
    gettext_noop("the database is locked by another program"),
    gettext_noop("the database file is not there or may not be opened"),
    gettext_noop("the disk with the database file is full"),
    gettext_noop("the file is not a database"),
    gettext_noop("the database answered %(what)s"),
    gettext_noop("the database could not be asked (%(what)s)"),
    gettext_noop("the connection was lost"),
    gettext_noop("no answer in time"),
    gettext_noop("url must name a host and a database"),
    gettext_noop("url must name a file and nothing else: sqlite:////path/to/file"),
    gettext_noop("url is not a database URL such as sqlite:////path/to/file"),
    gettext_noop("url must be ldaps://HOST[:PORT] or ldap://HOST[:PORT], and nothing more"),
    gettext_noop("url: this connector reaches %(what)s"),
    gettext_noop("vacuum must be yes or no"),
    gettext_noop("mounted must be yes or no"),
    gettext_noop("tls must be require or off"),
    gettext_noop("tls can be off only for ldap:// on this machine"),
    gettext_noop("timeout must be seconds, more than 0 and at most 3600"),
    gettext_noop("%(field)s must be seconds, %(least)s to 3600"),
    gettext_noop("%(field)s is not a time zone such as Europe/Helsinki"),
    gettext_noop("there is no time zone %(name)s"),
    gettext_noop("receipts: a table and a receipt_key of 32 characters or more"),
    gettext_noop("bind_dn and password must not be empty"),
    gettext_noop("bind_dn means more than one account; give its distinguished name"),
    gettext_noop("ca_file cannot be read as certificates (PEM)"),
    gettext_noop("accesslog is for OpenLDAP; leave it out for Active Directory"),
    gettext_noop("it does not show its root to this account"),
    gettext_noop("the directory does not show its schema to this account"),
    gettext_noop("this is no IMAP server"),
    gettext_noop("its certificate is not trusted, see ca_file"),
    gettext_noop("nothing tells which accounts there are: doveadm_url or accounts_file is needed"),
    gettext_noop(
        "the server shows no special use of any folder, so only INBOX would be searched; name the folders for sent, "
        "deleted and junk mail in options.folders"
    ),
    gettext_noop("the folder for orders is not there"),
    gettext_noop("the whole file system is no register"),
    gettext_noop("an absolute path without .. is needed"),
    gettext_noop("its clock is %(n)s seconds off ours"),
    gettext_noop("rights are missing: %(what)s"),
    gettext_noop("the ledger is not complete tonight: %(why)s"),
    gettext_noop("table %(name)s is not there"),
    gettext_noop("%(name)s is not there"),
    gettext_noop("%(name)s is a view: nothing can be deleted there"),
    gettext_noop("%(name)s is no key: it is neither the primary key nor unique by an index"),
    gettext_noop(
        "without an index is the foreign key %(names)s: each deletion from %(place)s would walk the whole table; "
        "run: %(what)s"
    ),
    gettext_noop(
        "its items take rows of the dataset %(name)s along, whose rules or holds nobody would ask: mend the mapping"
    ),
    gettext_noop("unknown field %(name)s"),
    gettext_noop("missing field %(name)s"),
)
"""What connectors, and who opens them, say of a system that cannot be asked; `%(…)s`: what differs."""


def kind_of_system(kind: str) -> str:
    """What a kind of connection reaches; one of another house, by its name."""
    return _(KINDS[kind]) if kind in KINDS else kind


def label_of(field: str) -> str:
    """What a field is called; one that nobody here knows, by its name."""
    return _(FIELDS[field]) if field in FIELDS else field


def help_of(text: str) -> str:
    """What a field's declaration says of it, where it is one of ours."""
    return _(text) if text else ""


def problem_in_words(text: str) -> str:
    """Why something could not be asked; where only the end of it is known, what stands before is left as it is."""
    head, rest = "", text
    while rest:
        if (found := _known(rest)) is not None:
            return head + found
        before, colon, rest = rest.partition(": ")
        head += before + colon
    return text


def _known(text: str) -> str | None:
    for template, pattern in _patterns():
        if match := pattern.fullmatch(text):
            return _(template) % match.groupdict() if match.groupdict() else _(template)
    return None


_WORD, _FILLED = r"\S+", {"names": ".+?"}


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((template, _pattern(template)) for template in SAID)


def _pattern(template: str) -> re.Pattern[str]:
    """A template as what it may have become: a gap is one word, `names` are several, a last gap is all the rest."""
    texts = re.split(r"%\((\w+)\)s", template)
    gaps = texts[1::2]
    filled = "".join(
        re.escape(text) + (f"(?P<{gap}>.+)" if text and gap == gaps[-1] else f"(?P<{gap}>{_FILLED.get(gap, _WORD)})")
        for text, gap in zip(texts[::2], gaps, strict=False)
    )
    return re.compile(filled + re.escape(texts[-1]), re.S)
