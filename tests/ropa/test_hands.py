"""Who had a hand in the rules of a dataset: who wrote them, as the history tells, and who published them."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from ropa.hands import hands_behind, kept_hands
from ropa.persons import Person, persons_apart
from ropa.services import publish, save_draft
from tests.ropa.test_services import document, rule
from tests.ropa.two_persons import publish_by_two

LONGER = rule("a", kind="need", period="P9Y", status="confirmed")


def second(**over):
    return {**document()["datasets"][0], "id": "tiketit", "name": {"fi": "Tiketit"}, **over}


def content(*further, **over):
    whole = document(**{"grounds": [rule("a", kind="need", status="confirmed")], **over})
    whole["datasets"] += further
    return whole


def published(organisation, who, user=None):
    now = timezone.now()
    return publish(organisation, date(2099, 1, 1), now, who, user)


def names(version, dataset="asiakkaat"):
    return [hand.who for hand in kept_hands(version, dataset)]


def test_of_the_first_version_everybody_who_wrote_it(db):
    save_draft(content(second()), "owner:olga", "alku")
    organisation = save_draft(content(second(), grounds=[LONGER]), "controller:alice", "pidempi")
    version = published(organisation, "controller:ada")
    assert names(version) == ["controller:alice", "owner:olga", "controller:ada"]
    assert names(version, "tiketit") == ["owner:olga", "controller:ada"]


@pytest.fixture
def first(db):
    organisation = save_draft(content(second()), "owner:olga", "alku")
    published(organisation, "controller:ada")
    return organisation


def test_what_did_not_change_keeps_its_hands(first):
    save_draft(content(second(), grounds=[LONGER]), "controller:alice", "pidempi: x")
    version = published(first, "controller:maija")
    assert names(version) == ["controller:alice", "controller:maija"]
    assert names(version, "tiketit") == ["owner:olga", "controller:ada"]
    assert [hand.who for hand in hands_behind(version, "tiketit")][-1] == "controller:maija"


def test_words_are_anybodys(first):
    save_draft(content(second(), name={"fi": "Kaikki asiakkaat"}), "controller:alice", "selkeämpi")
    assert names(published(first, "controller:maija")) == ["owner:olga", "controller:ada"]


def test_a_rule_that_goes_was_somebodys_too(first):
    kept = rule("b", kind="need", period="P9Y", status="confirmed")
    save_draft(content(second(), grounds=[LONGER, kept]), "controller:alice", "toinen")
    published(first, "controller:ada")
    save_draft(content(second(), grounds=[LONGER, {**kept, "period": "P10Y"}]), "controller:kaisa", "pidempi")
    assert names(published(first, "controller:ada")) == ["controller:kaisa", "controller:ada"]
    undecided = [{**LONGER, "status": "proposed"}, {**kept, "status": "proposed"}]
    save_draft(content(second(), grounds=undecided), "dpo:bob", "")
    assert names(published(first, "controller:ada")) == ["dpo:bob", "controller:ada"]


def test_what_follows_others_has_their_hands_too(db):
    follower = second(grounds=[], follows=[{"dataset": "asiakkaat"}])
    organisation = save_draft(content(follower), "owner:olga", "alku")
    published(organisation, "controller:ada")
    save_draft(content(follower, grounds=[LONGER]), "controller:alice", "pidempi")
    version = published(organisation, "controller:maija")
    assert names(version, "tiketit") == ["owner:olga", "controller:ada", "controller:alice", "controller:maija"]


HERE = [rule("a", kind="need", status="confirmed", condition=[{"fact": "pieni", "is": False}])]
KEPT = ["owner:olga", "controller:ada"]
XENIA = ["owner:olga", "controller:ada", "controller:xenia", "controller:maija"]
OTHERS = {"subject_kind": "employee", "grounds": []}
BY_NAME = {"kind": "email", "via": "nimet", "at": "recorded"}


def contracts(place="sopimus"):
    return [{"id": "sopimukset", "subject_kind": "customer", "place": place, "subject": "nro"}]


def beside(head=None, others=(), **crm):
    """Two datasets of customers of which one asks a fact, and what stands beside them; and one of other people."""
    mapping = {"place": "t", "key": "id", "subject": "osoite", "subject_key": BY_NAME}
    named = second(id="viestit", subject_kind="person", grounds=[], mapping=mapping)
    whole = content(
        second(subject_kind="customer", grounds=[]),
        {**second(id="muut", register="muu", **OTHERS)},
        named,
        grounds=HERE,
        subject_kind="customer",
    )
    whole["organisation"] |= head or {}
    whole["registers"][0] |= crm
    further = {"muu": {}, "kertoja": {"ledger": contracts()}, "nimet": {}, **dict(others)}
    for code, one in further.items():
        whole["registers"].append({"id": code, "name": {"fi": code}, "medium": "database", **one})
    return whole


ADDRESSES = [{"id": "o", "kind": "email", "subject_kind": "person", "place": "a", "subject": "nro", "value": "osoite"}]
EVERYWHERE = {"asiakkaat", "tiketit", "muut", "viestit"}


@pytest.mark.parametrize(
    ("after", "theirs"),
    [
        ({"head": {"facts": {"pieni": True}}}, {"asiakkaat"}),
        ({"head": {"facts": {"muu": True}}}, set()),
        ({"head": {"financial_year_end": "06-30"}}, EVERYWHERE),
        ({"head": {"first_plausible_day": "1990-01-01"}}, EVERYWHERE),
        ({"head": {"time_zone": "Europe/Stockholm"}}, EVERYWHERE),
        ({"head": {"contact": {"phone": "09"}}}, set()),
        ({"connection": "toinen"}, {"asiakkaat", "tiketit", "viestit"}),
        ({"others": {"muu": {"connection": "toinen"}}}, {"muut"}),
        ({"others": {"kertoja": {"ledger": contracts("toinen")}}}, {"asiakkaat", "tiketit"}),
        ({"others": {"kertoja": {"ledger": contracts(), "connection": "toinen"}}}, {"asiakkaat", "tiketit"}),
        ({"others": {"kertoja": {}}}, {"asiakkaat", "tiketit"}),
        ({"others": {"nimet": {"identities": ADDRESSES}}}, {"viestit"}),
        ({"others": {"muu": {"minimisation": {"fi": "Vähän"}}}}, set()),
    ],
)
def test_who_wrote_what_stands_beside_the_rules_joins_those_who_wrote_them(db, after, theirs):
    organisation = save_draft(beside(), "owner:olga", "alku")
    published(organisation, "controller:ada")
    organisation = save_draft(beside(**after), "controller:xenia", "muutos")
    version = publish_by_two(organisation, date(2099, 1, 1), timezone.now(), "controller:maija")
    assert {code for code in EVERYWHERE if "controller:xenia" in names(version, code)} == theirs
    assert [names(version, code) for code in sorted(EVERYWHERE)] == [
        XENIA if code in theirs else KEPT for code in sorted(EVERYWHERE)
    ]


def test_who_moves_what_a_step_moves_elsewhere_has_a_hand_in_what_is_moved(db):
    step = rule("arkistoon", action="transfer", into="arkisto", status="confirmed", columns={"id": "id"})
    there = second(id="arkisto", register="muu", grounds=[LONGER])
    whole = content(there, grounds=[LONGER], steps=[step])
    whole["registers"].append({"id": "muu", "name": {"fi": "Muu"}, "medium": "database"})
    organisation = save_draft(whole, "owner:olga", "alku")
    published(organisation, "controller:ada")
    whole["datasets"][1] = {**there, "mapping": {**there["mapping"], "place": "toinen"}}
    save_draft(whole, "controller:xenia", "muutos")
    assert names(published(organisation, "controller:maija")) == [*KEPT, "controller:xenia", "controller:maija"]


def test_the_account_of_the_publisher_stands_there(first):
    user = get_user_model().objects.create(username="maija")
    save_draft(content(second(), grounds=[LONGER]), "controller:alice", "pidempi")
    version = published(first, "controller:maija", user)
    assert kept_hands(version, "asiakkaat")[-1] == Person("controller:maija", user.pk)


def test_who_is_who():
    alice, renamed, other = Person("controller:alice", 1), Person("controller:aliisa", 1), Person("controller:ada", 2)
    assert alice.is_same(renamed) and alice.is_same(Person("owner: Alice ")) and not alice.is_same(other)
    assert not Person("controller").is_same(Person("owner"))
    assert persons_apart([alice, renamed, other, Person("controller"), Person("dpo:ADA")]) == [alice, other]
