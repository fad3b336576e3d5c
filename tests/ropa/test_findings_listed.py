"""The 41 listed checks: each finds what is there, what is wrong in each way it knows, and what does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from ropa.findings import Status, checks
from tests.ropa.sound_record import Document, but, fi, found, right, sound

PRESENT, PARTIAL, OUTDATED = Status.PRESENT, Status.PARTIAL, Status.OUTDATED
MISSING, CONTRADICTORY, NOT_APPLICABLE = Status.MISSING, Status.CONTRADICTORY, Status.NOT_APPLICABLE


class Case(NamedTuple):
    """A change of the sound record, and what a check then says. `where`: a place that it names."""

    check: str
    status: Status
    change: Callable[[Document], Any]
    where: str = ""


def head(**over: Any) -> Callable[[Document], Any]:
    return lambda d: d["organisation"].update(over)


def without(key: str) -> Callable[[Document], Any]:
    return lambda d: d["organisation"].pop(key)


def put(name: str, *entries: Document) -> Callable[[Document], Any]:
    """Another list in place of the record's own."""
    return lambda d: d.__setitem__(name, list(entries))


def first(list_: str, **over: Any) -> Callable[[Document], Any]:
    return lambda d: d[list_][0].update(over)


def purposes(*bases: Any, **over: Any) -> Callable[[Document], Any]:
    """Purposes with these legal bases and nothing else."""

    def change(document: Document) -> None:
        document["activities"][0]["purposes"] = [
            {"id": f"p{n}", "name": fi(f"p{n}"), **({"legal_basis": {"value": basis}} if basis else {}), **over}
            for n, basis in enumerate(bases)
        ]

    return change


def rights(*entries: Document, keep: bool = True) -> Callable[[Document], Any]:
    """These entries in place of those about the same rights; `keep`: the others stay."""

    def change(document: Document) -> None:
        new = {one["right"] for one in entries}
        kept = [one for one in document["rights"] if keep and one["right"] not in new]
        document["rights"] = [*kept, *({"id": f"r{n}", **one} for n, one in enumerate(entries))]

    return change


def no_right(code: str) -> Callable[[Document], Any]:
    return lambda d: d.__setitem__("rights", [one for one in d["rights"] if one["right"] != code])


def limit(**over: Any) -> Document:
    return {"id": "raja", "name": fi("raja"), **over}


def said_only(*limits: Document, **over: Any) -> Callable[[Document], Any]:
    """A notice alone: these time limits, and no dataset that carries anything out."""

    def change(document: Document) -> None:
        document.update(time_limits=[{**one, "id": f"l{n}"} for n, one in enumerate(limits)], datasets=[], **over)

    return change


def also(*changes: Callable[[Document], Any]) -> Callable[[Document], Any]:
    return lambda d: [change(d) for change in changes]


def processor(**over: Any) -> Document:
    return {
        "id": "kasittely",
        "name": fi("Käsittely"),
        "role": "processor",
        "on_behalf_of": {"value": [{"name": "Toinen Oy"}]},
        "mandate": {"instrument": "contract", "agreement": {"value": {"status": "in_force"}}},
        **over,
    }


def add_activity(activity: Document) -> Callable[[Document], Any]:
    return lambda d: d["activities"].append(activity)


def same(document: Document) -> None:
    """No change."""


NO_MARKETING = also(purposes({"article": "6(1)(b)"}), put("marketing_rules"), no_right("object_marketing"))
IN_F = {"article": "6(1)(f)"}
NAMED_F = {**IN_F, "interest": fi("etu")}
OLD = [{"id": "vanha", "name": fi("henkilötietolaki 8 §"), "kind": "law"}]
CITES_OLD = put("references", {"id": "laki", "name": fi("henkilötietolaki 26 §"), "kind": "law"})

CASES = [
    Case("CTRL_NAME", PRESENT, same, "organisation.name"),
    Case("CTRL_NAME", MISSING, head(name=" "), "organisation"),
    Case("CTRL_ADDRESS", PRESENT, head(contact={"visiting_address": "Esimerkkitie 2"})),
    Case("CTRL_ADDRESS", PARTIAL, head(contact={"email": "a@example.invalid"})),
    Case("CTRL_ADDRESS", MISSING, without("contact")),
    Case("CTRL_BUSINESS_ID", PRESENT, same),
    Case("CTRL_BUSINESS_ID", MISSING, without("business_id")),
    Case("CONTACT_POINT", PRESENT, same, "contact_points[neuvonta]"),
    Case("CONTACT_POINT", PARTIAL, put("contact_points", {"id": "n", "name": fi("n"), "tasks": ["register"]})),
    Case(
        "CONTACT_POINT",
        PRESENT,
        put(
            "contact_points",
            {"id": "n", "name": fi("n"), "tasks": ["register"], "same_as": "m"},
            {"id": "m", "name": fi("m"), "phone": "1"},
        ),
    ),
    Case("CONTACT_POINT", MISSING, put("contact_points", {"id": "n", "name": fi("n"), "tasks": ["switchboard"]})),
    Case("DPO", PRESENT, same),
    Case("DPO", PRESENT, head(dpo={"none_because": fi("ei laajamittaista seurantaa")})),
    Case("DPO", PARTIAL, head(dpo={"value": {"role": fi("Tietosuojavastaava")}})),
    Case("DPO", MISSING, without("dpo")),
    Case("DPO", PARTIAL, also(without("dpo"), put("contact_points", {"id": "v", "name": fi("v"), "tasks": ["dpo"]}))),
    Case(
        "DPO",
        PRESENT,
        also(without("dpo"), put("contact_points", {"id": "v", "name": fi("v"), "tasks": ["dpo"], "phone": "1"})),
    ),
    Case("PURPOSES", PRESENT, same),
    Case("PURPOSES", PARTIAL, first("activities", listings={"purposes": "examples"}), "activities[asiakkuus].listings"),
    Case("PURPOSES", PRESENT, purposes({"article": "6(1)(b)"}, listing="examples")),
    Case("PURPOSES", MISSING, purposes()),
    Case("PURPOSES", NOT_APPLICABLE, put("activities", processor())),
    Case("LEGAL_BASIS_ART6", PRESENT, same),
    Case("LEGAL_BASIS_ART6", PARTIAL, purposes({"article": "6(1)(b)"}, {"text": fi("asiakassuhde")})),
    Case("LEGAL_BASIS_ART6", PARTIAL, purposes({"article": "6(1)(b)"}, None)),
    Case("LEGAL_BASIS_ART6", MISSING, purposes(None, None)),
    Case("LEGAL_BASIS_ART6", OUTDATED, also(put("references", *OLD), purposes({"references": ["vanha"]}))),
    Case("LEGAL_BASIS_ART6", PRESENT, also(put("references", *OLD), purposes({**NAMED_F, "references": ["vanha"]}))),
    Case("LEGITIMATE_INTEREST", PRESENT, same),
    Case("LEGITIMATE_INTEREST", PARTIAL, purposes(NAMED_F, IN_F), "activities[asiakkuus].purposes[p1]"),
    Case("LEGITIMATE_INTEREST", MISSING, purposes(IN_F)),
    Case("LEGITIMATE_INTEREST", MISSING, purposes({"article": "6(1)(b)"}, None)),
    Case("LEGITIMATE_INTEREST", NOT_APPLICABLE, purposes({"article": "6(1)(b)"})),
    Case("SUBJECT_CATEGORIES", PRESENT, same),
    Case("SUBJECT_CATEGORIES", PARTIAL, first("subject_groups", declared=False), "subject_groups[asiakkaat]"),
    Case("SUBJECT_CATEGORIES", PARTIAL, put("subject_groups")),
    Case("SUBJECT_CATEGORIES", MISSING, also(put("subject_groups"), put("datasets"))),
    Case("DATA_CATEGORIES", PRESENT, same),
    Case("DATA_CATEGORIES", PRESENT, first("data_categories", listing="maximum")),
    Case("DATA_CATEGORIES", PARTIAL, first("data_categories", listing="examples")),
    Case("DATA_CATEGORIES", PARTIAL, first("data_categories", scope="unspecified"), "data_categories[perustiedot]"),
    Case("DATA_CATEGORIES", PARTIAL, put("data_categories")),
    Case("DATA_CATEGORIES", MISSING, also(put("data_categories"), put("datasets"))),
    Case("NATIONAL_ID_JUSTIFIED", PRESENT, same),
    Case("NATIONAL_ID_JUSTIFIED", MISSING, lambda d: d["data_categories"][1]["items"][0].pop("justification")),
    Case("NATIONAL_ID_JUSTIFIED", NOT_APPLICABLE, lambda d: d["data_categories"].pop(1)),
    Case("SOURCES", PRESENT, same),
    Case("SOURCES", PRESENT, first("sources", listing="examples")),
    Case("SOURCES", PRESENT, also(put("sources"), first("activities", sources={"value": [fi("asiakas")]}))),
    Case("SOURCES", MISSING, put("sources")),
    Case("RECIPIENTS", PRESENT, same),
    Case("RECIPIENTS", PARTIAL, put("recipients", {"id": "r", "name": fi("lain mukaan"), "specified": False})),
    Case("RECIPIENTS", PARTIAL, put("recipients", {"id": "r", "name": fi("kumppani"), "role": "processor"})),
    Case("RECIPIENTS", PARTIAL, first("recipients", listing="examples")),
    Case("RECIPIENTS", PARTIAL, first("activities", listings={"recipients": "examples"})),
    Case(
        "RECIPIENTS",
        PRESENT,
        lambda d: d["recipients"].append(
            {"id": "ei", "name": fi("ei"), "disclosed": False, "purpose": fi("markkinointi")}
        ),
    ),
    Case(
        "RECIPIENTS",
        CONTRADICTORY,
        lambda d: d["recipients"].append({"id": "ei", "name": fi("ei luovuteta"), "disclosed": False}),
        "recipients[ei]",
    ),
    Case("RECIPIENTS", PRESENT, also(put("recipients"), first("activities", recipients={"none_because": fi("ei")}))),
    Case("RECIPIENTS", MISSING, put("recipients")),
    *(
        Case(
            check,
            PARTIAL,
            also(
                put(key),
                first("activities", **{key: {"value": [fi("jotakin")]}}),
                add_activity({"id": "muu", "name": fi("muu"), "role": "controller"}),
            ),
            "activities[muu]",
        )
        for check, key in (
            ("SOURCES", "sources"),
            ("RECIPIENTS", "recipients"),
            ("TRANSFER", "transfers"),
            ("TOM", "security_measures"),
        )
    ),
    Case("PROCESSORS", PRESENT, same),
    Case("PROCESSORS", PARTIAL, put("recipients", {"id": "r", "name": fi("urakoitsijat"), "role": "processor"})),
    Case(
        "PROCESSORS",
        PRESENT,
        put(
            "recipients",
            {"id": "r", "name": fi("virasto"), "role": "authority"},
            {"id": "e", "name": fi("ei käsittelijöitä"), "role": "processor", "disclosed": False},
        ),
        "recipients[e]",
    ),
    Case(
        "RECIPIENTS",
        PRESENT,
        put(
            "recipients",
            {"id": "r", "name": fi("virasto"), "role": "authority"},
            {"id": "e", "name": fi("ei käsittelijöitä"), "role": "processor", "disclosed": False},
        ),
    ),
    Case("PROCESSORS", MISSING, put("recipients", {"id": "r", "name": fi("virasto"), "role": "authority"})),
    Case(
        "PROCESSORS",
        NOT_APPLICABLE,
        also(put("recipients"), first("activities", recipients={"none_because": fi("ei")})),
    ),
    Case("TRANSFER", PRESENT, same),
    Case("TRANSFER", PRESENT, put("transfers", {"id": "t", "name": fi("ei"), "status": "none"})),
    Case("TRANSFER", PARTIAL, put("transfers", {"id": "t", "name": fi("jos"), "status": "conditional"})),
    Case("TRANSFER", PARTIAL, put("transfers", {"id": "t", "name": fi("?"), "status": "not_stated"})),
    Case("TRANSFER", PARTIAL, first("transfers", safeguards=[]), "transfers[pilvi]"),
    Case("TRANSFER", CONTRADICTORY, lambda d: d["transfers"].append({"id": "ei", "name": fi("ei"), "status": "none"})),
    Case("TRANSFER", MISSING, put("transfers")),
    Case("RETENTION_PERIOD", PRESENT, same),
    Case("RETENTION_PERIOD", PRESENT, said_only(limit(trigger="contract_ended", period="P1Y"))),
    Case("RETENTION_PERIOD", PARTIAL, said_only(limit(trigger="relationship_ended", criterion=fi("tarpeen")))),
    Case("RETENTION_PERIOD", PARTIAL, said_only(limit(criterion=fi("niin kauan kuin tarpeen")))),
    Case(
        "RETENTION_PERIOD",
        PARTIAL,
        said_only(limit(trigger="contract_ended", period="P1Y"), limit(criterion=fi("tarpeen"))),
        "time_limits[l1]",
    ),
    Case(
        "RETENTION_PERIOD",
        PARTIAL,
        said_only(limit(trigger="contract_ended", period="P1Y", data_categories=["perustiedot"])),
        "data_categories[laskutustiedot]",
    ),
    Case(
        "RETENTION_PERIOD",
        PARTIAL,
        lambda d: d["datasets"][0]["grounds"][0].update(status="proposed"),
        "datasets[asiakkaat]",
    ),
    Case("RETENTION_PERIOD", PARTIAL, lambda d: d["datasets"][0].update(grounds=[]), "datasets[asiakkaat]"),
    Case("RETENTION_PERIOD", MISSING, said_only(limit(trigger="declared_unneeded", criterion=fi("tarpeettomat")))),
    Case("RETENTION_PERIOD", MISSING, said_only(limit(condition=fi("lupa"), otherwise="do_not_store"))),
    Case(
        "RETENTION_PERIOD", MISSING, said_only(disposal_methods=[{"id": "s", "name": fi("s"), "standard": "DIN 66399"}])
    ),
    Case("RETENTION_CONFLICT", PRESENT, same),
    Case("RETENTION_CONFLICT", PARTIAL, said_only(limit(trigger="contract_ended", criterion=fi("kun ei tarpeen")))),
    Case(
        "RETENTION_CONFLICT", CONTRADICTORY, said_only(limit(trigger="service_ended", period="P0D")), "time_limits[l0]"
    ),
    Case(
        "RETENTION_CONFLICT",
        PRESENT,
        said_only(limit(trigger="service_ended", period="P0D", data_categories=["perustiedot"])),
    ),
    Case(
        "RETENTION_CONFLICT",
        PRESENT,
        said_only(limit(trigger="service_ended", period="P0D"), limit(bound="minimum", period="P6Y")),
    ),
    Case("RETENTION_CONFLICT", PARTIAL, said_only(limit(trigger="service_ended", period="P2922D"))),
    Case("RETENTION_CONFLICT", CONTRADICTORY, said_only(limit(trigger="service_ended", period="P1000D"))),
    Case("RETENTION_CONFLICT", NOT_APPLICABLE, said_only()),
    Case(
        "RETENTION_CONFLICT", NOT_APPLICABLE, said_only(limit(bound="minimum", trigger="invoice_dated", period="P6Y"))
    ),
    Case("RETENTION_CONFLICT", NOT_APPLICABLE, said_only(limit(trigger="declared_unneeded"))),
    Case("TOM", PRESENT, same),
    Case("TOM", PRESENT, also(put("security_measures"), head(security_measures={"value": [fi("lukot")]}))),
    Case("TOM", PARTIAL, first("security_measures", kind="general")),
    Case("TOM", MISSING, put("security_measures")),
    Case("RIGHT_ACCESS", PRESENT, same),
    Case("RIGHT_ACCESS", OUTDATED, CITES_OLD, "rights[access]"),
    Case("RIGHT_ACCESS", PARTIAL, rights(right("access", limited=True))),
    Case("RIGHT_ACCESS", PRESENT, rights(right("access", limited=True), right("access"))),
    Case("RIGHT_ACCESS", MISSING, rights(right("all", channels=["email"]), keep=False)),
    Case("RIGHT_ERASE", PARTIAL, rights(right("erase", condition=fi("virheelliset tiedot")))),
    Case("RIGHT_RESTRICT", PRESENT, rights(right("restrict", condition=fi("kiistan ajan")))),
    *(
        Case(check, status, change)
        for check, code in (
            ("RIGHT_RECTIFY", "rectify"),
            ("RIGHT_ERASE", "erase"),
            ("RIGHT_RESTRICT", "restrict"),
            ("RIGHT_PORTABILITY", "portability"),
            ("RIGHT_OBJECT", "object"),
            ("COMPLAINT", "complain"),
        )
        for status, change in (
            (PRESENT, same),
            (MISSING, no_right(code)),
            (PARTIAL, rights(right(code, limited=True))),
            (OUTDATED, also(CITES_OLD, rights(right(code, references=["laki"])))),
        )
    ),
    Case("RIGHT_PORTABILITY", NOT_APPLICABLE, also(purposes({"article": "6(1)(c)"}), no_right("portability"))),
    Case("RIGHT_OBJECT", NOT_APPLICABLE, also(purposes({"article": "6(1)(b)"}), no_right("object"))),
    Case("RIGHT_OBJECT_MARKETING", PRESENT, same),
    Case("RIGHT_OBJECT_MARKETING", MISSING, no_right("object_marketing")),
    Case("RIGHT_OBJECT_MARKETING", PARTIAL, rights(right("object_marketing", limited=True))),
    Case("RIGHT_OBJECT_MARKETING", OUTDATED, also(CITES_OLD, rights(right("object_marketing", references=["laki"])))),
    Case("RIGHT_OBJECT_MARKETING", NOT_APPLICABLE, NO_MARKETING),
    Case("E_MARKETING_CONSENT", PRESENT, same),
    Case("E_MARKETING_CONSENT", PRESENT, first("marketing_rules", basis="soft_opt_in")),
    Case(
        "E_MARKETING_CONSENT", PARTIAL, first("marketing_rules", channel="any", basis="opt_out", stores=["permission"])
    ),
    Case("E_MARKETING_CONSENT", MISSING, first("marketing_rules", basis="opt_out")),
    Case("E_MARKETING_CONSENT", NOT_APPLICABLE, NO_MARKETING),
    Case("WITHDRAW_CONSENT", PRESENT, same),
    Case("WITHDRAW_CONSENT", MISSING, no_right("withdraw_consent"), "marketing_rules[sahko]"),
    Case(
        "WITHDRAW_CONSENT",
        NOT_APPLICABLE,
        also(no_right("withdraw_consent"), put("marketing_rules"), purposes({"article": "6(1)(b)"})),
    ),
    *(
        Case("WITHDRAW_CONSENT", MISSING, also(no_right("withdraw_consent"), NO_MARKETING, change))
        for change in (
            purposes({"article": "6(1)(b)", "also": ["6(1)(a)"]}),
            also(put("references", *OLD), purposes({"references": ["vanha"]})),
            first("subject_groups", inclusion={"permission": True}),
            first("transfers", safeguards=["consent"]),
            purposes({"article": "6(1)(b)"}, special={"value": {"article": "9(2)(a)"}}),
        )
    ),
    Case("MANDATORY_PROVISION", PRESENT, same),
    Case("MANDATORY_PROVISION", MISSING, without("provision")),
    Case(
        "MANDATORY_PROVISION", PRESENT, also(without("provision"), first("activities", provision={"value": fi("ei")}))
    ),
    Case(
        "MANDATORY_PROVISION",
        PARTIAL,
        also(
            without("provision"),
            first("activities", provision={"value": fi("ei")}),
            add_activity({"id": "muu", "name": fi("muu"), "role": "controller"}),
        ),
        "activities[muu]",
    ),
    Case("AUTOMATED_DECISION", PRESENT, no_right("automated_decisions")),
    Case("AUTOMATED_DECISION", PRESENT, without("automated_decisions"), "rights[automated_decisions]"),
    Case(
        "AUTOMATED_DECISION",
        PARTIAL,
        also(
            no_right("automated_decisions"),
            without("automated_decisions"),
            first("activities", automated_decisions={"none_because": fi("ei")}),
            add_activity({"id": "muu", "name": fi("muu"), "role": "controller"}),
        ),
    ),
    Case("AUTOMATED_DECISION", MISSING, also(no_right("automated_decisions"), without("automated_decisions"))),
    Case("REPLY_DEADLINE", PRESENT, same),
    Case("REPLY_DEADLINE", PRESENT, rights(right("access", deadline={"period": "P30D"}))),
    Case("REPLY_DEADLINE", OUTDATED, rights(right("access", deadline={"period": "P3M"}))),
    Case("REPLY_DEADLINE", MISSING, rights(right("access"))),
    Case("FEE", PRESENT, same),
    Case("FEE", OUTDATED, rights(right("access", fee={"free": True, "free_interval": "P1Y"}))),
    Case("FEE", OUTDATED, rights(right("access", fee={"free": False}))),
    Case("FEE", NOT_APPLICABLE, rights(right("access"))),
    Case("FORM_REQUIREMENT", PRESENT, same),
    Case("FORM_REQUIREMENT", PRESENT, rights(right("access", forms=["written"], channels=["post", "phone"]))),
    *(
        Case("FORM_REQUIREMENT", OUTDATED, rights(right("access", forms=[form])))
        for form in ("signed", "in_person", "identity_document", "written")
    ),
    Case("FORM_REQUIREMENT", PRESENT, rights(right("access", forms=["authenticated"]))),
    Case("FORM_REQUIREMENT", NOT_APPLICABLE, rights(right("access"))),
    Case("PROCESSOR_RECORD", NOT_APPLICABLE, same),
    Case("PROCESSOR_RECORD", PRESENT, also(add_activity(processor()), head(services=["hosting"]))),
    Case("PROCESSOR_RECORD", MISSING, head(services=["email"])),
    Case("PROCESSOR_RECORD", PARTIAL, purposes({"article": "6(1)(b)"}, on_behalf_of=fi("kumppanit"))),
    Case("PROCESSOR_RECORD", PARTIAL, add_activity(processor(mandate={}))),
    Case(
        "PROCESSOR_RECORD",
        PARTIAL,
        also(add_activity(processor(mandate={"instrument": "other_legal_act"})), head(services=["hosting"])),
        "organisation.services",
    ),
    Case("OUTDATED_LAW", PRESENT, same),
    Case("OUTDATED_LAW", OUTDATED, put("references", *OLD), "references[vanha]"),
    Case("OUTDATED_LAW", NOT_APPLICABLE, put("references")),
    Case("OUTDATED_AUTHORITY", PRESENT, same),
    Case(
        "OUTDATED_AUTHORITY",
        OUTDATED,
        first("sources", name=fi("Viestintäviraston rekisteri")),
        "sources[rekisteri].name",
    ),
    Case("OUTDATED_AUTHORITY", NOT_APPLICABLE, first("sources", name=fi("asiakas"))),
    Case("OUTDATED_STANDARD", PRESENT, same),
    Case(
        "OUTDATED_STANDARD",
        OUTDATED,
        first("disposal_methods", standard="DIN 32757"),
        "disposal_methods[silppu].standard",
    ),
    Case("OUTDATED_STANDARD", NOT_APPLICABLE, put("disposal_methods")),
    Case("NOTICE_DATE", PRESENT, same),
    Case("NOTICE_DATE", MISSING, lambda d: d["notices"][0].pop("created_on"), "notices[seloste]"),
    Case("NOTICE_DATE", MISSING, put("notices")),
    Case("UNDECLARED_REGISTER", PRESENT, same),
    Case("UNDECLARED_REGISTER", PARTIAL, first("registers", declared=False), "registers[crm]"),
    Case("UNDECLARED_REGISTER", PARTIAL, first("security_measures", kind="cctv"), "security_measures[salaus]"),
    Case("STRUCTURE_DEFECT", PRESENT, same),
    Case(
        "STRUCTURE_DEFECT",
        PARTIAL,
        lambda d: d["notices"][0]["passages"][0].update(corrected="Testi Oy."),
        "notices[seloste].passages[1]",
    ),
    Case(
        "STRUCTURE_DEFECT",
        PARTIAL,
        lambda d: d["registers"].extend(
            {"id": f"n{n}", "name": fi("n"), "medium": "files", "printed_ordinal": "2."} for n in (1, 2)
        ),
        "registers[n1].printed_ordinal",
    ),
    Case("STRUCTURE_DEFECT", NOT_APPLICABLE, put("notices")),
    Case("GROUP_CONTROLLER", NOT_APPLICABLE, same),
    Case(
        "GROUP_CONTROLLER", PRESENT, head(related_organisations={"value": [{"name": "Toinen Oy", "role": "separate"}]})
    ),
    Case(
        "GROUP_CONTROLLER",
        PARTIAL,
        head(related_organisations={"value": [{"name": "Toinen Oy", "role": "unknown"}]}),
        "organisation.related_organisations.value[0]",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_each_check_in_each_of_its_states(case):
    finding = found(but(case.change))[case.check]
    assert finding.status == case.status, (finding.where, finding.message)
    if case.where:
        assert case.where in finding.where


@pytest.mark.parametrize("text", ["Lakia noudatetaan: henkilötietolain 10 §", "TIETOYHTEISKUNTAKAAREN mukaan"])
def test_a_notice_that_speaks_of_old_law_is_found_by_its_own_words(text):
    def change(document):
        document["notices"][0]["passages"].append({"id": "2", "text": text})

    finding = found(but(change))["OUTDATED_LAW"]
    assert (finding.status, finding.where) == (OUTDATED, ("notices[seloste].passages[2]",))
    assert finding.message["fi"].endswith(("henkilötietola.", "tietoyhteiskuntakaar."))


def test_page_furniture_cites_nothing():
    passage = {"id": "2", "text": "henkilötietolain 10 §", "not_content": True}
    assert found(but(lambda d: d["notices"][0]["passages"].append(passage)))["OUTDATED_LAW"].status == PRESENT


def test_nothing_is_to_be_mended_in_the_sound_record():
    assert [one.check for one in found(sound()).values() if not one.status.well] == []


def test_every_listed_check_is_tried_well_and_badly():
    tried = {(case.check, case.status.well) for case in CASES}
    listed = {check.id for check in checks() if check.group == "listed"}
    assert len(listed) == 41
    assert {(check, well) for check in listed for well in (True, False)} <= tried


def test_every_message_of_a_listed_check_is_said_by_some_case():
    """A status that nothing leads to is a message that nobody reads."""
    said = {(case.check, found(but(case.change))[case.check].message["en"]) for case in CASES}
    for check in (one for one in checks() if one.group == "listed"):
        for key, text in check.messages.items():
            if key in ("present", "not_applicable"):
                continue
            start = text["en"].partition("{")[0]
            rest = text["en"].rpartition("}")[2]
            assert any(name == check.id and m.startswith(start) and m.endswith(rest) for name, m in said), (
                check.id,
                key,
            )
