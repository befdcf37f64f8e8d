"""Who issues buyers' tokens: directors, by the migration that gives them the permission."""

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from adcp_sales.protocol.models import ApiToken
from tests import people
from tests.people import Buyer

pytestmark = pytest.mark.django_db

ADD = "/admin/protocol/apitoken/add/"


@pytest.fixture
def _tokens_given(director: User) -> None:
    # Run again, because a transactional test before this one may have flushed its rows.
    migration = importlib.import_module("adcp_sales.protocol.migrations.0002_director_tokens")
    config = apps.get_app_config("protocol")
    module = config.models_module
    with connection.schema_editor() as editor:
        migration.give_tokens(apps, editor)
    config.models_module = module


@pytest.mark.usefixtures("_tokens_given")
def test_a_director_issues_a_token_that_is_shown_once(
    client: Client, buyer: Buyer, director: User
) -> None:
    client.force_login(director)
    before = ApiToken.objects.count()

    answer = client.post(
        ADD, {"principal": buyer.principal.pk, "name": "production agent"}, follow=True
    )

    assert answer.status_code == 200
    assert ApiToken.objects.count() == before + 1
    token = ApiToken.objects.get(name="production agent")
    assert (token.principal, token.created_by) == (buyer.principal, "director")
    assert f"Copy the token now, it is not shown again: {token.prefix}" in answer.content.decode()
    listed = client.get("/admin/protocol/apitoken/").content.decode()
    assert "Copy the token now" not in listed
    assert ">API tokens<" in listed


@pytest.mark.usefixtures("_tokens_given")
@pytest.mark.parametrize("role", ["viewer", "rep", "approver"])
def test_nobody_else_issues_one(client: Client, buyer: Buyer, role: str) -> None:
    client.force_login(people.make_staff(f"a-{role}", role))
    before = ApiToken.objects.count()

    answer = client.post(ADD, {"principal": buyer.principal.pk, "name": "mine"})

    assert answer.status_code == 403
    assert ApiToken.objects.count() == before
