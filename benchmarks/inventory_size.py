"""A record of any size, and what it costs: `python -m benchmarks.inventory_size [--activities N] [--datasets N]`.

`document` makes an inventory document from nothing but its size: the same numbers give the same document. Measured
are the report's build and each of its formats, each in a process of its own, with its time and its greatest memory:
this process's, that of the one which sets the PDF, and how much both held at one moment.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACTIVITIES, DATASETS = 2_000, 20_000
FORMATS = ("json", "xlsx", "html", "pdf")
SECONDS = {"json": 5.0, "xlsx": 20.0, "pdf": 30.0}
MEGABYTES = 500.0
"""What a format may take, at the size above."""
RULES = (
    ("contract_ended", "P3Y", "none", "need"),
    ("invoice_dated", "P6Y", "end_of_calendar_year_of_financial_year", "obligation"),
    ("case_closed", "P2Y", "end_of_month", "claim"),
)


def text(said: str) -> dict[str, str]:
    return {"fi": said, "sv": f"{said} (sv)", "en": f"{said} (en)"}


def document(activities: int = ACTIVITIES, datasets: int = DATASETS, registers: int = 50) -> dict[str, Any]:
    """An inventory document as a draft is normalised; every tenth activity is a processor's."""
    groups, categories = range(20), range(100)
    return {
        "seloste": 1,
        "organisation": {
            "slug": "iso",
            "name": "Esimerkin Suuri Oy",
            "business_id": "9900001-8",
            "language": "fi",
            "time_zone": "Europe/Helsinki",
            "financial_year_end": "12-31",
            "first_plausible_day": "1950-01-01",
            "contact": {"postal_address": "Esimerkkitie 1", "email": "info@example.invalid"},
            "joint_controllers": {"none_because": text("yhtiö päättää yksin")},
            "representative": {"none_because": text("yhtiö on sijoittautunut Suomeen")},
            "dpo": {"value": {"role": text("Tietosuojavastaava"), "email": "tietosuoja@example.invalid"}},
        },
        "registers": [
            {
                "id": f"r{number}",
                "name": text(f"Rekisteri {number}"),
                "medium": "database",
                "lifecycle": "active",
                "declared": True,
                "place": {"value": text("Konesali")},
                "backups": {"value": {"every": "P1D", "keep_for": "P30D"}},
                "connection": "tietokanta",
            }
            for number in range(registers)
        ],
        "activities": [_activity(number) for number in range(activities)],
        "subject_groups": [
            {
                "id": f"g{number}",
                "name": text(f"rekisteröityjen ryhmä {number}"),
                "declared": True,
                "relation": "direct",
            }
            for number in groups
        ],
        "data_categories": [
            {
                "id": f"c{number}",
                "name": text(f"Henkilötietoryhmä {number}"),
                "items": [{"id": f"i{number}-{item}", "name": text(f"tieto {item}")} for item in range(5)],
                "registers": [f"r{number % registers}"],
            }
            for number in categories
        ],
        "recipients": [
            {
                "id": f"v{number}",
                "name": text(f"Vastaanottaja {number}"),
                "role": "processor",
                "disclosed": True,
                "activities": [f"a{one}" for one in range(number, activities, 200)],
                "agreement": {"value": {"status": "in_force", "expires_on": "2028-12-31"}},
            }
            for number in range(min(200, activities))
        ],
        "transfers": [{"id": "ei", "name": text("Ei siirretä"), "status": "none"}],
        "security_measures": [
            {"id": f"m{number}", "name": text(f"Turvatoimi {number}"), "kind": "general"} for number in range(30)
        ],
        "time_limits": [
            {
                "id": f"t{number}",
                "name": text(f"Ilmoitettu säilytysaika {number}"),
                "trigger": "contract_ended",
                "period": "P3Y",
                "registers": [f"r{number % registers}"],
            }
            for number in range(registers)
        ],
        "datasets": [_dataset(number, activities, registers) for number in range(datasets)],
    }


def _activity(number: int) -> dict[str, Any]:
    processor = number % 10 == 9
    activity: dict[str, Any] = {
        "id": f"a{number}",
        "name": text(f"Käsittelytoimi {number}"),
        "role": "processor" if processor else "controller",
        "purposes": [
            {
                "id": f"p{number}",
                "name": text(f"Tarkoitus {number}"),
                "legal_basis": {"value": {"article": "6(1)(b)"}},
            }
        ],
    }
    if processor:
        activity["on_behalf_of"] = {"value": [{"name": f"Esimerkkiasiakas {number} Oy"}]}
    return activity


def _dataset(number: int, activities: int, registers: int) -> dict[str, Any]:
    rules = [RULES[number % 3], RULES[(number + 1) % 3]]
    return {
        "id": f"d{number}",
        "name": text(f"Tietoaineisto {number}"),
        "register": f"r{number % registers}",
        "activity": f"a{number % activities}",
        "subjects": {"value": [text("asiakkaat")]},
        "items": {"value": [text("nimi"), text("osoite"), text("sopimusnumero")]},
        "grain": "record",
        "subject_kind": "customer",
        "enforced_by": "us",
        "mapping": {"place": f"taulu{number}", "key": "id"},
        "policy": {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False},
        "grounds": [
            {
                "id": f"s{place}",
                "kind": kind,
                "purpose": f"p{number % activities}",
                "trigger": trigger,
                "period": period,
                "rounding": rounding,
                "action": "delete",
                "status": "confirmed",
            }
            for place, (trigger, period, rounding, kind) in enumerate(rules)
        ],
        "ceilings": [],
    }


def report_data(whole: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What `ropa.report.build` takes, with a calm night over every dataset."""
    calm = {
        "problem": "",
        **dict.fromkeys(("destroyed", "held", "review", "refused", "failed", "pending", "overdue", "unexplained"), 0),
        "people_overdue": 0,
        "overdue_since": None,
        "oldest_kept": "2019-04-02",
        "destroyed_ever": 12,
        "last_answered": "2026-10-13",
    }
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    return {
        "document": whole,
        "as_of": "2026-10-14",
        "language": "fi",
        "release": "0.1.0",
        "version": {"number": 1, "in_force_from": "2026-01-01", "digest": digest},
        "evidence": {
            "head": {"number": 1, "business_date": "2026-10-13", "digest": digest},
            "night": {"business_date": "2026-10-13", "version": 1, "missed_dates": [], "succeeded": True},
            "nights": 1,
            "last_successful": "2026-10-13",
            "datasets": {one["id"]: calm for one in whole["datasets"]},
        },
        **options,
    }


def measure(extension: str, activities: int, datasets: int) -> bool:
    """Build the controller's record and render it once, as `retention.reports` does; prints what it took.

    False where that is more than its budget.
    """
    started = time.perf_counter()
    built, begun = _begun(extension, activities, datasets)
    before = _held()
    content = begun()
    took = time.perf_counter() - started - built[0]
    own, child = (_greatest(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    together = max(own, max(before, _held()) + child)
    sys.stdout.write(
        f"{extension:<5} {took:7.1f} s  of which build {built[1]:5.1f} s  {together:7.0f} MB"
        f"  ({own:.0f} own, {child:.0f} of a child)  {len(content) / 1e6:7.1f} MB file\n"
    )
    kept = took < SECONDS.get(extension, took + 1) and together < MEGABYTES
    if not kept:
        sys.stdout.write(f"{extension:<5} NOT KEPT: {SECONDS.get(extension, '-')} s, {MEGABYTES:g} MB\n")
    return kept


def _begun(extension: str, activities: int, datasets: int) -> tuple[tuple[float, float], Callable[[], bytes]]:
    """Seconds for the document and for the report, and the file begun. Document and report end with this function."""
    from ropa.render import begun
    from ropa.report import build

    started = time.perf_counter()
    given = report_data(document(activities, datasets))
    made = time.perf_counter()
    report = build(given)
    return (made - started, time.perf_counter() - made), begun(extension, report)


def _greatest(whose: int) -> float:
    """The greatest memory of this process or of its greatest child, MB."""
    return resource.getrusage(whose).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def _held() -> float:
    """What this process holds now, MB; where the system does not say, the most that it ever held."""
    file = Path("/proc/self/statm")
    if not file.exists():
        return _greatest(resource.RUSAGE_SELF)
    return int(file.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1024 / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, default=ACTIVITIES)
    parser.add_argument("--datasets", type=int, default=DATASETS)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--here", action="store_true", help="in this process, one format only")
    options = parser.parse_args()
    size = ["--activities", str(options.activities), "--datasets", str(options.datasets)]
    kept = True
    for extension in options.formats.split(","):
        if options.here:
            kept = measure(extension, options.activities, options.datasets) and kept
            continue
        command = [sys.executable, "-m", "benchmarks.inventory_size", *size, "--formats", extension, "--here"]
        kept = subprocess.run(command, check=False).returncode == 0 and kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
