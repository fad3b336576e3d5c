"""Every model is decided: tracked by history, or not, and why."""

from django.apps import apps

TRACKED = {
    "ropa": {
        "Organisation",
        "Register",
        "Activity",
        "Purpose",
        "Dataset",
        "Ground",
        "Ceiling",
        "SubjectGroup",
        "DataCategory",
        "Source",
        "Recipient",
        "Transfer",
        "SecurityMeasure",
        "Right",
        "MarketingRule",
        "TimeLimit",
        "DisposalMethod",
        "Reference",
        "ContactPoint",
        "Notice",
        "Passage",
        "ColumnMapping",
        "Membership",
    },
    "retention": {"Connection", "Hold"},
}
NOT_TRACKED = {
    "entrance": {"PersonAct", "AccountLink", "Counted"},  # only added to; used once; what is counted
    # written once; who may do what; only added to
    "ropa": {"Version", "Withdrawal", "DraftApproval", "Impact", "Opinion", "Review", "ReviewEvent"},
    "retention": {  # a data subject's reference, append-only, or a machine's own state
        "LedgerContract",
        "LedgerEvent",
        "LedgerFact",
        "LedgerOpen",
        "LedgerRevision",
        "HoldSubject",
        "BanEvent",
        "BanKey",
        "ConfirmedConnection",
        "Campaign",
        "Canary",
        "LotLook",
        "Outlook",
        "Counting",
        "CampaignEvent",
        "CampaignGap",
        "Migration",
        "RegisterEvent",
        "Gate",
        "StopEvent",
        "Run",
        "NightStep",
        "Collection",
        "DatasetNight",
        "DatasetState",
        "Doubted",
        "FirstSeen",
        "Gone",
        "GoneUnder",
        "Lot",
        "Attempt",
        "KeyOutcome",
        "LotEvent",
        "EvidenceEntry",
        "EvidenceHead",
        "EvidenceLeaves",
        "EvidenceStamp",
        "Alarm",
        "AlarmEvent",
        "AlarmDelivery",
        "AlarmWatch",
    },
}


def test_every_model_is_decided():
    for label in ("ropa", "retention", "entrance"):
        own = {m.__name__ for m in apps.get_app_config(label).get_models() if not m.__name__.startswith("Historical")}
        assert own == TRACKED.get(label, set()) | NOT_TRACKED[label]


def test_history_is_kept_of_exactly_what_people_edit():
    for label in ("ropa", "retention", "entrance"):
        tracked = {m.__name__ for m in apps.get_app_config(label).get_models() if hasattr(m, "history")}
        assert tracked == TRACKED.get(label, set())
