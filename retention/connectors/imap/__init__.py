"""The connector to mail servers: a role mailbox message by message, a personal mailbox only whole.

settings           a connection's config, checked
session            everything that is said to an IMAP server (IMAPClient stands here only)
doveadm            Dovecot's own interface, where there is one: the list of accounts, purging index caches
keys               what identifies a message or a mailbox
addresses          whose message it is
question           an expression and a batch of subjects as SEARCH criteria
layout             a mapping, checked
messages           role mailboxes: reading
messages_disposal  role mailboxes: deleting, and reading back
mailboxes          personal mailboxes: which there are, and what is in one without reading it
mailboxes_disposal personal mailboxes: emptying, and reading back
connector          the verbs
"""

from retention.connectors.imap.connector import ImapConnector

__all__ = ["ImapConnector"]
