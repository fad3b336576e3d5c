"""The small company with a paper archive. All people are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retention.models import Connection
from ropa.models import Organisation
from tests.retention.company import document, found_company, ground, publish

POLICY = {"mode": "purge", "approval": "automatic", "grace": "P0D", "waves": False}
BOXES = "box;shelf;description;security\nL1;A1;vanhat;P-4\nL2;A2;uudet;P-4\n"
CONTENTS = "number;box;customer;kind\n" + "".join(
    f"{number};{box};{customer};sopimus\n"
    for number, box, customer in [("L1/1", "L1", "1001"), ("L1/2", "L1", "1008"), ("L2/1", "L2", "1002")]
)


def found_archive(data_dir: Path, policy: dict[str, Any] = POLICY) -> Organisation:
    """The small company with an archive of two boxes: L1 goes whole, of L2 nothing is due."""
    organisation = found_company(data_dir)
    archive = data_dir / "archive"
    (archive / "orders").mkdir(parents=True)
    (archive / "boxes.csv").write_text(BOXES)
    (archive / "contents.csv").write_text(CONTENTS)
    content = document(POLICY)
    content["registers"].append(
        {"id": "arkisto", "name": {"fi": "Arkisto"}, "medium": "paper", "connection": "arkisto"}
    )
    content["datasets"].append(
        {
            "id": "paperit",
            "name": {"fi": "Paperit"},
            "register": "arkisto",
            "activity": "asiakkaat",
            "grain": "record",
            "subject_kind": "customer",
            "enforced_by": "us",
            "mapping": {"place": "sopimus", "key": "number", "subject": "customer"},
            "policy": policy,
            "grounds": [ground("vaateet", kind="claim", action="destroy_paper")],
        }
    )
    Connection.objects.create(
        organisation=organisation,
        code="arkisto",
        kind="paper",
        config={
            "list": str(archive / "boxes.csv"),
            "contents": str(archive / "contents.csv"),
            "orders": str(archive / "orders"),
        },
    )
    publish(organisation, content, 2, "2020-01-02")
    return organisation
