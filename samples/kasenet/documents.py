"""Register 6: the documentation server, folders of files named by customer number and date.

A few files are named as people name files, so that no number or no date can be read from them: nothing
may happen to those by machine, and the night must say that they are there.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from samples.kasenet.story import Story

STRAY = ("skannaus0001.pdf", "sopimus uusi (2).pdf", "asiakas 10xxx vanha.pdf")


def build(directory: Path, story: Story, random: Random) -> None:
    """Write dokumentit/: sopimukset/NUMBER/… and piirustukset/YEAR/…"""
    root = directory / "dokumentit"
    contracts, drawings = root / "sopimukset", root / "piirustukset"
    contracts.mkdir(parents=True)
    drawings.mkdir()
    for customer in story.customers:
        for contract in customer.contracts:
            if random.random() < 0.4:
                folder = contracts / customer.number
                folder.mkdir(exist_ok=True)
                name = f"sopimus_{customer.number}_{contract.started.isoformat()}.pdf"
                (folder / name).write_bytes(pdf(f"Sopimus {contract.number}, {customer.person.name}"))
            if random.random() < 0.25:
                folder = drawings / str(contract.started.year)
                folder.mkdir(exist_ok=True)
                name = f"piirustus_{customer.number}_{contract.started.isoformat()}.pdf"
                (folder / name).write_bytes(pdf(f"Tonttipiirustus, {customer.person.address}"))
    for name in STRAY:
        (contracts / name).write_bytes(pdf("Nimetön skannaus"))


def pdf(text: str) -> bytes:
    """The smallest whole PDF that says so much."""
    shown = text.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    stream = b"BT /F1 14 Tf 60 780 Td (" + shown + b") Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    written, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(written)
    return written + b"xref\n0 6\n0000000000 65535 f \n" + entries + trailer
