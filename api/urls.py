"""/api/v1/: one address per thing, under its organisation."""

from __future__ import annotations

from datetime import date

from django.urls import include, path, re_path, register_converter
from drf_spectacular.views import SpectacularAPIView

from api import (
    activities,
    alarms,
    campaigns,
    canaries,
    decisions,
    findings,
    inventory,
    law,
    leaving,
    notices,
    onboarding,
    organisation,
    record,
    register,
    reports,
    retention,
    reviews,
    stops,
    suppression,
    tokens,
)
from api.errors import no_such_page
from ropa.kinds import KINDS


class DateConverter:
    """A date in an address, YYYY-MM-DD."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class IdConverter:
    """A row's number, as large as a row's number may be."""

    regex = r"[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class KindConverter:
    """A list of the inventory document."""

    regex = "|".join(kind.name for kind in KINDS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(DateConverter, "date")
register_converter(KindConverter, "kind")
register_converter(IdConverter, "id")

of_one = [
    path("", organisation.OneOrganisation.as_view(), name="organisation"),
    path("registers/", register.Registers.as_view(), name="registers"),
    path("registers/<slug:code>/", register.OneRegister.as_view(), name="register"),
    path("registers/<slug:code>/close/", leaving.CloseRegister.as_view(), name="register-close"),
    path("registers/<slug:code>/reopen/", leaving.ReopenRegister.as_view(), name="register-reopen"),
    path("registers/<slug:code>/certificate/", leaving.ExitCertificate.as_view(), name="register-certificate"),
    path("datasets/<slug:code>/migration/", leaving.RecordMigration.as_view(), name="dataset-migration"),
    path("datasets/", register.Datasets.as_view(), name="datasets"),
    path("datasets/<slug:code>/", register.OneDataset.as_view(), name="dataset"),
    path("datasets/<slug:code>/grounds/<slug:rule>/decisions/", decisions.GroundDecisions.as_view(), name="ground-log"),
    path(
        "datasets/<slug:code>/ceilings/<slug:rule>/decisions/", decisions.CeilingDecisions.as_view(), name="ceiling-log"
    ),
    path("draft/", decisions.Draft.as_view(), name="draft"),
    path("draft/impact/", decisions.DraftImpact.as_view(), name="draft-impact"),
    path("draft/approvals/", decisions.DraftApprovals.as_view(), name="draft-approvals"),
    path("opinions/", decisions.Opinions.as_view(), name="opinions"),
    path("changes/", decisions.Changes.as_view(), name="changes"),
    path("law/citing/", law.CitingLaw.as_view(), name="citing"),
    path("law/changes/", law.LawChanges.as_view(), name="law-changes"),
    path("snapshot/", decisions.Snapshot.as_view(), name="snapshot"),
    path("reviews/", reviews.Reviews.as_view(), name="reviews"),
    path("reviews/due/", reviews.DueReviews.as_view(), name="reviews-due"),
    path("reviews/dates/", reviews.ReviewDates.as_view(), name="review-dates"),
    path("inventory/", inventory.Inventory.as_view(), name="inventory"),
    path("onboarding/activities/preview/", activities.PreviewActivities.as_view(), name="activities-preview"),
    path("onboarding/activities/take/", activities.TakeActivities.as_view(), name="activities-take"),
    path("onboarding/columns/", onboarding.Columns.as_view(), name="onboarding-columns"),
    path("onboarding/mappings/", onboarding.Mappings.as_view(), name="onboarding-mappings"),
    path("onboarding/mappings/<slug:code>/", onboarding.OneMapping.as_view(), name="onboarding-mapping"),
    path("onboarding/mappings/<slug:code>/preview/", onboarding.PreviewRecord.as_view(), name="onboarding-preview"),
    path("onboarding/mappings/<slug:code>/apply/", onboarding.ApplyRecord.as_view(), name="onboarding-apply"),
    path("notices/<slug:code>/", notices.OneNotice.as_view(), name="notice"),
    path("notices/<slug:code>/<slug:passage>/", notices.OnePassage.as_view(), name="passage"),
    path("record/", record.Head.as_view(), name="record"),
    path("record/<kind:kind>/", record.Entries.as_view(), name="entries"),
    path("record/<kind:kind>/<slug:code>/", record.OneEntry.as_view(), name="entry"),
    path("versions/", register.Versions.as_view(), name="versions"),
    path("versions/<id:number>/", register.OneVersion.as_view(), name="version"),
    path("versions/<id:number>/withdraw/", register.Withdraw.as_view(), name="version-withdraw"),
    path("findings/", findings.Findings.as_view(), name="findings"),
    path("report/", reports.Report.as_view(), name="report"),
    path("ledger/", retention.Ledger.as_view(), name="ledger"),
    path("holds/", retention.Holds.as_view(), name="holds"),
    path("holds/<id:pk>/release/", retention.ReleaseHold.as_view(), name="hold-release"),
    path("stops/", stops.Stops.as_view(), name="stops"),
    path("stops/resume/", stops.Resume.as_view(), name="stops-resume"),
    path("suppression/check/", suppression.CheckBans.as_view(), name="suppression-check"),
    path("suppression/bans/", suppression.Bans.as_view(), name="suppression-bans"),
    path("suppression/lifts/", suppression.Lifts.as_view(), name="suppression-lifts"),
    path("nights/", retention.Nights.as_view(), name="nights"),
    path("nights/<date:business_date>/", retention.OneNight.as_view(), name="night"),
    path("nights/<date:business_date>/stop/", retention.StopNight.as_view(), name="night-stop"),
    path("alarms/", alarms.Alarms.as_view(), name="alarms"),
    path("alarms/<id:pk>/acknowledge/", alarms.AcknowledgeAlarm.as_view(), name="alarm-acknowledge"),
    path("canaries/", canaries.Canaries.as_view(), name="canaries"),
    path("canaries/<id:pk>/withdraw/", canaries.WithdrawCanary.as_view(), name="canary-withdraw"),
    path("campaigns/", campaigns.Campaigns.as_view(), name="campaigns"),
    path("campaigns/groups/", campaigns.Groups.as_view(), name="campaign-groups"),
    path("campaigns/<id:number>/", campaigns.OneCampaign.as_view(), name="campaign"),
    path("campaigns/<id:number>/decide/", campaigns.DecideCampaign.as_view(), name="campaign-decide"),
    path("campaigns/<id:number>/confirm/", campaigns.ConfirmCampaign.as_view(), name="campaign-confirm"),
    path("campaigns/<id:number>/refuse/", campaigns.RefuseCampaign.as_view(), name="campaign-refuse"),
    path("campaigns/<id:number>/withdraw/", campaigns.WithdrawCampaign.as_view(), name="campaign-withdraw"),
    path("campaigns/<id:number>/minutes/", campaigns.Minutes.as_view(), name="campaign-minutes"),
    path("lots/", retention.Lots.as_view(), name="lots"),
    path("lots/<id:pk>/", retention.OneLot.as_view(), name="lot"),
    path("lots/<id:pk>/sample/", retention.LotSample.as_view(), name="lot-sample"),
    path("lots/<id:pk>/approve/", retention.ApproveLot.as_view(), name="lot-approve"),
    path("lots/<id:pk>/reject/", retention.RejectLot.as_view(), name="lot-reject"),
]

urlpatterns = [
    path("", organisation.Root.as_view(), name="api"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("tokens/", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/<slug:key>/", tokens.OneToken.as_view(), name="token"),
    path("ready-made/", activities.ReadyMade.as_view(), name="ready-made"),
    path("ready-made/<slug:code>/", activities.OneReadyMade.as_view(), name="ready-made-activity"),
    path("law/", law.Law.as_view(), name="law"),
    path("law/<slug:row>/", law.OneLaw.as_view(), name="law-row"),
    path("organisations/", organisation.Organisations.as_view(), name="organisations"),
    path("organisations/<slug:slug>/", include(of_one)),
    re_path(r"^[\s\S]*$", no_such_page),
]
