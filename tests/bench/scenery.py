"""The publisher, buyers and orders that the rows are measured on; see `tests/people.py`."""

import gc
import itertools
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command

from adcp_sales.protocol.auth import authenticate
from adcp_sales.protocol.dispatch import run_task
from adcp_sales.protocol.rendering import dump_json
from adcp_sales.protocol.schemas import compile_all
from mediabuys.models import MediaBuy
from mediabuys.services.publishers import publisher_save
from tests import people
from tests.people import Buyer
from tests.trade.orders import booked_buy, give_creatives

WEBHOOK = {
    "url": "https://127.0.0.1:9/hooks/media-buys",
    "operation_id": "bench",
    "token": "t" * 16,
}

_numbers = itertools.count(1)


def prepare() -> None:
    """Migrate and fill the empty database, and make this process like a web worker."""
    call_command("migrate", verbosity=0)
    publisher = people.make_publisher()
    publisher.staff_notice_emails = "desk@northernledger.example"
    publisher_save(publisher=publisher)
    people.make_rules()
    people.make_product("homepage", guaranteed=True, rate_card=Decimal("10.00"))
    people.make_product("run-of-site")
    compile_all()
    gc.collect()
    gc.freeze()


def new_buyer() -> Buyer:
    """Return a buyer without orders."""
    return people.make_buyer(f"Buyer{next(_numbers)}")


def new_approver() -> User:
    """Return somebody who may decide."""
    return people.make_staff(f"approver{next(_numbers)}", "approver")


def order_body(buyer: Buyer, *, guaranteed: bool, packages: int = 1) -> dict[str, Any]:
    """Return an order with a webhook and a key of its own; a guaranteed one must wait."""
    make = people.guaranteed_order if guaranteed else people.order_params
    body = make(buyer, f"bench-{next(_numbers):012d}", push_notification_config=WEBHOOK)
    line = {**body["packages"][0], "budget": 400}
    return {**body, "packages": [line] * packages}


def call(task: str, body: dict[str, Any], token: str) -> bytes:
    """Run one call as a web worker does, from the token to the bytes, and return these.

    Raises RuntimeError for a refusal, which would be measured as a fast success.
    """
    outcome = run_task(task, body, authenticate(token))
    if outcome.failed:
        raise RuntimeError(f"{task} was refused: {outcome.body}")
    return dump_json(outcome.body)


def running_buys(buyer: Buyer, *, number: int, packages: int) -> list[MediaBuy]:
    """Return booked buys with that many packages, an approved creative on each, and a history."""
    line = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 400}
    buys = [
        booked_buy(buyer, key=f"bench-{next(_numbers):012d}", packages=[line] * packages)
        for _ in range(number)
    ]
    for buy in buys:
        give_creatives(buy)
    return buys
