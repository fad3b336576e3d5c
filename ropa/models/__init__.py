"""The inventory's tables. What people edit here has its history; nothing here names a data subject."""

from ropa.models.column_mapping import ColumnMapping
from ropa.models.draft_approval import DraftApproval
from ropa.models.impact import Impact
from ropa.models.inventory import Activity, Dataset, Entry, Purpose, Register
from ropa.models.opinion import Opinion, Stance
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
from ropa.models.review import Answer, Happened, Review, ReviewEvent
from ropa.models.rules import Ceiling, Ground
from ropa.models.version import Version
from ropa.models.withdrawal import Withdrawal

__all__ = [
    "Activity",
    "Answer",
    "Ceiling",
    "ColumnMapping",
    "ContactPoint",
    "DataCategory",
    "Dataset",
    "DisposalMethod",
    "DraftApproval",
    "Entry",
    "Ground",
    "Happened",
    "Impact",
    "MarketingRule",
    "Membership",
    "Notice",
    "Opinion",
    "Organisation",
    "Passage",
    "Purpose",
    "Recipient",
    "Reference",
    "Register",
    "Review",
    "ReviewEvent",
    "Right",
    "Role",
    "SecurityMeasure",
    "Source",
    "Stance",
    "SubjectGroup",
    "TimeLimit",
    "Transfer",
    "Version",
    "Withdrawal",
]
