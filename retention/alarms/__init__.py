"""Alarms: a deletion that silently did not happen is told to people until somebody has ended it (D8; TSV/2/2018).

rules      what is wrong now, seen by looking
moves      how an alarm is raised, quietened by a person, escalated, ended; plain functions of time
looking    one look at an organisation: rules, moves, messages to be sent, in one transaction
recipients who is told at which level
channels   e-mail and webhook
delivery   messages are sent, and tried again until they are
words      what an alarm says, and what to do
"""
