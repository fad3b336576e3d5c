"""Datasets and their rules: what could not be executed, and what would not be what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext, pgettext

from retention.connectors.contract import going_along
from retention.domain.errors import RuleError
from retention.domain.events import CATALOGUE
from retention.domain.periods import FinancialYears, Period, Rounding, last_day, parse_financial_years
from retention.domain.rules import Action, Ceiling, Ground, Kind, Trigger
from retention.domain.written import parse_ceiling, parse_day, parse_ground, parse_trigger
from retention.identity import NEVER_REUSED
from retention.inventory_document.findings import Document, Finding, Whole, parsed, unknown, unknown_events
from retention.inventory_document.follow_checks import follow_findings
from retention.inventory_document.law_checks import law_findings
from retention.inventory_document.shape import Steps, meant
from retention.inventory_document.step_checks import step_findings

STARTS = tuple(date(year, month, 1) for year in (2023, 2024) for month in range(1, 13))
"""Start days on which a ceiling is held against an obligation: two years' months, a leap year among them."""


def dataset_findings(whole: Whole) -> Iterator[Finding]:
    """Everything to say of the datasets."""
    for steps, dataset in whole.entries("datasets"):
        yield from unknown(
            dataset["register"], whole.registers, pgettext("what is not there", "register"), (*steps, "register")
        )
        yield from unknown(
            dataset["activity"], whole.activities, pgettext("what is not there", "activity"), (*steps, "activity")
        )
        grace = dataset.get("policy", {}).get("grace")
        if grace is not None:
            found = parsed((*steps, "policy", "grace"), lambda grace=grace: Period.parse(grace))  # type: ignore[misc]
            if isinstance(found, Finding):
                yield found
        if "mapping" in dataset:
            yield from _mapping(whole, dataset, steps)
        yield from _rules(whole, dataset, steps)
        yield from follow_findings(whole, dataset, steps)
        yield from step_findings(whole, dataset, steps)


def _mapping(whole: Whole, dataset: Document, steps: Steps) -> Iterator[Finding]:
    mapping, place = dataset["mapping"], (*steps, "mapping")
    register = whole.registers.get(dataset["register"])
    if register is not None and not register.get("connection"):
        yield Finding(
            place,
            gettext("the register %(register)r has no connection: nothing reaches this")
            % {"register": dataset["register"]},
        )
    yield from unknown_events(mapping.get("events", {}), (*place, "events"))
    if dataset["grain"] == "subject" and "subject" not in mapping:
        yield Finding((*place, "subject"), gettext("is missing: an item of this dataset is a data subject's"))
    if dataset["grain"] == "contract" and "contract" not in mapping:
        yield Finding((*place, "contract"), gettext("is missing: an item of this dataset is a contract's"))
    if "subject" in mapping and not dataset.get("subject_kind"):
        yield Finding(
            (*steps, "subject_kind"), gettext("is missing: whose number is mapping.subject, a customer's or whose?")
        )
    yield from _subject_key(whole, dataset, place)
    for position, child in enumerate(mapping.get("children", ())):
        if child == mapping["place"]:
            yield Finding(
                (*place, "children", position),
                gettext("%(child)r is the dataset's own place, not what hangs on it") % {"child": child},
            )
    yield from _along(whole, dataset, place)


def _along(whole: Whole, dataset: Document, steps: Steps) -> Iterator[Finding]:
    """Rows that go with an item and are another dataset's too: its rules are not asked when the item goes."""
    mapping, options = dataset["mapping"], dataset["mapping"].get("options", {})
    for where, place in going_along(mapping.get("children", ()), options):
        for _, other in whole.entries("datasets"):
            theirs = other.get("mapping", {}).get("place")
            if other["id"] == dataset["id"] or theirs != place or not _same_system(whole, dataset, other):
                continue
            if not _follows_alone(other, dataset):
                yield Finding(
                    (*steps, *where),
                    gettext(
                        "%(place)r is the place of %(name)r, whose rules or holds nobody would ask when an item goes: "
                        "leave it out here, or let %(name)r follow %(id)r and nothing else, by a column, and have no "
                        "mapping.subject"
                    )
                    % {"place": place, "name": other["id"], "id": dataset["id"]},
                )


def _same_system(whole: Whole, one: Document, other: Document) -> bool:
    connections = [whole.registers.get(dataset["register"], {}).get("connection") for dataset in (one, other)]
    return bool(connections[0]) and connections[0] == connections[1]


def _follows_alone(follower: Document, followed: Document) -> bool:
    """Whether what keeps its items is exactly what keeps the one item of the other dataset that a column names.

    Whose rows tell persons of their own may be held for others than the item's person.
    """
    follows = follower.get("follows") or []
    return (
        "subject" not in follower["mapping"]
        and [one["dataset"] for one in follows] == [followed["id"]]
        and "by" in follows[0]
    )


def _subject_key(whole: Whole, dataset: Document, steps: Steps) -> Iterator[Finding]:
    """The register that knows people by another name needs one that tells it."""
    mapping = dataset["mapping"]
    key, place = mapping.get("subject_key"), (*steps, "subject_key")
    if key is None:
        return
    if "subject" not in mapping:
        yield Finding((*steps, "subject"), gettext("is missing: where does the name stand?"))
    if dataset["grain"] == "contract":
        yield Finding(
            place, gettext("is of a dataset whose items are a contract's: those are found by the contract's number")
        )
    if "at" in key and key["at"] not in mapping.get("events", {}):
        yield Finding(
            (*place, "at"),
            gettext("%(at)r is none of the mapping's events: when was the name used?") % {"at": key["at"]},
        )
    if "at" not in key and key["kind"] not in NEVER_REUSED:
        yield Finding(
            (*place, "at"), gettext("is missing: without the day on which the name was used nothing goes"), True
        )
    yield from unknown(key["via"], whole.registers, pgettext("what is not there", "register"), (*place, "via"))
    told = [
        source
        for source in whole.registers.get(key["via"], {}).get("identities") or ()
        if source.get("kind") == key["kind"] and source.get("subject_kind") == dataset.get("subject_kind")
    ]
    if key["via"] in whole.registers and not told:
        of_whom = gettext("of subject kind %(kind)r") % {"kind": dataset.get("subject_kind", "")}
        yield Finding(
            (*place, "via"),
            gettext("the register %(via)r tells no names of kind %(kind)r %(of_whom)s")
            % {"via": key["via"], "kind": key["kind"], "of_whom": of_whom},
        )


def _rules(whole: Whole, dataset: Document, steps: Steps) -> Iterator[Finding]:
    grounds: list[tuple[Steps, Ground]] = []
    ceilings: list[tuple[Steps, Ceiling]] = []
    for place, rule in whole.entries(*steps, "grounds"):
        wrong = [*_rule(whole, dataset, rule, place), *_ground(whole, dataset, rule, place)]
        yield from wrong
        if all(finding.warning for finding in wrong):
            grounds.append((place, parse_ground(rule, "")))
    for place, rule in whole.entries(*steps, "ceilings"):
        wrong = _rule(whole, dataset, rule, place)
        yield from wrong
        if all(finding.warning for finding in wrong):
            ceilings.append((place, parse_ceiling(rule, "")))
    decided = dataset.get("grounds") or dataset.get("no_reason_to_keep") or dataset.get("follows")
    if not decided and "mapping" in dataset:
        yield Finding(
            (*steps, "grounds"), gettext("says no reason to keep anything: all of it will wait for a review"), True
        )
    yield from _conflicts(whole, grounds, ceilings)


def _rule(whole: Whole, dataset: Document, rule: Document, steps: Steps) -> list[Finding]:
    """What a ground and a ceiling share."""
    found: list[Finding] = []
    trigger = parsed((*steps, "trigger"), lambda: parse_trigger(rule["trigger"], ""))
    if isinstance(trigger, Finding):
        found += _trigger(rule["trigger"], trigger)
    period = parsed((*steps, "period"), lambda: Period.parse(rule["period"])) if "period" in rule else None
    rounding = parsed((*steps, "rounding"), lambda: Rounding(rule.get("rounding", "none")))
    found += [one for one in (period, rounding) if isinstance(one, Finding)]
    register = whole.registers.get(dataset["register"])
    if rule["action"] == Action.DESTROY_PAPER and register is not None and register.get("medium", "paper") != "paper":
        found.append(
            Finding(
                (*steps, "action"),
                gettext("paper is destroyed; the register's medium is %(medium)s") % {"medium": register["medium"]},
            )
        )
    options = dataset.get("mapping", {}).get("options", {"holds_keys": True})
    if rule["action"] == Action.CRYPTO_SHRED and options.get("holds_keys") is not True and _is_sql(register):
        message = gettext("a database destroys a key where it lies; the mapping's options do not say holds_keys: true")
        found.append(Finding((*steps, "action"), message))
    if "law" in rule:
        written = {"trigger": trigger, "period": period, "rounding": rounding}
        asked = rule.get("kind") == Kind.OBLIGATION and not found
        found += law_findings(whole, rule["law"], written if asked else {}, steps)
    if isinstance(trigger, Trigger):
        found += _untold(whole, dataset, rule, trigger, steps)
    return found


def _is_sql(register: Document | None) -> bool:
    return register is not None and register.get("medium") in {"database", "map"}


def _trigger(written: Any, finding: Finding) -> Iterator[Finding]:
    """Every unknown event of a trigger, else what was found wrong with it."""
    if isinstance(written, str):
        yield Finding(finding.steps, f"{finding.message}{meant(written, CATALOGUE)}")
    elif isinstance(written, Mapping) and len(written) == 1:
        (choose, names), *_ = written.items()
        yield from unknown_events(names, (*finding.steps, choose))
    else:
        yield finding


def _ground(whole: Whole, dataset: Document, rule: Document, steps: Steps) -> Iterator[Finding]:
    ends_on = rule.get("ends_on", [])
    yield from unknown_events(ends_on, (*steps, "ends_on"))
    if rule["kind"] == Kind.OBLIGATION and ends_on:
        yield Finding(
            (*steps, "ends_on"),
            gettext("an obligation by law does not end earlier than the law says: %(known)s")
            % {"known": ", ".join(ends_on)},
        )
    if "period" not in rule and "review_by" not in rule:
        yield Finding(
            (*steps, "review_by"), gettext("is missing: without a period this is a criterion, reviewed by a day")
        )
    if "purpose" in rule and dataset["activity"] in whole.activities:
        purposes = whole.purposes(dataset["activity"])
        what = gettext("purpose of the activity %(activity)r with the id") % {"activity": dataset["activity"]}
        yield from unknown(rule["purpose"], purposes, what, (*steps, "purpose"))


def _untold(whole: Whole, dataset: Document, rule: Document, trigger: Trigger, steps: Steps) -> Iterator[Finding]:
    """A rule whose start event or fact nothing tells would never come to a decision."""
    if "mapping" not in dataset or not whole.ledger_is_sound:
        return
    mapping = dataset["mapping"]
    known = {*mapping.get("events", ()), *mapping.get("facts", ())}
    if "subject" in mapping:
        known |= whole.told(dataset.get("subject_kind", ""))
    of_whom = (
        gettext("of subject kind %(kind)r") % {"kind": dataset["subject_kind"]}
        if dataset.get("subject_kind")
        else gettext("of an item without a subject")
    )
    for event in trigger.events:
        if event not in known:
            criterion = "period" not in rule and "kind" in rule  # its review ends it, whatever happens
            yield Finding(
                (*steps, "trigger"),
                gettext("nothing tells %(event)r %(of_whom)s: neither the mapping's events nor a register's ledger")
                % {"event": event, "of_whom": of_whom},
                warning=criterion,
            )
    for event in rule.get("ends_on", ()):
        if event not in known:
            yield Finding(
                (*steps, "ends_on"),
                gettext("nothing tells %(event)r %(of_whom)s: it will never end this")
                % {"event": event, "of_whom": of_whom},
                True,
            )
    conditions = rule.get("condition", [])
    for condition in [conditions] if isinstance(conditions, Mapping) else conditions:
        if condition["fact"] not in known and condition["fact"] not in whole.organisation.get("facts", {}):
            yield Finding(
                (*steps, "condition"),
                gettext(
                    "nothing tells the fact %(fact)r %(of_whom)s: neither the mapping's facts, a "
                    "register's ledger nor organisation.facts"
                )
                % {"fact": condition["fact"], "of_whom": of_whom}
                + meant(condition["fact"], known),
            )


def _conflicts(
    whole: Whole, grounds: list[tuple[Steps, Ground]], ceilings: list[tuple[Steps, Ceiling]]
) -> Iterator[Finding]:
    """A ceiling that ends before an obligation from the same event, and does not yield to it (semantics 2.4)."""
    years = _financial_years(whole)
    for place, ceiling in ceilings:
        if ceiling.yields_to == "any_basis" or Kind.OBLIGATION in ceiling.yields_to:
            continue
        for _, ground in grounds:
            if ground.kind is not Kind.OBLIGATION or ground.period is None or ground.trigger != ceiling.trigger:
                continue
            excluded = {c.fact: c.value for c in ground.conditions}
            if any(c.fact in excluded and excluded[c.fact] != c.value for c in ceiling.conditions):
                continue
            if any(
                last_day(day, ceiling.period, ceiling.rounding, years)
                < last_day(day, ground.period, ground.rounding, years)
                for day in STARTS
            ):
                yield Finding(
                    place,
                    gettext("ends before the obligation %(id)r and does not yield to it: nothing will go")
                    % {"id": ground.id},
                    True,
                )


def _financial_years(whole: Whole) -> FinancialYears:
    head = whole.organisation
    try:
        years = [(parse_day(y["start"], ""), parse_day(y["end"], "")) for y in head.get("financial_years", ())]
        return parse_financial_years(head.get("financial_year_end", "12-31"), years)
    except RuleError:
        return FinancialYears()  # said of the organisation already
