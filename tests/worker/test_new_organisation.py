"""An organisation of one's own, from the command line to its first page."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from retention.models import Gate
from ropa.models import Organisation
from ropa.services import draft_of


def test_it_is_there_with_an_empty_record(db, data_dir, capsys):
    call_command("new_organisation", "kuitu", name="Kuitu Oy", by="maija", language="sv")
    found = Organisation.objects.get(slug="kuitu")
    assert (found.name, found.language, draft_of(found)["registers"]) == ("Kuitu Oy", "sv", [])
    assert Gate.objects.filter(organisation=found).exists()
    assert found.history.latest().history_change_reason == "maija: new organisation"
    assert "people give kuitu --role controller" in capsys.readouterr().out


@pytest.mark.parametrize("slug", ["Kuitu Oy", "", "a/b"])
def test_a_name_that_no_address_can_have_is_refused(db, data_dir, slug):
    with pytest.raises(CommandError):
        call_command("new_organisation", slug, name="Kuitu Oy", by="maija")
    assert not Organisation.objects.exists()


def test_one_that_is_there_is_not_made_again(db, data_dir):
    call_command("new_organisation", "kuitu", name="Kuitu Oy", by="maija")
    with translation.override("en"), pytest.raises(CommandError, match="already"):
        call_command("new_organisation", "kuitu", name="Toinen Oy", by="maija")
    assert Organisation.objects.get().name == "Kuitu Oy"
