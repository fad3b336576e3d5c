"""Connectors in the reader's language: each field, and what is said of a system that does not answer."""

from __future__ import annotations

import pytest
from django.utils import translation

from config.messages import translated
from retention.connectors.contract import ConnectorError
from retention.connectors.registry import BUILT_IN, connect, connector_class
from retention.selectors import resolve
from tests.web.test_pages import client, text
from web.connector_words import FIELDS, SAID, help_of, label_of, problem_in_words

OURS = [(kind, field) for kind in sorted(BUILT_IN) for field in connector_class(kind).fields]


@pytest.mark.parametrize("language", ["fi", "sv"])
@pytest.mark.parametrize(("kind", "field"), OURS, ids=lambda one: getattr(one, "name", one))
def test_every_field_of_ours_is_told_in_every_language(kind, field, language):
    assert field.name in FIELDS
    catalog = translated(language)
    for source in (FIELDS[field.name], field.help):
        message = catalog.get(source)
        assert message is not None
        assert message.string
    with translation.override(language):
        assert help_of(field.help) != field.help


def test_what_a_connector_of_another_house_says_stays():
    with translation.override("fi"):
        assert label_of("frobnicator") == "frobnicator"
        assert help_of("Frobnicates twice") == "Frobnicates twice"
        assert problem_in_words("crm: it frobnicates") == "crm: it frobnicates"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the file is not a database", "tiedosto ei ole tietokanta"),
        (
            "connection crm: it was changed, and no controller has confirmed that yet",
            "connection crm: sitä on muutettu",
        ),
        ("connection crm, url: env:CRM_URL is not set", "connection crm, url: muuttujaa tai tiedostoa env:CRM_URL ei"),
        ("rights are missing: DELETE on a, SELECT on b", "oikeuksia puuttuu: DELETE on a, SELECT on b"),
    ],
)
def test_why_a_system_does_not_answer_is_known_by_its_form(said, told):
    with translation.override("en"):
        assert problem_in_words(said) == said
    with translation.override("fi"):
        assert problem_in_words(said).startswith(told)


def _said(do) -> str:
    with pytest.raises(ConnectorError) as raised:
        do()
    return str(raised.value)


def test_what_connectors_really_say_is_known(data_dir, tmp_path):
    (tmp_path / "text.sqlite3").write_text("no database at all" * 100)

    def reach(kind, **config):
        with connect(kind, config) as connector:
            connector.check(())

    ways = [
        lambda: reach("sql", url=f"sqlite:///{tmp_path}/none.sqlite3"),
        lambda: reach("sql", url=f"sqlite:///{tmp_path}/text.sqlite3"),
        lambda: reach("sql", url="nonsense"),
        lambda: reach("sql", url=f"sqlite:///{tmp_path}/a", time_zone="Nowhere"),
        lambda: reach("sql", url=f"sqlite:///{tmp_path}/a", vacuum="perhaps"),
        lambda: reach("sql"),
        lambda: reach("files", root="relative"),
        lambda: reach("ldap", url="http://x", bind_dn="x", password="x"),
        lambda: resolve({"url": {"secret": "env:NOT_THERE"}}, "connection crm"),
        lambda: resolve({"url": {"secret": "file:/nowhere/at/all"}}, "connection crm"),
    ]
    with translation.override("sv"):
        for way in ways:
            said = _said(way)
            assert problem_in_words(said) != said


@pytest.mark.parametrize(("language", "word"), [("fi", "Järjestelmän osoite (url)"), ("sv", "Systemets adress (url)")])
def test_the_page_of_a_connection_speaks_the_readers_language(house, language, word):
    adam = client("adam", language)
    shown = text(adam.get("/o/testi/connections/crm/"))
    assert word in shown
    assert "The database: sqlite" not in shown
    told = text(adam.post("/o/testi/connections/crm/", {"reach": "1"}, follow=True))
    assert "the database file is not there" not in told
    assert len(SAID) == len(set(SAID))
