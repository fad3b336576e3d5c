"""A record with every kind of entry, of an organisation that is controller and processor; nobody in it exists."""

from __future__ import annotations

from typing import Any

from tests.ropa.inventories import dataset, fi, ground, inventory


def full() -> dict[str, Any]:
    """`inventory()` with entries of every kind, one processor's activity, and things that were added or denied."""
    document = inventory()
    document["activities"].append(PROCESSING)
    document["registers"].append(
        {"id": "sisallot", "name": fi("Asiakkaiden sisällöt"), "medium": "files", "connection": "sisallot"}
    )
    document["datasets"].append(
        dataset(
            "sivustot",
            "Asiakkaiden verkkosivustot",
            "sisallot",
            "webhotelli",
            grounds=[ground("ohje", "service_ended", "P30D", kind="instruction", purpose="yllapito")],
        )
    )
    document["datasets"][0] |= {"data_categories": ["laskutus"], "subject_groups": ["asiakkaat"]}
    document["activities"][2] |= {"ended_on": "2026-06-30", "successor": "verkko"}
    document["activities"][1]["addition"] = True
    document["activities"][0]["purposes"][0]["addition"] = True
    document["organisation"]["dpo"]["addition"] = True
    return document | ENTRIES


PROCESSING: dict[str, Any] = {
    "id": "webhotelli",
    "name": fi("Verkkosivustojen ylläpito"),
    "role": "processor",
    "on_behalf_of": {"value": [{"name": "Esimerkkiasiakas Oy", "email": "asiakas@example.invalid"}]},
    "mandate": {
        "instrument": "contract",
        "agreement": {"value": {"status": "in_force", "reference": "S-12", "expires_on": "2028-12-31"}},
        "instructions": [{"about": "data", "text": fi("Vain asiakkaan tallentamat sisällöt")}],
    },
    "purposes": [{"id": "yllapito", "name": fi("Sisällön säilyttäminen palvelimella")}],
}

ENTRIES: dict[str, Any] = {
    "subject_groups": [
        {
            "id": "asiakkaat",
            "name": fi("asiakkaat"),
            "relation": "direct",
            "inclusion": {"condition": fi("sopimus on tehty"), "otherwise": "do_not_store"},
        },
        {"id": "maanomistajat", "name": fi("maanomistajat"), "relation": "indirect", "activities": ["verkko"]},
    ],
    "data_categories": [
        {
            "id": "perus",
            "name": fi("Perustiedot"),
            "listing": "examples",
            "activities": ["asiakkaat"],
            "items": [
                {"id": "nimi", "name": fi("nimi")},
                {
                    "id": "hetu",
                    "name": fi("henkilötunnus"),
                    "identity_code": True,
                    "condition": fi("luotto myönnetään"),
                    "alternatives": [fi("Y-tunnus")],
                    "addition": True,
                },
            ],
        },
        {"id": "laskutus", "name": fi("Laskutustiedot"), "registers": ["crm"], "listing": "maximum"},
    ],
    "sources": [{"id": "ytj", "name": fi("Yritystietojärjestelmä"), "kind": "public_register"}],
    "recipients": [
        {
            "id": "ulosotto",
            "name": fi("Ulosottolaitos"),
            "role": "authority",
            "condition": fi("saatava on perinnässä"),
            "activities": ["asiakkaat"],
        },
        {
            "id": "mainostajat",
            "name": fi("Mainostajat"),
            "disclosed": False,
            "agreement": {"none_because": fi("tietoja ei luovuteta")},
        },
        {
            "id": "konesali",
            "name": fi("Konesaliyhtiö"),
            "role": "processor",
            "activities": ["webhotelli"],
            "agreement": {"value": {"status": "ended", "expires_on": "2025-12-31"}},
        },
    ],
    "transfers": [
        {"id": "ei", "name": fi("Tietoja ei siirretä"), "status": "none", "activities": ["asiakkaat"]},
        {
            "id": "pilvi",
            "name": fi("Varmuuskopiot pilveen"),
            "status": "conditional",
            "countries": ["US"],
            "safeguards": ["scc"],
            "condition": fi("asiakas on tilannut lisäpalvelun"),
            "activities": ["webhotelli"],
        },
    ],
    "security_measures": [{"id": "tunnukset", "name": fi("Henkilökohtaiset tunnukset"), "kind": "access_control"}],
    "rights": [{"id": "tarkastus", "name": fi("Tarkastusoikeus"), "right": "access", "contact_points": ["palvelu"]}],
    "marketing_rules": [{"id": "sahkoinen", "name": fi("Sähköinen markkinointi"), "channel": "electronic"}],
    "time_limits": [
        {
            "id": "paattyminen",
            "name": fi("Kolme vuotta asiakkuuden päättymisestä"),
            "trigger": "contract_ended",
            "period": "P3Y",
            "bound": "maximum",
            "registers": ["crm"],
        }
    ],
    "disposal_methods": [{"id": "silppu", "name": fi("Silppuaminen"), "media": ["paper"]}],
    "contact_points": [{"id": "palvelu", "name": fi("Asiakaspalvelu"), "tasks": ["requests"], "phone": "0100 000000"}],
    "references": [{"id": "kirjanpito", "name": fi("kirjanpitolain 2:10 §"), "kind": "law", "row": "kirjanpitolaki"}],
    "notices": [{"id": "seloste", "name": fi("Tietosuojaseloste"), "created_on": "2018-05-11"}],
}
