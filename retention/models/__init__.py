"""The scheduler's tables.

History is kept of what people edit (connections, a hold's terms) and of nothing that holds a data
subject's reference (ledger, hold subjects, lots).
"""

from retention.models.alarm import Alarm, AlarmDelivery, AlarmEvent, AlarmWatch
from retention.models.campaign import Campaign, CampaignEvent, CampaignGap
from retention.models.canary import Canary
from retention.models.connection import ConfirmedConnection, Connection
from retention.models.counting import Counting
from retention.models.evidence import EvidenceEntry, EvidenceHead, EvidenceLeaves, EvidenceStamp
from retention.models.hold import Gate, Hold, HoldSubject, StopEvent
from retention.models.leaving import Migration, RegisterEvent
from retention.models.ledger import LedgerContract, LedgerEvent, LedgerFact, LedgerOpen
from retention.models.lot import Attempt, KeyOutcome, Lot, LotEvent, LotLook
from retention.models.outlook import Outlook
from retention.models.run import Collection, DatasetNight, Doubted, FirstSeen, Gone, GoneUnder, Run
from retention.models.step import NightStep
from retention.models.suppression import BanEvent, BanKey
from retention.models.unchanged import DatasetState, LedgerRevision

__all__ = [
    "Alarm",
    "AlarmDelivery",
    "AlarmEvent",
    "AlarmWatch",
    "Attempt",
    "BanEvent",
    "BanKey",
    "Campaign",
    "CampaignEvent",
    "CampaignGap",
    "Canary",
    "Collection",
    "ConfirmedConnection",
    "Connection",
    "Counting",
    "DatasetNight",
    "DatasetState",
    "Doubted",
    "EvidenceEntry",
    "EvidenceHead",
    "EvidenceLeaves",
    "EvidenceStamp",
    "FirstSeen",
    "Gate",
    "Gone",
    "GoneUnder",
    "Hold",
    "HoldSubject",
    "KeyOutcome",
    "LedgerContract",
    "LedgerEvent",
    "LedgerFact",
    "LedgerOpen",
    "LedgerRevision",
    "Lot",
    "LotEvent",
    "LotLook",
    "Migration",
    "NightStep",
    "Outlook",
    "RegisterEvent",
    "Run",
    "StopEvent",
]
