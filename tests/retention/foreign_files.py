"""Records of processing as other programs and people write them. All of it is made up."""

from __future__ import annotations

import io
from typing import Any

from openpyxl import Workbook

HEADINGS = [
    "Käsittelytoimen nimi",
    "Käsittelyn tarkoitus",
    "Oikeusperuste",
    "Rekisteröityjen ryhmät",
    "Henkilötietoryhmät",
    "Vastaanottajat",
    "Siirrot EU:n ulkopuolelle",
    "Säilytysaika",
    "Turvatoimet",
    "Järjestelmä",
    "Muuta",
]
ROWS: list[list[Any]] = [
    [
        "Asiakassuhteen hoito",
        "Sopimuksen täyttäminen; Laskutus",
        "Sopimus",
        "Asiakkaat; Yhteyshenkilöt",
        "Nimi; Osoite",
        "Tilitoimisto",
        "Ei siirretä",
        "6 vuotta tilikauden päättymisestä",
        "Käyttöoikeudet",
        "CRM",
        "tarkista",
    ],
    [
        "Palkanlaskenta",
        "Palkanmaksu",
        "Laki",
        "Työntekijät",
        "Nimi; Henkilötunnus",
        "Verohallinto; Tilitoimisto",
        "Ei siirretä",
        "10 vuotta",
        "Käyttöoikeudet",
        "Palkkajärjestelmä",
        None,
    ],
]
MAPPING: dict[str, Any] = {
    "language": "fi",
    "columns": {
        "Käsittelytoimen nimi": {"to": "activity"},
        "Käsittelyn tarkoitus": {"to": "purposes", "separator": ";"},
        "Oikeusperuste": {"to": "legal_basis"},
        "Rekisteröityjen ryhmät": {"to": "subject_groups", "separator": ";"},
        "Henkilötietoryhmät": {"to": "data_categories", "separator": ";"},
        "Vastaanottajat": {"to": "recipients", "separator": ";", "none": ["Ei luovuteta"]},
        "Siirrot EU:n ulkopuolelle": {"to": "transfers", "none": ["Ei siirretä"]},
        "Säilytysaika": {"to": "time_limits"},
        "Turvatoimet": {"to": "security_measures"},
        "Järjestelmä": {"to": "registers", "medium": "database"},
        "Muuta": {"to": "nothing"},
    },
}


def workbook(rows: list[list[Any]] | None = None, title: str = "Seloste") -> Any:
    book: Any = Workbook()
    book.active.title = title
    for row in [HEADINGS, *(ROWS if rows is None else rows)]:
        book.active.append(row)
    return book


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv_of(encoding: str = "utf-8-sig", delimiter: str = ";") -> bytes:
    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        return f'"{text}"' if delimiter in text else text

    lines = [delimiter.join(cell(value) for value in row) for row in [HEADINGS, *ROWS]]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)
