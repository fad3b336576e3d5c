"""What goes when, written twice: as an inventory document for us, and as SQL by hand for the floors.

Contacts three years after they occurred, devices one year after their return, invoices as the Accounting Act wants it,
contracts and customers seven years after the (last) contract's end. While a debt is younger than ten years and unpaid,
or a hold stands, everything of its customer stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.company.data import CONTACT_LAST, CONTRACT_LAST, DEBT_LAST, DEVICE_LAST, INVOICE_LAST

SLUG = "company"


@dataclass(frozen=True)
class Written:
    """One table by hand. `due`: a row `t` is due by its own dates; `again`: the same when its lot goes.

    They differ for a customer, whose contracts went before: whoever has none of anything left may go.
    """

    table: str
    subject: str
    due: str
    again: str


_ENDED = f"t.ended <= '{CONTRACT_LAST}'"
BY_HAND = (
    Written("device", "customer_id", at := f"t.returned <= '{DEVICE_LAST}'", at),
    Written("contact", "customer_id", at := f"t.occurred <= '{CONTACT_LAST}'", at),
    Written("invoice", "customer_id", at := f"t.dated <= '{INVOICE_LAST}'", at),
    Written("contract", "customer_id", _ENDED, _ENDED),
    Written(
        "customer",
        "id",
        "t.id in (select customer_id from contract group by customer_id"  # noqa: S608 - constants
        f" having bool_and(ended is not null) and max(ended) <= '{CONTRACT_LAST}')",
        "not exists (select from contract c where c.customer_id = t.id)",
    ),
)
"""Children first."""

FREE = (
    "not exists (select from hold h where h.customer_id = {0}) and not exists (select from invoice d"  # noqa: S608
    " where d.customer_id = {0} and d.settled is null and d.due > '" + str(DEBT_LAST) + "')"
)
"""Nothing keeps the customer of this number: no hold, no debt."""


def _text(said: str) -> dict[str, str]:
    return {"fi": said}


_DEBT = {
    "id": "velka",
    "kind": "claim",
    "trigger": "debt_due",
    "period": "P10Y",
    "if_absent": "not_applicable",
    "ends_on": ["debt_settled"],
    "action": "delete",
    "status": "confirmed",
    "reason": _text("Saatava"),
}


def _dataset(code: str, mapping: dict[str, Any], trigger: str, period: str, **over: Any) -> dict[str, Any]:
    need = {"id": "tarve", "kind": "need", "purpose": "asiakkuus", "trigger": trigger, "period": period}
    ground = {
        **need,
        "action": "delete",
        "status": "confirmed",
        "reason": _text("Asiakassuhde"),
        **over.pop("ground", {}),
    }
    return {
        "id": code,
        "name": _text(code),
        "register": "crm",
        "activity": "asiakkaat",
        "grain": "record",
        "subject_kind": "customer",
        "enforced_by": "us",
        "mapping": {"place": code, "key": "id", "subject": "customer_id", **mapping},
        "policy": {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False},
        "grounds": [ground, _DEBT],
        **over,
    }


def document(url: str) -> dict[str, Any]:
    """The inventory, its one register reached at `url`."""
    voucher = {
        "kind": "obligation",
        "purpose": "kirjanpito",
        "rounding": "end_of_calendar_year_of_financial_year",
        "law": "ACC-VOUCHER",
    }
    contracts = {"started": "started", "ended": "ended"}
    debts = {"thing": "id", "events": {"debt_due": "due", "debt_settled": "settled"}}
    told = {"subject_kind": "customer", "subject": "customer_id"}
    return {
        "seloste": 1,
        "organisation": {
            "slug": SLUG,
            "name": "Esimerkki Oy",
            "language": "fi",
            "time_zone": "Europe/Helsinki",
            "financial_year_end": "12-31",
        },
        "registers": [
            {
                "id": "crm",
                "name": _text("Asiakashallinta"),
                "medium": "database",
                "connection": "crm",
                "ledger": [
                    {"id": "contracts", "place": "contract", "contract": "id", **told, **contracts},
                    {"id": "debts", "place": "unpaid", **told, **debts},
                ],
            }
        ],
        "activities": [
            {
                "id": "asiakkaat",
                "name": _text("Asiakassuhteen hoito"),
                "role": "controller",
                "purposes": [
                    {"id": "asiakkuus", "name": _text("Asiakassuhde")},
                    {"id": "kirjanpito", "name": _text("Kirjanpito")},
                ],
            }
        ],
        "datasets": [
            _dataset(
                "device", {"events": {"recorded": "installed", "device_returned": "returned"}}, "device_returned", "P1Y"
            ),
            _dataset("contact", {"events": {"occurred": "occurred"}}, "occurred", "P3Y"),
            _dataset("invoice", {"events": {"invoice_dated": "dated"}}, "invoice_dated", "P6Y", ground=voucher),
            _dataset("contract", {"contract": "id"}, "contract_ended", "P7Y", grain="contract"),
            _dataset("customer", {"subject": "id"}, "contract_ended", "P7Y", grain="subject"),
        ],
        "connections": {"crm": {"kind": "sql", "config": {"url": {"secret": f"env:{url}"}}}},
    }
