"""The process that sets the PDF: what it makes of a large record, and what is told when it fails."""

import io
import json
import sys

import pikepdf
import pytest
from pypdf import PdfReader

from ropa.render import FORMATS, begun
from ropa.render.layout import sheet_of
from ropa.render.layout_compact import LARGE
from ropa.render.pdf import Laid, TypesettingError, laid_out, typeset
from ropa.render.sheet import Entries
from ropa.render.typesetting import told
from ropa.report import build
from tests.ropa.inventories import data, evidence, fi, inventory

NAMES = [f"Suuri aineisto {number}" for number in range(LARGE + 1)]
DAY = "2026-10-14"


def large(rules=None):
    """A record that is gathered: datasets like the third one of the small record."""
    document = inventory()
    shape = document["datasets"][2]
    document["datasets"] += [
        {**shape, "id": f"d{number}", "name": fi(name), **(rules(number) if rules else {})}
        for number, name in enumerate(NAMES)
    ]
    return build(data(document=document, evidence=evidence(tiketit={"overdue": 3, "overdue_since": "2026-01-01"})))


@pytest.fixture(scope="module")
def made():
    return FORMATS["pdf"](large())


def test_every_dataset_stands_on_the_paper_of_a_large_record(made):
    pages = PdfReader(io.BytesIO(made)).pages
    said = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert [name for name in NAMES if f"{name};" not in said and f"{name} " not in said] == []
    assert f"2 ({len(pages)})" in pages[1].extract_text()


def test_a_large_record_is_for_keeping_and_for_everyone(made):
    with pikepdf.open(io.BytesIO(made)) as pdf, pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "2A" and metadata["pdfuaid:part"] == "1"
        assert str(pdf.Root.Lang) == "fi"
        with pdf.open_outline() as outline:
            assert len(outline.root) == len(sheet_of(large(), compact=True).sections)
        kinds = [str(one) for one in _kinds(pdf.Root.StructTreeRoot.K)]
    assert kinds.count("/LI") == kinds.count("/LBody") > 3
    assert kinds.count("/H1") == len(outline.root)


def _kinds(element):
    if isinstance(element, pikepdf.Array):
        for one in element:
            yield from _kinds(one)
    elif isinstance(element, pikepdf.Dictionary) and "/S" in element:
        yield element.S
        yield from _kinds(element.get("/K", pikepdf.Array()))


@pytest.mark.parametrize("extension", FORMATS)
def test_what_is_begun_is_finished_without_its_report(extension):
    report = build(data())
    whole = FORMATS[extension](report)
    finished = begun(extension, report)
    report.clear()
    assert finished() == whole


def gathered(report):
    """The entries of the retention section: lines of text."""
    sheet = sheet_of(report, compact=True)
    (section,) = (one for one in sheet.sections if one.title == "Säilytysaikataulu")
    blocks = [block for block in section.blocks if isinstance(block, Entries)]
    return [["".join(run.text for run in line) for line in row] for block in blocks for row in block.rows]


def test_all_rules_of_equal_datasets_are_said_once():
    ground = inventory()["datasets"][2]["grounds"][0]
    two = [{**ground, "id": "a", "period": "P3Y"}, {**ground, "id": "b", "period": "P6Y"}]
    rows = gathered(large(lambda _: {"grounds": two, "ceilings": []}))
    (row,) = (row for row in rows if NAMES[0] in row[-1])
    assert len(row) == 3 and row[0].startswith("3\u00a0vuotta") and row[1].startswith("6\u00a0vuotta")
    assert row[2].startswith(f"{len(NAMES)}\u00a0tietoaineistoa: {NAMES[0]}; {NAMES[1]}; ")


def test_rules_that_stand_in_many_mixtures_are_said_one_by_one():
    ground = inventory()["datasets"][2]["grounds"][0]

    def rules(number):
        mine = [place for place in range(9) if number + 1 >> place & 1]
        return {"grounds": [{**ground, "id": f"s{one}", "period": f"P{one + 1}Y"} for one in mine], "ceilings": []}

    rows = [row for row in gathered(large(rules)) if "Suuri aineisto" in row[-1]]
    assert len(rows) == 9 and all(len(row) == 2 for row in rows)
    (of_one_year,) = (row for row in rows if row[0].startswith("1\u00a0vuosi"))
    assert of_one_year[1].split(": ")[1].split("; ") == NAMES[::2]


def broken(**over):
    return Laid(json.dumps({**json.loads(laid_out(build(data())).sheet), **over}).encode(), DAY, False)


def program(folder, monkeypatch, does):
    """A program in Python's place that ends as it is told to."""
    file = folder / "python"
    file.write_text(f"#!/bin/sh\ncat >/dev/null\n{does}\n", encoding="ascii")
    file.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(file))


def test_what_typst_refuses_is_told_without_what_it_quotes():
    with pytest.raises(TypesettingError, match=r"^PDF: not made \(exit code 3\): TypstError: .*…") as refused:
        typeset(broken(facts={"rows": [], "Matti Esimerkki": 1}, page={"Esimerkki": 1}))
    assert "Esimerkki" not in str(refused.value)
    with pytest.raises(TypesettingError, match=r"TypstError: failed to parse JSON"):
        typeset(Laid(b"Matti Esimerkki", DAY, False))
    with pytest.raises(TypesettingError, match=r"exit code 3\): ValueError: Invalid isoformat string: …"):
        typeset(Laid(b"{}", "Matti Esimerkki", False))


def test_a_quotation_is_left_out_with_the_quotations_in_it():
    assert told(ValueError('no "Matti "Masa" Esimerkki" here,\nnor `x`')) == "ValueError: no … here, nor …"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("kill -9 $$", r"ended by signal 9; where memory is short"),
        ("exit 0", r"not made \(exit code 0\): nothing was told"),
        ("echo no interpreter >&2; exit 1", r"not made \(exit code 1\): no interpreter"),
    ],
)
def test_a_process_that_ends_otherwise_is_told(tmp_path, monkeypatch, does, said):
    program(tmp_path, monkeypatch, does)
    with pytest.raises(TypesettingError, match=said):
        typeset(broken())


def test_a_process_that_cannot_be_started_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(TypesettingError, match=r"none cannot be started: No such file"):
        typeset(broken())


def test_what_typst_warns_of_is_a_warning(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, "printf %%PDF; echo TypstWarning: no convergence >&2")
    with pytest.warns(UserWarning, match=r"^PDF: TypstWarning: no convergence$"):
        assert typeset(broken()) == b"%PDF"
