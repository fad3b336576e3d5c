"""The connector to SQL databases: SQLite files (GeoPackages among them), PostgreSQL with PostGIS, MariaDB and MySQL.

values      how a stored value reads: days, keys, facts
catalogue   tables, columns, indexes, foreign keys and triggers; _sqlite, _postgresql, _mariadb read them
idiom       what each database says in its own way; one beside it for each
database    connections, transactions, rights, clock, errors; one beside it for each
geometry    stand-ins for the functions that a GeoPackage's triggers call
where       an expression as a condition on a table's columns
family      an item's row, the rows that go with it, and who else points at them
history     tables that keep old rows: what triggers write, what a mapping declares
receipts    rows that say that a disposal was ours
checks      a mapping held against the catalogue, and the rights that it takes
pages       a large answer a page at a time
reading     find, collect, export and describe
identities  resolve
disposal    the only statements that destroy, and reading back
connector   the verbs
"""

from retention.connectors.sql.connector import SqlConnector

__all__ = ["SqlConnector"]
