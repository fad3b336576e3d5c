"""Kymenlaakson Sähkö's eight registers as systems that fit into one folder, filled with artificial people.

    asiakastieto.sqlite3    KS-R1 customers, invoices     kayttopaikat.sqlite3  KS-R5 places of use, metering
    potentiaaliset.sqlite3  KS-R2 potential customers     arkisto/              KS-R6 paper
    tallenteet/             KS-R3 contact recordings      palautteet.sqlite3    KS-R7 feedback
    luvat.sqlite3           KS-R4 permissions and bans    keruu/                KS-R8 raffles, call lists

The same arguments give the same content.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from samples.frame import Built, chance, fill_folder
from samples.frame import built as built
from samples.kymenlaakson_sahko import customers as customer_register
from samples.kymenlaakson_sahko import feedback, marketing, paper, places, recordings
from samples.kymenlaakson_sahko.story import tell

SEED = 84_003
CUSTOMERS = 60


def build(directory: Path, today: date, seed: int = SEED, customers: int = CUSTOMERS) -> Built:
    """Fill `directory` anew, as of `today`.

    Raises NotOursError for a folder with other content, TooFewError for too few customers.
    """
    story = tell(today, seed, customers)

    def write(part: Path) -> None:
        customer_register.build(part, story, chance(seed, "customers"))
        marketing.build_prospects(part, story, chance(seed, "prospects"))
        marketing.build_permissions(part, story, chance(seed, "permissions"))
        marketing.build_intake(part, story, chance(seed, "intake"))
        recordings.build(part, story, chance(seed, "recordings"))
        places.build(part, story, chance(seed, "places"))
        paper.build(part, story)
        feedback.build(part, story, chance(seed, "feedback"))

    return fill_folder("kymenlaakson-sahko", Built(directory, today, seed, customers, story.holds), write)
