"""Staff issue and revoke tokens in the admin."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from adcp_sales.protocol.models import ApiToken
from tests.protocol.conftest import Buyer, ask

pytestmark = pytest.mark.django_db

ADD = "/admin/protocol/apitoken/add/"


@pytest.fixture
def staff() -> User:
    person = User.objects.create_user("keykeeper", password="x", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(content_type__app_label="protocol"))
    return person


@pytest.fixture
def viewer() -> User:
    person = User.objects.create_user("viewer", password="x", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename="view_apitoken"))
    return person


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def revoke_page(buyer: Buyer) -> str:
    return f"/admin/protocol/apitoken/{buyer.principal.api_tokens.get().pk}/revoke/"


def test_a_token_is_shown_once_and_works(buyer: Buyer, staff: User) -> None:
    client = signed_in(staff)
    form = {
        "principal": buyer.principal.pk,
        "name": "production",
        "expires_at_0": "",
        "expires_at_1": "",
    }

    page = client.post(ADD, form, follow=True).content.decode()

    shown = re.search(r"adcp_test_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", page)
    assert shown is not None
    assert ask("list_accounts", {}, shown.group()).status == 200
    issued = ApiToken.objects.get(name="production")
    assert issued.created_by == "keykeeper"
    again = client.get(f"/admin/protocol/apitoken/{issued.pk}/change/").content.decode()
    assert shown.group() not in again
    assert issued.prefix in again


def test_a_link_revokes_nothing_and_the_button_does(buyer: Buyer, staff: User) -> None:
    client = signed_in(staff)

    asked = client.get(revoke_page(buyer))
    assert asked.status_code == 200
    assert ask("list_accounts", {}, buyer.token).status == 200

    client.post(revoke_page(buyer))
    assert ask("list_accounts", {}, buyer.token).status == 401


def test_whoever_may_only_look_cannot_revoke(buyer: Buyer, viewer: User) -> None:
    answer = signed_in(viewer).post(revoke_page(buyer))

    assert answer.status_code == 403
    assert ask("list_accounts", {}, buyer.token).status == 200


def test_a_stranger_is_sent_to_sign_in(buyer: Buyer) -> None:
    answer = Client().post(revoke_page(buyer))

    assert answer.status_code == 302
    assert ask("list_accounts", {}, buyer.token).status == 200


def test_the_list_shows_states_and_no_secret(buyer: Buyer, staff: User) -> None:
    token = buyer.principal.api_tokens.get()

    page = signed_in(staff).get("/admin/protocol/apitoken/").content.decode()

    assert token.prefix in page
    assert buyer.token.removeprefix(f"{token.prefix}_") not in page


def test_a_token_is_neither_edited_nor_deleted(buyer: Buyer, staff: User) -> None:
    client, token = signed_in(staff), buyer.principal.api_tokens.get()

    client.post(f"/admin/protocol/apitoken/{token.pk}/change/", {"name": "renamed"})
    deleted = client.post(f"/admin/protocol/apitoken/{token.pk}/delete/", {"post": "yes"})

    token.refresh_from_db()
    assert token.name == "test"
    assert deleted.status_code == 403
