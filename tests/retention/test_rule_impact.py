"""What a draft lets go or keeps, counted on a real register and held to the reader asked on every day ahead."""

from __future__ import annotations

import copy
import hashlib
import json
import sqlite3
from collections import Counter
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command

from retention.domain.ahead import MAY_GO
from retention.domain.errors import DocumentError, LifecycleError, RuleError
from retention.domain.evidence import canonical
from retention.holds import active
from retention.identity import Names
from retention.inventory_document import import_document
from retention.models import LedgerContract, Lot
from retention.night import run_night
from retention.plan import plan_of
from retention.rule_impact import impact_of
from retention.verification import _decided
from ropa.agreeing import keep_impact
from ropa.models import Dataset, Impact, Version
from ropa.services import draft_digest, draft_of, publish
from tests.retention.company import NOW, TODAY, document, found_company, ground
from tests.ropa.two_persons import publish_by_two

OBSERVE = {"mode": "observe", "approval": "automatic", "grace": "P0D", "waves": False}
UNTIL = TODAY.replace(year=2028)


@pytest.fixture
def company(db, data_dir):
    """After a night that only watched: its ledger is collected, and the draft is what is in force."""
    organisation = found_company(data_dir, OBSERVE)
    draft(data_dir, document(OBSERVE))
    run_night(organisation, TODAY, NOW)
    organisation.refresh_from_db()
    return organisation


def draft(data_dir, content):
    url = f"sqlite:///{data_dir}/registers/crm.sqlite3"
    import_document({**content, "connections": {"crm": {"kind": "sql", "config": {"url": url}}}}, "controller:alice")


def change(data_dir, **datasets):
    """The draft with other values of some datasets."""
    content = document(OBSERVE)
    for one in content["datasets"]:
        one.update(datasets.get(one["id"], {}))
    draft(data_dir, content)


def period(text, **over):
    return {"grounds": [ground("sopimus", period="P0D"), ground("vaateet", kind="claim", period=text, **over)]}


def of(impact, dataset="asiakastiedot"):
    return next(one for one in impact.effects if one.dataset == dataset)


def flows(effect):
    """Per month what is gained and lost, "" for at once; what is nothing is left out."""
    every = {"": effect.at_once, **effect.months}
    return {name: (month.gained, month.lost) for name, month in every.items() if month.gained or month.lost}


def first_days(organisation, version, dataset):
    """Key -> the first day on which the independent reader would find it overdue or held, asked on every day."""
    plan = plan_of(version)
    found: dict[str, date] = {}
    one = plan.find_dataset(dataset)
    assert one is not None
    with Names(organisation, plan) as names, names.connect(one) as connector:
        holds = active(organisation, one.register, one.code, one.subject_kind)
        for n in range((UNTIL - TODAY).days + 1):
            day = TODAY + timedelta(days=n)
            for candidate, _, decision, _ in _decided(plan, one, connector, organisation, holds, day, names.connect):
                if decision.state in MAY_GO:
                    found.setdefault(candidate.ref.key, day)
    return found


def expected(organisation, dataset, version=None):
    """The flows by the reader's days, version in force against draft."""
    snapshot = canonical(draft_of(organisation))
    after = Version(snapshot=snapshot.decode(), digest=hashlib.sha256(snapshot).hexdigest())
    olds = first_days(organisation, version or organisation.versions.get(), dataset)
    news = first_days(organisation, after, dataset)
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for key in {*olds, *news}:
        old, new = olds.get(key), news.get(key)
        if new and (old is None or new < old):
            gained["" if new == TODAY else new.isoformat()[:7]] += 1
        elif old and (new is None or new > old):
            lost["" if old == TODAY else old.isoformat()[:7]] += 1
    return {month: (gained[month], lost[month]) for month in {*gained, *lost}}


def test_a_draft_that_decides_the_same_is_not_even_asked(company, data_dir):
    (data_dir / "registers" / "crm.sqlite3").unlink()
    found = impact_of(company, TODAY)
    assert (found.effects, found.same, found.complete) == ((), 2, True)


def test_a_shorter_period_gains_at_once(company, data_dir):
    change(data_dir, asiakastiedot=period("P2Y"))
    effect = of(impact_of(company, TODAY))
    # 1004 by one day, though it would have followed tomorrow; the others were due under three years already
    assert flows(effect) == {"": (1, 0)} == expected(company, "asiakastiedot")
    assert (effect.due, effect.gained, effect.lost, effect.items, effect.held) == ([4, 5], 1, 0, 8, 0)
    assert effect.states[1] == Counter(due=4, held=1, open=2, trigger_missing=1)


def test_a_longer_period_loses_in_the_month_in_which_it_would_have_gone(company, data_dir):
    change(data_dir, asiakastiedot=period("P4Y6M"))
    effect = of(impact_of(company, TODAY))
    # 1003 and 1005 at once, 1004 in July; 1001 went before and 1008 too
    assert flows(effect) == {"": (0, 3), "2026-07": (0, 1)} == expected(company, "asiakastiedot")
    assert (effect.gained, effect.lost, effect.due) == (0, 4, [4, 1])


def test_other_shapes_agree_with_the_reader_on_every_day(company, data_dir):
    change(
        data_dir,
        asiakastiedot=period("P3Y", trigger="contract_started", rounding="end_of_calendar_year"),
        tiketit={
            "grounds": [ground("tuki", trigger="case_closed", period="P1Y", rounding="end_of_quarter")],
            "ceilings": [
                {
                    "id": "katto",
                    "trigger": "case_opened",
                    "period": "P1Y",
                    "action": "delete",
                    "status": "confirmed",
                }
            ],
        },
    )
    found = impact_of(company, TODAY)
    for dataset in ("asiakastiedot", "tiketit"):
        assert flows(of(found, dataset)) == expected(company, dataset) != {}


def test_what_is_under_a_hold_is_gained_and_said_to_be_held(company, data_dir):
    longer = copy.deepcopy(document(OBSERVE))
    longer["datasets"][1].update(period("P9Y"))
    draft(data_dir, longer)
    publish(company, TODAY, NOW, "controller:alice")
    change(data_dir, asiakastiedot=period("P3Y"))
    effect = of(impact_of(company, TODAY))
    assert (effect.gained, effect.held, effect.due) == (5, 1, [0, 4])


def test_an_item_is_the_same_where_its_dates_are_read_from_elsewhere(company, data_dir):
    mapping = {**document()["datasets"][0]["mapping"], "events": {"case_opened": "suljettu", "case_closed": "avattu"}}
    change(data_dir, tiketit={"mapping": mapping})
    effect = of(impact_of(company, TODAY), "tiketit")
    assert flows(effect) == expected(company, "tiketit") != {}
    assert effect.items == 6
    assert flows(of(impact_of(company, TODAY), "tiketit")) == flows(effect)  # nothing is left of the first look


def test_a_dataset_that_goes_loses_and_a_new_one_gains(company, data_dir):
    content = document(OBSERVE)
    content["datasets"][0]["id"] = "vikailmoitukset"
    draft(data_dir, content)
    found = impact_of(company, TODAY)
    assert (of(found, "tiketit").lost, of(found, "vikailmoitukset").gained) == (4, 4)
    assert of(found, "tiketit").modes == ("observe", "")


def test_what_follows_others_changes_with_them_and_so_do_steps(company, data_dir):
    content = document(OBSERVE)
    messages = {
        **{key: content["datasets"][0][key] for key in ("register", "activity", "grain", "enforced_by", "policy")},
        "id": "viestit",
        "name": {"fi": "Viestit"},
        "mapping": {"place": "viesti", "key": "id"},
        "follows": [{"dataset": "tiketit", "by": "tiketti_id"}],
    }
    step = {"id": "aihe", "trigger": "case_opened", "period": "P7Y", "action": "clear", "fields": ["aihe"]}
    content["datasets"][0]["mapping"]["children"] = []
    content["datasets"][0]["steps"] = [{**step, "status": "confirmed"}]
    content["datasets"].append(messages)
    draft(data_dir, content)
    publish_by_two(company, TODAY, NOW)
    content["datasets"][0]["grounds"] = [ground("tuki", trigger="case_closed", period="P7Y6M")]
    content["datasets"][0]["steps"] = [{**step, "status": "confirmed", "period": "P5Y"}]
    draft(data_dir, content)
    found = impact_of(company, TODAY)
    assert found.same == 1
    versions = company.versions.filter(number=2)
    for dataset, moved in (("tiketit", (0, 4)), ("viestit", (0, 8)), ("tiketit.aihe", (2, 0))):
        effect = of(found, dataset)
        assert (effect.gained, effect.lost) == moved
        assert flows(effect) == expected(company, dataset, versions.get())


def test_a_policy_that_begins_to_purge_shows_what_it_will_purge(company, data_dir):
    change(data_dir, tiketit={"policy": {**OBSERVE, "mode": "purge"}})
    effect = of(impact_of(company, TODAY), "tiketit")
    assert (effect.modes, effect.due, effect.gained) == (("observe", "purge"), [3, 3], 0)


def test_a_register_that_does_not_answer_is_unknown_and_never_nothing(company, data_dir):
    change(data_dir, asiakastiedot=period("P2Y"))
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as crm:
        crm.execute("alter table asiakas rename to muualla")
    crm.close()
    told = impact_of(company, TODAY).as_data()
    assert told["complete"] is False
    assert told["gained"] is None
    assert [(one["dataset"], one["gained"], bool(one["problem"])) for one in told["datasets"]] == [
        ("asiakastiedot", None, True)
    ]


def test_nothing_is_changed_by_looking(company, data_dir, django_assert_max_num_queries):
    change(data_dir, asiakastiedot=period("P2Y"), tiketit={"policy": {**OBSERVE, "mode": "purge"}})
    before = (data_dir / "registers" / "crm.sqlite3").read_bytes()
    with django_assert_max_num_queries(60):
        impact_of(company, TODAY)
    assert (data_dir / "registers" / "crm.sqlite3").read_bytes() == before
    assert (Lot.objects.count(), Impact.objects.count(), Version.objects.count()) == (0, 0, 1)


def test_it_tells_nobodys_number(company, data_dir):
    change(data_dir, asiakastiedot=period("P2Y"))
    text = json.dumps(impact_of(company, TODAY).as_data())
    assert not [number for number in range(1001, 1009) if f'"{number}"' in text]


class TestNamed:
    """What was shown is kept, and publishing names it."""

    def look(self, company):
        return keep_impact(company, impact_of(company, TODAY).as_data(), NOW, "controller:alice")

    def test_the_version_keeps_what_was_shown(self, company, data_dir):
        change(data_dir, asiakastiedot=period("P5Y"))
        shown = self.look(company)
        version = publish(company, TODAY, NOW, "controller:alice", impact=shown.digest)
        version.refresh_from_db()
        assert version.impact is not None
        assert version.impact["digest"] == shown.digest == hashlib.sha256(shown.body.encode()).hexdigest()
        assert (version.impact["counted"]["lost"], version.impact["shown_to"]) == (4, "controller:alice")

    def test_of_another_draft_it_is_refused(self, company, data_dir, english):
        change(data_dir, asiakastiedot=period("P5Y"))
        shown = self.look(company)
        change(data_dir, asiakastiedot=period("P6Y"))
        with pytest.raises(DocumentError, match="another draft"):
            publish(company, TODAY, NOW, "controller:alice", impact=shown.digest)
        with pytest.raises(DocumentError, match="nothing with this digest"):
            publish(company, TODAY, NOW, "controller:alice", impact="0" * 64)
        assert Version.objects.count() == 1

    def test_against_another_version_it_is_refused(self, company, data_dir, english):
        change(data_dir, asiakastiedot=period("P5Y"))
        shown = self.look(company)
        change(data_dir, asiakastiedot=period("P4Y"))
        publish(company, TODAY, NOW, "controller:alice")
        change(data_dir, asiakastiedot=period("P5Y"))
        with pytest.raises(DocumentError, match="another version"):
            publish(company, TODAY, NOW, "controller:alice", impact=shown.digest)

    def test_a_draft_that_moved_while_it_was_counted_is_not_kept(self, company, data_dir):
        counted = impact_of(company, TODAY).as_data()
        change(data_dir, asiakastiedot=period("P5Y"))
        with pytest.raises(LifecycleError, match="has changed"):
            keep_impact(company, counted, NOW, "controller:alice")

    def test_what_was_shown_stays(self, company):
        shown = self.look(company)
        with pytest.raises(TypeError):
            shown.save()
        with pytest.raises(TypeError):
            shown.delete()


def test_a_draft_that_no_night_could_execute_is_refused(company):
    Dataset.objects.filter(code="tiketit").update(mapping={"place": "tiketti"})
    with pytest.raises(RuleError):
        impact_of(company, TODAY)


class TestCommand:
    """manage.py rule_impact."""

    def said(self, capsys, *options):
        call_command("rule_impact", "--organisation", "testi", "--by", "controller:alice", *options)
        return capsys.readouterr().out

    def test_in_words(self, company, data_dir, capsys):
        change(data_dir, asiakastiedot=period("P4Y6M"))
        told = self.said(capsys, "--in-force-from", TODAY.isoformat(), "--language", "en")
        for line in (
            "asiakastiedot (crm, observe)",
            "  8 items; may go on the first day: 4 → 1",
            "  later than before: 4",
            "    at once  +0  −3",
            "    2026-07  +0  −1",
            "Decided as before, and not asked: 1",
        ):
            assert line in told.splitlines()
        assert Impact.objects.get().digest in told

    def test_as_data_it_names_its_digest(self, company, data_dir, capsys):
        change(data_dir, asiakastiedot=period("P4Y"))
        told = json.loads(self.said(capsys, "--in-force-from", TODAY.isoformat(), "--json"))
        call_command(
            "publish_inventory",
            "testi",
            "--in-force-from",
            "2099-01-01",
            "--publisher",
            "controller:alice",
            "--impact",
            told["digest"],
        )
        kept = Version.objects.get(number=2).impact
        assert kept is not None
        assert kept["digest"] == draft_impact(company) == told["digest"]

    def test_what_could_not_be_asked_is_no_success(self, company, data_dir, capsys):
        change(data_dir, asiakastiedot=period("P2Y"))
        (data_dir / "registers" / "crm.sqlite3").unlink()
        with pytest.raises(SystemExit):
            self.said(capsys)

    def test_nobody(self, db):
        with pytest.raises(CommandError):
            call_command("rule_impact", "--organisation", "nobody", "--by", "controller")


def draft_impact(company):
    return company.impacts.get(draft=draft_digest(company)).digest


@pytest.fixture
def newcomer(db, data_dir):
    """Before any night: its version is in force from today, and the ledger knows nobody."""
    organisation = found_company(data_dir, OBSERVE)
    draft(data_dir, document(OBSERVE))
    change(data_dir, asiakastiedot=period("P2Y"))
    organisation.refresh_from_db()
    return organisation


def test_before_the_first_night_an_effect_knows_what_that_night_will(newcomer):
    before = impact_of(newcomer, TODAY).as_data()
    assert not LedgerContract.objects.exists(), "what was told for the effect has stayed"
    run_night(newcomer, TODAY, NOW)
    assert before == impact_of(newcomer, TODAY).as_data()
    (effect,) = before["datasets"]
    assert (before["complete"], effect["due"], effect["gained"]) == (True, [4, 5], 1)


def test_before_the_first_night_a_source_that_is_silent_leaves_the_effect_unknown(newcomer, data_dir):
    with sqlite3.connect(data_dir / "registers" / "crm.sqlite3") as register:
        register.execute("ALTER TABLE sopimus RENAME TO muualla")
    register.close()
    told = impact_of(newcomer, TODAY).as_data()
    (effect,) = told["datasets"]
    assert (told["complete"], effect["due"]) == (False, None)
    assert "the ledger is not complete" in effect["problem"]
    assert not LedgerContract.objects.exists()
