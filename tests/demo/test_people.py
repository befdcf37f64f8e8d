"""Who works at the demo publisher, and that its history told nobody outside."""

from django.contrib.auth.models import User

from adcp_sales.demo.seeding import Seeded
from mediabuys.models import MediaBuy
from tasks_hitl.models import Task
from webhooks.models import Delivery, Destination


def test_staff_sign_in_with_their_role(demo: Seeded) -> None:
    for person in demo.staff:
        user = User.objects.get(username=person["username"])
        assert user.check_password(person["password"])
        assert user.is_staff
        assert not user.is_superuser
        assert [group.name for group in user.groups.all()] == [person["role"]]
    assert User.objects.get(username="approver").has_perm("tasks_hitl.decide_task")
    assert not User.objects.get(username="rep").has_perm("tasks_hitl.decide_task")


def test_nobody_outside_is_told(demo: Seeded) -> None:
    assert Delivery.objects.count() == 0
    assert MediaBuy.objects.exclude(destination=None).count() == 0
    assert Task.objects.exclude(destination=None).count() == 0
    # Only the staff's own mailbox is registered, for what comes after the seeding.
    assert [found.owner_key for found in Destination.objects.all()] == ["staff"]
