"""Whether anything was written to a place since: what a database counts of its own accord, made into a token.

`Written` is what one place rests on. `fixed` tells the server, the database, the tables and their definitions apart;
`counts` are rows inserted, updated and deleted since the counting began, table by table, so that what we wrote
ourselves can be taken off. Where a database cannot tell, the place is left out and is read as if it had changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

Counts = tuple[int, int, int]
"""Rows inserted, updated, deleted."""

NOTHING: Counts = (0, 0, 0)


@dataclass
class Written:
    """What one place rests on, and what was written there."""

    fixed: list[str] = field(default_factory=list)
    counts: dict[int, Counts] = field(default_factory=dict)

    def token(self, without: Mapping[int, Counts]) -> str:
        """A digest of it, as if `without` had not been written."""
        left = [
            (table, *(a - b for a, b in zip(counts, without.get(table, NOTHING), strict=True)))
            for table, counts in sorted(self.counts.items())
        ]
        return hashlib.sha256(json.dumps([self.fixed, left]).encode()).hexdigest()


# One statement for all places. A view leads to the tables under it, a partitioned table to its partitions. A place is
# known only if all that it reaches is a table that this server counts, if nobody is writing to one of them just now
# (what a procedure that goes on has committed is counted when it ends), and if the view says the same tomorrow: of
# `current_date`, of a function that is not immutable or not the server's own, only the place's owner could tell.
_POSTGRESQL = r"""
with recursive server as (
    select d.oid as database,
        concat_ws(' ', d.oid, current_setting('server_version_num'), pg_postmaster_start_time(),
            pg_stat_get_db_stat_reset_time(d.oid), pg_stat_get_bgwriter_stat_reset_time()) as fixed
    from pg_database d
    where d.datname = current_database()
        and current_setting('server_version_num')::int >= 150000
        and current_setting('track_counts') = 'on'
        and not pg_is_in_recovery()
        and not exists (select from pg_db_role_setting, unnest(setconfig) one where one like 'track\_counts=%%')
), asked (place, oid) as (
    select one.place, c.oid
    from unnest(%(places)s::text[]) one (place), pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
        and one.place = case when n.nspname = current_schema() then c.relname else n.nspname || '.' || c.relname end
), reached (place, oid) as (
    select place, oid from asked
    union
    select r.place, x.oid
    from reached r, lateral (
        select d.refobjid from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
        where w.ev_class = r.oid and w.ev_type = '1' and d.refclassid = 'pg_class'::regclass
        union
        select i.inhrelid from pg_inherits i where i.inhparent = r.oid
    ) x (oid)
), rules as materialized (
    select w.oid, w.ev_class, w.ev_action::text as action, w.xmin::text as made
    from pg_rewrite w where w.ev_type = '1' and w.ev_class in (select oid from reached)
), views as (
    select w.ev_class as oid, w.made, exists (
            select from pg_depend d
            where d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_proc'::regclass
        ) or exists (
            select from regexp_matches(w.action, '\{([A-Z_]+)', 'g') node
            where node[1] <> all (string_to_array(%(nodes)s, ' '))
        ) or exists (
            select from regexp_matches(
                w.action, ':(?:funcid|aggfnoid|winfnoid) (\d+)', 'g') called
            left join pg_proc p on p.oid = called[1]::oid
            where p.provolatile is distinct from 'i'
        ) or exists (
            select from regexp_matches(w.action, ':(?:opno|eqop|sortop) (\d+)', 'g') called
            left join pg_operator o on o.oid = called[1]::oid
            left join pg_proc p on p.oid = o.oprcode
            where called[1] <> '0' and p.provolatile is distinct from 'i'
        ) as moves
    from rules w
), busy as materialized (
    select l.database, l.relation
    from pg_locks l
    where l.locktype = 'relation' and l.pid <> pg_backend_pid()
        and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
)
select r.place, c.oid::bigint as oid, s.fixed as server,
    concat_ws(' ', c.oid, c.relkind, pg_relation_filenode(c.oid), c.xmin, v.made, (
        select string_agg(a.xmin::text, ' ' order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0)) as fixed,
    pg_stat_get_tuples_inserted(c.oid) as inserted,
    pg_stat_get_tuples_updated(c.oid) as updated,
    pg_stat_get_tuples_deleted(c.oid) as deleted,
    c.relkind not in ('r', 'p', 'v', 'm') or coalesce(v.moves, c.relkind = 'v') or exists (
        select from busy b where b.database = s.database and b.relation = c.oid
    ) as unknown
from reached r join pg_class c on c.oid = r.oid left join views v on v.oid = c.oid cross join server s
order by r.place, c.oid
"""

_NODES = (
    "QUERY RTE RANGETBLENTRY RTEPERMISSIONINFO ALIAS FROMEXPR RANGETBLREF JOINEXPR TARGETENTRY VAR CONST OPEXPR"
    " BOOLEXPR NULLTEST BOOLEANTEST FUNCEXPR AGGREF CASE CASEEXPR WHEN CASEWHEN COALESCE COALESCEEXPR MINMAX"
    " MINMAXEXPR RELABELTYPE SUBLINK SORTGROUPCLAUSE SETOPERATIONSTMT SCALARARRAYOPEXPR ARRAY ARRAYEXPR"
    " DISTINCTEXPR NULLIFEXPR COMMONTABLEEXPR COLLATE COLLATEEXPR ROW ROWEXPR"
)
"""What a view may be made of so that the same rows always show the same."""

_OWN = sa.text("""
select relid::bigint as oid, n_tup_ins, n_tup_upd, n_tup_del, pg_stat_force_next_flush() as flushed
from pg_stat_xact_all_tables where n_tup_ins + n_tup_upd + n_tup_del > 0
""")
_COUNTS_OWN = sa.text("select to_regproc('pg_stat_force_next_flush') is not null")


def postgresql(connection: sa.Connection, places: Sequence[str]) -> Mapping[str, Written]:
    """Place -> what was written there; without those of which the server cannot tell."""
    found: dict[str, Written] = defaultdict(Written)
    unknown = set()
    asked = connection.exec_driver_sql(_POSTGRESQL, {"places": list(places), "nodes": _NODES})
    for row in asked:
        if row.unknown:
            unknown.add(row.place)
        written = found[row.place]
        written.fixed += [row.fixed] if written.fixed else [row.server, row.fixed]
        written.counts[row.oid] = (row.inserted, row.updated, row.deleted)
    return {place: written for place, written in found.items() if place not in unknown}


def postgresql_own(connection: sa.Connection) -> Mapping[int, Counts] | None:
    """What this transaction has written; the server counts it at its end, and not some seconds later. None: old."""
    if not connection.execute(_COUNTS_OWN).scalar_one():
        return None
    return {row.oid: (row.n_tup_ins, row.n_tup_upd, row.n_tup_del) for row in connection.execute(_OWN)}
