"""The people and things of every test: a publisher, its catalog, a buyer, a stranger, staff."""

import importlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

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
from mediabuys.states import CreativeApprovalMode, DeliveryType, PricingModel
from tasks_hitl.models import RuleVersion
from tasks_hitl.services import rule_revise
from tasks_hitl.states import RuleKind

ROLE_MIGRATIONS = ("0002_roles", "0004_roles_of_changes", "0005_roles_of_the_ad_server")
AGENT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Buyer:
    """A buyer's agent with its account; `token` is what it sends."""

    principal: Principal
    account: Account
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def make_publisher() -> Publisher:
    return Publisher.objects.create(
        name="Northern Ledger Media",
        domain="northernledger.example",
        ad_server_name="Ledger Ad Server",
        timezone="UTC",
    )


def make_buyer(name: str, *, sandbox: bool = False) -> Buyer:
    from adcp_sales.protocol.auth import token_issue

    principal = Principal.objects.create(name=name, domain=f"{name.lower()}.example")
    account = make_account(principal, sandbox=sandbox)
    _, token = token_issue(principal=principal, name="tests")
    return Buyer(principal, account, token)


def make_account(
    owner: Principal, *, brand_domain: str = "acmeoutdoor.example", sandbox: bool = False
) -> Account:
    """Return an account of the agent's own for a brand."""
    account = Account.objects.create(
        publisher=Publisher.objects.get(),
        owner=owner,
        name=f"Acme Outdoor via {owner.name}",
        brand_domain=brand_domain,
        operator_domain=owner.domain,
        sandbox=sandbox,
    )
    AccountAccess.objects.create(account=account, principal=owner)
    return account


def make_format(format_id: str, media: str = "display") -> CreativeFormat:
    slot = {"display": "image", "video": "video", "audio": "audio"}[media]
    return CreativeFormat.objects.create(
        format_id=format_id,
        name=format_id.replace("_", " ").title(),
        media=media,
        width=300 if media == "display" else None,
        height=250 if media == "display" else None,
        assets=[
            {
                "item_type": "individual",
                "asset_id": "main",
                "asset_type": slot,
                "required": True,
            }
        ],
    )


def make_product(
    product_id: str,
    *,
    guaranteed: bool = False,
    price: Decimal | None = Decimal("10.00"),
    floor: Decimal | None = None,
    rate_card: Decimal | None = None,
    category: str = "",
    channel: str = "display",
    media: str = "display",
) -> Product:
    product = Product.objects.create(
        product_id=product_id,
        name=product_id.replace("-", " ").title(),
        description=f"{product_id} on the site",
        delivery_type=(DeliveryType.GUARANTEED if guaranteed else DeliveryType.NON_GUARANTEED),
        channels=[channel],
        category=category,
        daily_impressions=100_000,
    )
    product.properties.add(
        Property.objects.get_or_create(
            property_id="site",
            defaults={
                "name": "The site",
                "property_type": "website",
                "publisher_domain": "northernledger.example",
            },
        )[0]
    )
    product.formats.add(
        CreativeFormat.objects.filter(format_id=f"{media}_main").first()
        or make_format(f"{media}_main", media)
    )
    PricingOption.objects.create(
        product=product,
        pricing_option_id="usd",
        pricing_model=PricingModel.CPM,
        currency="USD",
        fixed_price=None if floor is not None else price,
        floor_price=floor,
        rate_card_price=rate_card,
        price_guidance={"p50": float(floor) * 2} if floor is not None else None,
    )
    return product


def make_rules() -> list[RuleVersion]:
    """Put the usual rules in force: guaranteed, budget, starts within 2 hours."""
    return [
        rule_revise(
            rule_key="guaranteed",
            kind=RuleKind.GUARANTEED,
            name="Guaranteed products",
            parameters={},
            is_enabled=True,
            actor=None,
        ),
        rule_revise(
            rule_key="budget",
            kind=RuleKind.BUDGET,
            name="Budget over the threshold",
            parameters={},
            is_enabled=True,
            actor=None,
        ),
        rule_revise(
            rule_key="soon",
            kind=RuleKind.STARTS_SOON,
            name="Starts within two hours",
            parameters={"hours": 2},
            is_enabled=True,
            actor=None,
        ),
    ]


def make_staff(username: str, group: str) -> User:
    user = User.objects.create_user(username, password=f"{username}-password", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def make_roles_again(**_: Any) -> None:
    """Run the migrations' own functions after a transactional test flushed their rows."""
    if Group.objects.exists():
        return
    for name in ROLE_MIGRATIONS:
        migration = importlib.import_module(f"tasks_hitl.migrations.{name}")
        with connection.schema_editor() as editor:
            migration.make_roles(apps, editor)
        # The function empties `models_module`, as it may do with a migration's frozen apps.
        for label in migration.APPS:
            config = apps.get_app_config(label)
            config.models_module = importlib.import_module(f"{config.name}.models")


def order_params(buyer: Buyer, key: str = "key-0000000000000001", **changes: Any) -> dict[str, Any]:
    """Return a valid `create_media_buy` body: one non-guaranteed package of $1,000."""
    start = timezone.now() + timedelta(days=3)
    params: dict[str, Any] = {
        "idempotency_key": key,
        "account": {"account_id": buyer.account.account_id},
        "brand": {"domain": "acmeoutdoor.example"},
        "start_time": in_wire(start),
        "end_time": in_wire(start + timedelta(days=28)),
        "packages": [{"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 1000}],
    }
    return {**params, **changes}


def guaranteed_order(
    buyer: Buyer, key: str = "key-0000000000000001", **changes: Any
) -> dict[str, Any]:
    """Return a valid order that must wait: one guaranteed package of $50,000."""
    packages = [{"product_id": "homepage", "pricing_option_id": "usd", "budget": 50_000}]
    return order_params(buyer, key, **{"packages": packages, **changes})


def in_wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def reviews_by_hand() -> None:
    """Let people look at every creative: the source moderates."""
    Publisher.objects.update(creative_approval_mode=CreativeApprovalMode.REQUIRE_HUMAN)
