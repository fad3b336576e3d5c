"""A fibre operator's record with eight registers, made by hand; every person in it is a role."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from retention.domain.evidence import canonical


def fi(text: str) -> dict[str, str]:
    return {"fi": text}


def said(*texts: str) -> dict[str, Any]:
    return {"value": [fi(text) for text in texts]}


def ground(code: str, trigger: Any, period: str | None, **over: Any) -> dict[str, Any]:
    rule = {
        "id": code,
        "kind": "need",
        "purpose": "sopimus",
        "trigger": trigger,
        "period": period,
        "action": "delete",
        "status": "confirmed",
        **over,
    }
    return {key: value for key, value in rule.items() if value is not None}


def ceiling(code: str, trigger: str, period: str, **over: Any) -> dict[str, Any]:
    rule = ground(code, trigger, period, **over)
    return {key: value for key, value in rule.items() if key not in ("kind", "purpose")}


def dataset(code: str, name: str, register: str, activity: str, **over: Any) -> dict[str, Any]:
    return {
        "id": code,
        "name": fi(name),
        "register": register,
        "activity": activity,
        "subjects": said("asiakkaat"),
        "items": said("nimi", "osoite"),
        "grain": "record",
        "subject_kind": "customer",
        "enforced_by": "us",
        "mapping": {"place": code, "key": "id"},
        "policy": {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False},
        **over,
    }


REGISTERS = {
    "crm": ("Asiakashallinta ja laskutus", "database"),
    "tiketit": ("Tikettijärjestelmä", "database"),
    "kartta": ("Sähköinen kuitu- ja liittymäkarttahallinta", "map"),
    "arkisto": ("Manuaalinen paperiaineisto", "paper"),
    "tyot": ("Kuitukysely ja työmääräimet", "database"),
    "dokumentit": ("Dokumentaatiopalvelin", "files"),
    "tunnukset": ("Käyttäjähakemisto ja etäyhteydet", "directory"),
    "kamerat": ("Kameravalvonta", "files"),
}


def inventory() -> dict[str, Any]:
    """The document as a snapshot holds it: without connections."""
    return copy.deepcopy(_INVENTORY)


def evidence(**over: dict[str, Any]) -> dict[str, Any]:
    """A night over every mapped dataset of `inventory()`; `over` changes one dataset's numbers."""
    calm = {
        "problem": "",
        "destroyed": 0,
        "held": 0,
        "review": 0,
        "refused": 0,
        "failed": 0,
        "pending": 0,
        "overdue": 0,
        "unexplained": 0,
        "people_overdue": 0,
        "overdue_since": None,
        "oldest_kept": "2019-04-02",
        "destroyed_ever": 1284,
        "last_answered": "2026-10-13",
    }
    codes = [one["id"] for one in _INVENTORY["datasets"] if one["mapping"]]
    return {
        "head": {"number": 212, "business_date": "2026-10-13", "digest": hashlib.sha256(b"head").hexdigest()},
        "night": {"business_date": "2026-10-13", "version": 7, "missed_dates": [], "succeeded": True},
        "nights": 212,
        "last_successful": "2026-10-13",
        "datasets": {code: {**calm, **over.get(code, {})} for code in codes},
    }


def data(language: str = "fi", document: dict[str, Any] | None = None, **over: Any) -> dict[str, Any]:
    """What `ropa.report.build` asks for."""
    document = document or inventory()
    return {
        "document": document,
        "as_of": "2026-10-14",
        "language": language,
        "release": "0.1.0",
        "version": {
            "number": 7,
            "in_force_from": "2026-03-12",
            "digest": hashlib.sha256(canonical(document)).hexdigest(),
        },
        "evidence": evidence(),
        **over,
    }


_INVENTORY: dict[str, Any] = {
    "seloste": 1,
    "organisation": {
        "slug": "kuitu",
        "name": "Esimerkin Kuituverkko Oy",
        "business_id": "9900001-8",
        "language": "fi",
        "contact": {"postal_address": "Esimerkkitie 1, 00000 Esimerkkilä", "email": "info@example.invalid"},
        "joint_controllers": {"none_because": fi("yhtiö päättää käsittelyn tarkoituksista yksin")},
        "representative": {"none_because": fi("yhtiö on sijoittautunut Suomeen")},
        "dpo": {"value": {"role": fi("Tietosuojavastaava"), "email": "tietosuoja@example.invalid"}},
        "security_measures": said("Henkilökohtaiset tunnukset", "Verkkoliikenteen salaus", "Lukitut arkistotilat"),
    },
    "registers": [
        {
            "id": code,
            "name": fi(name),
            "medium": medium,
            "place": {"value": fi("Omat palvelimet")},
            "declared": code != "kamerat",
            "connection": "" if code == "kamerat" else code,
        }
        for code, (name, medium) in REGISTERS.items()
    ],
    "activities": [
        {
            "id": "asiakkaat",
            "name": fi("Asiakassuhteen hoito ja laskutus"),
            "role": "controller",
            "purposes": [
                {
                    "id": "sopimus",
                    "name": fi("Sopimuksen täyttäminen"),
                    "legal_basis": {"value": {"article": "6(1)(b)"}},
                },
                {"id": "kirjanpito", "name": fi("Kirjanpito"), "legal_basis": {"value": {"article": "6(1)(c)"}}},
                {"id": "vaateet", "name": fi("Vaatimukset"), "legal_basis": {"value": {"article": "6(1)(f)"}}},
                {"id": "kehitys", "name": fi("Palvelujen kehittäminen")},
            ],
            "recipients": said("Aliurakoitsijat", "Ulosottoviranomainen"),
            "transfers": {"none_because": fi("tietoja ei siirretä Euroopan talousalueen ulkopuolelle")},
            "sources": said("Asiakas"),
        },
        {
            "id": "verkko",
            "name": fi("Kuituverkon rakentaminen ja ylläpito"),
            "role": "controller",
            "purposes": [
                {
                    "id": "sopimus",
                    "name": fi("Liittymän rakentaminen"),
                    "legal_basis": {"value": {"article": "6(1)(b)"}},
                }
            ],
            "transfers": {"none_because": fi("tietoja ei siirretä Euroopan talousalueen ulkopuolelle")},
        },
        {
            "id": "turvallisuus",
            "name": fi("Käyttövaltuudet ja tilojen turvallisuus"),
            "role": "controller",
            "purposes": [{"id": "sopimus", "name": fi("Tietoturva"), "legal_basis": {"value": {"article": "6(1)(f)"}}}],
            "recipients": {"none_because": fi("tietoja ei luovuteta")},
            "transfers": {"none_because": fi("tietoja ei siirretä Euroopan talousalueen ulkopuolelle")},
            "security_measures": said("Kaksivaiheinen tunnistautuminen"),
        },
    ],
    "datasets": [
        dataset(
            "laskut",
            "Laskut ja maksut",
            "crm",
            "asiakkaat",
            grounds=[
                ground(
                    "tosite",
                    "invoice_dated",
                    "P6Y",
                    kind="obligation",
                    purpose="kirjanpito",
                    rounding="end_of_calendar_year_of_financial_year",
                    law="ACC-VOUCHER",
                    reason=fi("Lasku on tosite."),
                ),
                ground(
                    "saatava",
                    {"latest_of": ["debt_due", "debt_interrupted"]},
                    "P3Y",
                    kind="claim",
                    purpose="vaateet",
                    ends_on=["debt_settled", "debt_assigned"],
                    law="DEBT-OPEN",
                    addition=True,
                ),
            ],
        ),
        dataset(
            "asiakastiedot",
            "Asiakkaan perus- ja yhteystiedot",
            "crm",
            "asiakkaat",
            grounds=[
                ground("sopimus", "contract_ended", "P0D"),
                ground("vaateet", "contract_ended", "P3Y", kind="claim", purpose="vaateet", law="CUST-TELECOM"),
            ],
        ),
        dataset(
            "tiketit",
            "Tiketit ja viestit",
            "tiketit",
            "asiakkaat",
            grounds=[ground("tuki", "case_closed", "P2Y", status="proposed", addition=True)],
            ceilings=[ceiling("enintaan", "recorded", "P10Y", yields_to=["obligation"])],
        ),
        dataset(
            "liittyjat",
            "Liittymän haltija kartalla",
            "kartta",
            "verkko",
            grounds=[ground("sopimus", "contract_ended", "P0D"), ground("lupa", "decommissioned", None)],
        ),
        dataset(
            "paperit",
            "Paperiset liittymäsopimukset",
            "arkisto",
            "asiakkaat",
            grounds=[ground("vaateet", "contract_ended", "P3Y", kind="claim", action="destroy_paper")],
        ),
        dataset(
            "kysely",
            "Kuitukyselyn vastaukset",
            "tyot",
            "verkko",
            policy={"mode": "observe"},
            grounds=[ground("kysely", "campaign_ended", "P12M", condition={"fact": "became_customer", "is": False})],
        ),
        dataset("luonnokset", "Sopimusluonnokset", "dokumentit", "asiakkaat", mapping=None, grounds=[]),
        dataset(
            "tilit",
            "Henkilöstön käyttäjätilit",
            "tunnukset",
            "turvallisuus",
            subjects=said("henkilöstö ja aliurakoitsijat"),
            subject_kind="staff",
            grounds=[ground("tili", "employment_ended", "P3M", law="ADACCOUNT")],
        ),
    ],
}
