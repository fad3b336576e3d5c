"""KSC-R3: a folder of content for each service, with all that the customer put there, and a card of contacts."""

from __future__ import annotations

from pathlib import Path

from samples.k_systems.story import Story


def build(directory: Path, story: Story) -> None:
    """Write webhotellit/: yhteystiedot/CUSTOMER_CONTRACT.vcf and sisallot/CUSTOMER/CONTRACT/…"""
    cards, contents = directory / "webhotellit" / "yhteystiedot", directory / "webhotellit" / "sisallot"
    cards.mkdir(parents=True)
    for customer in story.customers:
        person = customer.contacts[0].person
        for contract in customer.contracts:
            named = (f"FN:{person.name}", f"ORG:{customer.company}", f"EMAIL:{person.email}", f"TEL:{person.phone}")
            card = ("BEGIN:VCARD", "VERSION:4.0", *named, f"URL:{contract.domain.name}", "END:VCARD")
            path = cards / f"{customer.number}_{contract.number}.vcf"
            path.write_text("\r\n".join(card) + "\r\n", encoding="utf-8", newline="")
            site = contents / customer.number / contract.number
            (site / "public_html" / "kuvat").mkdir(parents=True)
            page = f"<!doctype html><title>{customer.company}</title><p>Tervetuloa.\n"
            (site / "public_html" / "index.html").write_text(page, encoding="utf-8")
            (site / "public_html" / "kuvat" / "etusivu.png").write_bytes(b"\x89PNG artificial")
            answer = f"nimi;sahkoposti\n{person.name};{person.email}\n"
            (site / "lomakevastaukset.csv").write_text(answer, encoding="utf-8")
