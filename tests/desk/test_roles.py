"""Every role at every door, with what it may and may not do."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from mediabuys.models import Booking, Creative, Publisher
from mediabuys.states import BookingStatus, CreativeStatus
from tasks_hitl.models import Decision, RuleVersion, Task
from tests import people
from tests.desk.forms import address, rejection, shown
from tests.people import Buyer
from tests.trade.orders import approve, waiting_task

pytestmark = pytest.mark.django_db

ROLES = ("viewer", "rep", "approver", "director")


@dataclass(frozen=True)
class Scene:
    """One order that waits, one whose booking waits, one creative to review."""

    buyer: Buyer
    task: Task
    booking: Booking
    creative: Creative

    def state(self) -> tuple[Any, ...]:
        """Return everything that a door could have changed."""
        return (
            Decision.objects.count(),
            list(RuleVersion.objects.values_list("rule_key", "version", "is_current")),
            list(Creative.objects.values_list("status", "rejection_reason")),
            list(Publisher.objects.values()),
            list(Booking.objects.values_list("status", "next_attempt_at")),
            list(Task.objects.order_by("pk").values_list("status", "version")),
        )


@pytest.fixture
def scene(buyer: Buyer, approver: User) -> Scene:
    booked = waiting_task(buyer, idempotency_key="key-0000000000000002")
    approve(booked, approver)
    booking = Booking.objects.get()
    booking.attempt_count = 1
    booking.next_attempt_at = timezone.now() + timedelta(hours=1)
    booking.save(update_fields=["attempt_count", "next_attempt_at"])
    creative = Creative(
        account=buyer.account,
        principal=buyer.principal,
        creative_id="banner",
        name="Banner",
        format_id={"agent_url": people.AGENT_URL, "id": "display_main"},
        format_key="display_main",
        content_digest="0" * 64,
    )
    creative.submit()
    creative.save()
    return Scene(buyer, waiting_task(buyer), booking, creative)


def see_queue(client: Client, scene: Scene) -> int:
    return client.get("/admin/approvals/").status_code


def see_order(client: Client, scene: Scene) -> int:
    return client.get(address(scene.task)).status_code


def open_confirm(client: Client, scene: Scene) -> int:
    return client.get(address(scene.task, "approve")).status_code


def approve_order(client: Client, scene: Scene) -> int:
    return client.post(address(scene.task, "approve"), shown(scene.task)).status_code


def reject_order(client: Client, scene: Scene) -> int:
    return client.post(address(scene.task, "reject"), rejection(scene.task)).status_code


def approve_creative(client: Client, scene: Scene) -> int:
    door = f"/admin/mediabuys/creative/{scene.creative.pk}/approve/"
    return client.post(door, {"shown_revision": 1}).status_code


def reject_creative(client: Client, scene: Scene) -> int:
    door = f"/admin/mediabuys/creative/{scene.creative.pk}/reject/"
    return client.post(door, {"shown_revision": 1, "reason": "Too loud."}).status_code


def try_booking(client: Client, scene: Scene) -> int:
    door = f"/admin/mediabuys/booking/{scene.booking.pk}/try-now/"
    return client.post(door, {"csrfmiddlewaretoken": "x"}).status_code


def edit_rule(client: Client, scene: Scene) -> int:
    rule = RuleVersion.objects.get(rule_key="soon")
    door = f"/admin/tasks_hitl/ruleversion/{rule.pk}/change/"
    return client.post(door, {"name": rule.name, "hours": "3", "is_enabled": "on"}).status_code


def edit_publisher(client: Client, scene: Scene) -> int:
    publisher = Publisher.objects.get()
    fields = {
        name: value
        for name, value in Publisher.objects.values().get().items()
        if value is not None and name != "measured_approval_estimate"
    }
    door = f"/admin/mediabuys/publisher/{publisher.pk}/change/"
    return client.post(door, {**fields, "name": "Renamed"}).status_code


Door = Callable[[Client, Scene], int]
LOOKING: tuple[Door, ...] = (see_queue, see_order)
ALLOWED: dict[Door, set[str]] = {
    see_queue: set(ROLES),
    see_order: set(ROLES),
    open_confirm: {"approver", "director"},
    approve_order: {"approver", "director"},
    reject_order: {"approver", "director"},
    approve_creative: {"rep", "approver", "director"},
    reject_creative: {"rep", "approver", "director"},
    try_booking: {"approver", "director"},
    edit_rule: {"director"},
    edit_publisher: {"director"},
}


@pytest.mark.parametrize("door", ALLOWED, ids=lambda door: door.__name__)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_own_doors(client: Client, scene: Scene, role: str, door: Door) -> None:
    user = User.objects.filter(username=role).first() or people.make_staff(role, role)
    client.force_login(user)
    before = scene.state()

    status = door(client, scene)

    if role not in ALLOWED[door]:
        assert status == 403
        assert scene.state() == before
    elif door in (*LOOKING, open_confirm):
        assert status == 200
        assert scene.state() == before
    else:
        assert status == 302
        assert scene.state() != before


@pytest.mark.parametrize("door", ALLOWED, ids=lambda door: door.__name__)
@pytest.mark.parametrize("who", ["nobody", "stranger", "dismissed", "left"])
def test_nobody_else_opens_any(client: Client, scene: Scene, who: str, door: Door) -> None:
    if who == "stranger":
        client.force_login(User.objects.create_user("stranger"))
    elif who == "dismissed":
        dismissed = people.make_staff("dismissed", "director")
        client.force_login(dismissed)
        User.objects.filter(pk=dismissed.pk).update(is_active=False)
    elif who == "left":
        left = people.make_staff("left", "director")
        client.force_login(left)
        User.objects.filter(pk=left.pk).update(is_staff=False)
    before = scene.state()

    assert door(client, scene) == 302

    assert scene.state() == before
    assert "/admin/login/" in client.get("/admin/approvals/").headers["Location"]


def test_staff_without_a_role_see_no_approvals(client: Client, scene: Scene) -> None:
    client.force_login(User.objects.create_user("new", is_staff=True))
    before = scene.state()

    for door in ALLOWED:
        assert door(client, scene) in (302, 403)
    page = client.get("/admin/").content.decode()

    assert scene.state() == before
    assert "your role may not see approvals" in page
    assert "acmeoutdoor" not in page


def test_viewers_see_everything_and_no_button(client: Client, scene: Scene, viewer: User) -> None:
    client.force_login(viewer)

    page = client.get(address(scene.task)).content.decode()

    assert "Books 1 line item" in page
    assert "Approve…" not in page
    assert "Reject…" not in page
    assert '<form method="post" action="/admin/approvals' not in page


def test_a_creative_that_changed_meanwhile_is_not_approved(
    client: Client, scene: Scene, rep: User
) -> None:
    client.force_login(rep)
    Creative.objects.update(revision=2)

    response = client.post(
        f"/admin/mediabuys/creative/{scene.creative.pk}/approve/", {"shown_revision": 1}
    )

    assert response.status_code == 409
    assert "another version" in response.content.decode()
    assert Creative.objects.get().status == CreativeStatus.PENDING_REVIEW


def test_looking_at_a_review_or_a_retry_changes_nothing(
    client: Client, scene: Scene, director: User
) -> None:
    client.force_login(director)
    before = scene.state()

    for door in (
        f"/admin/mediabuys/creative/{scene.creative.pk}/approve/?shown_revision=1",
        f"/admin/mediabuys/creative/{scene.creative.pk}/reject/?shown_revision=1&reason=x",
        f"/admin/mediabuys/booking/{scene.booking.pk}/try-now/",
    ):
        assert client.get(door).status_code == 200

    assert scene.state() == before


def test_a_settled_booking_cannot_be_hurried(client: Client, scene: Scene, director: User) -> None:
    client.force_login(director)
    Booking.objects.update(status=BookingStatus.FAILED, settled_at=timezone.now())
    before = scene.state()

    assert try_booking(client, scene) == 403

    assert scene.state() == before


def test_the_roles_hold_what_the_migration_says() -> None:
    roles = importlib.import_module("tasks_hitl.migrations.0002_roles").ROLES

    assert sorted(roles) == sorted(ROLES)
    people.make_staff("somebody", "viewer")
    for name, wanted in roles.items():
        held = {
            f"{row.content_type.app_label}.{row.codename}"
            for row in Group.objects.get(name=name).permissions.select_related("content_type")
        }
        assert held >= set(wanted)
        assert not any(".delete_" in permission for permission in held)
