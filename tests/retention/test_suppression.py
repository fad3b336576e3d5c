"""The suppression list: one spelling, keyed digests, the last word counts, and nothing is ever "perhaps not banned"."""

from __future__ import annotations

import csv
import json
import random
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.keys import make_keys
from retention import remembered, suppression, suppression_lists
from retention.domain.errors import DocumentError, IdentifierError, SuppressionError
from retention.identifiers import Identifier, normal
from retention.models import BanEvent, BanKey
from retention.suppression import ban, check, check_many, forget_lifted, lift
from retention.suppression_keys import rotate
from retention.suppression_lists import Columns, check_list, import_bans
from ropa.models import Organisation
from tests.naming import names_any

DAY = date(2026, 6, 30)
EMAIL = Identifier("email", "matti.esimerkki@posti.example")
PHONE = Identifier("phone", "+358 40 000 0001")
NUMBER = Identifier("number", "1001")


@pytest.fixture
def company(db, data_dir):
    return Organisation.objects.create(slug="testi", name="Testi Oy")


class TestOneSpelling:
    @pytest.mark.parametrize(
        "text",
        [
            "matti.esimerkki@posti.example",
            "  Matti.Esimerkki@POSTI.Example ",
            "mailto:matti.esimerkki@posti.example.",
            "Matti E. <MATTI.esimerkki@posti.example>",
            "matti.esimerkki\u200b@posti\uff0eexample",
        ],
    )
    def test_of_an_address(self, text):
        assert normal(Identifier("email", text)) == "matti.esimerkki@posti.example"

    def test_of_a_domain_with_letters_of_its_own(self):
        assert normal(Identifier("email", "a@Mökki.example")) == normal(Identifier("email", "A@xn--mkki-5qa.example"))
        assert normal(Identifier("email", "a@straße.example")) == normal(Identifier("email", "a@xn--strae-oqa.example"))

    @pytest.mark.parametrize(
        "text",
        [
            "+358400000001",
            "040 000 0001",
            "040-0000001",
            "00358 40 0000001",
            "+358 (0)40 000 0001",
            "+358 040 0000001",
            "358400000001",
            "tel:+358-40-000-0001",
            "\uff10\uff14\uff10 0000001",
        ],
    )
    def test_of_a_telephone_number(self, text):
        assert normal(Identifier("phone", text)) == "358400000001"

    def test_of_a_number(self):
        assert normal(Identifier("number", " ab 12 ")) == normal(Identifier("number", "AB12"))
        assert normal(Identifier("number", "1")) != normal(Identifier("number", "1", "prospect"))
        assert normal(Identifier("number", "01")) != normal(Identifier("number", "1"))

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            ("email", "matti"),
            ("email", "@posti.example"),
            ("email", "a b@posti.example"),
            ("email", "a@b@posti..example"),
            ("email", "a@posti"),
            ("email", "a@-.example"),
            ("phone", "40 0000001"),
            ("phone", "ei ole"),
            ("phone", "040"),
            ("phone", "+0400000001"),
            ("phone", "0400000001 ext 3"),
            ("number", "  "),
            ("email", "a" * 300 + "@posti.example"),
            ("fax", "1"),
        ],
    )
    def test_what_cannot_be_read_is_an_error_that_does_not_repeat_it(self, kind, text):
        with pytest.raises(IdentifierError) as raised:
            normal(Identifier(kind, text))
        assert text.strip() == "" or text not in str(raised.value)
        assert text not in repr(Identifier(kind, text))


class TestBans:
    def test_a_ban_is_of_its_channel(self, company):
        assert ban(company, [EMAIL], ["electronic"], DAY, "by:dpo") == 1
        verdict = check(company, [EMAIL])
        assert verdict.banned == {"electronic"}
        assert verdict.may("post")
        assert not verdict.may("electronic")

    def test_a_ban_of_all_is_of_every_channel_and_a_lifting_may_be_of_one(self, company):
        ban(company, [EMAIL], ["all"], DAY, "by:dpo")
        assert check(company, [EMAIL]).banned == set(suppression.CHANNELS)
        lift(company, [EMAIL], ["post"], DAY.replace(year=2027), "by:dpo")
        assert check(company, [EMAIL]).banned == set(suppression.CHANNELS) - {"post"}

    def test_two_equal_bans_are_one(self, company):
        assert ban(company, [EMAIL, EMAIL], ["post", "post"], DAY, "by:dpo") == 1
        other = Identifier("email", "MATTI.ESIMERKKI@posti.example")
        assert ban(company, [other], ["post"], DAY, "api:crm") == 0
        assert BanEvent.objects.count() == 1

    @pytest.mark.parametrize("first", ["electronic", "all"])
    def test_who_bans_lifts_and_bans_again_on_one_day_is_banned(self, company, first):
        ban(company, [EMAIL], [first], DAY, "by:dpo")
        assert lift(company, [EMAIL], ["electronic"], DAY, "by:dpo") == 1
        assert check(company, [EMAIL]).may("electronic")
        assert ban(company, [EMAIL], [first], DAY, "by:dpo") == 1
        assert ban(company, [EMAIL], [first], DAY, "by:dpo") == 0
        assert not check(company, [EMAIL]).may("electronic")
        assert lift(company, [EMAIL], ["electronic"], DAY, "by:dpo") == 1
        assert check(company, [EMAIL]).may("electronic")

    def test_a_list_that_is_told_again_does_not_undo_what_came_after_it(self, company, tmp_path):
        dated, undated = tmp_path / "dated.csv", tmp_path / "undated.csv"
        dated.write_text(f"sposti;alkaen\n{EMAIL.value};{DAY.isoformat()}\n", encoding="utf-8")
        undated.write_text(f"sposti\n{EMAIL.value}\n", encoding="utf-8")
        since, today = Columns({"sposti": "email"}, since="alkaen"), Columns({"sposti": "email"})
        assert import_bans(company, dated, since, ["post"], DAY, "x") == (1, 1)
        lift(company, [EMAIL], ["post"], DAY, "x")
        assert import_bans(company, dated, since, ["post"], DAY, "x") == (1, 0)
        assert check(company, [EMAIL]).may("post")
        assert import_bans(company, undated, today, ["post"], DAY, "x") == (1, 1)
        assert not check(company, [EMAIL]).may("post")

    def test_the_later_word_counts_in_whatever_order_they_were_told(self, company):
        ban(company, [EMAIL], ["post"], date(2020, 1, 1), "x")
        ban(company, [EMAIL], ["post"], date(2024, 1, 1), "x")
        lift(company, [EMAIL], ["post"], date(2022, 1, 1), "x")
        assert check(company, [EMAIL]).banned == {"post"}
        lift(company, [EMAIL], ["post"], date(2025, 1, 1), "x")
        ban(company, [EMAIL], ["post"], date(2020, 1, 1), "x")  # told again every night
        assert check(company, [EMAIL]).banned == frozenset()
        assert [row.what for row in BanEvent.objects.all()] == ["ban", "ban", "lift", "lift"]

    def test_one_identifier_of_a_line_is_enough(self, company):
        ban(company, [PHONE], ["all"], DAY, "x")
        assert not check(company, [EMAIL, PHONE]).may("post")
        assert check(company, [EMAIL]).may("post")

    def test_a_line_that_cannot_be_read_may_not_be_contacted(self, company):
        for line in ([], [Identifier("phone", "ei")], [EMAIL, Identifier("phone", "ei")]):
            assert not check(company, line).may("post")

    def test_each_organisation_has_its_own_list(self, company):
        other = Organisation.objects.create(slug="toinen", name="Toinen Oy")
        ban(company, [EMAIL], ["all"], DAY, "x")
        ban(other, [EMAIL], ["all"], DAY, "x")
        assert len(set(BanEvent.objects.values_list("digest", flat=True))) == 2

    def test_lifting_what_was_never_banned_leaves_no_trace(self, company):
        assert lift(company, [EMAIL], ["all"], DAY, "x") == 0
        assert BanEvent.objects.count() == 0

    def test_nothing_in_the_database_names_anybody(self, company):
        ban(company, [EMAIL, PHONE, NUMBER], ["all"], DAY, "by:dpo")
        with connection.cursor() as cursor:
            cursor.execute("select * from retention_banevent")
            told = str(cursor.fetchall())
        assert not names_any(told, "matti", "posti", "40000", "1001")

    @pytest.mark.parametrize("channels", [[], ["sms"], ["post", "x"]])
    def test_a_channel_is_one_of_ours(self, company, channels):
        with pytest.raises(SuppressionError):
            ban(company, [EMAIL], channels, DAY, "x")
        assert BanEvent.objects.count() == 0

    def test_of_several_none_is_added_where_one_cannot_be_read(self, company):
        with pytest.raises(IdentifierError):
            ban(company, [EMAIL, Identifier("email", "x")], ["all"], DAY, "x")
        assert BanEvent.objects.count() == 0

    def test_what_was_lifted_is_forgotten_and_what_is_banned_is_not(self, company):
        ban(company, [EMAIL, PHONE], ["all"], date(2020, 1, 1), "x")
        lift(company, [EMAIL], ["all"], date(2021, 1, 1), "x")
        lift(company, [PHONE], ["post"], date(2021, 1, 1), "x")
        assert forget_lifted(company, date(2021, 1, 1)) == 0
        assert forget_lifted(company, date(2021, 1, 2)) == 2
        assert not check(company, [PHONE]).may("phone")


class TestKeys:
    def test_after_a_rotation_old_bans_count_and_can_be_lifted(self, company, data_dir):
        ban(company, [EMAIL], ["all"], DAY, "x")
        old, new = rotate()
        assert old != new
        assert check(company, [EMAIL]).banned
        ban(company, [PHONE], ["all"], DAY, "x")
        assert set(BanEvent.objects.values_list("key_id", flat=True)) == {old, new}
        lift(company, [EMAIL], ["all"], date(2027, 1, 1), "x")
        assert check(company, [EMAIL]).banned == frozenset()
        assert forget_lifted(company, date(2028, 1, 1)) == 2
        assert list(BanKey.objects.values_list("key_id", flat=True)) == [new]

    def test_a_ban_under_the_old_key_and_one_under_the_new_are_one_history(self, company):
        ban(company, [EMAIL], ["all"], date(2020, 1, 1), "x")
        rotate()
        ban(company, [EMAIL], ["all"], date(2020, 1, 1), "x")
        lift(company, [EMAIL], ["all"], date(2021, 1, 1), "x")
        assert check(company, [EMAIL]).banned == frozenset()

    def test_without_the_old_key_nobody_is_not_banned(self, company, data_dir):
        ban(company, [EMAIL], ["all"], DAY, "x")
        old, _ = rotate()
        (data_dir / "keys" / f"suppression-{old}.key").unlink()
        for ask in (lambda: check(company, [PHONE]), lambda: ban(company, [PHONE], ["all"], DAY, "x")):
            with pytest.raises(SuppressionError, match=old):
                ask()

    def test_a_key_made_anew_is_not_the_one_that_was_lost(self, company, data_dir):
        ban(company, [EMAIL], ["all"], DAY, "x")
        (data_dir / "keys" / "suppression.key").unlink()
        with pytest.raises(SuppressionError, match=r"suppression\.key"):
            check(company, [EMAIL])
        assert make_keys(data_dir / "keys") == ["suppression.key"]
        with pytest.raises(SuppressionError, match="bring it back"):
            check(company, [EMAIL])

    @pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
    def test_a_key_that_is_none(self, company, data_dir, content):
        (data_dir / "keys" / "suppression.key").write_bytes(content)
        with pytest.raises(SuppressionError, match="32 bytes"):
            check(company, [EMAIL])

    def test_an_old_key_under_another_name_is_noticed(self, company, data_dir):
        ban(company, [EMAIL], ["all"], DAY, "x")
        old, _ = rotate()
        (data_dir / "keys" / f"suppression-{old}.key").write_bytes(b"y" * 32)
        with pytest.raises(SuppressionError, match="another key"):
            check(company, [EMAIL])

    def test_the_evidence_key_is_not_the_list_s(self, company, data_dir):
        (data_dir / "keys" / "digest.key").unlink()
        ban(company, [EMAIL], ["all"], DAY, "x")
        assert check(company, [EMAIL]).banned


@pytest.fixture
def campaign(tmp_path):
    path = tmp_path / "kampanja.csv"
    path.write_text(
        "nimi;sposti;puhelin\n"
        "A;Matti.ESIMERKKI@posti.example;\n"
        "B;liisa@posti.example;040 0000002\n"
        "C;ei tiedossa;\n"
        "D;;\n"
        "E;x@posti.example\n"
        'F;"y@posti.example, matti.esimerkki@POSTI.example";\n'
        '"G\nH";z@posti.example;\n'
        "I;z@posti.example;040 000 0001\n",
        encoding="utf-8",
    )
    return path


COLUMNS = Columns({"sposti": "email", "puhelin": "phone"})


class TestLists:
    def test_lines_that_must_not_be_contacted(self, company, campaign, tmp_path):
        ban(company, [EMAIL], ["electronic"], DAY, "x")
        ban(company, [PHONE], ["phone"], DAY, "x")
        allowed = tmp_path / "saa.csv"
        found = check_list(company, campaign, COLUMNS, "electronic", allowed)
        assert (found.lines, found.banned, found.unreadable) == (8, [2, 7], [4, 5, 6])
        with allowed.open(newline="") as file:
            rows = list(csv.reader(file, delimiter=";"))
        assert [row[0] for row in rows] == ["nimi", "B", "G\nH", "I"]
        assert check_list(company, campaign, COLUMNS, "phone").banned == [10]

    def test_a_list_of_any_length_is_a_stream(self, company, tmp_path, monkeypatch):
        ban(company, [Identifier("email", f"p{n}@posti.example") for n in range(0, 9_000, 10)], ["all"], DAY, "x")
        monkeypatch.setattr(suppression, "BATCH", 100)
        monkeypatch.setattr(suppression_lists, "BATCH", 100)
        read = 0

        def lines():
            nonlocal read
            for n in range(9_000):
                read += 1
                yield [Identifier("email", f"P{n}@posti.example")]

        verdicts = check_many(company, lines())
        first = next(verdicts)
        assert read == 100
        assert sum(bool(verdict.banned) for verdict in (first, *verdicts)) == 900

    def test_a_batch_is_one_question(self, company, django_assert_num_queries):
        ban(company, [EMAIL], ["all"], DAY, "x")
        lines = [[Identifier("email", f"p{random.random()}@posti.example")] for _ in range(2_000)]
        with django_assert_num_queries(2):
            assert len(list(check_many(company, lines))) == 2_000

    @pytest.mark.parametrize(
        ("content", "columns", "said"),
        [
            (b"sposti\na@x.example\n", COLUMNS, "column 'puhelin'"),
            (b"sposti;sposti\n", Columns({"sposti": "email"}), "exactly one column"),
            (b"nimi;sposti\n\xe4iti;a@x.example\n", Columns({"sposti": "email"}), "line 2"),
            (b"\xe4;sposti\n", Columns({"sposti": "email"}), "line 1"),
            (b'sposti\n"a@x.example\n', Columns({"sposti": "email"}), "no CSV"),
            (b"sposti\n", Columns({"sposti": "fax"}), "none of number"),
            (b"", Columns({}), "no column"),
        ],
    )
    def test_a_list_that_cannot_be_read_says_where_and_leaves_nothing(self, company, tmp_path, content, columns, said):
        path, allowed = tmp_path / "lista.csv", tmp_path / "saa.csv"
        path.write_bytes(content)
        with pytest.raises(SuppressionError, match=said):
            check_list(company, path, columns, "post", allowed)
        assert not allowed.exists()
        assert list(tmp_path.glob("*.part")) == []

    def test_latin_1_is_read_when_it_is_named(self, company, tmp_path):
        path = tmp_path / "lista.csv"
        path.write_bytes("nimi;sposti\näiti;a@x.example\n".encode("latin-1"))
        assert check_list(company, path, Columns({"sposti": "email"}), "post", encoding="latin-1").clean

    def test_bans_are_taken_in_with_their_own_days_and_channels(self, company, tmp_path):
        path = tmp_path / "kiellot.csv"
        path.write_text(
            "asno,sposti,kanava,pvm\n1001,matti.esimerkki@posti.example,post,31.12.2025\n1002,,,\n1001,,phone,2025-01-31\n"
        )
        columns = Columns({"asno": "number", "sposti": "email"}, channel="kanava", since="pvm")
        assert import_bans(company, path, columns, ["all"], DAY, "by:dpo") == (3, 4)
        assert import_bans(company, path, columns, ["all"], DAY, "by:dpo") == (3, 0)
        assert check(company, [EMAIL]).banned == {"post"}
        assert check(company, [NUMBER]).banned == {"post", "phone"}
        assert check(company, [Identifier("number", "1002")]).banned == set(suppression.CHANNELS)
        assert BanEvent.objects.filter(day=date(2025, 12, 31)).count() == 2

    def test_a_list_with_a_wrong_line_is_not_taken_in(self, company, tmp_path):
        path = tmp_path / "kiellot.csv"
        path.write_text(
            "sposti;kanava;pvm\na@x.example;post;\nmatti;post;\nb@x.example;sms;\nc@x.example;post;31.2.2025\n"
            "d@x.example;post;2030-01-01\n;;\ne@x.example\n"
        )
        with pytest.raises(DocumentError) as raised:
            import_bans(company, path, Columns({"sposti": "email"}, channel="kanava", since="pvm"), ["all"], DAY, "x")
        assert [problem.path.split(",")[0] for problem in raised.value.problems] == [f"line {n}" for n in range(3, 9)]
        assert "matti" not in str(raised.value)
        assert BanEvent.objects.count() == 0


class TestCommand:
    def run(self, *args, **options):
        call_command("suppression", *args, organisation="testi", language="en", **options)

    def test_a_campaign_is_refused_with_exit_code_1(self, company, campaign, capsys):
        ban(company, [EMAIL], ["all"], DAY, "x")
        asked = {"list": campaign, "email_column": ["sposti"], "channel": ["electronic"]}
        with pytest.raises(SystemExit) as ended:
            self.run("check", **asked)
        assert ended.value.code == 1
        assert "Banned: 2" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            self.run("check", **asked, json=True)
        told = json.loads(capsys.readouterr().out)
        assert told["banned"] == [2, 7]

    def test_what_is_said_on_standard_input(self, company, capsys, monkeypatch):
        monkeypatch.setattr("sys.stdin", ["Matti.Esimerkki@posti.example\n", "\n"])
        self.run("ban", channel=["post"], by="tietosuojavastaava", on=DAY)
        monkeypatch.setattr("sys.stdin", ["matti.esimerkki@posti.example", "muu@posti.example", "x"])
        with pytest.raises(SystemExit):
            self.run("check")
        assert capsys.readouterr().out.splitlines()[-3:] == ["1: post", "2: not banned", "3: Cannot be read"]
        monkeypatch.setattr("sys.stdin", ["matti.esimerkki@posti.example"])
        self.run("lift", by="rekisterinpitäjä")
        self.run("forget", before=date(2099, 1, 1))
        self.run("rotate")
        assert "New key" in capsys.readouterr().out
        assert BanEvent.objects.count() == 0

    @pytest.mark.parametrize(
        ("action", "options"),
        [
            ("ban", {}),
            ("ban", {"by": "x", "on": date(2999, 1, 1)}),
            ("check", {"list": "nowhere.csv"}),
            ("import", {"by": "x"}),
            ("forget", {}),
        ],
    )
    def test_what_is_missing_is_said(self, company, action, options, monkeypatch):
        monkeypatch.setattr("sys.stdin", ["a@x.example"])
        with pytest.raises(CommandError):
            self.run(action, **options)

    def test_without_a_key_the_command_refuses(self, company, data_dir, campaign):
        (data_dir / "keys" / "suppression.key").unlink()
        with pytest.raises(CommandError, match=r"suppression\.key"):
            self.run("check", list=campaign, email_column=["sposti"], channel=["post"])


def test_forgetting_the_newest_is_no_restored_backup(company, django_capture_on_commit_callbacks):
    """What lies beside the database knows the newest entry, and that goes too."""
    later = date(2029, 1, 1)
    with django_capture_on_commit_callbacks(execute=True):
        ban(company, [NUMBER], ["all"], DAY, "dpo:x")
        lift(company, [NUMBER], ["all"], DAY, "dpo:x")
    with django_capture_on_commit_callbacks(execute=True):
        assert forget_lifted(company, later) == 2
    assert not remembered.lost(company.slug)
    with django_capture_on_commit_callbacks(execute=True):
        ban(company, [NUMBER], ["all"], DAY, "dpo:x")
    assert not remembered.lost(company.slug)
    BanEvent.objects.all().delete()  # nobody has said so
    with django_capture_on_commit_callbacks(execute=True):
        lift(company, [PHONE], ["all"], DAY, "dpo:x")
        ban(company, [EMAIL], ["all"], DAY, "dpo:x")
        forget_lifted(company, later)
    assert remembered.lost(company.slug).bans
