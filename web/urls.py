"""Pages for people: under each organisation the same places."""

from __future__ import annotations

from datetime import date

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from web import (
    ahead,
    alarms,
    begin,
    campaigns,
    connections,
    draft,
    entries,
    entry_history,
    evidence,
    flows,
    head,
    holds,
    house,
    library,
    lots,
    management,
    morning,
    nights,
    notice_import,
    organisations,
    paper,
    people,
    record_import,
    registers,
    reports,
    roles,
    rules,
    samples,
    stops,
)

app_name = "web"


class DayConverter:
    """A night's day in an address, YYYY-MM-DD."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class RulesConverter(StringConverter):
    """Which rules of a dataset."""

    regex = "grounds|ceilings"


class OrderConverter(StringConverter):
    """The number of an order to the archive keeper."""

    regex = "[DP]-[0-9a-f]{12}(?:-[0-9]{1,6})?"


register_converter(DayConverter, "day")
register_converter(OrderConverter, "order")
register_converter(RulesConverter, "rulekind")

of_one = [
    path("", morning.morning, name="morning"),
    path("lots/", lots.lots, name="lots"),
    path("lots/<int:pk>/sample/", samples.sample, name="lot-sample"),
    path("alarms/", alarms.alarms, name="alarms"),
    path("alarms/<int:pk>/acknowledge/", alarms.acknowledged, name="alarm-acknowledge"),
    path("nights/", nights.nights, name="nights"),
    path("nights/ask/", stops.ask, name="night-ask"),
    path("stop/", stops.pull, name="stop"),
    path("stop/resume/", stops.resume, name="stop-resume"),
    path("nights/<day:day>/", nights.night, name="night"),
    path("nights/<day:day>/certificate/<slug:form>/", nights.certificate_of_night, name="night-certificate"),
    path("nights/<day:day>/live/", nights.live, name="night-live"),
    path("nights/<day:day>/stop/", nights.stop, name="night-stop"),
    path("registers/", registers.registers, name="registers"),
    path("registers/<slug:code>/", registers.register, name="register"),
    path("rules/", rules.rules, name="rules"),
    path("datasets/<slug:code>/<rulekind:where>/<slug:rule>/", rules.rule, name="rule"),
    path("draft/", draft.draft, name="draft"),
    path("library/", library.library, name="library"),
    path("begin/", begin.begin, name="begin"),
    path("begin/document/", begin.document, name="begin-document"),
    path("begin/document/<slug:form>/", begin.file, name="begin-file"),
    path("begin/record/", record_import.begin_record, name="begin-record"),
    path("begin/record/columns/", record_import.columns, name="begin-columns"),
    path("begin/record/rows/", record_import.looked_at, name="begin-preview"),
    path("begin/notice/", notice_import.begin_notice, name="begin-notice"),
    path("begin/notice/<slug:code>/", notice_import.passages, name="begin-passages"),
    path("record/", entries.record, name="record"),
    path("record/organisation/", head.head, name="head"),
    path("record/organisation/history/", entry_history.head_history, name="head-history"),
    path("record/<slug:kind>/", entries.entries, name="entries"),
    path("record/<slug:kind>/new/", entries.new, name="entry-new"),
    path("record/<slug:kind>/<slug:code>/", entries.entry, name="entry"),
    path("record/<slug:kind>/<slug:code>/history/", entry_history.history, name="entry-history"),
    path("draft/count/", draft.count, name="draft-count"),
    path("draft/advise/", draft.advise, name="draft-advise"),
    path("draft/approve/", draft.approve, name="draft-approve"),
    path("draft/publish/", draft.published, name="draft-publish"),
    path("versions/<int:n>/withdraw/", draft.taken_back, name="version-withdraw"),
    path("ahead/", ahead.ahead, name="ahead"),
    path("person/", people.person, name="person"),
    path("flows/", flows.flows, name="flows"),
    path("paper/", paper.orders, name="paper"),
    path("paper/print/", paper.sheets, name="paper-print"),
    path("paper/<slug:code>/<order:number>/", paper.order, name="paper-order"),
    path("paper/<slug:code>/<order:number>/print/", paper.sheet, name="paper-sheet"),
    path("paper/<slug:code>/<order:number>/certificate/", paper.certificate, name="paper-certificate"),
    path("reports/", reports.reports, name="reports"),
    path("reports/management/", management.report, name="management"),
    path("evidence/", evidence.evidence, name="evidence"),
    path("estimates/", campaigns.campaigns, name="campaigns"),
    path("estimates/new/", campaigns.propose, name="campaign-new"),
    path("estimates/<int:n>/", campaigns.campaign, name="campaign"),
    path("estimates/<int:n>/answer/", campaigns.answer, name="campaign-answer"),
    path("estimates/<int:n>/minutes/<slug:form>/", campaigns.printed, name="campaign-minutes"),
    path("holds/", holds.holds, name="holds"),
    path("connections/", connections.connections, name="connections"),
    path("connections/add/<slug:kind>/", connections.connection_add, name="connection-add"),
    path("connections/<slug:code>/", connections.connection, name="connection"),
    path("connections/<slug:code>/confirm/", connections.connection_confirm, name="connection-confirm"),
    path("law/", house.law, name="law"),
    path("status/", house.status, name="status"),
    path("roles/", roles.roles, name="roles"),
    path("roles/<int:pk>/", roles.role_person, name="role-person"),
    path("roles/act/", roles.role_act, name="role-act"),
    path("roles/<int:pk>/decide/", roles.role_decide, name="role-decide"),
    path("holds/<int:pk>/release/", holds.release, name="hold-release"),
]

urlpatterns = [
    path("", morning.portfolio, name="portfolio"),
    path("organisations/", organisations.organisations, name="organisations"),
    path("o/<slug:slug>/", include(of_one)),
]
