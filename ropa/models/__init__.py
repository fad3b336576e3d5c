"""The inventory's tables. What people edit here has its history; nothing here names a data subject."""

from ropa.models.inventory import Activity, Dataset, Purpose, Register
from ropa.models.opinion import Opinion, Stance
from ropa.models.organisation import Organisation
from ropa.models.people import Membership, Role
from ropa.models.review import Answer, Happened, Review, ReviewEvent
from ropa.models.rules import Ceiling, Ground
from ropa.models.version import Version

__all__ = [
    "Activity",
    "Answer",
    "Ceiling",
    "Dataset",
    "Ground",
    "Happened",
    "Membership",
    "Opinion",
    "Organisation",
    "Purpose",
    "Register",
    "Review",
    "ReviewEvent",
    "Role",
    "Stance",
    "Version",
]
