"""A small publisher, a buyer with an account, a stranger, and a client that speaks REST."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.apps import apps
from django.db import connections
from django.test import Client
from django.utils import timezone

from adcp_sales.protocol import auth
from mediabuys.models import (
    Account,
    AccountAccess,
    CreativeFormat,
    PricingOption,
    Principal,
    Product,
    Property,
    Publisher,
)
from tasks_hitl.models import RuleVersion

KEY = "0b5c1f0e-6c1f-4b53-9a37-{:012d}"
AGENT_URL = "http://127.0.0.1:8000"


@dataclass
class Buyer:
    """An agent with its token and its account."""

    principal: Principal
    account: Account
    token: str


@dataclass
class Answer:
    """What came back over REST."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    raw: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The one error, which both layers must carry alike."""
        assert self.body["errors"] == [self.body["adcp_error"]]
        return self.body["adcp_error"]


Rest = Callable[..., Answer]


def ask(
    task: str, body: Any, token: str | None = None, *, prefix: str = "adcp", **headers: str
) -> Answer:
    """Call one task; `body` is an object, or raw bytes."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    response = Client().post(
        f"/{prefix}/{task}", raw, content_type="application/json", headers=headers
    )
    return Answer(
        response.status_code, orjson.loads(response.content), dict(response.items()),
        response.content,
    )  # fmt: skip


def make_buyer(publisher: Publisher, name: str, *, sandbox: bool = False) -> Buyer:
    """Create an agent with an account of its own and a token that was just used."""
    principal = Principal.objects.create(name=name, domain=f"{name}.example")
    account = Account.objects.create(
        publisher=publisher,
        owner=principal,
        name=f"Acme via {name}",
        brand_domain="acmeoutdoor.example",
        operator_domain=f"{name}.example",
        sandbox=sandbox,
    )
    AccountAccess.objects.create(account=account, principal=principal)
    token, plain = auth.token_issue(principal=principal, name="test")
    token.last_used_at = timezone.now() + timedelta(hours=1)
    token.save(update_fields=["last_used_at"])
    return Buyer(principal, account, plain)


def row_counts() -> dict[str, int]:
    """Return how many rows each table of ours has."""
    ours = ("mediabuys", "tasks_hitl", "webhooks", "protocol")
    return {
        model._meta.label: model._base_manager.count()
        for label in ours
        for model in apps.get_app_config(label).get_models()
    }


@pytest.fixture(autouse=True)
def _no_cached_tokens() -> Iterator[None]:
    auth._cache.clear()
    yield
    auth._cache.clear()


@pytest.fixture
def publisher(db: None) -> Publisher:
    return Publisher.objects.create(name="Summit Media", domain="summit.example")


@pytest.fixture
def buyer(publisher: Publisher) -> Buyer:
    return make_buyer(publisher, "pinnacle")


@pytest.fixture
def stranger(publisher: Publisher) -> Buyer:
    return make_buyer(publisher, "stranger")


@pytest.fixture
def sandbox_buyer(publisher: Publisher) -> Buyer:
    return make_buyer(publisher, "sandbox", sandbox=True)


@pytest.fixture
def rules(db: None) -> RuleVersion:
    """Only guaranteed inventory waits for a person."""
    return RuleVersion.objects.create(
        rule_key="guaranteed", version=1, kind="guaranteed", name="Guaranteed inventory"
    )


@pytest.fixture
def catalog(publisher: Publisher) -> dict[str, Product]:
    """One guaranteed CTV product, one open display product, one podcast by auction in euro."""
    site = Property.objects.create(
        property_id="summit_site", name="Summit", property_type="website",
        publisher_domain="summit.example",
    )  # fmt: skip
    banner = CreativeFormat.objects.create(
        format_id="display_300x250", name="Medium rectangle", media="display", width=300,
        height=250,
        assets=[{"item_type": "individual", "asset_id": "image", "asset_type": "image",
                 "required": True}],
    )  # fmt: skip
    spot = CreativeFormat.objects.create(
        format_id="video_30s", name="30 second spot", media="video", duration_ms=30_000,
        assets=[{"item_type": "individual", "asset_id": "video", "asset_type": "video",
                 "required": True}],
    )  # fmt: skip
    products = {
        "ctv": _product("ctv-evenings", "CTV evenings", "guaranteed", ["ctv"], spot, site),
        "display": _product(
            "outdoor-display", "Outdoor display", "non_guaranteed", ["display"], banner, site
        ),
        "podcast": _product(
            "hiking-podcast", "Hiking podcast", "non_guaranteed", ["podcast"], spot, site
        ),
    }
    _price(products["ctv"], "ctv-cpm", "USD", fixed_price=Decimal("42.50"))
    _price(products["display"], "display-cpm", "USD", fixed_price=Decimal(5))
    _price(products["display"], "display-auction", "USD", floor_price=Decimal("1.25"))
    _price(products["podcast"], "podcast-auction", "EUR", floor_price=Decimal(9))
    return products


def _product(
    product_id: str,
    name: str,
    delivery_type: str,
    channels: list[str],
    creative_format: CreativeFormat,
    site: Property,
) -> Product:
    product = Product.objects.create(
        product_id=product_id,
        name=name,
        description=f"{name} for people who spend their weekends outdoors.",
        delivery_type=delivery_type,
        channels=channels,
        countries=["US"] if channels == ["ctv"] else [],
    )
    product.formats.add(creative_format)
    product.properties.add(site)
    return product


def _price(product: Product, option_id: str, currency: str, **prices: Decimal) -> None:
    PricingOption.objects.create(
        product=product,
        pricing_option_id=option_id,
        pricing_model="cpm",
        currency=currency,
        **prices,
    )


def order(buyer: Buyer, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a valid create_media_buy body for the display product, accepted at once."""
    start = timezone.now() + timedelta(days=7)
    body = {
        "idempotency_key": KEY.format(number),
        "account": {"account_id": buyer.account.account_id},
        "brand": {"domain": "acmeoutdoor.example"},
        "start_time": start.isoformat(),
        "end_time": (start + timedelta(days=30)).isoformat(),
        "packages": [
            {
                "product_id": "outdoor-display",
                "pricing_option_id": "display-cpm",
                "budget": 1000.10,
            }
        ],
    }
    return body | changes


def guaranteed_order(buyer: Buyer, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a valid create_media_buy body that waits for a person."""
    package = {"product_id": "ctv-evenings", "pricing_option_id": "ctv-cpm", "budget": 25_000}
    return order(buyer, number, packages=[package], **changes)


def in_thread(function: Callable[[], Any]) -> Callable[[], Any]:
    """Wrap a function for a thread of its own: its database connections close with it."""

    def run() -> Any:
        try:
            return function()
        finally:
            connections.close_all()

    return run
