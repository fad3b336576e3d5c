"""What needs no server: names, filters, values, schemas, and a filter that must never be narrower than its question."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.connectors.contract import ConnectorError
from retention.connectors.ldap import reading
from retention.connectors.ldap.accesslog import _has
from retention.connectors.ldap.entries import Entry, container_of, folded, is_under, parts_of, same
from retention.connectors.ldap.filters import equal, holding, is_name
from retention.connectors.ldap.schema import Attribute, Directory, Kind, attributes_of
from retention.connectors.ldap.values import NEVER, Days, Unreadable, as_ticks, is_key, key_of
from retention.connectors.ldap.wire import _asserting, _is_foreign_part

DAYS = Days(ZoneInfo("Europe/Helsinki"))
MOMENT = Attribute("createTimestamp", Kind.MOMENT)
TICKS = Attribute("lastLogonTimestamp", Kind.TICKS)
EXPIRES = Attribute("accountExpires", Kind.TICKS)
TEXT = Attribute("description", Kind.TEXT)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (")(uid=*", r"(uid=\29\28uid\3d\2a)"),
        ("*", r"(uid=\2a)"),
        ("\\", r"(uid=\5c)"),
        ("a\x00b", r"(uid=a\00b)"),
        ("ÄÖ", r"(uid=\c3\84\c3\96)"),
        (" 1", r"(uid=\201)"),
        (b"\xff(", r"(uid=\ff\28)"),
    ],
)
def test_a_value_is_only_ever_a_value(value, written):
    assert equal("uid", value) == written


def test_text_within_a_value():
    assert holding("reqMod", " uid=a*") == r"(reqMod=*\20uid\3da\2a*)"
    assert not is_name("a)(b")
    assert not is_name("")
    assert is_name("msDS-LastKnownRDN")


@given(st.text(min_size=1))
def test_any_text_goes_to_the_server_as_it_is(text):
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    controls = _asserting(equal("uid", text))
    assert controls is not None
    assert raw in controls[0][2]


@pytest.mark.parametrize(
    ("attribute", "stored", "day"),
    [
        (MOMENT, "20200615205959Z", date(2020, 6, 15)),
        (MOMENT, "20200615210000Z", date(2020, 6, 16)),
        (MOMENT, "20200615210000.0Z", date(2020, 6, 16)),
        (MOMENT, "202006152100Z", date(2020, 6, 16)),
        (MOMENT, "2020061521Z", date(2020, 6, 16)),
        (MOMENT, "20200616000000+0300", date(2020, 6, 16)),
        (MOMENT, "20200615235959+03", date(2020, 6, 15)),
        (MOMENT, "20200615170000-0400", date(2020, 6, 16)),
        (MOMENT, "20161231235960Z", date(2017, 1, 1)),
        (MOMENT, "99991231235959Z", date(9999, 12, 31)),
        (TEXT, "2020-06-15", date(2020, 6, 15)),
        (TEXT, "20200615210000Z", date(2020, 6, 16)),
        (TICKS, "0", None),
        (TICKS, str(2**63 - 1), NEVER),
        (EXPIRES, "0", NEVER),
        (EXPIRES, str(2**63 - 1), NEVER),
        (EXPIRES, str(2**63 - 2), NEVER),
        (EXPIRES, "132366420000000000", date(2020, 6, 15)),
        (EXPIRES, "132366419999999999", date(2020, 6, 14)),
    ],
)
def test_the_day_of_a_stored_moment(attribute, stored, day):
    assert DAYS.of(stored.encode(), attribute) == day


@pytest.mark.parametrize(
    ("attribute", "stored"),
    [
        (MOMENT, b"2020-06-15"),
        (MOMENT, b"20200230000000Z"),
        (MOMENT, b"20200615250000Z"),
        (MOMENT, b"20200615210000"),
        (MOMENT, b"2020061521.5Z"),
        (MOMENT, b"20200615210000+2500"),
        (TEXT, b"eilen"),
        (TEXT, b"2020-02-30"),
        (TEXT, b"\xff"),
        (TICKS, b"-1"),
        (TICKS, b"1e9"),
        (TICKS, b"9" * 30),
    ],
)
def test_what_is_no_date_is_named_by_its_attribute(attribute, stored):
    with pytest.raises(Unreadable, match=attribute.name) as raised:
        DAYS.of(stored, attribute)
    assert raised.value.permanent
    assert stored.decode("latin-1") not in str(raised.value)


@given(st.dates(min_value=date(1700, 1, 1), max_value=date(9998, 12, 31)))
def test_a_day_begins_when_the_day_before_is_over(day):
    begin = DAYS.begin(day)
    assert begin is not None
    assert DAYS.of(str(as_ticks(begin)).encode(), TICKS) == day
    assert DAYS.of(str(as_ticks(begin) - 10).encode(), TICKS) == day - timedelta(days=1)


def test_no_day_begins_before_the_calendar():
    assert DAYS.begin(date.min) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=A,ou=b", "UID=a, OU=B"),
        (r"cn=a\2cb,dc=c", r"cn=a\,b,dc=c"),
        (r"cn=\c3\a4,dc=c", "cn=Ä,dc=c"),
    ],
)
def test_one_name_written_in_two_ways(one, other):
    assert same(one, other)


def test_where_a_name_lies():
    assert parts_of(r"cn=a\,b\\,ou=c , dc=d") == [r"cn=a\,b\\", "ou=c", "dc=d"]
    assert is_under("uid=a,OU=b,dc=c", "ou=B,DC=c")
    assert is_under("ou=b,dc=c", "ou=b,dc=c")
    assert not is_under("ou=xb,dc=c", "b,dc=c")
    assert not is_under(r"cn=a\,ou=b,dc=c", "ou=b,dc=c")
    assert container_of("cn=Laite,cn=Aku Testi,ou=b,dc=c") == "ou=b,dc=c"
    assert container_of("dc=c") == "dc=c"
    assert folded("") == "="


def test_a_schema_passes_on_what_a_supertype_says():
    found = attributes_of(
        [
            "( 2.5.4.41 NAME 'name' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )",
            "( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'a SUP of EQUALITY x' SUP name )",
            "( 1.2 NAME 'alku' EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch "
            "SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE NO-USER-MODIFICATION )",
            "( 1.3 NAME 'kuva' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )",
            "( 1.4 NAME 'silmukka' SUP silmukka )",
            "( 1.5 DESC 'nameless' )",
        ]
    )
    assert found["commonname"] == Attribute("commonName", Kind.TEXT, equality=True)
    assert found["alku"] == Attribute("alku", Kind.MOMENT, equality=True, ordering=True, single=True, own=True)
    assert found["kuva"] == Attribute("kuva", Kind.BINARY)
    assert found["silmukka"].kind is Kind.BINARY


def test_keys_are_written_in_one_way():
    key = "68402c4c-7d48-1041-87e3-1385572d6248"
    assert is_key(key)
    for other in (key.upper(), key + " ", key[:-1], "{" + key + "}", ""):
        assert not is_key(other)


@given(
    st.binary(min_size=16, max_size=16),
    st.lists(st.lists(st.binary(max_size=40), max_size=3).map(tuple), max_size=5),
)
def test_what_is_packed_comes_out_again(key, values):
    assert reading._unpacked(reading._packed(key, values)) == (key, values)


@given(st.lists(st.uuids(), min_size=2, max_size=20, unique=True))
def test_packed_items_sort_as_their_keys_do(keys):
    rows = sorted(reading._packed(key.bytes, [(b"x",)]) for key in keys)
    assert [str(UUID(bytes=row[:16])) for row in rows] == sorted(str(key) for key in keys)


def test_a_log_entry_has_a_field_only_with_a_value():
    def entry(*lines: bytes) -> Entry:
        return Entry("", {"reqmod": lines})

    assert _has(entry(b"title:+ x", b"mail:+ a@example.invalid"), ["mail"])
    assert _has(entry(b"Mail;lang-fi: a"), ["mail"])
    assert not _has(entry(b"mail:-", b"mailbox:+ x", b"title:+ mail: x"), ["mail"])


def test_parts_of_a_domain_without_persons():
    assert _is_foreign_part("ldaps://isp.example/CN=Configuration,DC=isp,DC=example")
    assert _is_foreign_part("ldap://DomainDnsZones.isp.example/DC=DomainDnsZones,DC=isp,DC=example??base")
    assert not _is_foreign_part("ldap://child.isp.example/DC=child,DC=isp,DC=example")
    assert not _is_foreign_part("ldap://muu.example.invalid")


def test_a_key_that_is_not_shown_is_an_error():
    with pytest.raises(ConnectorError, match="does not show entryUUID"):
        key_of(Entry("uid=x", {}), Directory.OPENLDAP)
