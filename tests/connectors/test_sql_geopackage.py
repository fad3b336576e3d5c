"""A real GeoPackage, by plain SQL as the standard writes it: the R-tree's triggers, the index, and no byte left."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from datetime import date

import pytest

from retention.connectors.contract import DatasetMapping, Outcome, Ref
from retention.connectors.sql import SqlConnector, geometry
from retention.domain.predicates import TRUE, AtMost
from retention.domain.rules import Action

CORE = """
pragma application_id = 1196444487;
pragma user_version = 10300;
create table gpkg_spatial_ref_sys(srs_name text not null, srs_id integer primary key, organization text not null,
  organization_coordsys_id integer not null, definition text not null, description text);
insert into gpkg_spatial_ref_sys values ('ETRS-TM35FIN', 3067, 'EPSG', 3067, 'undefined', null);
create table gpkg_contents(table_name text not null primary key, data_type text not null, identifier text unique,
  description text default '', last_change datetime not null default (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x double, min_y double, max_x double, max_y double, srs_id integer,
  constraint fk_gc_r_srs_id foreign key (srs_id) references gpkg_spatial_ref_sys(srs_id));
create table gpkg_geometry_columns(table_name text not null, column_name text not null,
  geometry_type_name text not null, srs_id integer not null, z tinyint not null, m tinyint not null,
  constraint pk_geom_cols primary key (table_name, column_name),
  constraint fk_gc_tn foreign key (table_name) references gpkg_contents(table_name),
  constraint fk_gc_srs foreign key (srs_id) references gpkg_spatial_ref_sys (srs_id));
create table gpkg_extensions(table_name text, column_name text, extension_name text not null, definition text not null,
  scope text not null);
create table liittyma(fid integer primary key autoincrement not null, geom point, asiakasnro text, nimi text,
  katkaistu date);
insert into gpkg_contents(table_name, data_type, identifier, srs_id) values ('liittyma', 'features', 'liittyma', 3067);
insert into gpkg_geometry_columns values ('liittyma', 'geom', 'POINT', 3067, 0, 0);
insert into gpkg_extensions values ('liittyma', 'geom', 'gpkg_rtree_index', 'http://www.geopackage.org', 'write-only');
create virtual table rtree_liittyma_geom using rtree(id, minx, maxx, miny, maxy);
"""
BOUNDS = "ST_MinX(new.geom), ST_MaxX(new.geom), ST_MinY(new.geom), ST_MaxY(new.geom)"
FILLED, EMPTY = "(new.geom notnull and not ST_IsEmpty(new.geom))", "(new.geom isnull or ST_IsEmpty(new.geom))"
PUT = f"insert or replace into rtree_liittyma_geom values (new.fid, {BOUNDS});"
TRIGGERS = f"""
create trigger rtree_liittyma_geom_insert after insert on liittyma when {FILLED} begin {PUT} end;
create trigger rtree_liittyma_geom_update1 after update of geom on liittyma when old.fid = new.fid and {FILLED}
  begin {PUT} end;
create trigger rtree_liittyma_geom_update2 after update of geom on liittyma when old.fid = new.fid and {EMPTY}
  begin delete from rtree_liittyma_geom where id = old.fid; end;
create trigger rtree_liittyma_geom_update3 after update on liittyma when old.fid != new.fid and {FILLED}
  begin delete from rtree_liittyma_geom where id = old.fid; {PUT} end;
create trigger rtree_liittyma_geom_update4 after update on liittyma when old.fid != new.fid and {EMPTY}
  begin delete from rtree_liittyma_geom where id in (old.fid, new.fid); end;
create trigger rtree_liittyma_geom_delete after delete on liittyma when old.geom not null
  begin delete from rtree_liittyma_geom where id = old.fid; end;
"""
MAPPING = DatasetMapping("liittyma", "fid", subject="asiakasnro", events={"cut_off": "katkaistu"})
UNLINK = DatasetMapping(
    "liittyma", "fid", subject="asiakasnro", events={"cut_off": "katkaistu"}, fields=("asiakasnro", "nimi")
)
OLD = AtMost("cut_off", date(2020, 12, 31))


def point(x, y, envelope=False, order="<"):
    flags = (1 if order == "<" else 0) | (2 if envelope else 0)
    header = b"GP" + bytes([0, flags]) + struct.pack(f"{order}i", 3067)
    header += struct.pack(f"{order}4d", x, x, y, y) if envelope else b""
    return header + bytes([1 if order == "<" else 0]) + struct.pack(f"{order}I2d", 1, x, y)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "kuitu.gpkg"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(CORE)
        db.executemany(
            "insert into liittyma(geom, asiakasnro, nimi, katkaistu) values (?, ?, ?, ?)",
            [
                (point(385000 + n, 6672000, n % 2 == 0), str(1001 + n), f"Meikalainen-{n}", f"20{19 + n}-06-30")
                for n in range(4)
            ],
        )
        db.execute("insert into rtree_liittyma_geom select fid, 385000 + fid - 1, 385000 + fid - 1, 1, 1 from liittyma")
        db.executescript(TRIGGERS)
    return path


def query(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def refs(*numbers):
    return [Ref(str(number), str(1000 + number)) for number in numbers]


def test_plain_sqlite_cannot_update_it(path):
    """The trap is real: without our stand-ins this file's triggers fail."""
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.OperationalError, match="ST_IsEmpty"):
        db.execute("update liittyma set nimi = null, fid = fid + 100")


def test_features_are_deleted_with_their_place_in_the_index(path):
    with SqlConnector(f"sqlite:///{path}") as connector:
        connector.check([MAPPING])
        found = list(connector.find(MAPPING, OLD))
        answers = list(connector.dispose(MAPPING, [item.ref for item in found], Action.DELETE, OLD))
        assert list(connector.verify(MAPPING, [item.ref for item in found], Action.DELETE)) == []
    assert [answer.outcome for answer in answers] == [Outcome.DESTROYED] * 2
    assert query(path, "select id from rtree_liittyma_geom order by id") == [(3,), (4,)]
    assert query(path, "select rtreecheck('rtree_liittyma_geom')") == [("ok",)]
    assert query(path, "pragma integrity_check") == [("ok",)]
    left = path.read_bytes()
    assert [n for n in range(4) if f"Meikalainen-{n}".encode() in left] == [2, 3]
    assert query(path, "pragma application_id") == [(1196444487,)]


def test_the_network_stays_when_only_the_person_goes(path):
    before = query(path, "select fid, geom, katkaistu from liittyma")
    index = query(path, "select * from rtree_liittyma_geom")
    with SqlConnector(f"sqlite:///{path}") as connector:
        connector.check([UNLINK])
        answers = list(connector.dispose(UNLINK, refs(1, 2, 3), Action.DELETE, OLD))
    assert [answer.outcome for answer in answers] == [Outcome.UNLINKED] * 2 + [Outcome.SUPERSEDED]
    assert query(path, "select fid, geom, katkaistu from liittyma") == before
    assert query(path, "select * from rtree_liittyma_geom") == index
    assert query(path, "select nimi from liittyma where asiakasnro is null") == [(None,), (None,)]
    assert b"Meikalainen-0" not in path.read_bytes()


def test_older_triggers_that_fire_on_every_update_are_served(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"create trigger vanha after update on liittyma when old.fid = new.fid and {FILLED} begin {PUT} end")
    with SqlConnector(f"sqlite:///{path}") as connector:
        answers = list(connector.dispose(UNLINK, refs(1, 2), Action.DELETE, OLD))
    assert [answer.outcome for answer in answers] == [Outcome.UNLINKED] * 2
    assert query(path, "select minx, maxx, miny from rtree_liittyma_geom where id = 2") == [(385001, 385001, 6672000)]


def test_a_location_can_be_emptied_too(path):
    located = DatasetMapping("liittyma", "fid", subject="asiakasnro", fields=("geom", "nimi"))
    with SqlConnector(f"sqlite:///{path}") as connector:
        connector.check([located])
        answers = list(connector.dispose(located, refs(1), Action.DELETE, TRUE))
    assert answers[0].outcome is Outcome.UNLINKED
    assert query(path, "select id from rtree_liittyma_geom order by id") == [(2,), (3,), (4,)]


def test_virtual_tables_are_left_out_of_what_is_described(path):
    with SqlConnector(f"sqlite:///{path}") as connector:
        names = [place.name for place in connector.describe()]
    assert "liittyma" in names
    assert not [name for name in names if name.startswith("rtree_")]


def line(*points, order="<"):
    body = struct.pack(f"{order}II", 2, len(points)) + b"".join(struct.pack(f"{order}2d", *p) for p in points)
    return bytes([1 if order == "<" else 0]) + body


HEADER = b"GP\x00\x01" + struct.pack("<i", 3067)
SHAPES = [
    (point(1, 2), (1, 1, 2, 2)),
    (point(1, 2, envelope=True), (1, 1, 2, 2)),
    (point(1, 2, order=">"), (1, 1, 2, 2)),
    (HEADER + line((1, 9), (-3, 4), (2, 5)), (-3, 2, 4, 9)),
    (HEADER + line((1, 9), (2, 5), order=">"), (1, 2, 5, 9)),
    (HEADER + b"\x01" + struct.pack("<II", 5, 2) + line((1, 1), (2, 2)) + line((5, -5), (6, 0)), (1, 6, -5, 2)),
    (HEADER + b"\x01" + struct.pack("<III", 3, 1, 3) + struct.pack("<6d", 0, 0, 4, 0, 0, 3), (0, 4, 0, 3)),
    (HEADER + b"\x01" + struct.pack("<I3d", 1001, 7, 8, 9), (7, 7, 8, 8)),
    (HEADER + b"\x01" + struct.pack("<I4d", 3001, 7, 8, 9, 1), (7, 7, 8, 8)),
]


@pytest.mark.parametrize(("blob", "bounds"), SHAPES)
def test_bounds_are_those_of_the_points(blob, bounds):
    assert tuple(geometry.bound(blob, which) for which in range(4)) == bounds
    assert geometry.is_empty(blob) == 0


def test_an_empty_geometry_has_no_bounds():
    flagged = b"GP\x00\x11" + struct.pack("<i", 3067) + b"\x01" + struct.pack("<I2d", 1, float("nan"), float("nan"))
    assert geometry.is_empty(flagged) == 1
    assert geometry.bound(flagged, 0) is None
    assert geometry.bound(flagged[:3] + b"\x01" + flagged[4:], 0) is None
    assert geometry.is_empty(None) is None
    assert geometry.bound(None, 0) is None


@pytest.mark.parametrize(
    "blob", [b"", b"GP", b"XX\x00\x01\x00\x00\x00\x00", HEADER + b"\x01" + struct.pack("<II", 8, 0)]
)
def test_what_is_no_such_geometry_is_an_error(blob):
    with pytest.raises(ValueError, match="geometry"):
        geometry.bound(blob, 0)
