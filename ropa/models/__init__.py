"""The inventory's tables. What people edit here has its history; nothing here names a data subject."""

from ropa.models.inventory import Activity, Dataset, Entry, Purpose, Register
from ropa.models.organisation import Organisation
from ropa.models.people import Membership, Role
from ropa.models.record import (
    ContactPoint,
    DataCategory,
    DisposalMethod,
    MarketingRule,
    Notice,
    Passage,
    Recipient,
    Reference,
    Right,
    SecurityMeasure,
    Source,
    SubjectGroup,
    TimeLimit,
    Transfer,
)
from ropa.models.rules import Ceiling, Ground
from ropa.models.version import Version

__all__ = [
    "Activity",
    "Ceiling",
    "ContactPoint",
    "DataCategory",
    "Dataset",
    "DisposalMethod",
    "Entry",
    "Ground",
    "MarketingRule",
    "Membership",
    "Notice",
    "Organisation",
    "Passage",
    "Purpose",
    "Recipient",
    "Reference",
    "Register",
    "Right",
    "Role",
    "SecurityMeasure",
    "Source",
    "SubjectGroup",
    "TimeLimit",
    "Transfer",
    "Version",
]
