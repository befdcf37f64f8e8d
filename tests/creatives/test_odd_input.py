"""Input that fits the schema and still is odd: a typed answer, never a 500, nothing written."""

from typing import Any

import pytest

from mediabuys.models import Creative, CreativeAssignment, MediaBuy
from tests.creatives.library import call, item, sync_body, wish
from tests.people import Buyer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "filters",
    [
        {"updated_after": "2026-06-30T23:59:60Z"},
        {"updated_before": "2026-02-30T00:00:00Z"},
        {"created_after": "tomorrow"},
    ],
)
def test_odd_dates(buyer: Buyer, filters: dict[str, Any]) -> None:
    status, answer = call("list_creatives", {"filters": filters}, buyer)

    assert (status, answer["errors"][0]["code"]) == (400, "INVALID_REQUEST")
    assert answer["errors"][0]["field"] == f"filters.{next(iter(filters))}"


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ({"created_after": "9999-12-31T23:59:59-14:00"}, 0),
        ({"created_after": "0001-01-01T00:00:00+14:00"}, 1),
    ],
)
def test_dates_at_the_ends_of_time(buyer: Buyer, filters: dict[str, Any], matching: int) -> None:
    call("sync_creatives", sync_body(buyer, item()), buyer)

    status, answer = call("list_creatives", {"filters": filters}, buyer)

    assert (status, answer["query_summary"]["total_matching"]) == (200, matching)


@pytest.mark.parametrize(
    "changes",
    [
        {"creatives": []},
        {"creatives": [item(str(number)) for number in range(101)]},
        {"creatives": [{"creative_id": "nameless"}]},
        {"creatives": [item(assets={"main": {"asset_type": "image"}})]},
        {"creatives": [item(tags=[7])]},
        {"creatives": [item(format_kind="image")]},
        {"creatives": "banner"},
        {"assignments": [wish("banner", "pkg", weight=101)]},
        {"assignments": [wish("banner", "pkg", colour="red")]},
        {"assignments": [wish("banner", "pkg")] * 1001},
        {"validation_mode": "careless"},
        {"dry_run": "yes"},
    ],
)
def test_a_malformed_sync_is_refused_whole(buyer: Buyer, changes: dict[str, Any]) -> None:
    status, answer = call("sync_creatives", sync_body(buyer, item()) | changes, buyer)

    assert (status, answer["errors"][0]["code"]) == (400, "INVALID_REQUEST"), answer
    assert answer["errors"][0]["field"]
    assert not Creative.objects.exists()


@pytest.mark.parametrize("weight", [0, 100, 33.333333333, 1e-9])
def test_any_weight_of_the_schema_is_kept_to_the_hundredth(
    buyer: Buyer, buy: MediaBuy, weight: float
) -> None:
    wishes = [wish("banner", buy.packages.get().package_id, weight=weight)]

    status, answer = call("sync_creatives", sync_body(buyer, item(), assignments=wishes), buyer)

    assert (status, answer["creatives"][0]["action"]) == (200, "created"), answer
    assert float(CreativeAssignment.objects.get().weight or 0) == round(weight, 2)


def test_one_package_twice_takes_the_last_weight(buyer: Buyer, buy: MediaBuy) -> None:
    package_id = buy.packages.get().package_id
    wishes = [wish("banner", package_id, weight=weight) for weight in (10, 20)]

    answer = call("sync_creatives", sync_body(buyer, item(), assignments=wishes), buyer)[1]

    assert answer["creatives"][0]["assigned_to"] == [package_id]
    assert CreativeAssignment.objects.get().weight == 20
    buy.refresh_from_db()
    assert buy.events.filter(action="creatives_assigned").count() == 1


def test_content_outlives_the_way_through_the_database(buyer: Buyer) -> None:
    asset = item()["assets"]["main"] | {"alt_text": "Grün 🌲 \\ \" '", "odd": [1.0, 2.5e15, None]}
    body = sync_body(buyer, item(assets={"main": asset}))
    call("sync_creatives", body, buyer)

    again = call("sync_creatives", body | {"idempotency_key": "sync-again-000001"}, buyer)[1]

    assert again["creatives"][0]["action"] == "unchanged"
    assert call("list_creatives", {}, buyer)[1]["creatives"][0]["assets"] == {"main": asset}


def test_a_number_that_the_database_would_spell_out_is_refused(buyer: Buyer) -> None:
    asset = item()["assets"]["main"] | {"odd": 1e21}

    status, answer = call("sync_creatives", sync_body(buyer, item(assets={"main": asset})), buyer)

    assert (status, answer["errors"][0]["code"]) == (400, "INVALID_REQUEST")
    assert not Creative.objects.exists()
