"""get_products and list_creative_formats: what is asked for is what comes back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from mediabuys.models import CreativeFormat, PricingOption, Product, Publisher
from tests.protocol.conftest import AGENT_URL, Buyer, ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]


def product_ids(body: dict[str, Any], token: str | None = None) -> list[str]:
    answer = ask("get_products", body, token)
    assert answer.status == 200, answer.body
    return [product["product_id"] for product in answer.body["products"]]


def wholesale(**filters: Any) -> dict[str, Any]:
    return {"buying_mode": "wholesale", "filters": filters}


@pytest.mark.parametrize(
    ("brief", "expected"),
    [
        ("Podcasts for hikers", ["hiking-podcast"]),
        ("TV ads", ["ctv-evenings"]),
        ("banners", ["outdoor-display"]),
        ("connected TV and podcasts please", ["ctv-evenings", "hiking-podcast"]),
        ("We want to reach people", ["ctv-evenings", "hiking-podcast", "outdoor-display"]),
        ("Zahnpasta", ["ctv-evenings", "hiking-podcast", "outdoor-display"]),
        ("'; DROP TABLE x; -- & | ! <-> :*", ["ctv-evenings", "hiking-podcast", "outdoor-display"]),
    ],
)
def test_a_brief_finds_what_it_names(brief: str, expected: list[str]) -> None:
    assert sorted(product_ids({"buying_mode": "brief", "brief": brief})) == expected


def test_the_best_match_is_first_and_says_why() -> None:
    brief = "A hiking podcast for outdoors weekends"

    products = ask("get_products", {"buying_mode": "brief", "brief": brief}).body["products"]

    assert products[0]["product_id"] == "hiking-podcast"
    assert products[0]["brief_relevance"] == (
        "Matches the brief on: hiking, podcast, outdoors, weekends."
    )
    assert products[1]["brief_relevance"] == "Matches the brief on: outdoors, weekends."


def test_a_brief_that_names_nothing_claims_nothing() -> None:
    body = ask("get_products", {"buying_mode": "brief", "brief": "Zahnpasta"}).body

    relevances = {product["brief_relevance"] for product in body["products"]}
    assert relevances == {"The brief names nothing specific to this product."}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"delivery_type": "guaranteed"}, ["ctv-evenings"]),
        ({"channels": ["podcast", "ctv"]}, ["ctv-evenings", "hiking-podcast"]),
        ({"channels": ["dooh"]}, []),
        ({"countries": ["DE"]}, ["hiking-podcast", "outdoor-display"]),
        ({"countries": ["US"]}, ["ctv-evenings", "hiking-podcast", "outdoor-display"]),
        ({"pricing_currencies": ["EUR"]}, ["hiking-podcast"]),
        ({"is_fixed_price": False}, ["hiking-podcast", "outdoor-display"]),
        ({"budget_range": {"max": 10, "currency": "EUR"}}, ["hiking-podcast"]),
        (
            {"format_ids": [{"agent_url": AGENT_URL, "id": "display_300x250"}]},
            ["outdoor-display"],
        ),
        ({"format_ids": [{"agent_url": "https://x.example", "id": "display_300x250"}]}, []),
    ],
)
def test_filters_narrow_the_feed(filters: dict[str, Any], expected: list[str]) -> None:
    assert sorted(product_ids(wholesale(**filters))) == expected


@pytest.mark.parametrize(
    ("filters", "options"),
    [
        ({"is_fixed_price": True}, ["display-cpm"]),
        ({"is_fixed_price": False}, ["display-auction"]),
        ({"pricing_currencies": ["USD"]}, ["display-cpm", "display-auction"]),
    ],
)
def test_price_filters_prune_the_options_too(filters: dict[str, Any], options: list[str]) -> None:
    body = ask("get_products", wholesale(**filters)).body

    display = next(p for p in body["products"] if p["product_id"] == "outdoor-display")
    assert [option["pricing_option_id"] for option in display["pricing_options"]] == options


def test_a_budget_under_every_minimum_finds_nothing() -> None:
    PricingOption.objects.update(min_spend_per_package=Decimal(500))

    assert product_ids(wholesale(budget_range={"max": 499, "currency": "USD"})) == []
    assert len(product_ids(wholesale(budget_range={"max": 500, "currency": "USD"}))) == 2


def test_a_filter_that_is_not_applied_is_said_so() -> None:
    body = ask("get_products", wholesale(keywords=[{"keyword": "tents"}])).body

    assert len(body["products"]) == 3
    assert [error["field"] for error in body["errors"]] == ["filters.keywords"]
    assert body["errors"][0]["code"] == "UNSUPPORTED_FEATURE"
    assert "adcp_error" not in body


def test_what_is_off_or_expired_is_not_for_sale() -> None:
    Product.objects.filter(product_id="ctv-evenings").update(is_live=False)
    Product.objects.filter(product_id="hiking-podcast").update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )

    assert product_ids(wholesale()) == ["outdoor-display"]


@pytest.mark.parametrize(
    "extra", [{"buying_mode": "wholesale"}, {"buying_mode": "brief", "brief": "outdoors"}]
)
def test_pages_cover_everything_once(extra: dict[str, Any]) -> None:
    seen: list[str] = []
    pagination: dict[str, Any] = {"max_results": 1}
    for _ in range(3):
        body = ask("get_products", extra | {"pagination": pagination}).body
        seen += [product["product_id"] for product in body["products"]]
        assert body["pagination"]["total_count"] == 3
        pagination = {"max_results": 1, "cursor": body["pagination"].get("cursor")}

    assert "cursor" not in body["pagination"]
    assert body["pagination"]["has_more"] is False
    assert sorted(seen) == ["ctv-evenings", "hiking-podcast", "outdoor-display"]


def test_a_cursor_holds_for_its_own_filters_caller_and_task(buyer: Buyer) -> None:
    first = ask("get_products", {"buying_mode": "wholesale", "pagination": {"max_results": 1}})
    page = {"cursor": first.body["pagination"]["cursor"], "max_results": 2}

    same = ask("get_products", {"buying_mode": "wholesale", "pagination": page})
    other_filters = ask("get_products", wholesale(channels=["ctv"]) | {"pagination": page})
    other_caller = ask(
        "get_products", {"buying_mode": "wholesale", "pagination": page}, buyer.token
    )
    other_task = ask("list_creative_formats", {"pagination": page})

    assert len(same.body["products"]) == 2
    for refused in (other_filters, other_caller, other_task):
        assert (refused.status, refused.error["field"]) == (400, "pagination.cursor")


def test_an_unchanged_feed_is_not_sent_again() -> None:
    first = ask("get_products", wholesale()).body
    version = first["wholesale_feed_version"]
    conditional = {"buying_mode": "wholesale", "if_wholesale_feed_version": version}

    unchanged = ask("get_products", conditional).body
    PricingOption.objects.filter(pricing_option_id="ctv-cpm").update(fixed_price=Decimal(43))
    changed = ask("get_products", conditional).body

    assert unchanged["unchanged"] is True
    assert "products" not in unchanged
    assert changed["wholesale_feed_version"] != version
    assert len(changed["products"]) == 3


def test_picked_fields_come_with_what_the_protocol_requires() -> None:
    body = {"buying_mode": "wholesale", "fields": ["product_id", "name"]}

    product = ask("get_products", body).body["products"][0]

    assert "channels" not in product
    assert set(product) >= {"product_id", "name", "pricing_options", "reporting_capabilities"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"buying_mode": "brief"}, "brief"),
        ({"buying_mode": "brief", "brief": "  "}, "brief"),
        ({"buying_mode": "wholesale", "brief": "x"}, "brief"),
        ({"brief": "x"}, "buying_mode"),
        ({"buying_mode": "refine", "brief": "x"}, "brief"),
    ],
)
def test_a_request_that_contradicts_itself(body: dict[str, Any], field: str) -> None:
    answer = ask("get_products", body)

    assert (answer.status, answer.error["field"]) == (400, field)


def test_prices_are_exact_numbers() -> None:
    PricingOption.objects.filter(pricing_option_id="ctv-cpm").update(
        fixed_price=Decimal("9999999999.99")
    )

    assert b'"fixed_price":9999999999.99,' in ask("get_products", wholesale()).raw.replace(
        b"}", b",}"
    )


@pytest.mark.usefixtures("catalog")
def test_every_format_of_a_product_is_listed_verbatim() -> None:
    products = ask("get_products", wholesale()).body["products"]
    references = [reference for product in products for reference in product["format_ids"]]

    for reference in references:
        asked = reference | {"width": 300, "height": 250}
        found = ask("list_creative_formats", {"format_ids": [asked]}).body["formats"]
        assert [item["format_id"] for item in found] == [asked]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["display_300x250", "video_30s"]),
        ({"asset_types": ["video"]}, ["video_30s"]),
        ({"name_search": "RECT"}, ["display_300x250"]),
        ({"max_width": 299}, []),
        ({"min_width": 300, "max_height": 250}, ["display_300x250"]),
        ({"format_ids": [{"agent_url": "https://x.example", "id": "video_30s"}]}, []),
    ],
)
def test_format_filters(body: dict[str, Any], expected: list[str]) -> None:
    answer = ask("list_creative_formats", body)

    assert [item["format_id"]["id"] for item in answer.body["formats"]] == expected
    assert answer.body["pagination"] == {"has_more": False, "total_count": len(expected)}


def test_capabilities_claim_what_is_for_sale(buyer: Buyer) -> None:
    body = ask("get_adcp_capabilities", {}).body

    assert body["media_buy"]["supported_pricing_models"] == ["cpm"]
    assert body["media_buy"]["portfolio"]["primary_channels"] == ["ctv", "display", "podcast"]
    assert body["media_buy"]["buying_modes"] == ["brief", "wholesale", "refine"]
    assert body["media_buy"]["supports_proposals"] is True
    assert body["adcp"]["idempotency"]["replay_ttl_seconds"] == 86_400
    assert body["webhook_signing"]["supported"] is True


def test_capabilities_of_an_empty_catalog_claim_no_pricing() -> None:
    Product.objects.update(is_live=False)

    body = ask("get_adcp_capabilities", {"protocols": ["media_buy"]}).body

    assert "supported_pricing_models" not in body["media_buy"]
    assert "creative" not in body


def test_a_publisher_that_is_not_set_up_says_so() -> None:
    Publisher.objects.all().delete()

    answer = ask("get_adcp_capabilities", {})

    assert (answer.status, answer.error["code"]) == (503, "CONFIGURATION_ERROR")
    assert answer.error["recovery"] == "terminal"


def test_a_format_without_size_has_no_renders() -> None:
    CreativeFormat.objects.filter(format_id="display_300x250").delete()

    assert "renders" not in ask("list_creative_formats", {}).body["formats"][0]
