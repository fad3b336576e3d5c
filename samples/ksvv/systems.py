"""Keski-Suomen Valokuituverkot's registers as systems, filled with artificial people.

    asiakkaat.sqlite3    R1. customer register, its users and log   markkinointi.sqlite3  R5. consents and bans
    puhelut/             R2. call recordings                        laskutus.sqlite3      R6. billing, collection
    valitystiedot/       R3. traffic data, a file per day           tarjoukset.sqlite3    R7. offer requests
    laitteet.sqlite3     R4. terminal devices                       a directory server    R8. user accounts

The same arguments give the same content. Nothing is written into a folder that is not the demo's own.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from samples import marketing
from samples.frame import Built, chance, fill_folder
from samples.frame import built as built
from samples.ksvv import billing, customer_register, devices, offers, recordings, traffic
from samples.ksvv.story import tell

SEED = 20_160_101
CUSTOMERS = 80


def build(directory: Path, today: date, seed: int = SEED, customers: int = CUSTOMERS) -> Built:
    """Fill `directory` anew, as of `today`.

    Raises NotOursError for a folder with other content, TooFewError for too few customers.
    """
    story = tell(today, seed, customers)

    def write(part: Path) -> None:
        customer_register.build(part, story, chance(seed, "customer register"))
        recordings.build(part, story, chance(seed, "recordings"))
        traffic.build(part, story, chance(seed, "traffic"))
        devices.build(part, story, chance(seed, "devices"))
        marketing.build(part, story.customers, "nopeammat yhteydet")
        billing.build(part, story)
        offers.build(part, story, chance(seed, "offers"))

    return fill_folder("ksvv", Built(directory, today, seed, customers, story.holds), write)
