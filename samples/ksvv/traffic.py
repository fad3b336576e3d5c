"""R3: traffic data, one file per day and kind, and the log of who looked at them, kept for two years by law."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from samples.ksvv.story import Story

ADDRESS_DAYS = 120
FLOW_DAYS = 30
LOG_DAYS = 900


def build(directory: Path, story: Story, random: Random) -> None:
    """Write valitystiedot/: osoitteet/, virrat/ and kasittelyloki/YEAR/."""
    root = directory / "valitystiedot"
    addresses, flows, log = root / "osoitteet", root / "virrat", root / "kasittelyloki"
    for folder in (addresses, flows, log):
        folder.mkdir(parents=True)
    lines = [customer.number for customer in story.customers if customer.started and not customer.closed]
    for back in range(ADDRESS_DAYS, -1, -1):
        day = story.today - timedelta(days=back)
        leases = (f"{day} 04:{random.randrange(60):02} {number} {_host(random)}" for number in lines[:20])
        (addresses / f"dhcp-{day}.log").write_text("\n".join(leases) + "\n", encoding="utf-8")
    for back in range(FLOW_DAYS, -1, -1):
        day = story.today - timedelta(days=back)
        seen = (f"{day} {_host(random)} {_host(random)} 443 {random.randrange(10**6)}" for _ in range(20))
        (flows / f"virrat-{day}.log").write_text("\n".join(seen) + "\n", encoding="utf-8")
    for back in range(LOG_DAYS, -1, -1):
        day = story.today - timedelta(days=back)
        at_work = [one for one in story.staff if one.started <= day and (one.ended is None or day <= one.ended)]
        if random.random() < 0.15:
            (log / str(day.year)).mkdir(exist_ok=True)
            line = f"{day} {random.choice(at_work).number} {random.randint(20, 900)} s vianselvitys 144 §\n"
            (log / str(day.year) / f"kasittely-{day}.log").write_text(line, encoding="utf-8")


def _host(random: Random) -> str:
    return f"192.0.2.{random.randint(1, 254)}"
