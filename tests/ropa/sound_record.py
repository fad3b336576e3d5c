"""A small record in which nothing is to be mended, a reference library of a few rows, and a test's findings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ropa.findings import Finding, findings
from ropa.law import library

TODAY = date(2026, 6, 30)
Document = dict[str, Any]


def fi(text: str) -> dict[str, str]:
    return {"fi": text}


@dataclass(frozen=True)
class Row:
    """What the checks ask of a row of `ropa.references`."""

    id: str
    kind: str
    said: str
    status: str = "in_force"
    maps_to: tuple[str, ...] = ()
    part_of: str = ""
    successors: tuple[str, ...] = ()
    name: Mapping[str, str] = field(default_factory=dict)

    def status_on(self, day: date) -> str:
        return self.status


def row(code: str, kind: str, said: str, status: str = "in_force", maps_to: tuple[str, ...] = ()) -> Row:
    return Row(code, kind, said, status, maps_to, name=dict.fromkeys(("fi", "sv", "en"), said))


ROWS = {
    one.id: one
    for one in (
        row("tietosuojalaki", "law", "tietosuojala"),
        row("vanha-laki", "law", "henkilötietola", "repealed", ("6(1)(a)",)),
        row("uudelleen-nimetty", "law", "tietoyhteiskuntakaar", "renamed"),
        row("traficom", "authority", "Traficom"),
        row("vanha-virasto", "authority", "Viestintävirasto", "renamed"),
        row("din-66399", "standard", "DIN 66399"),
        row("din-32757", "standard", "DIN 32757", "withdrawn"),
    )
}


def mentioned(text: str) -> list[Row]:
    return [one for one in ROWS.values() if one.said.casefold() in text.casefold()]


def found(document: Document, today: date = TODAY) -> dict[str, Finding]:
    """Every finding of a document, by check."""
    return {one.check: one for one in findings(document, ROWS, library(), today, mentioned)}


def but(change: Callable[[Document], Any]) -> Document:
    """The sound record with one change."""
    document = sound()
    change(document)
    return document


def right(code: str, **over: Any) -> Document:
    return {"id": code, "name": fi(code), "right": code, **over}


def rule(code: str, kind: str, trigger: Any, period: str, **over: Any) -> Document:
    return {
        "id": code,
        "kind": kind,
        "trigger": trigger,
        "period": period,
        "action": "delete",
        "status": "confirmed",
        **over,
    }


def ceiling(code: str, trigger: str, period: str, **over: Any) -> Document:
    return {"id": code, "trigger": trigger, "period": period, "action": "delete", "status": "confirmed", **over}


def dataset(code: str, *grounds: Document, **over: Any) -> Document:
    return {
        "id": code,
        "name": fi(code),
        "register": "crm",
        "activity": "asiakkuus",
        "grain": "subject",
        "subjects": {"value": [fi("asiakkaat")]},
        "items": {"value": [fi("nimi")]},
        "mapping": {"place": code, "key": "id", "subject": "asiakas"},
        "grounds": list(grounds),
        **over,
    }


def sound() -> Document:
    """The record; every check says of it that it is there, or that it is not applicable."""
    return copy.deepcopy(_SOUND)


NONE = {"none_because": fi("ei ole")}
TEST = [{"kind": "balancing_test", "reference": "TT-1"}]
_SOUND: Document = {
    "seloste": 1,
    "organisation": {
        "slug": "testi",
        "name": "Testi Oy",
        "business_id": "9900001-8",
        "contact": {"postal_address": "Esimerkkitie 1", "email": "testi@example.invalid"},
        "joint_controllers": NONE,
        "representative": NONE,
        "dpo": {"value": {"role": fi("Tietosuojavastaava"), "email": "dpo@example.invalid"}},
        "provision": {"value": fi("sopimus edellyttää")},
        "automated_decisions": NONE,
    },
    "registers": [
        {
            "id": "crm",
            "name": fi("Asiakasrekisteri"),
            "medium": "database",
            "owner": {"role": fi("päällikkö")},
            "review": {"every": "P1Y", "last": "2026-01-01"},
            "backups": {"value": {"every": "P1D", "keep_generations": 7, "at_most": "P35D"}},
        }
    ],
    "activities": [
        {
            "id": "asiakkuus",
            "name": fi("Asiakkuus"),
            "role": "controller",
            "purposes": [
                {
                    "id": "sopimus",
                    "name": fi("Sopimus"),
                    "aim": "service",
                    "legal_basis": {"value": {"article": "6(1)(b)"}},
                },
                {
                    "id": "laskutus",
                    "name": fi("Laskutus"),
                    "aim": "billing",
                    "legal_basis": {"value": {"article": "6(1)(c)"}},
                },
                {
                    "id": "markkinointi",
                    "name": fi("Markkinointi"),
                    "aim": "marketing",
                    "legal_basis": {"value": {"article": "6(1)(f)", "interest": fi("kertoa omista tuotteista")}},
                    "balancing_test": {"value": {"kind": "balancing_test", "reference": "TT-2"}},
                },
                {
                    "id": "lupa",
                    "name": fi("Uutiskirje"),
                    "aim": "marketing",
                    "legal_basis": {"value": {"article": "6(1)(a)"}},
                },
            ],
        }
    ],
    "subject_groups": [{"id": "asiakkaat", "name": fi("Asiakkaat"), "declared": True}],
    "data_categories": [
        {
            "id": "perustiedot",
            "name": fi("Perustiedot"),
            "items": [
                {"id": "nimi", "name": fi("nimi")},
            ],
        },
        {
            "id": "tunnukset",
            "name": fi("Henkilötunnus"),
            "items": [
                {
                    "id": "hetu",
                    "name": fi("henkilötunnus"),
                    "identity_code": True,
                    "justification": {"value": fi("saatavan periminen")},
                }
            ],
        },
        {"id": "laskutustiedot", "name": fi("Laskutustiedot")},
    ],
    "sources": [{"id": "rekisteri", "name": fi("Traficomin rekisteri"), "kind": "public_register"}],
    "recipients": [
        {
            "id": "palvelin",
            "name": fi("Palvelinyhtiö"),
            "role": "processor",
            "party": {"name": "Palvelin Oy"},
            "agreement": {"value": {"status": "in_force", "reference": "S-1", "expires_on": "2028-01-01"}},
        },
        {"id": "ulosotto", "name": fi("Ulosotto"), "role": "authority"},
    ],
    "transfers": [
        {
            "id": "pilvi",
            "name": fi("Pilvi"),
            "status": "yes",
            "countries": ["US"],
            "safeguards": ["scc"],
            "documentation": {"value": {"kind": "agreement", "reference": "SCC-1"}},
        }
    ],
    "security_measures": [{"id": "salaus", "name": fi("Salaus"), "kind": "encryption_at_rest"}],
    "rights": [
        right("access", channels=["email"], deadline={"period": "P1M"}, fee={"free": True}, references=["laki"]),
        *(
            right(code)
            for code in (
                *("rectify", "erase", "restrict", "portability", "object", "object_marketing", "withdraw_consent"),
                *("automated_decisions", "complain"),
            )
        ),
    ],
    "marketing_rules": [{"id": "sahko", "name": fi("Sähköinen"), "channel": "electronic", "basis": "consent"}],
    "time_limits": [
        {
            "id": "asiakkaat",
            "name": fi("Asiakkaan tiedot"),
            "trigger": "contract_ended",
            "period": "P3Y",
            "data_categories": ["perustiedot"],
        },
        {
            "id": "tositteet",
            "name": fi("Tositteet"),
            "bound": "minimum",
            "period": "P6Y",
            "trigger": "invoice_dated",
            "law": "ACC-VOUCHER",
        },
        {"id": "enintaan", "name": fi("Enintään"), "bound": "maximum", "period": "P10Y", "trigger": "recorded"},
    ],
    "references": [{"id": "laki", "name": fi("tietosuojalaki"), "kind": "law", "row": "tietosuojalaki"}],
    "disposal_methods": [{"id": "silppu", "name": fi("Silppu"), "standard": "DIN 66399"}],
    "contact_points": [
        {"id": "neuvonta", "name": fi("Neuvonta"), "tasks": ["register"], "email": "neuvo@example.invalid"}
    ],
    "notices": [
        {
            "id": "seloste",
            "name": fi("Seloste"),
            "created_on": "2026-01-01",
            "passages": [{"id": "1", "text": "Testi Oy", "held_in": ["organisation.name"]}],
        }
    ],
    "datasets": [
        dataset(
            "asiakkaat",
            rule("sopimus", "need", "contract_ended", "P0D", purpose="sopimus"),
            rule("vaateet", "claim", "contract_ended", "P3Y", purpose="sopimus", records=TEST),
            ceilings=[ceiling("raja", "recorded", "P20Y")],
            data_categories=["perustiedot"],
        ),
        dataset(
            "tunnukset",
            rule("yksilointi", "need", "debt_settled", "P0D"),
            ceilings=[ceiling("hetu", "recorded", "P10Y")],
            data_categories=["tunnukset"],
        ),
        dataset(
            "laskut",
            rule(
                "tosite",
                "obligation",
                "invoice_dated",
                "P6Y",
                rounding="end_of_calendar_year_of_financial_year",
                law="ACC-VOUCHER",
            ),
            grain="record",
            data_categories=["laskutustiedot"],
            ceilings=[ceiling("lasku", "invoice_dated", "P5Y", yields_to=["obligation"])],
        ),
        dataset(
            "kiellot",
            rule("kielto", "need", "ban_lifted", "P0D", purpose="markkinointi"),
            ceilings=[ceiling("k", "recorded", "P50Y")],
        ),
    ],
}
