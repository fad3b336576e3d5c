"""K-Systems Contacts' registers as systems that fit into one folder, filled with artificial people.

    asiakkaat.sqlite3        KSC-R1 companies, contact persons, contracts
    verkkotunnukset.sqlite3  KSC-R2 .fi domain users, on behalf of the authority
    webhotellit/             KSC-R3 hosting contacts and content
    markkinointi.sqlite3     KSC-R4 mailing list and bans
    laskutus.sqlite3         KSC-R6 billing

KSC-R5, the mailboxes, lies on a real mail server (`mail.fill`). The same arguments give the same content.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from samples.frame import Built, fill_folder
from samples.frame import built as built
from samples.k_systems import customers as customer_register
from samples.k_systems import domains, hosting, marketing
from samples.k_systems.story import tell

SEED = 73_004
CUSTOMERS = 44


def build(directory: Path, today: date, seed: int = SEED, customers: int = CUSTOMERS) -> Built:
    """Fill `directory` anew, as of `today`.

    Raises NotOursError for a folder with other content, TooFewError for too few customers.
    """
    story = tell(today, seed, customers)

    def write(part: Path) -> None:
        customer_register.build(part, story)
        customer_register.build_billing(part, story)
        domains.build(part, story)
        hosting.build(part, story)
        marketing.build(part, story)

    return fill_folder("k-systems", Built(directory, today, seed, customers, story.holds), write)
