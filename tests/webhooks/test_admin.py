"""What staff see of the engine: everything but secrets, and nothing to change."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.webhooks.conftest import Sink
from webhooks.dispatcher import dispatch_due
from webhooks.models import Attempt, Delivery, Destination

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a-shared-secret-of-32-characters"


@pytest.fixture
def viewer() -> User:
    user = get_user_model().objects.create_user("viewer", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="webhooks"))
    return user


@pytest.fixture
def delivery(
    sink: Sink,
    destination_for: Callable[..., Destination],
    enqueue: Callable[..., Delivery],
) -> Delivery:
    destination = destination_for(
        f"{sink.url}?key=in-the-query", scheme="bearer", credentials=SECRET
    )
    body = {"status": "completed", "token": "echoed-secret", "note": "<script>alert(1)</script>"}
    delivery = enqueue(destination, body=body)
    assert dispatch_due() == 1
    return delivery


def test_staff_see_a_message_and_its_attempts_without_secrets(
    client: Client, viewer: User, delivery: Delivery
) -> None:
    client.force_login(viewer)
    attempt = Attempt.objects.get()
    pages = [
        "/admin/webhooks/destination/",
        f"/admin/webhooks/destination/{delivery.destination_id}/change/",
        "/admin/webhooks/delivery/",
        f"/admin/webhooks/delivery/{delivery.pk}/change/",
        "/admin/webhooks/attempt/",
        f"/admin/webhooks/attempt/{attempt.pk}/change/",
    ]
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        html = answer.content.decode()
        for secret in (SECRET, "echoed-secret", "in-the-query", "<script>alert(1)"):
            assert secret not in html, (page, secret)
    message = client.get(pages[3]).content.decode()
    assert "&quot;status&quot;: &quot;completed&quot;" in message
    assert delivery.idempotency_key in message
    assert "Delivered" in message
    assert "Success" in message


def test_nobody_changes_adds_or_deletes_a_row(
    client: Client, viewer: User, delivery: Delivery
) -> None:
    client.force_login(viewer)
    before = list(Delivery.objects.values())
    for verb in ("change", "delete"):
        url = f"/admin/webhooks/delivery/{delivery.pk}/{verb}/"
        assert client.post(url, {"status": "dead", "post": "yes"}).status_code == 403
    assert client.post("/admin/webhooks/delivery/add/", {}).status_code == 403
    assert list(Delivery.objects.values()) == before


def test_staff_without_the_permission_see_nothing(client: Client, delivery: Delivery) -> None:
    stranger = get_user_model().objects.create_user("stranger", password="x", is_staff=True)
    client.force_login(stranger)
    assert client.get(f"/admin/webhooks/delivery/{delivery.pk}/change/").status_code == 403
