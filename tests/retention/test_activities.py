"""Activities out of one inventory into another: what comes along, what stays behind, what was there already."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from retention.domain.errors import DocumentError, LifecycleError
from retention.inventory_document import import_document, whole_draft
from retention.inventory_document.checks import check
from retention.onboarding.activities import Taking, preview, take
from retention.onboarding.activities.joining import joined
from retention.onboarding.activities.part import part_of
from ropa.models import Dataset, Ground, Purpose
from ropa.places import at
from tests.retention.activity_documents import source, target

TODAY = date(2026, 6, 30)


def ids(entries):
    return [entry["id"] for entry in entries]


def the_part(*activities):
    return part_of(source(), activities or ("palvelu",), {})


class TestPart:
    def test_the_activity_brings_what_it_needs_and_nothing_else(self):
        lists = the_part().lists
        assert {name: ids(entries) for name, entries in lists.items()} == {
            "registers": ["crm"],
            "activities": ["palvelu"],
            "subject_groups": ["asiakkaat"],
            "data_categories": ["tiedot"],
            "sources": ["itse"],
            "recipients": ["kasittelija"],
            "references": ["laki"],
            "datasets": ["asiakkaat"],
        }

    def test_what_is_one_companys_own_stays_behind_and_is_named(self):
        part = the_part()
        (register,) = part.lists["registers"]
        assert set(register) == {"id", "name", "medium", "minimisation", "addition"}
        assert {
            "registers[crm].connection",
            "registers[crm].backups",
            "registers[crm].owner",
            "activities[palvelu].successor",
            "activities[palvelu].purposes[sopimus].balancing_test",
            "recipients[kasittelija].agreement",
            "datasets[asiakkaat].mapping",
            "datasets[asiakkaat].grounds[tarve].records",
        } <= set(part.left_out)

    def test_no_address_of_a_person_comes_along(self):
        assert "@" not in str(the_part().lists)

    def test_a_confirmed_rule_comes_as_a_proposal_and_everything_as_added(self):
        (dataset,) = the_part().lists["datasets"]
        (ground,) = dataset["grounds"]
        assert (ground["status"], ground["addition"], dataset["addition"]) == ("proposed", True, True)
        assert ground["period"] == "P3Y"

    def test_what_stays_behind_brings_nothing(self):
        document = source()
        document["registers"][0]["migrates_to"] = "muu"
        document["activities"][0] |= {"role": "processor", "mandate": {"references": ["sopimusehdot"]}}
        document["references"].append({"id": "sopimusehdot", "name": {"fi": "ehdot"}, "kind": "rules"})
        lists = part_of(document, ["palvelu"], {}).lists
        assert ids(lists["registers"]) == ["crm"]
        assert ids(lists["references"]) == ["laki"]

    def test_a_successor_does_not_make_its_needs_those_of_the_one_before(self):
        document = source()
        document["activities"][1]["purposes"] = [{"id": "toisen", "name": {"fi": "Toisen"}, "subject_groups": ["muut"]}]
        lists = part_of(document, ["palvelu", "toinen"], {}).lists
        assert [one["activities"] for one in lists["subject_groups"]] == [["palvelu", "toinen"], ["toinen"]]

    def test_what_an_entry_is_about_is_limited_to_what_comes_along(self):
        lists = the_part().lists
        assert lists["subject_groups"][0]["activities"] == ["palvelu"]
        assert lists["sources"][0]["registers"] == ["crm"]

    def test_about_nothing_that_comes_along_does_not_become_about_everything(self):
        document = source()
        document["subject_groups"][0] |= {"activities": [], "registers": ["muu"]}
        (group,) = part_of(document, ["palvelu"], {}).lists["subject_groups"]
        assert group["activities"] == ["palvelu"]
        assert "registers" not in group

    def test_nor_about_all_that_lies_in_a_register(self):
        document = source()
        document["recipients"][1]["registers"] = ["crm"]
        document["data_categories"][0]["for_recipients"] = ["muualle"]
        recipients = part_of(document, ["palvelu"], {}).lists["recipients"]
        assert [one["activities"] for one in recipients] == [["palvelu"], ["palvelu"]]

    def test_a_recipient_for_some_purposes_comes_with_their_activity_only(self):
        document = source()
        document["activities"][1]["purposes"] = [{"id": "toisen", "name": {"fi": "Toisen"}}]
        only: dict[str, Any] = {"name": {"fi": "vain"}, "role": "third_party"}
        document["recipients"] = [
            {"id": "tahan", **only, "purposes": ["sopimus"]},
            {"id": "kumpaankin", **only, "purposes": ["sopimus", "toisen"], "registers": ["crm"]},
            {"id": "toiseen", **only, "purposes": ["toisen"], "registers": ["crm"]},
        ]
        recipients = part_of(document, ["palvelu"], {}).lists["recipients"]
        assert [(one["id"], one["purposes"]) for one in recipients] == [
            ("tahan", ["sopimus"]),
            ("kumpaankin", ["sopimus"]),
        ]
        assert recipients[0]["activities"] == ["palvelu"]

    def test_an_item_that_lies_only_elsewhere_does_not_come(self):
        document = source()
        mac: dict[str, Any] = {"id": "mac", "name": {"fi": "MAC-osoite"}, "registers": ["muu"]}
        document["data_categories"][0]["items"].append(mac)
        document["sources"][0]["items"].append("mac")
        part = part_of(document, ["palvelu"], {})
        assert ids(part.lists["data_categories"][0]["items"]) == ["nimi"]
        assert check(joined(target(), part, {}).document).errors == ()
        mac["registers"].append("crm")
        (category,) = part_of(document, ["palvelu"], {}).lists["data_categories"]
        assert [one.get("registers") for one in category["items"]] == [None, ["crm"]]

    def test_about_the_whole_company_becomes_about_the_activities_that_need_it(self):
        document = source()
        del document["subject_groups"][0]["activities"]
        lists = part_of(document, ["palvelu", "toinen"], {"subject_groups": ["muut"]}).lists
        assert [one.get("activities") for one in lists["subject_groups"]] == [["palvelu"], None]
        assert lists["data_categories"][0]["activities"] == ["palvelu"]

    def test_two_activities_come_together(self):
        part = the_part("palvelu", "toinen")
        assert ids(part.lists["activities"]) == ["palvelu", "toinen"]
        assert ids(part.lists["recipients"]) == ["kasittelija", "muualle"]
        assert part.lists["subject_groups"][0]["activities"] == ["palvelu", "toinen"]

    def test_the_source_is_not_touched(self):
        document = source()
        before = copy.deepcopy(document)
        joined(target(), part_of(document, ["palvelu"], {}), {})
        assert document == before

    def test_what_is_brought_beside_comes_although_nothing_refers_to_it(self):
        part = part_of(source(), ["toinen"], {"references": ["laki"], "subject_groups": ["muut"]})
        assert ids(part.lists["references"]) == ["laki"]
        assert ids(part.lists["subject_groups"]) == ["asiakkaat", "muut"]

    def test_an_activity_that_is_not_there(self):
        with pytest.raises(LookupError):
            the_part("nowhere")


class TestJoined:
    def test_the_result_is_a_sound_document(self):
        found = joined(target(), the_part(), {})
        assert found.problems == ()
        assert check(found.document).errors == ()

    def test_what_is_there_stays_and_is_about_the_new_activity_too(self):
        found = joined(target(), the_part(), {})
        (group,) = found.document["subject_groups"]
        assert group == {"id": "asiakkaat", "name": {"fi": "omat asiakkaat"}, "activities": ["oma", "palvelu"]}
        assert found.kept == ("subject_groups[asiakkaat]",)
        assert found.linked == ("subject_groups[asiakkaat]",)

    def test_what_is_about_registers_only_is_about_the_new_ones_too(self):
        draft = target()
        draft["sources"] = [{**source()["sources"][0], "items": ["nimi"], "registers": ["asiakastieto"]}]
        draft["subject_groups"][0] = {"id": "asiakkaat", "name": {"fi": "omat"}, "registers": ["asiakastieto"]}
        found = joined(draft, the_part(), {})
        assert found.document["sources"][0]["registers"] == ["asiakastieto", "crm"]
        assert found.document["subject_groups"][0]["registers"] == ["asiakastieto", "crm"]
        assert found.linked == ("subject_groups[asiakkaat]", "sources[itse]")
        assert check(found.document).errors == ()
        assert joined(draft, the_part(), {"crm": "asiakastieto"}).linked == ()

    def test_an_entry_about_everything_needs_no_link(self):
        draft = target()
        del draft["subject_groups"][0]["activities"]
        found = joined(draft, the_part(), {})
        assert found.linked == ()
        assert "activities" not in found.document["subject_groups"][0]

    def test_a_purpose_and_an_item_whose_id_is_taken_get_another(self):
        found = joined(target(), the_part(), {})
        assert found.renamed == {
            "activities[palvelu].purposes[sopimus]": "sopimus-2",
            "data_categories[tiedot].items[nimi]": "nimi-2",
        }
        (dataset,) = found.document["datasets"]
        assert dataset["grounds"][0]["purpose"] == "sopimus-2"
        assert found.document["sources"][0]["items"] == ["nimi-2"]
        assert found.document["recipients"][0]["purposes"] == ["sopimus-2"]

    def test_a_dataset_whose_id_is_taken_by_another_activitys_comes_under_another(self):
        own = {"id": "asiakkaat", "name": {"fi": "Omat"}, "register": "asiakastieto", "activity": "oma"}
        draft = {**target(), "datasets": [{**own, "grain": "record"}]}
        found = joined(draft, the_part(), {})
        assert [(one["id"], one["activity"]) for one in found.document["datasets"]] == [
            ("asiakkaat", "oma"),
            ("asiakkaat-2", "palvelu"),
        ]
        assert found.renamed["datasets[asiakkaat]"] == "asiakkaat-2"
        assert "datasets[asiakkaat-2]" in found.added
        assert check(found.document).errors == ()

    def test_ids_that_differ_only_by_capital_letters_are_the_same(self):
        draft = target()
        draft["subject_groups"][0]["id"] = "Asiakkaat"
        draft["activities"][0]["purposes"][0]["id"] = "SOPIMUS"
        draft["registers"].append({"id": "CRM", "name": {"fi": "Oma CRM"}, "medium": "database"})
        draft["datasets"] = [
            {"id": "ASIAKKAAT", "name": {"fi": "Omat"}, "register": "CRM", "activity": "oma", "grain": "record"}
        ]
        found = joined(draft, the_part(), {})
        assert check(found.document).errors == ()
        assert found.kept == ("registers[CRM]", "subject_groups[Asiakkaat]")
        assert found.document["activities"][1]["purposes"][0]["subject_groups"] == ["Asiakkaat"]
        assert [(one["id"], one["register"]) for one in found.document["datasets"]] == [
            ("ASIAKKAAT", "CRM"),
            ("asiakkaat-2", "CRM"),
        ]
        draft["activities"].append({"id": "Palvelu", "name": {"fi": "Oma palvelu"}})
        assert [one.path for one in joined(draft, the_part(), {}).problems] == ["activities[palvelu]"]

    def test_an_id_as_long_as_may_be_gets_another_that_is_no_longer(self):
        long = "a" * 60
        document, draft = source(), target()
        for one in (document, draft):
            one["activities"][0]["purposes"] = [
                {"id": f"{'a' * 58}-2", "name": {"fi": "Toinen"}},
                {"id": long, "name": {"fi": "Pitkä"}},
            ]
        document["recipients"][0]["purposes"] = [long]
        document["datasets"][0]["grounds"][0]["purpose"] = long
        found = joined(draft, part_of(document, ["palvelu"], {}), {})
        assert check(found.document).errors == ()
        (dataset,) = found.document["datasets"]
        assert dataset["grounds"][0]["purpose"] == found.document["activities"][1]["purposes"][1]["id"]

    def test_a_register_of_the_draft_stands_in_the_place_of_one_that_comes(self):
        found = joined(target(), the_part(), {"crm": "asiakastieto"})
        assert ids(found.document["registers"]) == ["asiakastieto"]
        assert found.document["datasets"][0]["register"] == "asiakastieto"
        assert found.document["sources"][0]["registers"] == ["asiakastieto"]
        assert "registers[asiakastieto]" in found.kept

    @pytest.mark.parametrize(
        ("registers", "path"),
        [({"muu": "asiakastieto"}, "registers[muu]"), ({"crm": "nowhere"}, "registers[nowhere]")],
    )
    def test_a_register_that_is_not_there(self, registers, path):
        found = joined(target(), the_part(), registers)
        assert [one.path for one in found.problems] == [path]
        assert all(at(found.document, place) for place in found.kept), "whoever tells of it looks for the name"

    def test_an_activity_that_is_there_already_is_not_written_over(self):
        draft = target()
        draft["activities"].append({"id": "palvelu", "name": {"fi": "Oma palvelu"}})
        assert [one.path for one in joined(draft, the_part(), {}).problems] == ["activities[palvelu]"]

    def test_a_source_names_no_item_that_the_draft_lacks(self):
        draft = target()
        draft["data_categories"] = [{"id": "tiedot", "name": {"fi": "omat tiedot"}, "items": []}]
        found = joined(draft, the_part(), {})
        assert "items" not in found.document["sources"][0]
        assert check(found.document).errors == ()


@pytest.mark.django_db
class TestTaking:
    @pytest.fixture
    def both(self):
        return import_document(source(), "controller"), import_document(target(), "controller")

    def test_looked_at_then_taken(self, both):
        giver, saaja = both
        before = whole_draft(saaja)
        found = preview(saaja, Taking(("palvelu",), giver), TODAY)
        assert whole_draft(saaja) == before
        take(saaja, Taking(("palvelu",), giver), TODAY, "dpo:bob", "sama palvelu", found.digest)
        assert Dataset.objects.filter(organisation=saaja, activity__code="palvelu").exists()
        assert Ground.objects.get(dataset__organisation=saaja).status == "proposed"
        assert Purpose.objects.get(activity__organisation=saaja, code="sopimus-2").history.get().history_change_reason

    def test_nothing_is_taken_where_the_draft_has_changed_since(self, both):
        giver, saaja = both
        found = preview(saaja, Taking(("palvelu",), giver), TODAY)
        import_document({**target(), "registers": []}, "controller")
        with pytest.raises(LifecycleError):
            take(saaja, Taking(("palvelu",), giver), TODAY, "dpo:bob", "sama palvelu", found.digest)
        assert not Dataset.objects.filter(organisation=saaja).exists()

    def test_nor_where_the_source_has(self, both):
        giver, saaja = both
        found = preview(saaja, Taking(("palvelu",), giver), TODAY)
        changed = source()
        changed["activities"][0]["name"] = {"fi": "Toisin"}
        import_document(changed, "controller")
        with pytest.raises(LifecycleError):
            take(saaja, Taking(("palvelu",), giver), TODAY, "dpo:bob", "sama palvelu", found.digest)

    @pytest.mark.parametrize(
        ("taking", "path"),
        [
            (lambda giver, saaja: Taking((), giver), "activities"),
            (lambda giver, saaja: Taking(("nowhere",), giver), "activities[nowhere]"),
            (lambda giver, saaja: Taking(("oma",), saaja), "source"),
        ],
    )
    def test_what_cannot_be_taken(self, both, taking, path):
        with pytest.raises(DocumentError) as error:
            preview(both[1], taking(*both), TODAY)
        assert [one.path for one in error.value.problems] == [path]

    def test_it_says_why(self, both):
        giver, saaja = both
        with pytest.raises(DocumentError, match="reason"):
            take(saaja, Taking(("palvelu",), giver), TODAY, "dpo:bob", " ")

    def test_a_taken_activity_is_not_taken_twice(self, both):
        giver, saaja = both
        take(saaja, Taking(("palvelu",), giver), TODAY, "dpo:bob", "sama palvelu")
        with pytest.raises(DocumentError, match="palvelu"):
            take(saaja, Taking(("palvelu",), giver), TODAY, "dpo:bob", "sama palvelu")
