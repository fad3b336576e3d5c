"""The connector to OpenLDAP and Active Directory.

entries              an entry, and what a DN tells of its place
filters              filters from escaped parts
wire                 a session: the one module that knows ldap3
schema               which product it is, and what its attributes may hold
values               how a raw value reads: keys, days, facts
mapped               a mapping held against the schema; entries become candidates
where                an expression as a filter
reading              find, export, collect and resolve
survey               describe
checks               check, and which account is our own
verdicts             may this entry be touched
openldap             the only statements that destroy in OpenLDAP; groups and accesslog clean up behind them
active_directory     the only statements that destroy in Active Directory
personal_attributes  what of an object of Active Directory may tell who it is
tombstones           reading back in Active Directory
blocks               flag and unflag
connector            the verbs
"""

from retention.connectors.ldap.connector import LdapConnector

__all__ = ["LdapConnector"]
