"""KaseNet's registers as systems that fit into one folder, filled with artificial people.

    crm.sqlite3          1. customers and billing         tyomaaraimet.sqlite3  5. fibre survey, work orders
    tiketit.sqlite3      2. tickets                       dokumentit/           6. documentation server
    kuitukartta.gpkg     3. fibre map (GeoPackage)        tunnukset.sqlite3     7. AD and VPN accounting
    arkisto/             4. paper archive (box list)      posti/                8. mail servers (Maildir)

Beside them two that the notice only implies (implied.yaml): kulunvalvonta.sqlite3 and kamerat/.
The same arguments give the same content. Nothing is written into a folder that is not the demo's own.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from samples.frame import MARKER as MARKER
from samples.frame import Built, chance, fill_folder
from samples.frame import NotOursError as NotOursError
from samples.frame import built as built
from samples.kasenet import accounts, crm, documents, fibre_map, mail, paper, premises, tickets, work_orders
from samples.kasenet.story import tell

SEED = 20180511
CUSTOMERS = 400


def build(directory: Path, today: date, seed: int = SEED, customers: int = CUSTOMERS) -> Built:
    """Fill `directory` anew, as of `today`. A half-built folder is never seen: it is moved into place whole.

    Raises NotOursError for a folder with other content, TooFewError for too few customers.
    """
    story = tell(today, seed, customers)

    def write(part: Path) -> None:
        crm.build(part, story)
        tickets.build(part, story)
        fibre_map.build(part, story, chance(seed, "map"))
        paper.build(part, story)
        work_orders.build(part, story, chance(seed, "work orders"))
        documents.build(part, story, chance(seed, "documents"))
        accounts.build(part, story, chance(seed, "accounts"))
        mail.build(part, story, chance(seed, "mail"))
        premises.build(part, story, chance(seed, "premises"))

    return fill_folder("kasenet", Built(directory, today, seed, customers, story.holds), write)
