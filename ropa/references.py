"""Laws, authorities and standards as notices cite them, and what became of each. Plain Python.

A first table of those that are often met; `mentions` finds them in a text by the beginning of their names, in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Literal

Kind = Literal["law", "authority", "standard"]


@dataclass(frozen=True, slots=True)
class Reference:
    """One row. `until` is the last day on which it was so, `after` what it is since then; `maps_to` GDPR articles."""

    id: str
    kind: Kind
    name: Mapping[str, str]
    said: str
    until: date | None = None
    after: str = "in_force"
    successor: str = ""
    maps_to: tuple[str, ...] = field(default=())

    def status_on(self, day: date) -> str:
        """in_force; or repealed, renamed, withdrawn."""
        return "in_force" if self.until is None or day <= self.until else self.after


def references() -> Mapping[str, Reference]:
    """Every row, by id."""
    return MappingProxyType({one.id: one for one in _ROWS})


def mentions(text: str) -> list[Reference]:
    """The rows that a text names, in the order of the table."""
    return [one for one in _ROWS if _pattern(one.said).search(text)]


@cache
def _pattern(said: str) -> re.Pattern[str]:
    return re.compile(said, re.IGNORECASE)


def _named(fi: str, sv: str, en: str) -> Mapping[str, str]:
    return MappingProxyType({"fi": fi, "sv": sv, "en": en})


_DATA_ACT = date(2018, 12, 31)
_ROWS: tuple[Reference, ...] = (
    Reference(
        "henkilotietolaki",
        "law",
        _named("henkilötietolaki (523/1999)", "personuppgiftslagen (523/1999)", "Personal Data Act (523/1999)"),
        r"henkilötietola",
        _DATA_ACT,
        "repealed",
        "tietosuojalaki",
    ),
    Reference(
        "tietosuojalaki",
        "law",
        _named("tietosuojalaki (1050/2018)", "dataskyddslagen (1050/2018)", "Data Protection Act (1050/2018)"),
        r"(?<!viestinnän )\btietosuojala[ik]",
    ),
    Reference(
        "tietosuoja-asetus",
        "law",
        _named(
            "tietosuoja-asetus (EU) 2016/679",
            "dataskyddsförordningen (EU) 2016/679",
            "General Data Protection Regulation (EU) 2016/679",
        ),
        r"tietosuoja-asetu|\bGDPR\b",
    ),
    Reference(
        "tietoyhteiskuntakaari",
        "law",
        _named(
            "tietoyhteiskuntakaari (nyk. laki sähköisen viestinnän palveluista, 917/2014)",
            "informationssamhällsbalken (numera lagen om tjänster inom elektronisk kommunikation, 917/2014)",
            "Information Society Code (now the Act on Electronic Communications Services, 917/2014)",
        ),
        r"tietoyhteiskuntakaar",
        date(2018, 5, 31),
        "renamed",
    ),
    Reference(
        "sahkoisen-viestinnan-tietosuojalaki",
        "law",
        _named(
            "sähköisen viestinnän tietosuojalaki (516/2004)",
            "lagen om dataskydd vid elektronisk kommunikation (516/2004)",
            "Act on the Protection of Privacy in Electronic Communications (516/2004)",
        ),
        r"sähköisen viestinnän tietosuojala",
        date(2014, 12, 31),
        "repealed",
        "tietoyhteiskuntakaari",
    ),
    Reference(
        "vaestorekisterikeskus",
        "authority",
        _named(
            "Väestörekisterikeskus (nyk. Digi- ja väestötietovirasto)",
            "Befolkningsregistercentralen (numera Myndigheten för digitalisering och befolkningsdata)",
            "Population Register Centre (now the Digital and Population Data Services Agency)",
        ),
        r"väestörekisterikesku",
        date(2019, 12, 31),
        "renamed",
    ),
    Reference(
        "viestintavirasto",
        "authority",
        _named(
            "Viestintävirasto (nyk. Liikenne- ja viestintävirasto Traficom)",
            "Kommunikationsverket (numera Transport- och kommunikationsverket Traficom)",
            "Finnish Communications Regulatory Authority (now Traficom)",
        ),
        r"(?<!ja )viestintävirasto",
        date(2018, 12, 31),
        "renamed",
    ),
    Reference(
        "tietosuojavaltuutettu",
        "authority",
        _named("tietosuojavaltuutettu", "dataombudsmannen", "Data Protection Ombudsman"),
        r"tietosuojavaltuute",
    ),
    Reference(
        "ytj",
        "authority",
        _named("yritys- ja yhteisötietojärjestelmä YTJ", "företags- och organisationsdatasystemet FODS", "YTJ"),
        r"\bYTJ\b|yritys- ja yhteisötietojärjestelm",
    ),
    Reference(
        "prh",
        "authority",
        _named("Patentti- ja rekisterihallitus", "Patent- och registerstyrelsen", "Patent and Registration Office"),
        r"rekisterihallit",
    ),
    Reference(
        "ulosotto",
        "authority",
        _named("ulosottoviranomainen", "utsökningsmyndigheten", "enforcement authority"),
        r"ulosottoviranomai",
    ),
    Reference(
        "din-32757",
        "standard",
        _named("DIN 32757", "DIN 32757", "DIN 32757"),
        r"\bDIN\s*32757",
        date(2012, 9, 30),
        "withdrawn",
        "din-66399",
    ),
    Reference(
        "din-66399",
        "standard",
        _named("DIN 66399 (ISO/IEC 21964)", "DIN 66399 (ISO/IEC 21964)", "DIN 66399 (ISO/IEC 21964)"),
        r"\bDIN\s*66399|ISO/IEC\s*21964",
    ),
)
