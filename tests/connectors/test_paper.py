"""The paper archive: orders, certificates, mixed boxes, and lists that people keep by hand."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from retention.connectors import paper
from retention.connectors.contract import ConnectorError, DatasetMapping, LedgerMapping, Outcome, Ref
from retention.connectors.own_terms import satisfies
from retention.connectors.paper import PaperConnector, Pull
from retention.connectors.paper_lists import CsvList
from retention.connectors.paper_orders import Answer, Answered, Orders, is_security_level, record_certificate
from retention.connectors.registry import connect
from retention.domain.predicates import FALSE, TRUE, AtMost
from retention.domain.rules import Action

OPTIONS = {"kind": "laji", "box": "laatikko", "shelf": "hylly", "security": "luokka", "seal": "sinetti", "paper": "nro"}
PAPERS = DatasetMapping(place="sopimus", key="nro", subject="asiakas", events={"recorded": "pvm"}, options=OPTIONS)
BOXES = DatasetMapping(place="sopimus", key="laatikko", events={"recorded": "pvm"}, options=OPTIONS)
SIGNED = date(2026, 10, 14)
DUE = AtMost("recorded", date(2020, 12, 31))
ROLE = "arkistonhoitaja"

LIST = """laatikko;hylly;luokka;sinetti;digitised;huom
L-1;3B;P-4;;;vanhat
L-2;3B;2/P-4;S-77;;
L-3;3C;P-4;;;
"""
CONTENTS = """nro;laatikko;laji;asiakas;pvm
1/1;L-1;sopimus;1001;2015-03-01
1/2;L-1;sopimus;1002;31.12.2020
2/1;L-2;sopimus;1001;2016-01-01
2/2;L-2;sopimus;1003;2021-01-01
3/1;L-3;sopimus;1004;2014-01-01
3/2;L-3;valitus;1004;2014-01-01
"""


class Keeper:
    """The archive keeper: has two lists and a folder."""

    def __init__(self, root: Path) -> None:
        self.list, self.contents, self.orders = root / "laatikot.csv", root / "sisalto.csv", root / "tilaukset"
        self.orders.mkdir()
        self.list.write_text(LIST, encoding="utf-8")
        self.contents.write_text(CONTENTS, encoding="utf-8")

    def connector(self) -> PaperConnector:
        return PaperConnector(list=str(self.list), contents=str(self.contents), orders=str(self.orders))

    def dispose(self, mapping, *refs, still_due=TRUE, action=Action.DESTROY_PAPER):
        with self.connector() as connector:
            return [(d.outcome, d.detail) for d in connector.dispose(mapping, refs, action, still_due)]

    def outcomes(self, mapping, *refs, still_due=TRUE):
        return [outcome for outcome, _ in self.dispose(mapping, *refs, still_due=still_due)]

    def find(self, mapping, where=TRUE, **asked):
        with self.connector() as connector:
            return list(connector.find(mapping, where, **asked))

    def verify(self, mapping, *keys):
        with self.connector() as connector:
            return {
                residue.key: residue.where
                for residue in connector.verify(mapping, [Ref(k) for k in keys], Action.DESTROY_PAPER)
            }

    def order(self, number):
        return json.loads((self.orders / f"{number}.order.json").read_text(encoding="utf-8"))

    def printed(self, number):
        return (self.orders / f"{number}.txt").read_text(encoding="utf-8")

    def certify(self, number, destroyed=None, seals=(), **more):
        return record_certificate(self.orders, number, Answer(destroyed, SIGNED, ROLE, seals, **more))


@pytest.fixture
def keeper(tmp_path):
    return Keeper(tmp_path)


def ref(key, subject):
    return Ref(key, subject)


BOX_1 = (Ref("1/1", "1001"), Ref("1/2", "1002"))


def test_a_whole_box_is_ordered_certified_and_taken_off_both_lists(keeper):
    answers = keeper.dispose(PAPERS, *BOX_1)
    assert [outcome for outcome, _ in answers] == [Outcome.PENDING] * 2
    (number,) = {token for _, token in answers}
    order = keeper.order(number)
    assert order == {
        "order": number,
        "kind": "destruction_order",
        "place": "sopimus",
        "box": "L-1",
        "shelf": "3B",
        "description": "",
        "security": "P-4",
        "seal": "",
        "digitised": "",
        "papers": ["1/1", "1/2"],
        "staying": 0,
        "latest": {"recorded": "2020-12-31"},
    }
    assert "HÄVITYSTILAUS" in keeper.printed(number)
    assert "L-1" in keeper.printed(number)
    assert "1001" not in keeper.printed(number) + str(order)
    assert keeper.dispose(PAPERS, *BOX_1) == answers
    assert keeper.contents.read_text(encoding="utf-8") == CONTENTS

    certificate = json.loads(keeper.certify(number, ["L-1"]).read_text(encoding="utf-8"))
    assert (certificate["destroyed"], certificate["destroyed_on"]) == (["1/1", "1/2"], "2026-10-14")
    assert keeper.dispose(PAPERS, BOX_1[0]) == [(Outcome.DESTROYED, f"certificate of order {number}")]
    assert "L-1" in keeper.list.read_text(encoding="utf-8")
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.ALREADY_ABSENT, Outcome.DESTROYED]
    assert keeper.contents.read_text(encoding="utf-8") == "".join(
        line for line in CONTENTS.splitlines(keepends=True) if not line.startswith("1/")
    )
    assert keeper.list.read_text(encoding="utf-8") == LIST.replace("L-1;3B;P-4;;;vanhat\n", "")
    assert keeper.verify(PAPERS, "1/1", "1/2") == {}
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.ALREADY_ABSENT] * 2


def test_a_paper_that_is_called_like_its_box_is_that_paper(keeper):
    keeper.contents.write_text(CONTENTS.replace("1/1;", "L-1;"), encoding="utf-8")
    both = (Ref("L-1", "1001"), Ref("1/2", "1002"))
    answers = keeper.dispose(PAPERS, *both)
    (number,) = {token for _, token in answers}
    certificate = json.loads(keeper.certify(number, ["L-1"]).read_text(encoding="utf-8"))
    assert certificate["destroyed"] == ["L-1"]
    assert keeper.outcomes(PAPERS, *both) == [Outcome.DESTROYED, Outcome.FAILED]
    assert set(keeper.verify(PAPERS, "L-1", "1/2")) == {"1/2"}


def test_of_a_mixed_box_single_papers_are_pulled(keeper):
    ((_, number),) = keeper.dispose(PAPERS, ref("2/1", "1001"), still_due=DUE)
    assert (keeper.order(number)["kind"], keeper.order(number)["staying"]) == ("pull_list", 1)
    assert "POIMINTALISTA" in keeper.printed(number)
    assert "[ ] 2/1" in keeper.printed(number)
    keeper.certify(number)
    assert keeper.outcomes(PAPERS, ref("2/1", "1001"), still_due=DUE) == [Outcome.DESTROYED]
    assert keeper.list.read_text(encoding="utf-8") == LIST
    ((_, rest),) = keeper.dispose(PAPERS, ref("2/2", "1003"))
    assert keeper.order(rest)["kind"] == "destruction_order"


def test_papers_of_another_kind_make_a_box_mixed(keeper):
    ((_, number),) = keeper.dispose(PAPERS, ref("3/1", "1004"))
    assert keeper.order(number)["kind"] == "pull_list"
    (box,) = [c for c in keeper.find(BOXES) if c.ref.key == "L-3"]
    assert box.events == {"recorded": None}
    assert keeper.dispose(BOXES, Ref("L-3")) == [(Outcome.REFUSED, "papers of another kind lie in the box")]


def test_what_the_certificate_lacks_is_a_shortfall_until_a_later_one_tells_of_it(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    keeper.certify(number, ["1/1"])
    first, second = keeper.dispose(PAPERS, *BOX_1)
    assert first[0] is Outcome.DESTROYED
    assert second == (Outcome.FAILED, f"shortfall: the certificate of order {number} lacks it")
    with pytest.raises(ConnectorError, match="tells of them already"):
        keeper.certify(number, ["1/1"])
    later = keeper.certify(number)
    assert json.loads(later.read_text(encoding="utf-8"))["destroyed"] == ["1/2"]
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.ALREADY_ABSENT, Outcome.DESTROYED]
    assert "L-1" not in keeper.list.read_text(encoding="utf-8")


def test_an_order_in_which_something_may_no_longer_go_is_withdrawn_and_the_rest_ordered_anew(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    before_2020 = AtMost("recorded", date(2019, 12, 31))
    (kept, superseded) = keeper.dispose(PAPERS, *BOX_1, still_due=before_2020)
    assert superseded[0] is Outcome.SUPERSEDED
    assert kept[0] is Outcome.PENDING
    assert kept[1] != number
    assert "PERUUTETTU" in keeper.printed(number)
    assert keeper.order(kept[1])["papers"] == ["1/1"]
    assert keeper.order(kept[1])["kind"] == "pull_list"
    # due again: never under the withdrawn number
    assert keeper.outcomes(PAPERS, *BOX_1, still_due=FALSE) == [Outcome.SUPERSEDED] * 2
    ((_, again), _) = keeper.dispose(PAPERS, *BOX_1)
    assert again == f"{number}-2"
    keeper.certify(number)  # somebody destroyed it nevertheless: what is gone is gone
    assert keeper.outcomes(PAPERS, *BOX_1, still_due=FALSE) == [Outcome.DESTROYED] * 2


@pytest.mark.parametrize("kind", ["sopimus", "valitus"])
def test_a_box_that_something_was_put_into_is_no_longer_to_go_whole(keeper, kind):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    assert keeper.order(number)["kind"] == "destruction_order"
    keeper.contents.write_text(f"{CONTENTS}1/3;L-1;{kind};1009;2026-01-01\n", encoding="utf-8")
    answers = keeper.dispose(PAPERS, *BOX_1, still_due=DUE)
    assert "PERUUTETTU" in keeper.printed(number)
    (again,) = {detail for _, detail in answers}
    assert keeper.order(again)["kind"] == "pull_list"


def test_what_went_by_an_order_that_was_taken_back_too_late_is_ordered_no_more(keeper):
    ((_, first), _) = keeper.dispose(PAPERS, *BOX_1)
    keeper.dispose(PAPERS, BOX_1[1], still_due=FALSE)
    ((_, second),) = keeper.dispose(PAPERS, BOX_1[0])
    keeper.certify(first)
    assert keeper.outcomes(PAPERS, BOX_1[0]) == [Outcome.DESTROYED]
    orders = Orders(keeper.orders).written
    assert (orders[first].withdrawn, orders[second].withdrawn) == (True, True)
    assert orders[second].remaining == ("1/1",)


def test_a_paper_that_was_put_into_another_box_is_ordered_from_there(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    keeper.contents.write_text(CONTENTS.replace("1/2;L-1", "1/2;L-2"), encoding="utf-8")
    answers = keeper.dispose(PAPERS, *BOX_1)
    assert "PERUUTETTU" in keeper.printed(number)
    assert [keeper.order(detail)["box"] for _, detail in answers] == ["L-1", "L-2"]


def test_asked_again_with_nothing_due_a_pending_order_is_withdrawn_and_nothing_destroyed(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    assert keeper.outcomes(PAPERS, BOX_1[0], still_due=FALSE) == [Outcome.SUPERSEDED]
    assert (keeper.orders / f"{number}.withdrawn.json").exists()
    assert keeper.contents.read_text(encoding="utf-8") == CONTENTS


def test_a_box_is_one_item_with_the_latest_of_its_days(keeper):
    found = {c.ref: c.events["recorded"] for c in keeper.find(BOXES)}
    assert found == {Ref("L-1"): date(2020, 12, 31), Ref("L-2"): date(2021, 1, 1), Ref("L-3"): None}
    assert [c.ref.key for c in keeper.find(BOXES, DUE)] == ["L-1"]
    ((outcome, number),) = keeper.dispose(BOXES, Ref("L-1"), still_due=DUE)
    assert outcome is Outcome.PENDING
    keeper.certify(number)
    assert keeper.outcomes(BOXES, Ref("L-1"), still_due=DUE) == [Outcome.DESTROYED]
    assert "L-1" not in keeper.contents.read_text(encoding="utf-8") + keeper.list.read_text(encoding="utf-8")


@pytest.mark.parametrize("certified", [False, True])
def test_what_comes_into_a_box_after_its_order_is_not_struck_off(keeper, certified):
    """As old as the others, so that the box is due still: it is ordered anew, or somebody mends the list."""
    ((_, number),) = keeper.dispose(BOXES, Ref("L-1"), still_due=DUE)
    assert keeper.order(number)["lines"] == 2
    assert "Asiakirjoja:   2" in keeper.printed(number)
    if certified:
        keeper.certify(number)
    first = CONTENTS.splitlines()[1]
    with_one_more = CONTENTS + first.replace("1/1", "1/9", 1) + "\n"
    keeper.contents.write_text(with_one_more, encoding="utf-8")
    ((outcome, detail),) = keeper.dispose(BOXES, Ref("L-1"), still_due=DUE)
    assert keeper.contents.read_text(encoding="utf-8") == with_one_more
    if not certified:
        assert (outcome, detail) == (Outcome.PENDING, f"{number}-2")
        assert keeper.order(detail)["lines"] == 3
        return
    assert (outcome, "mend the list" in detail) == (Outcome.FAILED, True)
    keeper.contents.write_text(with_one_more.replace("1/9;L-1", "1/9;L-2"), encoding="utf-8")
    assert keeper.outcomes(BOXES, Ref("L-1"), still_due=DUE) == [Outcome.DESTROYED]
    assert "1/9" in keeper.contents.read_text(encoding="utf-8")


def test_a_paper_without_a_date_makes_its_box_undated(keeper):
    keeper.contents.write_text(CONTENTS.replace("2015-03-01", ""), encoding="utf-8")
    assert keeper.find(BOXES)[0].events == {"recorded": None}
    assert keeper.outcomes(BOXES, Ref("L-1"), still_due=DUE) == [Outcome.SUPERSEDED]


def test_the_pull_list_tells_what_is_due_before_its_box(keeper):
    with keeper.connector() as connector:
        for mapping in (PAPERS, BOXES):
            assert list(connector.pull_list(mapping, DUE)) == [
                Pull("L-2", "3B", "2/1", {"recorded": date(2016, 1, 1)}),
                Pull("L-3", "3C", "3/1", {"recorded": date(2014, 1, 1)}),
            ]


def test_a_digitised_box_exists_twice(keeper):
    keeper.list.write_text(LIST.replace("L-1;3B;P-4;;;", "L-1;3B;P-4;;skannaus/1;"), encoding="utf-8")
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    assert "skannaus/1" in keeper.printed(number)
    keeper.certify(number)
    keeper.dispose(PAPERS, *BOX_1)
    assert keeper.verify(PAPERS, "1/1") == {"1/1": "digitised: it exists twice"}
    keeper.list.write_text(LIST, encoding="utf-8")
    assert keeper.verify(PAPERS, "1/1") == {}


def test_a_number_that_was_destroyed_and_is_on_the_list_again_is_refused(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    keeper.certify(number)
    keeper.dispose(PAPERS, *BOX_1)
    keeper.list.write_text(LIST, encoding="utf-8")
    keeper.contents.write_text(CONTENTS, encoding="utf-8")
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.REFUSED] * 2
    assert keeper.contents.read_text(encoding="utf-8") == CONTENTS


def test_a_paper_that_vanished_from_the_list_without_a_certificate_is_failed(keeper):
    keeper.dispose(PAPERS, *BOX_1)
    keeper.contents.write_text(CONTENTS.replace("1/1;L-1;sopimus;1001;2015-03-01\n", ""), encoding="utf-8")
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.FAILED, Outcome.PENDING]


def test_killed_between_the_lists_the_next_try_finishes(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    keeper.certify(number)
    kept = "".join(line for line in CONTENTS.splitlines(keepends=True) if not line.startswith("1/"))
    keeper.contents.write_text(kept, encoding="utf-8")  # as after the first of two replacements
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.DESTROYED] * 2
    assert "L-1" not in keeper.list.read_text(encoding="utf-8")


def test_an_emptied_kind_is_known_and_an_unknown_one_is_not(keeper):
    keeper.contents.write_text("nro;laatikko;laji;asiakas;pvm\n3/1;L-3;sopimus;1004;2014-01-01\n", encoding="utf-8")
    ((_, number),) = keeper.dispose(PAPERS, ref("3/1", "1004"))
    keeper.certify(number)
    keeper.dispose(PAPERS, ref("3/1", "1004"))
    with keeper.connector() as connector:
        assert connector.check([PAPERS]).missing_rights == ()
        with pytest.raises(ConnectorError, match="valitus: no paper of this kind"):
            connector.check([DatasetMapping(place="valitus", key="nro", options=OPTIONS)])


@pytest.mark.parametrize("action", sorted(set(Action) - {Action.DESTROY_PAPER}))
def test_other_actions_are_refused(keeper, action):
    assert keeper.dispose(PAPERS, BOX_1[0], action=action)[0][0] is Outcome.REFUSED
    assert list(keeper.orders.iterdir()) == []


@pytest.mark.parametrize("level", ["", "P4", "P-8", "1/P-4"])
def test_a_box_without_a_security_level_is_refused(keeper, level):
    keeper.list.write_text(LIST.replace("L-1;3B;P-4", f"L-1;3B;{level}"), encoding="utf-8")
    assert keeper.outcomes(PAPERS, BOX_1[0]) == [Outcome.REFUSED]


def test_security_levels_are_those_of_the_standard():
    assert [level for level in ("P-1", "P-7", "1/P-3", "2/P-3", "3/P-5") if not is_security_level(level)] == []
    assert [level for level in ("P-0", "p-4", "O-4", "3/P-4", "4/P-4") if is_security_level(level)] == []


# --- certificates


def test_a_sealed_box_needs_its_seal_on_the_certificate(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, ref("2/1", "1001"), ref("2/2", "1003"))
    with pytest.raises(ConnectorError, match="the seal that order"):
        keeper.certify(number, seals=["S-78"])
    assert keeper.outcomes(PAPERS, ref("2/1", "1001")) == [Outcome.PENDING]
    keeper.certify(number, seals=["S-77"])
    assert keeper.outcomes(PAPERS, ref("2/1", "1001")) == [Outcome.DESTROYED]


def test_what_was_not_found_is_failed_as_that_until_it_is_destroyed(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    told = json.loads(keeper.certify(number, not_found=["1/2"]).read_text(encoding="utf-8"))
    assert (told["destroyed"], told["not_found"]) == (["1/1"], ["1/2"])
    first, second = keeper.dispose(PAPERS, *BOX_1)
    assert first[0] is Outcome.DESTROYED
    assert second == (Outcome.FAILED, f"shortfall: the certificate of order {number} says that it was not found")
    for bad in ({"destroyed": ["1/2"], "not_found": ["1/2"]}, {"destroyed": [], "not_found": ["1/1"]}):
        with pytest.raises(ConnectorError):
            keeper.certify(number, **bad)
    keeper.certify(number, ["1/2"])
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.ALREADY_ABSENT, Outcome.DESTROYED]


def test_a_certificate_says_how_finely_and_not_less_than_ordered(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    with pytest.raises(ConnectorError, match="asks for P-4, which is finer"):
        keeper.certify(number, method="shredder", level="P-3")
    told = json.loads(keeper.certify(number, method="shredder", level="2/P-5", witness="arkisto 2").read_text())
    assert [told[name] for name in ("method", "level", "witness")] == ["shredder", "2/P-5", "arkisto 2"]


def test_who_looked_at_an_order_before_somebody_else_s_certificate_records_nothing(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    seen = []
    first = Answer(["1/1"], SIGNED, ROLE)
    record_certificate(keeper.orders, number, first, earlier=0, before=lambda *told: seen.append(told))
    (certificate,) = keeper.orders.glob("*.certificate.json")
    assert seen == [(certificate.read_bytes(), 1, 0)]
    with pytest.raises(Answered):
        record_certificate(keeper.orders, number, Answer(["1/2"], SIGNED, ROLE), earlier=0)
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.DESTROYED, Outcome.FAILED]


def test_certificates_are_read_in_the_order_in_which_they_came(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    for _n in range(11):
        keeper.certify(number, [], not_found=["1/1"])
    keeper.certify(number, ["1/1"])
    (order,) = Orders(keeper.orders).written.values()
    assert [len(one["destroyed"]) for one in order.certificates] == [0] * 11 + [1]
    assert (order.remaining, order.not_found) == (("1/2",), frozenset())


def test_a_certificate_for_what_was_not_ordered_is_refused(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    for bad in ("D-000000000000", "../sisalto", "*", ""):
        with pytest.raises(ConnectorError, match="there is no order"):
            record_certificate(keeper.orders, bad, Answer(None, SIGNED, ROLE))
    with pytest.raises(ConnectorError, match="1 of the papers were not in order"):
        keeper.certify(number, ["1/1", "2/1"])
    with pytest.raises(ConnectorError, match="in which role"):
        record_certificate(keeper.orders, number, Answer(None, SIGNED, " "))
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.PENDING] * 2


def test_an_order_that_cannot_be_read_is_named(keeper):
    ((_, number), _) = keeper.dispose(PAPERS, *BOX_1)
    (keeper.orders / f"{number}.certificate.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConnectorError, match=f"{number}.certificate.json cannot be read"):
        keeper.dispose(PAPERS, *BOX_1)
    (keeper.orders / f"{number}.certificate.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConnectorError, match="says nothing of 'destroyed'"):
        keeper.dispose(PAPERS, *BOX_1)


# --- the keeper's lists


def test_taking_out_leaves_every_other_byte(keeper):
    head = "\ufeffnro;laatikko;laji;asiakas;pvm\r\n"
    rest = '\r\n"9""9";L-1;"a;\r\nb";1;"2020-01-01"'
    keeper.contents.write_bytes(f'{head}"1/1";L-1;sopimus;1001;2015-03-01\r\n{rest}'.encode())
    keeper.contents.chmod(0o604)
    listed = CsvList(keeper.contents, "list")
    assert [(row.line, row["nro"], row["laji"]) for row in listed.rows()] == [
        (2, "1/1", "sopimus"),
        (4, '9"9', "a;\r\nb"),
    ]
    assert listed.take_out(lambda row: row["nro"] == "1/1") == 1
    assert keeper.contents.read_bytes().decode() == head + rest
    assert keeper.contents.stat().st_mode & 0o777 == 0o604
    assert sorted(p.name for p in keeper.contents.parent.iterdir()) == ["laatikot.csv", "sisalto.csv", "tilaukset"]


def test_a_list_that_the_keeper_saves_meanwhile_is_not_overwritten(keeper):
    def save_it_then_choose(row):
        keeper.contents.write_text(CONTENTS + "4/1;L-3;sopimus;1009;\n", encoding="utf-8")
        return row["nro"] == "1/1"

    with pytest.raises(ConnectorError, match="saved by somebody else") as raised:
        CsvList(keeper.contents, "list of contents").take_out(save_it_then_choose)
    assert not raised.value.permanent
    assert keeper.contents.read_text(encoding="utf-8").endswith("4/1;L-3;sopimus;1009;\n")


def test_two_at_once_write_one_order(keeper):
    """Two processes dispose of the same box: the lock makes the second find the first one's order."""
    script = (
        "import sys; from tests.connectors.test_paper import *\n"
        "with PaperConnector(list=sys.argv[1], contents=sys.argv[2], orders=sys.argv[3]) as c:\n"
        "    print([d.detail for d in c.dispose(PAPERS, BOX_1, Action.DESTROY_PAPER, TRUE)])\n"
    )
    command = [sys.executable, "-c", script, str(keeper.list), str(keeper.contents), str(keeper.orders)]
    root = Path(__file__).parents[2]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=os.environ) for _ in range(3)]
    told = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(told) == 1
    assert len(list(keeper.orders.glob("*.order.json"))) == 1


def test_nobody_else_orders_meanwhile(keeper, monkeypatch):
    tried = []

    def lock_too_then_ask(expression, candidate):
        with (keeper.orders / ".lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried.append(candidate.ref.key)
        return satisfies(expression, candidate)

    monkeypatch.setattr(paper, "satisfies", lock_too_then_ask)
    assert keeper.outcomes(PAPERS, *BOX_1) == [Outcome.PENDING] * 2
    assert sorted(tried) == ["1/1", "1/2"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("contents", "", "the list of contents has no headings"),
        ("contents", CONTENTS.replace("pvm", "paiva"), "the list of contents has no column 'pvm'"),
        ("contents", CONTENTS.replace("laji", "nro"), "line 1 has column 'nro' twice"),
        ("contents", CONTENTS.replace("2016-01-01", "2016"), "line 4, column 'pvm': holds something that is no date"),
        ("contents", CONTENTS.replace("2016-01-01", "31.2.2016"), "line 4, column 'pvm'"),
        ("contents", CONTENTS.replace(";1003", ""), "line 5 has 4 columns instead of 5"),
        ("contents", CONTENTS.replace("2/2;L-2", "2/2;L-9"), "line 5, column 'laatikko': names a box that is not"),
        ("contents", CONTENTS.replace("2/2;", "2/1;"), "line 5, column 'nro': names a paper of another line again"),
        ("contents", CONTENTS.replace("2/2;", ";"), "line 5, column 'nro': names no paper"),
        ("contents", CONTENTS.replace("2/2;", '"2/2'), "the list of contents: line"),
        (
            "list",
            LIST.replace("L-3", "L-1"),
            "list of boxes: line 4, column 'laatikko': names the box of an earlier line",
        ),
        ("list", LIST.replace("L-3", ""), "list of boxes: line 4, column 'laatikko': names no box"),
        ("list", LIST.replace("luokka", "taso"), "the list of boxes has no column 'luokka'"),
    ],
)
def test_a_malformed_list_is_told_by_line_and_column_and_nothing_is_ordered(keeper, name, text, why):
    getattr(keeper, name).write_text(text, encoding="utf-8")
    with pytest.raises(ConnectorError, match=why) as raised, keeper.connector() as connector:
        connector.check([PAPERS])
    assert raised.value.permanent
    assert not any(number in str(raised.value) for number in ("1001", "1003", "31.2"))
    assert list(keeper.orders.iterdir()) == []


def test_lists_in_another_encoding_or_missing_are_named(keeper):
    keeper.contents.write_bytes(CONTENTS.replace("laji", "lääji").encode("latin-1"))
    with pytest.raises(ConnectorError, match="the list of contents: line 1 is not UTF-8"):
        keeper.find(PAPERS)
    keeper.contents.unlink()
    with pytest.raises(ConnectorError, match="the list of contents: No such file"):
        keeper.find(PAPERS)
    keeper.orders.rmdir()
    with pytest.raises(ConnectorError, match="folder for orders is not there"):
        keeper.find(PAPERS)


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        (DatasetMapping("sopimus", "nro", fields=("x",), options=OPTIONS), "sopimus: paper has no fields"),
        (DatasetMapping("sopimus", "nro", children=("x",), options=OPTIONS), "sopimus: paper has no children"),
        (DatasetMapping("sopimus", "nro", options={"kinds": "x"}), "unknown option 'kinds'"),
        (DatasetMapping("sopimus", "nro", options={"kind": 1}), "option 'kind' is the name of a column"),
        (DatasetMapping("sopimus", "laatikko", subject="asiakas", options=OPTIONS), "a box holds papers of many"),
        (DatasetMapping("sopimus", "tunnus", options=OPTIONS), "no column 'tunnus'"),
        (DatasetMapping("sopimus", "nro", facts={"usage_billed": "asiakas"}, options=OPTIONS), "true, false or empty"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(keeper, mapping, why):
    with keeper.connector() as connector, pytest.raises(ConnectorError, match=why) as raised:
        connector.check([mapping])
    assert raised.value.permanent


def test_an_archive_is_made_by_the_registry_describes_itself_and_tells_no_contracts(keeper):
    config = {"list": str(keeper.list), "contents": str(keeper.contents), "orders": str(keeper.orders)}
    with connect("paper", config) as connector:
        assert [(place.name, place.rows) for place in connector.describe()] == [("laatikot", 3), ("sisalto", 6)]
        with pytest.raises(ConnectorError, match="no source of truth"):
            connector.collect(LedgerMapping(place="sopimus", subject="asiakas"))
        (told,) = connector.export(PAPERS, [Ref("2/1", "1001"), Ref("9/9", "1001")])
        assert (told["shelf"], told["papers"][0]["asiakas"]) == ("3B", "1001")
        assert [c.ref.key for c in connector.find(PAPERS, subjects=["1001"])] == ["1/1", "2/1"]
