"""What the ledger takes in from programs, and how it tells it again."""

from __future__ import annotations

from datetime import date

import pytest

from retention import ledger
from retention.domain.errors import DocumentError
from retention.domain.items import Contract, Item, Occurrence, recorded
from retention.ledger import ContractRow, EventRow, FactRow, Upserted, ledger_items, upsert
from retention.models import LedgerContract, LedgerEvent, LedgerFact
from ropa.models import Organisation

START, END = date(2015, 1, 1), date(2022, 1, 31)


@pytest.fixture
def organisation(db):
    return Organisation.objects.create(slug="testi", name="Testi Oy")


def contract(subject="1001", ref="S1", started=START, ended=None, closed=False, revision=0):
    return ContractRow("customer", subject, ref, started, ended, closed, revision)


def items(organisation, *subjects, kind="customer"):
    return dict(ledger_items(organisation, kind, subjects or None))


def problems(organisation, **rows):
    with pytest.raises(DocumentError) as caught:
        upsert(organisation, source="api:integrator", **rows)
    return {problem.path: problem.message for problem in caught.value.problems}


class TestUpsert:
    def test_what_is_new_is_written_and_told_again(self, organisation):
        written = upsert(
            organisation,
            contracts=[contract(ended=END), contract(ref="S2", closed=True)],
            events=[EventRow("customer", "1001", "objection", END, purpose="markkinointi")],
            facts=[FactRow("customer", "1001", "became_customer", True)],
            source="api:integrator",
        )
        assert written == Upserted(2, 1, 1, 0)
        assert items(organisation) == {
            "1001": Item(
                contracts=(Contract("S1", START, END), Contract("S2", START, None, True)),
                events={"objection": (Occurrence(END, purpose="markkinointi"),)},
                facts={"became_customer": True},
            )
        }

    @pytest.mark.parametrize(("revision", "stays"), [(6, None), (5, END), (4, END)])
    def test_only_a_later_revision_supersedes(self, organisation, revision, stays):
        upsert(organisation, contracts=[contract(ended=END, revision=5)], source="api:integrator")
        written = upsert(organisation, contracts=[contract(revision=revision)], source="api:other")
        late = revision <= 5
        assert (written.contracts, written.superseded) == (int(not late), int(late))
        known = LedgerContract.objects.get()
        assert (known.ended, known.revision) == (stays, max(revision, 5))
        assert known.source == ("api:integrator" if late else "api:other")

    def test_an_end_that_stands_for_not_yet_is_none_as_from_a_register(self, organisation):
        ends = (date(2199, 12, 31), date(2200, 1, 1), date(9999, 12, 31))
        rows = [contract(ref=f"S{n}", ended=end) for n, end in enumerate(ends)]
        upsert(organisation, contracts=rows, source="api:integrator")
        stored = LedgerContract.objects.order_by("ref").values_list("ended", flat=True)
        assert list(stored) == [date(2199, 12, 31), None, None]

    def test_events_and_facts_have_revisions_too(self, organisation):
        def tell(day, value, revision):
            return upsert(
                organisation,
                events=[EventRow("customer", "1001", "last_contact", day, revision=revision)],
                facts=[FactRow("customer", "1001", "own", value, revision)],
                source="api:integrator",
            )

        tell(END, True, 2)
        assert tell(START, False, 1).superseded == 2
        assert (LedgerEvent.objects.get().date, LedgerFact.objects.get().value) == (END, True)
        assert tell(START, False, 3).superseded == 0
        assert (LedgerEvent.objects.get().date, LedgerFact.objects.get().value) == (START, False)

    def test_the_same_number_of_another_kind_is_somebody_else(self, organisation):
        staff = ContractRow("staff", "1001", "S1", START, END)
        upsert(organisation, contracts=[contract(), staff], source="api:integrator")
        assert items(organisation)["1001"].contracts == (Contract("S1", START),)
        assert items(organisation, kind="staff")["1001"].contracts == (Contract("S1", START, END),)

    def test_more_rows_than_are_written_at_once(self, organisation, monkeypatch):
        monkeypatch.setattr(ledger, "BATCH", 3)
        rows = [contract(subject=str(n)) for n in range(10)]
        assert upsert(organisation, contracts=rows, source="api:integrator").contracts == 10
        assert len(items(organisation)) == 10


class TestWhatIsWrong:
    def test_every_problem_is_named_by_its_place_and_nothing_is_written(self, organisation):
        found = problems(
            organisation,
            contracts=[contract(), contract(ref="S2", started=END, ended=START), contract(subject=""), contract()],
            events=[
                EventRow("customer", "1001", "contract_endd", END),
                EventRow("customer", "1001", "objection", END, thing="x" * 101),
            ],
            facts=[FactRow("Customer", "1001", "own", True), FactRow("customer", "x" * 101, "own", True)],
        )
        assert set(found) == {
            "contracts[1].ended",
            "contracts[2].subject",
            "contracts[3]",
            "events[0].name",
            "events[1].thing",
            "facts[0].subject_kind",
            "facts[1].subject",
        }
        assert "contracts[0]" in found["contracts[3]"]
        assert "contract_endd" in found["events[0].name"]
        assert not items(organisation)

    def test_no_message_repeats_a_number(self, organisation):
        found = problems(
            organisation,
            contracts=[contract("9001001", "S900", END, START), contract("9001001", "S900"), contract("9001001", "")],
            facts=[FactRow("customer", "9001001" * 20, "own", True, revision=-1)],
        )
        assert not any("900" in text for pair in found.items() for text in pair)

    @pytest.mark.parametrize("name", ["contract_started", "contract_ended"])
    def test_a_contracts_own_dates_are_no_events(self, organisation, name):
        """As an event of the subject it would hide a contract that still runs."""
        assert "events[0].name" in problems(organisation, events=[EventRow("customer", "1001", name, END)])
        upsert(organisation, contracts=[contract()], source="api:integrator")
        LedgerEvent.objects.create(
            organisation=organisation, subject_kind="customer", subject="1001", source="api:old", name=name, date=END
        )
        assert not items(organisation)["1001"].events

    @pytest.mark.parametrize("revision", [-1, 2**63])
    def test_a_revision_is_a_number_that_can_be_kept(self, organisation, revision):
        assert "contracts[0].revision" in problems(organisation, contracts=[contract(revision=revision)])

    def test_a_value_is_true_or_false_a_number_or_a_text(self, organisation):
        bad = FactRow("customer", "1001", "own", None)
        assert "facts[0].value" in problems(organisation, facts=[bad])

    def test_what_a_register_tells_is_not_a_programs_to_tell(self, organisation):
        whose = {"organisation": organisation, "subject_kind": "customer", "subject": "1001"}
        LedgerContract.objects.create(**whose, source="crm:contracts", ref="S1", started=START)
        LedgerFact.objects.create(**whose, source="crm:customers", name="own", value=True)
        found = problems(
            organisation,
            contracts=[contract(ref="S2"), contract(ended=END, revision=99)],
            facts=[FactRow("customer", "1001", "own", False, 99)],
        )
        assert found == {
            "contracts[1]": "is told by crm:contracts, its source of truth",
            "facts[0]": "is told by crm:customers, its source of truth",
        }
        assert LedgerContract.objects.get().ended is None


class TestItems:
    def test_every_subject_once_in_order_over_page_ends(self, organisation, monkeypatch):
        monkeypatch.setattr(ledger, "BATCH", 2)
        numbers = ["1", "10", "11", "2", "20", "3", "x"]
        upsert(
            organisation,
            contracts=[contract(subject=n, ref=f"S{k}") for n in numbers[::2] for k in range(3)],
            events=[EventRow("customer", n, "debt_due", END, thing=f"L{k}") for n in numbers[1:5] for k in range(5)],
            facts=[FactRow("customer", n, "own", True) for n in numbers],
            source="api:integrator",
        )
        found = list(ledger_items(organisation, "customer"))
        assert [number for number, _ in found] == sorted(numbers)
        assert [len(item.contracts) for _, item in found] == [3, 0, 3, 0, 3, 0, 3]
        assert [len(recorded(item, "debt_due")) for _, item in found] == [0, 5, 5, 5, 5, 0, 0]
        assert list(ledger_items(organisation, "customer", ["3", "1", "unknown", "3"])) == [found[0], found[5]]

    def test_another_organisations_subjects_are_not_told(self, organisation):
        other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
        upsert(other, contracts=[contract()], source="api:integrator")
        assert not items(organisation)
        assert not items(organisation, "1001")

    def test_several_sources_of_one_event_are_all_told(self, organisation):
        for user, day in (("a", START), ("b", None)):
            upsert(organisation, events=[EventRow("customer", "1", "last_contact", day)], source=f"api:{user}")
        told = items(organisation)["1"].events["last_contact"]
        assert set(told) == {Occurrence(START), Occurrence(None)}

    def test_an_event_of_a_contract_keeps_its_contract(self, organisation):
        event = EventRow("customer", "1", "service_ended", END, contract="S1")
        upsert(organisation, events=[event], source="api:integrator")
        assert items(organisation)["1"].events["service_ended"] == (Occurrence(END, contract="S1"),)

    def test_queries_do_not_grow_with_what_is_known(self, organisation, django_assert_num_queries):
        upsert(
            organisation,
            contracts=[contract(subject=str(n), ref=f"S{k}") for n in range(300) for k in range(3)],
            source="api:integrator",
        )
        with django_assert_num_queries(5):  # one page: its subjects, three tables, and that no page follows
            assert len(items(organisation)) == 300
