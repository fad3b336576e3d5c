"""Register 3: the fibre map, a GeoPackage 1.3 (OGC 12-128r17) as any desktop GIS writes it.

Its connection points carry the customer; its cables stay in the ground whoever leaves. The spatial index
and its triggers are the standard's (annex F.3): they call ST_ functions that plain SQLite lacks, which is
what makes an UPDATE of a GeoPackage a trap.
"""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

from samples import sqlite
from samples.days import years_before
from samples.kasenet.people import make_person
from samples.kasenet.story import Story

TM35FIN = 3067
ORIGIN = (390_000.0, 7_045_000.0)
"""Near Lestijärvi in ETRS-TM35FIN; the points are scattered around it and belong to no real house."""

APPLICATION_ID = 0x47504B47
USER_VERSION = 10300

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {USER_VERSION};
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents (table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE liittyma (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POINT, liittymatunnus TEXT NOT NULL,
    rakennettu DATE, asiakasnro TEXT, asiakas_nimi TEXT, asiakas_puhelin TEXT);
CREATE INDEX liittyma_asiakas ON liittyma (asiakasnro);
CREATE TABLE kaapeli (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom LINESTRING, kaapelitunnus TEXT NOT NULL,
    kuituja INTEGER NOT NULL, rakennettu DATE);
CREATE TABLE sijoituslupa (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POINT, lupatunnus TEXT NOT NULL,
    myonnetty DATE NOT NULL, purettu DATE, maanomistaja TEXT);
"""
LAYERS = {"liittyma": "POINT", "kaapeli": "LINESTRING", "sijoituslupa": "POINT"}
SPATIAL_REFERENCES = (
    ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", None),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
    (
        "WGS 84",
        4326,
        "EPSG",
        4326,
        'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
        'UNIT["degree",0.0174532925199433]]',
        None,
    ),
    (
        "ETRS89 / TM35FIN(E,N)",
        TM35FIN,
        "EPSG",
        TM35FIN,
        'PROJCS["ETRS89 / TM35FIN(E,N)",GEOGCS["ETRS89",DATUM["European_Terrestrial_Reference_System_1989",'
        'SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
        'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",27],'
        'PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
        'UNIT["metre",1]]',
        None,
    ),
)

Point = tuple[float, float]


def build(directory: Path, story: Story, random: Random) -> None:
    """Write kuitukartta.gpkg."""
    points = [
        (round(ORIGIN[0] + random.uniform(-9_000, 9_000), 1), round(ORIGIN[1] + random.uniform(-9_000, 9_000), 1))
        for _ in story.customers
    ]
    connections: list[tuple[sqlite.Value, ...]] = []
    cables: list[tuple[sqlite.Value, ...]] = []
    permits: list[tuple[sqlite.Value, ...]] = []
    boxes: dict[str, list[tuple[int, Point, Point]]] = {layer: [] for layer in LAYERS}
    for customer, point in zip(story.customers, points, strict=True):
        if not customer.contracts:
            continue
        row = len(connections) + 1
        built = min(contract.started for contract in customer.contracts).isoformat()
        person = customer.person
        connections.append((row, _point(point), f"LII-{row:05}", built, customer.number, person.name, person.phone))
        boxes["liittyma"].append((row, point, point))
        start = (ORIGIN[0] + round((point[0] - ORIGIN[0]) * 0.8, 1), ORIGIN[1] + round((point[1] - ORIGIN[1]) * 0.8, 1))
        cables.append((row, _line(start, point), f"KAA-{row:05}", random.choice((4, 12, 24)), built))
        low = (min(start[0], point[0]), min(start[1], point[1]))
        boxes["kaapeli"].append((row, low, (max(start[0], point[0]), max(start[1], point[1]))))
        if row % 12 == 0:
            granted = years_before(story.today, random.randint(2, 15)).isoformat()
            owner = make_person(random, len(story.customers) + len(permits)).name
            permits.append((len(permits) + 1, _point(start), f"LUPA-{len(permits) + 1:04}", granted, None, owner))
            boxes["sijoituslupa"].append((len(permits), start, start))
    changed = f"{story.today.isoformat()}T00:00:00.000Z"
    index = {f"rtree_{layer}_geom": _index_rows(rows) for layer, rows in boxes.items()}
    sqlite.write(
        directory / "kuitukartta.gpkg",
        SCHEMA + "".join(_index(layer) for layer in LAYERS),
        {
            "gpkg_spatial_ref_sys": SPATIAL_REFERENCES,
            "gpkg_contents": [
                (layer, "features", layer, "", changed, *_extent(boxes[layer]), TM35FIN) for layer in LAYERS
            ],
            "gpkg_geometry_columns": [(layer, "geom", kind, TM35FIN, 0, 0) for layer, kind in LAYERS.items()],
            "gpkg_extensions": [
                (layer, "geom", "gpkg_rtree_index", "http://www.geopackage.org/spec/#extension_rtree", "write-only")
                for layer in LAYERS
            ],
            "liittyma": connections,
            "kaapeli": cables,
            "sijoituslupa": permits,
            **index,
        },
        then="".join(_triggers(layer) for layer in LAYERS),
    )


def _header() -> bytes:
    """GeoPackage binary header: magic, version 0, little endian without envelope, reference system."""
    return b"GP" + struct.pack("<BBi", 0, 1, TM35FIN)


def _point(point: Point) -> bytes:
    return _header() + struct.pack("<BIdd", 1, 1, *point)


def _line(start: Point, end: Point) -> bytes:
    return _header() + struct.pack("<BIIdddd", 1, 2, 2, *start, *end)


def _index_rows(rows: list[tuple[int, Point, Point]]) -> list[tuple[sqlite.Value, ...]]:
    return [(row, low[0], high[0], low[1], high[1]) for row, low, high in rows]


def _extent(rows: list[tuple[int, Point, Point]]) -> tuple[float, float, float, float]:
    lows, highs = [low for _, low, _ in rows], [high for _, _, high in rows]
    return (
        min(low[0] for low in lows),
        min(low[1] for low in lows),
        max(high[0] for high in highs),
        max(high[1] for high in highs),
    )


def _index(layer: str) -> str:
    return f"CREATE VIRTUAL TABLE rtree_{layer}_geom USING rtree(id, minx, maxx, miny, maxy);\n"


def _triggers(layer: str) -> str:
    """The standard's triggers, which keep the index in step with the layer."""
    index = f"rtree_{layer}_geom"
    box = "NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
    filled = "(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))"
    empty = "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))"
    insert = f"INSERT OR REPLACE INTO {index} VALUES ({box});"  # noqa: S608 - our own layer's name
    remove = f"DELETE FROM {index} WHERE id = OLD.fid;"  # noqa: S608 - our own layer's name
    return f"""
CREATE TRIGGER {index}_insert AFTER INSERT ON {layer} WHEN {filled} BEGIN {insert} END;
CREATE TRIGGER {index}_update1 AFTER UPDATE OF geom ON {layer} WHEN OLD.fid = NEW.fid AND {filled} BEGIN {insert} END;
CREATE TRIGGER {index}_update2 AFTER UPDATE OF geom ON {layer} WHEN OLD.fid = NEW.fid AND {empty} BEGIN {remove} END;
CREATE TRIGGER {index}_update3 AFTER UPDATE ON {layer} WHEN OLD.fid != NEW.fid AND {filled} BEGIN {remove} {insert} END;
CREATE TRIGGER {index}_update4 AFTER UPDATE ON {layer} WHEN OLD.fid != NEW.fid AND {empty}
    BEGIN DELETE FROM {index} WHERE id IN (OLD.fid, NEW.fid); END;
CREATE TRIGGER {index}_delete AFTER DELETE ON {layer} WHEN OLD.geom NOTNULL BEGIN {remove} END;
"""  # noqa: S608 - our own layer's name
