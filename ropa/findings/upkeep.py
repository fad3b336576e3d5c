"""Whether the record is kept alive, and whether somebody carries out what it promises: Article 5(2), 24, 28, 30."""

from __future__ import annotations

import re
from datetime import date, timedelta

from retention.domain.periods import FinancialYears, Rounding, last_day
from ropa.article30 import Document
from ropa.article30 import missing as missing_fields
from ropa.findings.finding import Verdict, missing, not_applicable, outdated, partial, present
from ropa.findings.inventory import Inventory, period_of, said, value_of
from ropa.findings.recipients import disclosed
from ropa.findings.retention import decided
from ropa.findings.structure import registering
from ropa.places import empty

NOTICE_OF_EXPIRY = timedelta(days=60)
"""An agreement that ends within these days is to be renewed."""
NESTED = {"activities", "datasets", "purposes", "grounds"}


def processor_agreement(inventory: Inventory) -> Verdict:
    """Each processor, and each controller we process for, is bound by an agreement that is in force (art. 28(3))."""
    holders = [(place, one) for place, one in disclosed(inventory) if one.get("role") == "processor"]
    holders += [
        (f"{place}.mandate" if one.get("mandate") else place, one.get("mandate") or {})
        for place, one in inventory.processed
        if (one.get("mandate") or {}).get("instrument", "contract") == "contract"
    ]
    if not holders:
        return not_applicable()
    states = [(place, _agreement(inventory, one)) for place, one in holders]
    for state, verdict in (("missing", missing), ("ended", outdated), ("doubtful", partial), ("expiring", partial)):
        found = [place for place, one in states if one == state]
        if found:
            return verdict(*found, about=state if state in ("doubtful", "expiring") else "")
    return present(*(place for place, _ in states))


def _agreement(inventory: Inventory, holder: Document) -> str:
    agreement = value_of(holder, "agreement")
    if agreement is None:
        return "good" if said(holder, "agreement") else "missing"
    ends = inventory.day(agreement.get("expires_on"))
    if agreement.get("status") == "ended" or (ends is not None and ends < inventory.today):
        return "ended"
    if agreement.get("status") != "in_force":
        return "doubtful"
    return "expiring" if ends is not None and ends <= inventory.today + NOTICE_OF_EXPIRY else "good"


def joint_arrangement(inventory: Inventory) -> Verdict:
    """Joint controllers have an arrangement, and it is referred to (art. 26)."""
    parties = value_of(inventory.organisation, "joint_controllers")
    related = value_of(inventory.organisation, "related_organisations") or ()
    joint = ["organisation.joint_controllers"] if parties is not None else []
    joint += [f"organisation.related_organisations.value[{n}]" for n, r in enumerate(related) if r["role"] == "joint"]
    if not joint:
        return not_applicable()
    arranged = [
        place
        for place, one in inventory.all("references")
        if one.get("kind") == "rules" and re.search(r"\b26\b", str(one.get("section") or ""))
    ]
    arranged += [
        place
        for place, one in inventory.own("recipients")
        if one.get("role") in ("controller", "group_company") and value_of(one, "agreement") is not None
    ]
    return present(*joint, *arranged) if arranged else missing(*joint)


def transfer_safeguard(inventory: Inventory) -> Verdict:
    """Data that go to a third country go under a safeguard, and its document is referred to (art. 30(1)(e), 46, 49)."""
    going = [(place, one) for place, one in inventory.own("transfers") if one.get("status") == "yes"]
    if not going:
        return not_applicable()
    bare = [place for place, one in going if not one.get("safeguards")]
    undocumented = [
        place
        for place, one in going
        if set(one.get("safeguards") or ()) - {"adequacy"} and value_of(one, "documentation") is None
    ]
    if bare:
        return missing(*bare)
    return partial(*undocumented) if undocumented else present(*(place for place, _ in going))


def activity_ended(inventory: Inventory) -> Verdict:
    """An ended activity keeps the day of its end, and what took over its data."""
    over = [(place, one) for place, one in inventory.all("activities") if one.get("ended_on") or one.get("successor")]
    if not over:
        return not_applicable()
    used = {one.get("activity") for _, one in inventory.all("datasets")}
    undated = [place for place, one in over if not one.get("ended_on")]
    heirless = [
        place
        for place, one in over
        if inventory.passed(one.get("ended_on")) and not one.get("successor") and one["id"] in used
    ]
    if undated:
        return partial(*undated, about="undated")
    return missing(*heirless) if heirless else present(*(place for place, _ in over))


def register_owner(inventory: Inventory) -> Verdict:
    """Somebody answers for each register."""
    registers = [(place, one) for place, one in inventory.all("registers") if one.get("lifecycle") != "closed"]
    if not registers:
        return not_applicable()
    ownerless = [place for place, one in registers if empty(one.get("owner"))]
    if not ownerless:
        return present(*(place for place, _ in registers))
    whole = len(ownerless) == len(registers)
    return (missing if whole else partial)(*ownerless, count=str(len(ownerless)), whole=str(len(registers)))


def review_overdue(inventory: Inventory) -> Verdict:
    """What is to be looked over is looked over on its day."""
    holders = [
        (place, one["review"])
        for name in ("registers", "activities", "datasets")
        for place, one in inventory.all(name)
        if not empty(one.get("review"))
    ]
    if not holders:
        return missing("organisation")
    never = [f"{place}.review" for place, one in holders if not one.get("last")]
    late = [f"{place}.review" for place, one in holders if one.get("last") and not _fresh(inventory, one)]
    if late:
        return outdated(*late)
    return partial(*never) if never else present(*(f"{place}.review" for place, _ in holders))


def _fresh(inventory: Inventory, review: Document) -> bool:
    last, every = inventory.day(review.get("last")), period_of(review.get("every"))
    return last is not None and every is not None and inventory.today <= _until(last, every)


def _until(day: date, every: object) -> date:
    return last_day(day, every, Rounding("none"), FinancialYears())  # type: ignore[arg-type]


def promise_not_carried_out(inventory: Inventory) -> Verdict:
    """Somebody carries out what the record promises: we over a mapping, the register, another controller."""
    ours = [
        (place, one)
        for place, one in inventory.all("datasets")
        if one.get("enforced_by", "us") == "us" and (one.get("grounds") or one.get("ceilings"))
    ]
    paper = {one["id"] for _, one in inventory.all("registers") if one.get("medium") == "paper"}
    if not ours:
        told = [place for place, one in inventory.own("time_limits") if period_of(one.get("period"))]
        return missing(*told, about="told") if told and not inventory.all("datasets") else not_applicable()
    idle = [place for place, one in ours if not one.get("mapping") and one.get("register") not in paper]
    return missing(*idle, count=str(len(idle))) if idle else present(*(place for place, _ in ours))


def register_without_rule(inventory: Inventory) -> Verdict:
    """Nothing lies in a register about which nobody has said when it goes."""
    registers = [
        (place, one)
        for place, one in inventory.all("registers")
        if not (one.get("lifecycle") == "closed" and one.get("migrates_to"))
    ]
    if not registers:
        return not_applicable()
    ruled = {one.get("register") for _, one in inventory.all("datasets") if decided(one)}
    bare = [place for place, one in registers if one["id"] not in ruled]
    if not bare:
        return present(*(place for place, _ in registers))
    return (missing if len(bare) == len(registers) else partial)(*bare, count=str(len(bare)), whole=str(len(registers)))


def digitised_copy(inventory: Inventory) -> Verdict:
    """Paper that is being digitised has a rule for its copy too."""
    registers = {one["id"]: (place, one) for place, one in inventory.all("registers")}
    ruled = {one.get("register") for _, one in inventory.all("datasets") if decided(one)}
    moving = [
        (place, one.get("migrates_to") or "")
        for place, one in registers.values()
        if one.get("medium") == "paper" and (one.get("lifecycle") == "migrating" or one.get("migrates_to"))
    ]
    copies = [(place, one["id"]) for place, one in registers.values() if _of_paper(registers, one)]
    if not moving and not copies:
        return not_applicable()
    bare = [place for place, copy in [*moving, *copies] if copy not in ruled]
    return missing(*bare) if bare else present(*(place for place, _ in [*moving, *copies]))


def _of_paper(registers: dict[str, tuple[str, Document]], register: Document) -> bool:
    original = registers.get(register.get("copy_of") or "")
    return original is not None and original[1].get("medium") == "paper" and register.get("medium") != "paper"


def measure_is_register(inventory: Inventory) -> Verdict:
    """A measure that is a register itself (recordings, a log of doors, a directory of users) is declared as one."""
    bare = registering(inventory)
    if bare:
        return missing(*(place for place, _ in bare))
    measures = [p for p, one in inventory.all("security_measures") if not empty(one.get("implies_register"))]
    return present(*measures) if measures else not_applicable()


def backups(inventory: Inventory) -> Verdict:
    """Backups have an end in days: a number of generations alone is none."""
    registers = [
        (place, one)
        for place, one in inventory.all("registers")
        if one.get("medium") != "paper" and one.get("lifecycle") != "closed"
    ]
    if not registers:
        return not_applicable()
    endless = [
        f"{place}.backups"
        for place, one in registers
        if (found := value_of(one, "backups")) is not None and not (found.get("at_most") or _kept_for(found))
    ]
    if endless:
        return partial(*endless, about="generations")
    silent = [place for place, one in registers if not said(one, "backups")]
    return missing(*silent) if silent else present(*(f"{place}.backups" for place, _ in registers))


def _kept_for(found: Document) -> bool:
    """Whether a time alone bounds them: beside generations it does not."""
    return bool(found.get("keep_for")) and not found.get("keep_generations")


def passages_unassigned(inventory: Inventory) -> Verdict:
    """Every passage of a notice is held in the record, or is no content of it."""
    passages = inventory.all("notices", "passages")
    if not passages:
        return not_applicable()
    loose = [place for place, one in passages if not one.get("held_in") and not one.get("not_content")]
    return (
        partial(*loose, count=str(len(loose))) if loose else present(*(place for place, _ in inventory.all("notices")))
    )


def record_fields(inventory: Inventory) -> Verdict:
    """Every field that Article 30 (or 6(1)) demands is said, or said not to apply and why."""
    gaps = missing_fields(inventory.document)
    if not gaps:
        return present("organisation")
    articles = dict.fromkeys(gap.article for gap in gaps)
    return missing(*(bracketed(gap.where) for gap in gaps), count=str(len(gaps)), articles=", ".join(articles))


def bracketed(path: str) -> str:
    """A path of `ropa.article30` (`activities.crm.purposes.laskutus`) as a place."""
    steps, found = path.split("."), ""
    while steps:
        step = steps.pop(0)
        found += f".{step}" if found else step
        if step in NESTED and steps:
            found += f"[{steps.pop(0)}]"
    return found
