"""Our night on one copy of the company, in a process of its own: `python -m benchmarks.company.ours prepare | night`.

Where things are says the environment: SELOSTE_DATABASE_URL our own database, SELOSTE_DATA its keys and journals,
BENCH_SOURCE the company's. `prepare` makes tables, publishes the inventory and places the holds, once; `night` runs the
night of TODAY and then the next one, on which nothing is due, and writes one line of JSON. `help` is a second worker.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

from benchmarks.company.data import TODAY
from benchmarks.company.rules import SLUG, document
from benchmarks.company.source import Source
from benchmarks.company.stages import Stages

SOURCE = "BENCH_SOURCE"
HOLDS = 50
"""So many holds share the customers who are held."""


def now(days: int = 0) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, 1, tzinfo=UTC) + timedelta(days=days)


def greatest_memory() -> int:
    """VmHWM of this process, in kB."""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1])


def prepare() -> None:
    """Tables, the published inventory, and a hold on whom the company holds."""
    import psycopg
    from django.core.management import call_command

    from config.keys import make_keys

    make_keys(Path(os.environ["SELOSTE_DATA"]) / "keys")
    import django

    django.setup()
    from retention.holds import place
    from retention.inventory_document import import_document
    from ropa.services import publish

    call_command("migrate", verbosity=0)
    organisation = import_document(document(SOURCE), by="bench", reason="bench")
    publish(organisation, TODAY - timedelta(days=30), now(), publisher="bench", reason="bench")
    with psycopg.connect(os.environ[SOURCE]) as db:
        held = [str(number) for (number,) in db.execute("select customer_id from hold order by 1")]
    for share in range(HOLDS):
        subjects = [("customer", number) for number in held[share::HOLDS]]
        if subjects:
            place(organisation, subjects, "dispute", "", "bench", TODAY, TODAY + timedelta(days=90), by="bench")


def night(chunk: int | None) -> dict[str, Any]:
    """Seconds of the night and of its stages, of the next night, the greatest memory, what went."""
    import django

    django.setup()
    from retention.night import run_night
    from retention.purge import CHUNK
    from retention.runs import succeeded
    from ropa.models import Organisation

    organisation = Organisation.objects.get(slug=SLUG)
    stages = Stages()
    stages.listen()
    found: dict[str, Any] = {"chunk": chunk or CHUNK}
    begun, busy = perf_counter(), process_time()
    run = run_night(organisation, TODAY, now(), by="bench", chunk=chunk or CHUNK)
    found |= {"night": perf_counter() - begun, "night busy": process_time() - busy}
    if not succeeded(run):
        raise SystemExit(f"the night did not succeed: {run.state} {run.summary}")
    found |= {
        "memory": greatest_memory(),
        "seconds": dict(stages.seconds),
        "busy": dict(stages.busy),
        "calls": dict(stages.calls),
    }
    found["purged"] = run.summary["purged"]
    found["statements"] = Source(os.environ[SOURCE].rpartition("/")[0]).statements()
    stages.forget()
    begun = perf_counter()
    nothing = run_night(organisation, TODAY + timedelta(days=1), now(1), by="bench", chunk=chunk or CHUNK)
    found |= {"nothing due": perf_counter() - begun, "nothing due seconds": dict(stages.seconds)}
    if not succeeded(nothing) or nothing.summary["purged"]:
        raise SystemExit(f"the second night did not find everything done: {nothing.state} {nothing.summary}")
    return found


def help_at_it() -> None:
    """A second worker: says that it is ready, waits for a night to begin and helps until it has ended."""
    import django

    django.setup()
    from retention.models import Run
    from retention.models.run import RunState
    from retention.night import help_night

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for run in Run.objects.select_related("organisation"):
            if run.state == RunState.FINISHED:
                return
            if run.state == RunState.RUNNING:
                help_night(run, now())
        sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("prepare", "night", "help"))
    parser.add_argument("--chunk", type=int)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if asked.what == "prepare":
        prepare()
    elif asked.what == "help":
        help_at_it()
    else:
        sys.stdout.write(json.dumps(night(asked.chunk)) + "\n")


if __name__ == "__main__":
    main()
