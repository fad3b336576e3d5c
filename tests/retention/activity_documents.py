"""Two small inventories: one that has an activity with all that may hang on it, and one that takes it."""

from __future__ import annotations

from typing import Any

TEXT = {"fi": "teksti"}


def source() -> dict[str, Any]:
    """Activity `palvelu` with a register, a dataset and entries about it; `toinen` shares some of them."""
    return {
        "seloste": 1,
        "organisation": {"slug": "antaja", "name": "Antaja Oy"},
        "registers": [
            {
                "id": "crm",
                "name": {"fi": "CRM"},
                "medium": "database",
                "place": {"value": {"fi": "Konesali"}},
                "owner": {"role": {"fi": "Päällikkö"}, "email": "paallikko@example.invalid"},
                "backups": {"value": {"every": "P1D", "keep_for": "P30D", "at_most": "P35D"}},
                "connection": "crm",
                "minimisation": TEXT,
            },
            {"id": "muu", "name": {"fi": "Muu"}, "medium": "paper"},
        ],
        "activities": [
            {
                "id": "palvelu",
                "name": {"fi": "Palvelu"},
                "owner": {"role": {"fi": "Päällikkö"}},
                "successor": "toinen",
                "purposes": [
                    {
                        "id": "sopimus",
                        "name": {"fi": "Sopimus"},
                        "aim": "service",
                        "legal_basis": {"value": {"article": "6(1)(b)"}},
                        "balancing_test": {"value": {"kind": "balancing_test", "reference": "A-1"}},
                        "subject_groups": ["asiakkaat"],
                        "references": ["laki"],
                    }
                ],
            },
            {"id": "toinen", "name": {"fi": "Toinen"}},
        ],
        "subject_groups": [
            {"id": "asiakkaat", "name": {"fi": "asiakkaat"}, "declared": True, "activities": ["palvelu", "toinen"]},
            {"id": "muut", "name": {"fi": "muut"}},
        ],
        "data_categories": [
            {"id": "tiedot", "name": {"fi": "tiedot"}, "items": [{"id": "nimi", "name": {"fi": "nimi"}}]},
        ],
        "sources": [
            {
                "id": "itse",
                "name": {"fi": "itse"},
                "kind": "data_subject",
                "items": ["nimi"],
                "registers": ["crm", "muu"],
            },
        ],
        "recipients": [
            {
                "id": "kasittelija",
                "name": {"fi": "käsittelijä"},
                "role": "processor",
                "activities": ["palvelu"],
                "purposes": ["sopimus"],
                "agreement": {"value": {"status": "in_force", "reference": "S-1"}},
            },
            {"id": "muualle", "name": {"fi": "muualle"}, "role": "third_party", "activities": ["toinen"]},
        ],
        "references": [{"id": "laki", "name": {"fi": "laki"}, "kind": "law"}],
        "notices": [{"id": "seloste", "name": {"fi": "seloste"}}],
        "datasets": [
            {
                "id": "asiakkaat",
                "name": {"fi": "Asiakkaat"},
                "register": "crm",
                "activity": "palvelu",
                "grain": "record",
                "data_categories": ["tiedot"],
                "mapping": {"place": "asiakas", "key": "id", "events": {"recorded": "luotu"}},
                "grounds": [
                    {
                        "id": "tarve",
                        "kind": "need",
                        "purpose": "sopimus",
                        "trigger": "recorded",
                        "period": "P3Y",
                        "action": "delete",
                        "status": "confirmed",
                        "records": [{"kind": "decision", "reference": "P-1"}],
                    }
                ],
            }
        ],
        "connections": {"crm": {"kind": "sql", "config": {"url": "sqlite:///crm.sqlite3"}}},
    }


def target() -> dict[str, Any]:
    """An inventory with a register, a purpose and an item of the same ids."""
    return {
        "seloste": 1,
        "organisation": {"slug": "saaja", "name": "Saaja Oy"},
        "registers": [{"id": "asiakastieto", "name": {"fi": "Asiakastieto"}, "medium": "database"}],
        "activities": [{"id": "oma", "name": {"fi": "Oma"}, "purposes": [{"id": "sopimus", "name": {"fi": "Oma"}}]}],
        "subject_groups": [{"id": "asiakkaat", "name": {"fi": "omat asiakkaat"}, "activities": ["oma"]}],
        "data_categories": [
            {"id": "omat", "name": {"fi": "omat"}, "items": [{"id": "nimi", "name": {"fi": "nimi"}}]},
        ],
    }
