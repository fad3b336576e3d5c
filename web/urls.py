"""Pages for people: under each organisation the same places."""

from __future__ import annotations

from datetime import date

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from web import (
    alarms,
    draft,
    entries,
    evidence,
    flows,
    head,
    holds,
    library,
    lots,
    management,
    morning,
    nights,
    paper,
    people,
    registers,
    reports,
    rules,
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
    path("alarms/", alarms.alarms, name="alarms"),
    path("alarms/<int:pk>/acknowledge/", alarms.acknowledged, name="alarm-acknowledge"),
    path("nights/", nights.nights, name="nights"),
    path("nights/ask/", stops.ask, name="night-ask"),
    path("stop/", stops.pull, name="stop"),
    path("stop/resume/", stops.resume, name="stop-resume"),
    path("nights/<day:day>/", nights.night, name="night"),
    path("nights/<day:day>/stop/", nights.stop, name="night-stop"),
    path("registers/", registers.registers, name="registers"),
    path("registers/<slug:code>/", registers.register, name="register"),
    path("rules/", rules.rules, name="rules"),
    path("datasets/<slug:code>/<rulekind:where>/<slug:rule>/", rules.rule, name="rule"),
    path("draft/", draft.draft, name="draft"),
    path("library/", library.library, name="library"),
    path("record/", entries.record, name="record"),
    path("record/organisation/", head.head, name="head"),
    path("record/<slug:kind>/", entries.entries, name="entries"),
    path("record/<slug:kind>/new/", entries.new, name="entry-new"),
    path("record/<slug:kind>/<slug:code>/", entries.entry, name="entry"),
    path("draft/count/", draft.count, name="draft-count"),
    path("draft/advise/", draft.advise, name="draft-advise"),
    path("draft/approve/", draft.approve, name="draft-approve"),
    path("draft/publish/", draft.published, name="draft-publish"),
    path("versions/<int:n>/withdraw/", draft.taken_back, name="version-withdraw"),
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
    path("holds/", holds.holds, name="holds"),
    path("holds/<int:pk>/release/", holds.release, name="hold-release"),
]

urlpatterns = [
    path("", morning.portfolio, name="portfolio"),
    path("o/<slug:slug>/", include(of_one)),
]
