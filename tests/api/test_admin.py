"""The emergency admin shows what it may, changes what it may, and names no data subject."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse
from knox.models import AuthToken

from retention import models as scheduler
from ropa import models as inventory
from ropa.models import Membership, Organisation, Role
from tests.api.conftest import SECRET_NUMBER
from tests.factors import sign_in

HIDDEN = {
    scheduler.LedgerContract,
    scheduler.LedgerEvent,
    scheduler.LedgerFact,
    scheduler.LedgerOpen,
    scheduler.HoldSubject,
    scheduler.KeyOutcome,
    scheduler.Attempt,
    scheduler.Doubted,
    scheduler.FirstSeen,
    scheduler.Gone,
    scheduler.GoneUnder,
}
"""They hold customer numbers or row keys."""

LOOKED_AT = [
    inventory.Version,
    scheduler.Hold,
    scheduler.Run,
    scheduler.Lot,
    scheduler.EvidenceEntry,
    scheduler.EvidenceHead,
]
EDITED = [
    inventory.Organisation,
    inventory.Register,
    inventory.Activity,
    inventory.Purpose,
    inventory.Dataset,
    inventory.Ground,
    inventory.Ceiling,
    inventory.Membership,
    scheduler.Connection,
]


@pytest.fixture
def root(house, client):
    sign_in(client, User.objects.get(username="stranger"))
    return client


def pages(model, pk):
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    return reverse(f"{place}_changelist"), reverse(f"{place}_change", args=[pk])


def test_what_names_a_data_subject_is_not_there():
    assert not HIDDEN & set(admin.site._registry)


@pytest.mark.parametrize("model", [*LOOKED_AT, *EDITED], ids=lambda m: m.__name__)
def test_each_page_opens_and_names_nobody(root, model):
    row = model._default_manager.first()
    listed = root.get(pages(model, 1)[0])
    assert listed.status_code == 200
    if row is not None:
        one = root.get(pages(model, row.pk)[1])
        assert one.status_code == 200
        assert SECRET_NUMBER not in listed.content.decode() + one.content.decode()


@pytest.mark.parametrize("model", LOOKED_AT, ids=lambda m: m.__name__)
def test_what_is_looked_at_is_not_added_changed_or_deleted(root, model):
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert root.get(reverse(f"{place}_add")).status_code == 403
    row = model._default_manager.first()
    if row is not None:
        assert root.post(pages(model, row.pk)[1], {}).status_code == 403
        assert root.post(reverse(f"{place}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [m for m in EDITED if hasattr(m, "history")], ids=lambda m: m.__name__)
def test_what_is_edited_shows_its_history(root, model):
    row = model._default_manager.first()
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}_history"
    assert root.get(reverse(place, args=[row.pk])).status_code == 200


def test_the_form_refuses_a_dpo_who_is_controller(root):
    bob = User.objects.get(username="bob")
    testi = Organisation.objects.get(slug="testi")
    answer = root.post(
        reverse("admin:ropa_membership_add"), {"user": bob.pk, "organisation": testi.pk, "role": Role.CONTROLLER}
    )
    assert answer.status_code == 200
    assert not Membership.objects.filter(user=bob, role=Role.CONTROLLER).exists()


def test_a_persons_page_refuses_both_roles_at_once(root, house):
    new = User.objects.create(username="new")
    organisation = house.testi.pk
    rows: dict[str, Any] = {}
    for number, role in enumerate([Role.DPO, Role.CONTROLLER]):
        rows |= {
            f"memberships-{number}-user": new.pk,
            f"memberships-{number}-organisation": organisation,
            f"memberships-{number}-role": role,
        }
    answer = root.post(
        pages(User, new.pk)[1],
        {
            "date_joined_0": "2026-01-01",
            "date_joined_1": "12:00:00",
            "memberships-TOTAL_FORMS": 2,
            "memberships-INITIAL_FORMS": 0,
            **rows,
        },
    )
    assert answer.status_code == 200
    assert not Membership.objects.filter(user=new).exists()


def test_a_user_name_is_settled(root):
    alice = User.objects.get(username="alice")
    page = root.get(pages(User, alice.pk)[1]).content.decode()
    assert 'name="username"' not in page


def test_a_token_is_revoked_here_and_not_made(root):
    AuthToken.objects.create(User.objects.get(username="ines"))
    assert root.get(reverse("admin:knox_authtoken_add")).status_code == 403
    assert "ines" in root.get(reverse("admin:knox_authtoken_changelist")).content.decode()
    root.post(reverse("admin:knox_authtoken_delete", args=[AuthToken.objects.get().pk]), {"post": "yes"})
    assert not AuthToken.objects.exists()


def test_a_member_who_is_no_staff_stays_outside(house, client):
    sign_in(client, User.objects.get(username="alice"))
    assert client.get("/admin/").status_code == 302
