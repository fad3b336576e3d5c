"""The further checks: each finds what is there, what is wrong in each way it knows, and what does not apply."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import yaml

from ropa.findings import Status, checks
from tests.ropa.sound_record import TODAY, but, ceiling, dataset, fi, found, right, rule
from tests.ropa.test_findings_listed import (
    Case,
    add_activity,
    also,
    first,
    head,
    limit,
    processor,
    purposes,
    put,
    said_only,
    same,
    without,
)

PRESENT, PARTIAL, OUTDATED = Status.PRESENT, Status.PARTIAL, Status.OUTDATED
MISSING, CONTRADICTORY, NOT_APPLICABLE = Status.MISSING, Status.CONTRADICTORY, Status.NOT_APPLICABLE

NO_DATASETS = put("datasets")
NO_MARKETING = also(purposes({"article": "6(1)(b)"}), put("marketing_rules"))


def datasets(*entries):
    return put("datasets", *entries)


CHOSEN = rule("v", "obligation", "contract_ended", "P3Y", law="CUST-TELECOM")
"""Written as a duty, though the law leaves it to the controller."""
COLLECTED = rule("p", "obligation", "collection_ended", "P5Y", law="COLLECTION-AGENCY")
COLLECTOR = {"fact": "collector", "is": True}


def agreement(**over):
    agreed = {"value": {"status": "in_force", **over}}
    return put("recipients", {"id": "r", "name": fi("r"), "role": "processor", "agreement": agreed})


def iso(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def ended(**over):
    return add_activity({"id": "vanha", "name": fi("vanha"), "role": "controller", **over})


def over_fields(fields):
    """A dataset of identity codes over some of a row's fields; over none: the whole row."""
    mapping = {"place": "asiakas", "fields": fields}
    return lambda d: d["datasets"].append({**dataset("henkilötunnukset", NEED), "mapping": mapping})


NEED = rule("tarve", "need", "contract_ended", "P0D")
AWAITING = rule("tili", "need", "account_closed", "P1Y")
DUTY = {"rounding": "end_of_calendar_year_of_financial_year", "law": "ACC-VOUCHER"}
VOUCHER = rule("tosite", "obligation", "invoice_dated", "P6Y", **DUTY)
PAPER = {"id": "paperi", "name": fi("Paperi"), "medium": "paper", "lifecycle": "migrating"}
TRAFFIC = {"id": "valitys", "name": fi("Välitystiedot")}
ADD_TRAFFIC = also(lambda d: d["data_categories"].append(TRAFFIC), put("time_limits"))

CASES = [
    Case("RECORD_FIELDS", PRESENT, same),
    Case("RECORD_FIELDS", MISSING, without("dpo"), "organisation"),
    Case("RECORD_FIELDS", MISSING, purposes(None), "activities[asiakkuus].purposes[p0]"),
    Case("PASSAGES_UNASSIGNED", PRESENT, same),
    Case(
        "PASSAGES_UNASSIGNED",
        PARTIAL,
        lambda d: d["notices"][0]["passages"][0].pop("held_in"),
        "notices[seloste].passages[1]",
    ),
    Case("PASSAGES_UNASSIGNED", NOT_APPLICABLE, put("notices")),
    Case("UNCONFIRMED_RULES", PRESENT, same),
    Case(
        "UNCONFIRMED_RULES",
        PARTIAL,
        datasets(dataset("d", {**NEED, "status": "proposed"})),
        "datasets[d].grounds[tarve]",
    ),
    Case("UNCONFIRMED_RULES", NOT_APPLICABLE, NO_DATASETS),
    Case("CRITERION_REVIEW", PRESENT, datasets(dataset("d", {**NEED, "period": None, "review_by": iso(1)}))),
    Case("CRITERION_REVIEW", OUTDATED, datasets(dataset("d", {**NEED, "period": None, "review_by": iso(0)}))),
    Case("CRITERION_REVIEW", MISSING, datasets(dataset("d", {**NEED, "period": None}))),
    Case("CRITERION_REVIEW", NOT_APPLICABLE, same),
    Case("MAXIMUM_WITHOUT_START", PRESENT, same),
    Case(
        "MAXIMUM_WITHOUT_START", MISSING, put("time_limits", limit(bound="maximum", period="P1Y")), "time_limits[raja]"
    ),
    Case("MAXIMUM_WITHOUT_START", NOT_APPLICABLE, also(put("time_limits"), NO_DATASETS)),
    Case("CEILING_WITHOUT_GROUND", PRESENT, same),
    Case("CEILING_WITHOUT_GROUND", MISSING, datasets(dataset("d", ceilings=[ceiling("c", "recorded", "P1Y")]))),
    Case("CEILING_WITHOUT_GROUND", NOT_APPLICABLE, datasets(dataset("d", NEED))),
    Case("START_WITHOUT_WATCHDOG", PRESENT, same),
    Case("START_WITHOUT_WATCHDOG", MISSING, datasets(dataset("d", AWAITING))),
    Case(
        "START_WITHOUT_WATCHDOG",
        MISSING,
        datasets(dataset("d", AWAITING, ceilings=[ceiling("c", "last_activity", "P2Y")])),
    ),
    Case(
        "START_WITHOUT_WATCHDOG", PRESENT, datasets(dataset("d", AWAITING, ceilings=[ceiling("c", "recorded", "P9Y")]))
    ),
    Case(
        "START_WITHOUT_WATCHDOG",
        NOT_APPLICABLE,
        datasets(dataset("d", rule("t", "need", {"earliest_of": ["account_closed", "recorded"]}, "P1Y"))),
    ),
    Case("START_WITHOUT_WATCHDOG", NOT_APPLICABLE, datasets(dataset("d", VOUCHER))),
    Case("HISTORY_WITHOUT_END", PRESENT, same),
    Case("HISTORY_WITHOUT_END", NOT_APPLICABLE, datasets(dataset("laatikko", NEED, grain="container"))),
    Case("HISTORY_WITHOUT_END", PARTIAL, datasets(dataset("tiketit", NEED, grain="record")), "datasets[tiketit]"),
    Case(
        "HISTORY_WITHOUT_END", PRESENT, datasets(dataset("t", rule("t", "need", "case_closed", "P1Y"), grain="record"))
    ),
    Case("HISTORY_WITHOUT_END", PRESENT, datasets(dataset("t", NEED, grain="record", mapping={"contract": "nro"}))),
    Case("HISTORY_WITHOUT_END", NOT_APPLICABLE, datasets(dataset("d", NEED))),
    Case("RELATIONSHIP_WITHOUT_END", PARTIAL, datasets(dataset("d", AWAITING)), "datasets[d].grounds[tili]"),
    Case("RELATIONSHIP_WITHOUT_END", PARTIAL, put("time_limits", limit(trigger="relationship_ended"))),
    Case(
        "RELATIONSHIP_WITHOUT_END",
        PRESENT,
        datasets(dataset("d", rule("t", "need", {"earliest_of": ["account_closed", "last_activity"]}, "P2Y"))),
    ),
    Case("RELATIONSHIP_WITHOUT_END", NOT_APPLICABLE, same),
    Case("OBLIGATION_DIFFERS", PRESENT, same),
    Case("OBLIGATION_DIFFERS", CONTRADICTORY, datasets(dataset("d", {**VOUCHER, "period": "P5Y"}))),
    Case("OBLIGATION_DIFFERS", CONTRADICTORY, datasets(dataset("d", {**VOUCHER, "rounding": "none"}))),
    Case("OBLIGATION_DIFFERS", CONTRADICTORY, datasets(dataset("d", {**VOUCHER, "trigger": "recorded"}))),
    Case("OBLIGATION_DIFFERS", CONTRADICTORY, datasets(dataset("d", CHOSEN))),
    Case("OBLIGATION_DIFFERS", CONTRADICTORY, datasets(dataset("d", COLLECTED))),
    Case("OBLIGATION_DIFFERS", PRESENT, datasets(dataset("d", {**COLLECTED, "condition": COLLECTOR}))),
    Case("OBLIGATION_DIFFERS", PRESENT, also(head(facts={"collector": True}), datasets(dataset("d", COLLECTED)))),
    Case(
        "OBLIGATION_DIFFERS", CONTRADICTORY, also(head(facts={"collector": False}), datasets(dataset("d", COLLECTED)))
    ),
    Case("OBLIGATION_DIFFERS", PARTIAL, datasets(dataset("d", rule("t", "obligation", "invoice_dated", "P6Y")))),
    Case("OBLIGATION_DIFFERS", NOT_APPLICABLE, datasets(dataset("d", NEED))),
    Case("CEILING_BEFORE_OBLIGATION", PRESENT, same),
    Case(
        "CEILING_BEFORE_OBLIGATION",
        CONTRADICTORY,
        datasets(dataset("d", VOUCHER, ceilings=[ceiling("c", "invoice_dated", "P6Y", yields_to=["claim"])])),
        "datasets[d].ceilings[c]",
    ),
    Case(
        "CEILING_BEFORE_OBLIGATION",
        PRESENT,
        datasets(dataset("d", VOUCHER, ceilings=[ceiling("c", "invoice_dated", "P8Y")])),
    ),
    Case("CEILING_BEFORE_OBLIGATION", NOT_APPLICABLE, datasets(dataset("d", VOUCHER))),
    Case("BALANCING_TEST", PRESENT, same),
    Case("BALANCING_TEST", MISSING, datasets(dataset("d", rule("v", "claim", "contract_ended", "P3Y")))),
    Case("BALANCING_TEST", MISSING, purposes({"article": "6(1)(f)"}), "activities[asiakkuus].purposes[p0]"),
    Case("BALANCING_TEST", NOT_APPLICABLE, also(purposes({"article": "6(1)(b)"}), datasets(dataset("d", NEED)))),
    Case("LAW_OF_RULES", PRESENT, same),
    Case("LAW_OF_RULES", OUTDATED, datasets(dataset("d", {**NEED, "law": "NO-SUCH-LAW"}))),
    Case("LAW_OF_RULES", NOT_APPLICABLE, datasets(dataset("d", NEED))),
    Case("SUGGESTED_NUMBER", MISSING, datasets(dataset("d", {**NEED, "law": "TICKET"}))),
    Case("SUGGESTED_NUMBER", PRESENT, datasets(dataset("d", {**NEED, "law": "TICKET", "reason": fi("tarve")}))),
    Case("SUGGESTED_NUMBER", NOT_APPLICABLE, same),
    Case("REGISTER_WITHOUT_RULE", PRESENT, same),
    Case("REGISTER_WITHOUT_RULE", MISSING, NO_DATASETS, "registers[crm]"),
    Case(
        "REGISTER_WITHOUT_RULE",
        PARTIAL,
        lambda d: d["registers"].append({**PAPER, "lifecycle": "active"}),
        "registers[paperi]",
    ),
    Case("REGISTER_WITHOUT_RULE", NOT_APPLICABLE, put("registers")),
    Case("PROMISE_NOT_CARRIED_OUT", PRESENT, same),
    Case("PROMISE_NOT_CARRIED_OUT", MISSING, datasets({**dataset("d", NEED), "mapping": {}}), "datasets[d]"),
    Case(
        "PROMISE_NOT_CARRIED_OUT",
        NOT_APPLICABLE,
        datasets({**dataset("d", NEED), "mapping": {}, "enforced_by": "register"}),
    ),
    Case("PROMISE_NOT_CARRIED_OUT", MISSING, said_only(limit(trigger="contract_ended", period="P1Y"))),
    Case("DIGITISED_COPY", NOT_APPLICABLE, same),
    Case("DIGITISED_COPY", MISSING, lambda d: d["registers"].append(PAPER), "registers[paperi]"),
    Case("DIGITISED_COPY", PRESENT, lambda d: d["registers"].append({**PAPER, "migrates_to": "crm"})),
    Case(
        "DIGITISED_COPY",
        MISSING,
        lambda d: d["registers"].extend(
            [
                {**PAPER, "lifecycle": "active"},
                {"id": "kuvat", "name": fi("Kuvat"), "medium": "files", "copy_of": "paperi"},
            ]
        ),
        "registers[kuvat]",
    ),
    Case("BACKUPS", PRESENT, same),
    Case("BACKUPS", PARTIAL, first("registers", backups={"value": {"keep_generations": 7}}), "registers[crm].backups"),
    Case("BACKUPS", PARTIAL, first("registers", backups={"value": {"keep_generations": 7, "keep_for": "P7D"}})),
    Case("BACKUPS", PRESENT, first("registers", backups={"value": {"keep_for": "P7D"}})),
    Case("BACKUPS", MISSING, lambda d: d["registers"][0].pop("backups")),
    Case("BACKUPS", NOT_APPLICABLE, put("registers", PAPER)),
    Case("IDENTITY_CODE_KEPT", PRESENT, same),
    Case(
        "IDENTITY_CODE_KEPT",
        PARTIAL,
        lambda d: d["data_categories"][0]["items"].append({"id": "h", "name": fi("hetu"), "identity_code": True}),
        "datasets[asiakkaat]",
    ),
    *(
        Case(
            "IDENTITY_CODE_KEPT",
            status,
            also(
                lambda d: d["data_categories"][0]["items"].append(
                    {"id": "h", "name": fi("hetu"), "identity_code": True}
                ),
                over_fields(fields),
            ),
        )
        for fields, status in ((["hetu"], PRESENT), ([], PARTIAL))
    ),
    Case("IDENTITY_CODE_KEPT", NOT_APPLICABLE, NO_DATASETS),
    Case("SPECIAL_CATEGORIES", NOT_APPLICABLE, same),
    Case("SPECIAL_CATEGORIES", MISSING, first("data_categories", special={"value": {"article": "9(2)(h)"}})),
    Case(
        "SPECIAL_CATEGORIES",
        PRESENT,
        also(
            first("data_categories", special={"value": {"article": "9(2)(h)"}}),
            purposes({"article": "6(1)(c)"}, special={"value": {"article": "9(2)(h)"}}),
        ),
    ),
    Case("OPEN_ENDED_DATA", PRESENT, same),
    Case("OPEN_ENDED_DATA", PARTIAL, first("data_categories", open_ended=True)),
    Case("OPEN_ENDED_DATA", NOT_APPLICABLE, put("data_categories")),
    Case("SOURCES_NAMED", PRESENT, same),
    Case(
        "SOURCES_NAMED", PARTIAL, first("sources", name=fi("Julkiset ja yksityiset rekisterit")), "sources[rekisteri]"
    ),
    Case("SOURCES_NAMED", NOT_APPLICABLE, put("sources")),
    Case("PROCESSOR_AGREEMENT", PRESENT, same),
    Case("PROCESSOR_AGREEMENT", PRESENT, agreement(expires_on=iso(61))),
    Case("PROCESSOR_AGREEMENT", PARTIAL, agreement(expires_on=iso(60))),
    Case("PROCESSOR_AGREEMENT", PARTIAL, agreement(expires_on=iso(0))),
    Case("PROCESSOR_AGREEMENT", OUTDATED, agreement(expires_on=iso(-1))),
    Case("PROCESSOR_AGREEMENT", OUTDATED, agreement(status="ended")),
    Case("PROCESSOR_AGREEMENT", PARTIAL, agreement(status="in_preparation")),
    Case("PROCESSOR_AGREEMENT", MISSING, put("recipients", {"id": "r", "name": fi("r"), "role": "processor"})),
    Case("PROCESSOR_AGREEMENT", MISSING, add_activity(processor(mandate={"instrument": "contract"}))),
    Case("PROCESSOR_AGREEMENT", NOT_APPLICABLE, put("recipients")),
    Case("JOINT_ARRANGEMENT", NOT_APPLICABLE, same),
    Case("JOINT_ARRANGEMENT", MISSING, head(joint_controllers={"value": [{"name": "Toinen Oy"}]})),
    Case(
        "JOINT_ARRANGEMENT",
        PRESENT,
        also(
            head(joint_controllers={"value": [{"name": "Toinen Oy"}]}),
            put("references", {"id": "s", "name": fi("sopimus"), "kind": "rules", "section": "26"}),
        ),
    ),
    Case(
        "JOINT_ARRANGEMENT",
        MISSING,
        also(
            head(joint_controllers={"value": [{"name": "Toinen Oy"}]}),
            put("references", {"id": "s", "name": fi("säännöt"), "kind": "rules", "section": "126 §"}),
        ),
    ),
    Case("TRANSFER_SAFEGUARD", PRESENT, same),
    Case("TRANSFER_SAFEGUARD", MISSING, first("transfers", safeguards=[])),
    Case("TRANSFER_SAFEGUARD", PARTIAL, lambda d: d["transfers"][0].pop("documentation")),
    Case("TRANSFER_SAFEGUARD", NOT_APPLICABLE, put("transfers")),
    Case("ACTIVITY_ENDED", NOT_APPLICABLE, same),
    Case("ACTIVITY_ENDED", PRESENT, ended(ended_on=iso(-9))),
    Case("ACTIVITY_ENDED", PARTIAL, ended(successor="asiakkuus"), "activities[vanha]"),
    Case(
        "ACTIVITY_ENDED",
        MISSING,
        also(ended(ended_on=iso(-9)), datasets({**dataset("d", NEED), "activity": "vanha"})),
        "activities[vanha]",
    ),
    Case("REGISTER_OWNER", PRESENT, same),
    Case("REGISTER_OWNER", MISSING, lambda d: d["registers"][0].pop("owner")),
    Case("REGISTER_OWNER", PARTIAL, lambda d: d["registers"].append(PAPER), "registers[paperi]"),
    Case("REGISTER_OWNER", NOT_APPLICABLE, put("registers")),
    Case("REVIEW_OVERDUE", PRESENT, first("registers", review={"every": "P1Y", "last": "2025-06-30"})),
    Case("REVIEW_OVERDUE", OUTDATED, first("registers", review={"every": "P1Y", "last": "2025-06-29"})),
    Case("REVIEW_OVERDUE", PARTIAL, first("registers", review={"every": "P1Y"})),
    Case("REVIEW_OVERDUE", MISSING, lambda d: d["registers"][0].pop("review")),
    Case("MEASURE_IS_REGISTER", NOT_APPLICABLE, same),
    Case("MEASURE_IS_REGISTER", MISSING, first("security_measures", kind="cctv")),
    Case("MEASURE_IS_REGISTER", MISSING, first("security_measures", implies_register=fi("Kulunvalvonta"))),
    Case("MEASURE_IS_REGISTER", PRESENT, first("security_measures", implies_register=fi("asiakasrekisteri"))),
    Case("TRAFFIC_DATA_TOLD", NOT_APPLICABLE, same),
    Case("TRAFFIC_DATA_TOLD", MISSING, head(services=["internet_access"])),
    Case("TRAFFIC_DATA_TOLD", PARTIAL, ADD_TRAFFIC, "data_categories[valitys]"),
    Case(
        "TRAFFIC_DATA_TOLD",
        PRESENT,
        also(ADD_TRAFFIC, put("time_limits", limit(trigger="recorded", period="P3M", data_categories=["valitys"]))),
    ),
    Case("TRAFFIC_ACCESS_DENIED", NOT_APPLICABLE, same),
    Case("TRAFFIC_ACCESS_DENIED", PRESENT, ADD_TRAFFIC),
    Case(
        "TRAFFIC_ACCESS_DENIED",
        OUTDATED,
        also(ADD_TRAFFIC, put("rights", right("access", limited=True, data_categories=["valitys"]))),
        "rights[access]",
    ),
    Case(
        "TRAFFIC_ACCESS_DENIED",
        PRESENT,
        also(ADD_TRAFFIC, put("rights", right("access", data_categories=["valitys"]))),
    ),
    Case("MARKETING_BAN_KEPT", PRESENT, same),
    Case("MARKETING_BAN_KEPT", MISSING, also(NO_DATASETS, put("time_limits"))),
    Case("MARKETING_BAN_KEPT", NOT_APPLICABLE, NO_MARKETING),
    Case("DATAHUB", NOT_APPLICABLE, same),
    Case("DATAHUB", MISSING, head(services=["electricity_supply"])),
    Case(
        "DATAHUB",
        PRESENT,
        also(
            head(services=["electricity_network"]),
            put("recipients", {"id": "h", "name": fi("Tiedonvaihto"), "party": {"name": "Fingrid Datahub Oy"}}),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_each_check_in_each_of_its_states(case):
    finding = found(but(case.change))[case.check]
    assert finding.status == case.status, (finding.where, finding.message)
    assert finding.group == "further"
    if case.where:
        assert case.where in finding.where


def test_every_further_check_is_tried_well_and_badly():
    tried = {(case.check, case.status.well) for case in CASES}
    further = {check.id for check in checks() if check.group == "further"}
    assert {(check, well) for check in further for well in (True, False)} == tried


def test_a_law_that_ends_is_told_before_and_after():
    """The rows of the library are stood in for: none of ours ends while this test is in use."""
    from types import SimpleNamespace

    from ropa.findings import findings
    from ropa.law import library
    from tests.ropa.sound_record import ROWS, mentioned, sound

    row = library()["ACC-VOUCHER"]
    kept = {name: getattr(row, name) for name in ("trigger", "period", "rounding", "in_force_from", "suggestion")}
    ends = SimpleNamespace(**kept, in_force_to=date(2026, 12, 31))
    laws = {**library(), "ACC-VOUCHER": ends}
    said = {
        day: next(one for one in findings(sound(), ROWS, laws, day, mentioned) if one.check == "LAW_OF_RULES").status
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    }
    assert said == {date(2026, 12, 31): PARTIAL, date(2027, 1, 1): OUTDATED}


def test_a_coming_version_of_a_law_does_not_speak_before_its_day(tmp_path):
    """A rule that says what the law says stays well until the new version is the law, and is told that it ends."""
    from ropa.findings import findings
    from ropa.law import DIRECTORY, load
    from tests.ropa.sound_record import ROWS, mentioned, sound

    for file in DIRECTORY.glob("*.yaml"):
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))
        voucher = next((one for one in rows if one["id"] == "ACC-VOUCHER"), None)
        if voucher is not None:
            later = {**voucher, "period": "P7Y", "in_force_from": "2028-01-01"}
            rows = [{**voucher, "in_force_to": "2027-12-31"}, later, *(one for one in rows if one is not voucher)]
        (tmp_path / file.name).write_text(yaml.safe_dump(rows, allow_unicode=True), encoding="utf-8")
    coming = load(tmp_path)

    def said(day):
        found = {one.check: one.status for one in findings(sound(), ROWS, coming.read_on(day), day, mentioned)}
        return found["OBLIGATION_DIFFERS"], found["LAW_OF_RULES"]

    assert said(date(2027, 12, 31)) == (Status.PRESENT, Status.PARTIAL)
    assert said(date(2028, 1, 1)) == (Status.CONTRADICTORY, Status.PRESENT)
