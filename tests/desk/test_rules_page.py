"""Editing approval rules: every save is a new version, and none is ever changed."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks_hitl.models import RuleVersion
from tasks_hitl.services import rule_revise
from tasks_hitl.states import RuleKind
from tests import people

pytestmark = pytest.mark.django_db

LIST = "/admin/tasks_hitl/ruleversion/"


@pytest.fixture
def rules_client(client: Client, publisher: Any, director: User) -> Client:
    people.make_rules()
    client.force_login(director)
    return client


def versions() -> list[tuple[Any, ...]]:
    return list(
        RuleVersion.objects.order_by("rule_key", "version").values_list(
            "rule_key", "version", "name", "parameters", "is_enabled", "is_current"
        )
    )


def test_saving_puts_the_next_version_in_force(rules_client: Client, director: User) -> None:
    rule = RuleVersion.objects.get(rule_key="soon")

    response = rules_client.post(
        f"{LIST}{rule.pk}/change/", {"name": "Starts within a day", "hours": "24.5"}
    )

    assert (response.status_code, response.headers["Location"]) == (302, LIST)
    assert [row for row in versions() if row[0] == "soon"] == [
        ("soon", 1, "Starts within two hours", {"hours": 2}, True, False),
        ("soon", 2, "Starts within a day", {"hours": 24.5}, False, True),
    ]
    assert RuleVersion.objects.get(rule_key="soon", version=2).created_by == director
    assert "Version 2 of “Starts within a day” is in force." in (
        rules_client.get(LIST).content.decode()
    )


def test_the_kind_of_a_rule_never_changes(rules_client: Client) -> None:
    rule = RuleVersion.objects.get(rule_key="soon")

    rules_client.post(
        f"{LIST}{rule.pk}/change/",
        {"name": rule.name, "hours": "3", "kind": RuleKind.GUARANTEED, "is_enabled": "on"},
    )

    assert RuleVersion.objects.get(rule_key="soon", is_current=True).kind == RuleKind.STARTS_SOON


@pytest.mark.parametrize(
    ("kind", "field", "typed", "stored"),
    [
        (RuleKind.UNDER_RATE_CARD, "percent", "12.5", {"percent": 12.5}),
        (RuleKind.STARTS_SOON, "hours", "48", {"hours": 48.0}),
        (
            RuleKind.CATEGORY,
            "categories",
            " politics,gambling , politics,",
            {"categories": ["politics", "gambling"]},
        ),
        (RuleKind.NEW_BUYER, "minimum_accepted_buys", "3", {"minimum_accepted_buys": 3}),
    ],
)
def test_a_new_rule_keeps_the_parameter_of_its_kind(
    rules_client: Client, kind: str, field: str, typed: str, stored: dict[str, Any]
) -> None:
    fields = {"name": "House rule", "kind": kind, "is_enabled": "on"}

    refused = rules_client.post(f"{LIST}add/", fields)
    assert refused.status_code == 200
    assert "This kind of rule needs it." in refused.content.decode()
    assert not RuleVersion.objects.filter(rule_key="house-rule").exists()

    assert rules_client.post(f"{LIST}add/", {**fields, field: typed}).status_code == 302
    rule = RuleVersion.objects.get(rule_key="house-rule")
    assert (rule.version, rule.kind, rule.parameters, rule.is_current) == (1, kind, stored, True)


@pytest.mark.parametrize("name", ["Guaranteed", "???"])
def test_a_name_must_make_a_key_of_its_own(rules_client: Client, name: str) -> None:
    before = versions()

    response = rules_client.post(
        f"{LIST}add/", {"name": name, "kind": RuleKind.GUARANTEED, "is_enabled": "on"}
    )

    assert response.status_code == 200
    assert versions() == before


def test_past_versions_are_read_and_not_edited(rules_client: Client, director: User) -> None:
    past = RuleVersion.objects.get(rule_key="soon")
    rule_revise(
        rule_key="soon",
        kind=RuleKind.STARTS_SOON,
        name="Starts within three hours",
        parameters={"hours": 3},
        is_enabled=True,
        actor=director,
    )
    before = versions()

    page = rules_client.get(f"{LIST}{past.pk}/change/").content.decode()
    answer = rules_client.post(f"{LIST}{past.pk}/change/", {"name": "Forged", "hours": "1"})

    assert "starts within 2 hours" in page
    assert answer.status_code == 403
    assert versions() == before


def test_the_list_shows_one_line_for_each_rule(rules_client: Client, director: User) -> None:
    rule_revise(
        rule_key="soon",
        kind=RuleKind.STARTS_SOON,
        name="Starts within three hours",
        parameters={"hours": 3},
        is_enabled=False,
        actor=director,
    )

    response = rules_client.get(LIST)

    page = response.content.decode()
    assert "starts within 3 hours" in page
    assert "starts within 2 hours" not in page
    assert response.context["cl"].result_count == 3


def test_no_rule_is_deleted(client: Client, publisher: Any, superuser: User) -> None:
    people.make_rules()
    client.force_login(superuser)
    before = versions()
    rule = RuleVersion.objects.get(rule_key="soon")

    assert client.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"}).status_code == 403

    assert versions() == before
