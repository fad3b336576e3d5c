"""A guess of which columns hold personal data: by check digits where there are any, else by form, else by name.

A hint for a person who holds the inventory against reality, never proof, and no value leaves this module.
Identifiers of Finland: personal identity code (128/2010 § 2), business id (288/2001 § 3), IBAN, and the GSRN of
metering points. Temporary and test identity codes count: they are what test systems hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from stdnum import ean, iban
from stdnum.exceptions import ValidationError
from stdnum.fi import hetu, ytunnus

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]{2,}")
_PHONE = re.compile(r"(?:(?:\+|00)358|0)(?:4[0-9]|50|9|1[3-9]|[2356][0-9]|8)[0-9]{5,8}", re.ASCII)
_BUSINESS_ID = re.compile(r"[0-9]{7}-[0-9]", re.ASCII)
_GSRN = re.compile(r"64[0-9]{16}", re.ASCII)
_NAMES = (
    ("identity code", ("hetu", "henkilotunnus", "henkilötunnus", "personnummer", "ssn")),
    ("email", ("email", "e_mail", "sahkoposti", "sähköposti", "epost")),
    ("phone", ("puhelin", "puh", "gsm", "phone", "mobile", "telefon")),
    ("address", ("osoite", "katuosoite", "address", "adress", "street", "postinumero", "postcode")),
    ("date of birth", ("syntymaaika", "syntymäaika", "birth", "dob", "fodelsedatum")),
    ("name", ("nimi", "etunimi", "sukunimi", "name", "firstname", "lastname", "namn", "fornamn", "efternamn")),
    ("customer number", ("asiakasnro", "asiakasnumero", "customer_number", "customer_no", "kundnummer")),
    ("network address", ("ip", "ip_address", "framedipaddress", "mac", "callingstationid")),
    ("user name", ("kayttajatunnus", "käyttäjätunnus", "username", "login", "uid")),
    ("secret", ("salasana", "password", "passwd", "losenord")),
)


def guess(samples: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """Column -> what it seems to hold, from its name and a sample of its values; columns without a guess left out."""
    guesses = {}
    for column, values in samples.items():
        found = _by_values([value for value in values if isinstance(value, str) and value.strip()]) or _by_name(column)
        if found:
            guesses[column] = found
    return guesses


def _by_values(values: Sequence[str]) -> str:
    """At least half of the sample must pass: one number in eleven is a business id by chance."""
    for what, passes in _VALIDATORS:
        if values and 2 * sum(passes(value.strip()) for value in values) >= len(values):
            return what
    return ""


def _by_name(column: str) -> str:
    folded = column.casefold()
    parts = {folded, *re.split(r"[_\W]+", folded)}
    return next((what for what, names in _NAMES if parts & set(names)), "")


def _is_identity_code(value: str) -> bool:
    try:
        hetu.validate(value, allow_temporary=True)
    except ValidationError:
        return False
    return True


def _is_business_id(value: str) -> bool:
    return bool(_BUSINESS_ID.fullmatch(value)) and ytunnus.is_valid(value)


def _is_gsrn(value: str) -> bool:
    return bool(_GSRN.fullmatch(value)) and ean.calc_check_digit(value[:-1]) == value[-1]


def _is_phone(value: str) -> bool:
    return bool(_PHONE.fullmatch(re.sub(r"[\s()-]", "", value)))


_VALIDATORS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("identity code", _is_identity_code),
    ("IBAN", iban.is_valid),
    ("GSRN", _is_gsrn),
    ("business id", _is_business_id),
    ("email", lambda value: bool(_EMAIL.fullmatch(value))),
    ("phone", _is_phone),
)
