"""The demo's catalog, as the API shows it and as the protocol's schemas see it."""

import json

import pytest
from django.test import Client

from adcp_sales.demo.seeding import Seeded
from mediabuys.models import CreativeFormat, PricingOption, Product, Property
from mediabuys.states import PricingModel

PINNACLE = 0


def called(task: str, body: dict, token: str | None = None) -> dict:
    """Call a task over REST; the answer was checked against its schema on the way."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = Client().post(
        f"/adcp/{task}", json.dumps(body), content_type="application/json", headers=headers
    )
    assert response.status_code == 200, response.content
    return json.loads(response.content)


def test_everything_sold_is_listed(demo: Seeded) -> None:
    answer = called("get_products", {"buying_mode": "wholesale"})

    listed = {product["product_id"]: product for product in answer["products"]}
    assert set(listed) == set(Product.objects.values_list("product_id", flat=True))
    assert len(listed) >= 14
    assert {product["delivery_type"] for product in listed.values()} == {
        "guaranteed",
        "non_guaranteed",
    }
    channels = {channel for product in listed.values() for channel in product["channels"]}
    assert channels == {"display", "olv", "ctv", "streaming_audio", "podcast"}


def test_every_format_of_a_product_is_described(demo: Seeded) -> None:
    products = called("get_products", {"buying_mode": "wholesale"})["products"]

    formats = called("list_creative_formats", {"pagination": {"max_results": 100}})["formats"]

    described = {json.dumps(item["format_id"], sort_keys=True) for item in formats}
    used = {
        json.dumps(reference, sort_keys=True)
        for product in products
        for reference in product["format_ids"]
    }
    assert used == described
    assert all(item["assets"] for item in formats)


def test_prices_are_of_every_kind(demo: Seeded) -> None:
    options = PricingOption.objects.all()

    models = {option.pricing_model for option in options}
    assert models == {
        PricingModel.CPM,
        PricingModel.VCPM,
        PricingModel.CPC,
        PricingModel.CPCV,
        PricingModel.FLAT_RATE,
    }
    auctions = [option for option in options if not option.is_fixed]
    assert len(auctions) >= 4
    for option in auctions:
        guidance = option.price_guidance or {}
        assert list(guidance) == ["p25", "p50", "p75", "p90"]
        prices = [float(option.floor_price or 0), *guidance.values()]
        assert prices == sorted(prices)
        assert len(set(prices)) == 5


def test_one_category_is_sensitive_and_some_prices_are_under_card(demo: Seeded) -> None:
    assert [product.product_id for product in Product.objects.exclude(category="")] == [
        "public_affairs_display"
    ]
    under = [
        option.pricing_option_id
        for option in PricingOption.objects.all()
        if (option.fixed_price or 0) < (option.rate_card_price or 0) and option.is_fixed
    ]
    assert under == ["news_launch_cpm_usd", "premium_ctv_upfront_cpm_usd"]


@pytest.mark.parametrize("kind", ["website", "mobile_app", "ctv_app", "streaming_audio", "podcast"])
def test_properties_are_of_every_kind(demo: Seeded, kind: str) -> None:
    assert Property.objects.filter(property_type=kind, products__isnull=False).exists()


def test_no_format_is_without_a_product(demo: Seeded) -> None:
    assert not CreativeFormat.objects.filter(products__isnull=True).exists()


def test_brief_finds_the_podcasts(demo: Seeded) -> None:
    answer = called("get_products", {"buying_mode": "brief", "brief": "host-read podcast sponsor"})

    assert answer["products"][0]["product_id"] == "ledger_daily_sponsorship"
