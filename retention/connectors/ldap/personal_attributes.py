"""Which attributes of an object of Active Directory may tell who it is."""

from __future__ import annotations

from retention.connectors.ldap.entries import Entry
from retention.connectors.ldap.schema import Schema

WRITABLE = "allowedAttributesEffective"
"""Where an entry tells which of its attributes we may write; absent where we may write none."""

KEPT = frozenset(
    (
        "accountexpires",
        "admincount",
        "allowedattributeseffective",
        "badpasswordtime",
        "badpwdcount",
        "cn",
        "codepage",
        "countrycode",
        "distinguishedname",
        "dscorepropagationdata",
        "instancetype",
        "iscriticalsystemobject",
        "isdeleted",
        "isrecycled",
        "lastknownparent",
        "lastlogoff",
        "lastlogon",
        "lastlogontimestamp",
        "lockouttime",
        "logoncount",
        "msds-lastknownrdn",
        "name",
        "ntsecuritydescriptor",
        "objectcategory",
        "objectclass",
        "objectguid",
        "objectsid",
        "primarygroupid",
        "pwdlastset",
        "samaccountname",
        "samaccounttype",
        "showinadvancedviewonly",
        "systemflags",
        "useraccountcontrol",
        "usnchanged",
        "usncreated",
        "whenchanged",
        "whencreated",
    )
)
"""What every object has, of which nothing tells who it was once the names are others."""

UNTOUCHED = frozenset(
    (
        "badpasswordtime",
        "cn",
        "lastlogon",
        "lastlogontimestamp",
        "lockouttime",
        "logoncount",
        "name",
        "objectclass",
        "pwdlastset",
        "samaccountname",
        "whenchanged",
        "whencreated",
    )
)
"""What only the server writes, or what names the object: it cannot stand as a condition in a modify."""


def personal_of(entry: Entry, schema: Schema) -> list[str]:
    """Attributes of an entry that may tell who it is: all but what every object has and what is the directory's own."""
    names = sorted(name for name in entry.values if name not in KEPT)
    known = schema.known(names)
    return [name for name in names if (one := known.get(name.partition(";")[0])) is None or not one.own]
