"""The main job with real processes: buyer, salesperson in a browser, receiver, clock, ad server."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.parties import AdServerDesk, BuyerClient, Receiver, sign_in, until
from tests.people import in_wire

pytestmark = [pytest.mark.processes, pytest.mark.browser]


def flight(seconds_to_start: float, seconds: float) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(seconds=seconds_to_start)
    return {"start_time": in_wire(start), "end_time": in_wire(start + timedelta(seconds=seconds))}


# A day of the homepage is paid as a whole, so that a flight of a minute may have it too.
GUARANTEED, OPEN = "homepage_takeover", "run_of_site_display"


def sold(buyer: BuyerClient, product_id: str) -> dict[str, Any]:
    """Return a product as the buyer finds it in the catalog."""
    products = buyer.call("get_products", buying_mode="wholesale")["products"]
    return dict(next(row for row in products if row["product_id"] == product_id))


def package(product: dict[str, Any]) -> dict[str, Any]:
    """Return a package of the product at its fixed price, for the least that it is sold for."""
    fixed = next(row for row in product["pricing_options"] if "fixed_price" in row)
    return {
        "product_id": product["product_id"],
        "pricing_option_id": fixed["pricing_option_id"],
        "budget": fixed.get("min_spend_per_package", 1000),
    }


def hook(receiver: Receiver, operation_id: str) -> dict[str, str]:
    return {"url": f"{receiver.url}/hooks/buyer", "operation_id": operation_id}


def creative_for(buyer: BuyerClient, product: dict[str, Any]) -> dict[str, Any]:
    """Return a creative in the product's first format, with every required asset."""
    format_id = product["format_ids"][0]
    (found,) = buyer.call("list_creative_formats", format_ids=[format_id])["formats"]
    return {
        "creative_id": f"creative-{uuid.uuid4()}",
        "name": "Spring launch",
        "format_id": format_id,
        "assets": {
            slot["asset_id"]: ASSETS[slot["asset_type"]]
            for slot in found["assets"]
            if slot["required"]
        },
    }


ASSETS: dict[str, dict[str, Any]] = {
    "image": {
        "asset_type": "image",
        "url": "https://cdn.acmeoutdoor.example/spring.png",
        "width": 970,
        "height": 250,
    },
    "video": {
        "asset_type": "video",
        "url": "https://cdn.acmeoutdoor.example/spring.mp4",
        "width": 1920,
        "height": 1080,
        "duration_ms": 30_000,
    },
    "audio": {"asset_type": "audio", "url": "https://cdn.acmeoutdoor.example/spring.mp3"},
    "url": {"asset_type": "url", "url": "https://acmeoutdoor.example/spring"},
    "text": {"asset_type": "text", "content": "Spring is here."},
}


def decide_in_browser(page: Page, ready: dict[str, Any], task_id: str) -> None:
    """Open the order from the queue, as a salesperson does."""
    sign_in(page, ready, "approver")
    page.goto(f"{ready['url']}/admin/approvals/?q={task_id}")
    page.locator(f"a[href$='/approvals/{task_id}/']").first.click()
    page.wait_for_url(f"**/admin/approvals/{task_id}/")


def test_an_order_is_approved_booked_and_run(ready: dict[str, Any], page: Page) -> None:
    buyer, receiver, ad_server = BuyerClient(ready), Receiver(ready), AdServerDesk(ready)
    operation = f"op-{uuid.uuid4()}"
    product = sold(buyer, GUARANTEED)
    submitted = buyer.order(
        **flight(45, 75),
        packages=[package(product)],
        push_notification_config=hook(receiver, operation),
    )
    task_id, context_id = submitted["task_id"], submitted["context_id"]
    assert "media_buy_id" not in submitted
    assert submitted["context"] == {"trace": "e2e"}

    waiting = buyer.legacy(context_id)
    assert (waiting["status"], waiting["task_id"]) == ("pending_manual", task_id)
    assert waiting["estimated_approval_time"] == submitted["estimated_approval_time"]

    # until a poll has seen it, however slow the browser is and whatever else is booked
    ad_server.hold_back()
    decide_in_browser(page, ready, task_id)
    page.get_by_role("link", name="Approve…").click()
    page.get_by_role("button", name="Approve this order").click()
    processing = buyer.legacy_at(context_id, "processing")
    assert processing["progress"]["total"] == 5
    assert processing["progress"]["responsible_party"] == "system"
    ad_server.let_go()

    told = receiver.verified(operation, "pending_creatives")["body"]
    assert (told["task_id"], told["status"]) == (task_id, "completed")
    assert told["context"] == {"trace": "e2e"}
    media_buy_id = told["result"]["media_buy_id"]
    polled = buyer.call("get_task_status", task_id=task_id, include_result=True)
    assert polled["result"] == told["result"]
    completed = buyer.legacy(context_id)
    assert completed["media_buy_id"] == media_buy_id
    assert completed["media_buy_status"] == "pending_activation"
    assert completed["detail"].startswith("Created 1 line item in ")
    assert len(completed["next_steps"]) == 2

    bought = buyer.buy(media_buy_id)
    assert bought["status"] == "pending_creatives"
    package_id = bought["packages"][0]["package_id"]
    assert ad_server.order_of(package_id)["state"] == "confirmed"
    creative = creative_for(buyer, product)
    synced = buyer.call(
        "sync_creatives",
        idempotency_key=str(uuid.uuid4()),
        account=buyer.account,
        creatives=[creative],
        assignments=[
            {
                "creative_id": creative["creative_id"],
                "package_id": package_id,
            }
        ],
    )
    assert [row["action"] for row in synced["creatives"]] == ["created"]
    assert buyer.buy(media_buy_id)["status"] == "pending_creatives"
    until(lambda: buyer.buy(media_buy_id)["status"] in ("pending_start", "active"))

    until(lambda: buyer.buy(media_buy_id)["status"] == "active", 150)
    assert receiver.verified(operation, "active")["body"]["result"]["media_buy_id"] == media_buy_id
    delivered = until(lambda: impressions(buyer, media_buy_id), 120)
    assert delivered <= ad_server.order_of(package_id)["line_items"][0]["delivered"]
    until(lambda: buyer.buy(media_buy_id)["status"] == "completed", 180)
    history = [entry["action"] for entry in reversed(buyer.buy(media_buy_id)["history"])]
    assert history == [
        "created",
        "updated_packages",  # the creative was assigned
        "updated_packages",  # every package has one
        "activated",
        "completed",
    ]


def impressions(buyer: BuyerClient, media_buy_id: str) -> int:
    """Return what the buyer reads of the buy's delivery."""
    answer = buyer.call("get_media_buy_delivery", media_buy_ids=[media_buy_id])
    (found,) = answer["media_buy_deliveries"]
    return int(found["totals"]["impressions"])


def test_a_canceled_buy_is_canceled_on_the_ad_server(ready: dict[str, Any]) -> None:
    # Given an order that was accepted at once, and booked
    buyer, ad_server = BuyerClient(ready), AdServerDesk(ready)
    accepted = buyer.order(
        is_submitted=False, packages=[package(sold(buyer, OPEN))], **flight(86_400, 86_400)
    )
    package_id = accepted["packages"][0]["package_id"]
    until(lambda: ad_server.order_of(package_id).get("state") == "confirmed")

    # When its buyer cancels it
    answer = buyer.call(
        "update_media_buy",
        idempotency_key=str(uuid.uuid4()),
        account=buyer.account,
        media_buy_id=accepted["media_buy_id"],
        canceled=True,
        cancellation_reason="The launch was moved.",
    )

    # Then the ad server is told
    assert answer["media_buy_status"] == "canceled"
    until(lambda: ad_server.order_of(package_id)["state"] == "canceled")


def test_an_order_is_rejected_and_leaves_no_buy(ready: dict[str, Any], page: Page) -> None:
    buyer, receiver = BuyerClient(ready), Receiver(ready)
    operation = f"op-{uuid.uuid4()}"
    before = buyer.call("get_media_buys", status_filter=["pending_creatives", "pending_start"])
    submitted = buyer.order(
        **flight(86_400, 86_400),
        packages=[package(sold(buyer, GUARANTEED))],
        push_notification_config=hook(receiver, operation),
    )

    decide_in_browser(page, ready, submitted["task_id"])
    page.get_by_role("link", name="Reject…").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=reason_code]").select_option("no_inventory")
    dialog.locator("[name=note]").fill("March is sold out.")
    dialog.get_by_role("button", name="Reject this order").click()

    told = receiver.verified(operation, "failed")["body"]
    error = told["result"]["errors"][0]
    assert (error["code"], error["message"]) == ("PRODUCT_UNAVAILABLE", "March is sold out.")
    assert error["suggestion"]
    polled = buyer.call("get_task_status", task_id=submitted["task_id"])
    assert (polled["status"], polled["error"]["code"]) == ("failed", "PRODUCT_UNAVAILABLE")
    legacy = buyer.legacy(submitted["context_id"])
    assert (legacy["status"], legacy["error"]["code"]) == ("failed", "INSUFFICIENT_INVENTORY")
    after = buyer.call("get_media_buys", status_filter=["pending_creatives", "pending_start"])
    assert after["media_buys"] == before["media_buys"]
