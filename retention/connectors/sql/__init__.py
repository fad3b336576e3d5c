"""The connector to SQL databases; today SQLite files, GeoPackages among them.

values     how a stored value reads: days, keys, facts
database   one file: opened as it is, never made; the functions and settings of a connection
geometry   stand-ins for the functions that a GeoPackage's triggers call
catalogue  tables, columns, indexes and foreign keys as the file declares them
where      an expression as a condition on a table's columns
family     an item's row, the rows that go with it, and who else points at them
checks     a mapping held against the catalogue
reading    find, collect, export and describe
disposal   the only statements that destroy, and reading back
connector  the verbs
"""

from retention.connectors.sql.connector import SqlConnector

__all__ = ["SqlConnector"]
