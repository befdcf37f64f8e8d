"""The parties of the main job outside the product: buyer, browser, receiver, ad server."""

import time
import uuid
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import httpx
from adcp.validation.schema_loader import get_validator
from playwright.sync_api import Page

ANSWER_SECONDS = 60
Found = TypeVar("Found")


class BuyerClient:
    """A buyer's agent: plain HTTP, each AdCP answer checked by the `adcp` package's validator."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.account = {"account_id": ready["buyers"][0]["account_id"]}
        self.http = httpx.Client(
            base_url=ready["url"],
            headers={"Authorization": f"Bearer {ready['buyer_token']}"},
            timeout=30,
        )

    def call(
        self, task: str, *, arm: Literal["sync", "submitted"] = "sync", **body: Any
    ) -> dict[str, Any]:
        """Call an AdCP task and return its answer, valid against its published schema."""
        response = self.http.post(f"/adcp/{task}", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        validator = get_validator(task, arm, version="3.1")
        assert validator is not None
        assert [error.message for error in validator.iter_errors(answer)] == []
        return answer

    def order(self, *, is_submitted: bool = True, **changes: Any) -> dict[str, Any]:
        """Order what waits for a person, or else what is accepted at once."""
        return self.call(
            "create_media_buy",
            arm="submitted" if is_submitted else "sync",
            idempotency_key=str(uuid.uuid4()),
            account=self.account,
            brand={"domain": "acmeoutdoor.example"},
            context={"trace": "e2e"},
            **changes,
        )

    def legacy(self, context_id: str) -> dict[str, Any]:
        """Ask the user's own status call."""
        answer: dict[str, Any] = self.http.post(
            "/legacy/create_media_buy_status", json={"context_id": context_id}
        ).json()
        return answer

    def legacy_at(self, context_id: str, status: str) -> dict[str, Any]:
        """Return what that call answers once it has come to this status."""
        seen: dict[str, Any] = {}

        def has_come() -> bool:
            seen.clear()
            seen.update(self.legacy(context_id))
            return bool(seen["status"] == status)

        try:
            until(has_come)
        except AssertionError as late:
            raise AssertionError(f"Never {status}; last: {seen}") from late
        return seen

    def buy(self, media_buy_id: str) -> dict[str, Any]:
        """Return the one media buy of this id."""
        answer = self.call("get_media_buys", media_buy_ids=[media_buy_id], include_history=20)
        (found,) = answer["media_buys"]
        return dict(found)


class Receiver:
    """The buyer's endpoint; it verifies each signature against the seller's published JWKS."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.url: str = ready["receiver_url"]

    def got(self, operation_id: str) -> list[dict[str, Any]]:
        """Return the notices of the operation, oldest first."""
        listed = httpx.get(f"{self.url}/received", timeout=10).json()["received"]
        mine = [row for row in listed if _operation(row) == operation_id]
        return sorted(mine, key=lambda row: int(row["number"]))

    def verified(self, operation_id: str, status: str) -> dict[str, Any]:
        """Return the operation's notice of this status, once its signature is verified."""

        def found() -> dict[str, Any]:
            for row in self.got(operation_id):
                if _status(row) == status and row["verification"]["state"] == "verified":
                    return row
            return {}

        return until(found)


class AdServerDesk:
    """The ad server as its own people see it: what is booked there, reviewed and delivered."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.url = ready["ad_server_url"]
        self.headers = {"Authorization": f"Bearer {ready['ad_server_token']}"}

    def hold_back(self) -> None:
        """Let every order wait for its confirmation, until they are let go."""
        slow = {"method": "POST", "path": "/v1/orders/*/confirm", "kind": "delay"}
        fault = {**slow, "seconds": ANSWER_SECONDS, "times": None}
        answer = httpx.post(f"{self.url}/simulation/faults", json=fault, headers=self.headers)
        answer.raise_for_status()

    def let_go(self) -> None:
        """Confirm what waits, and from now on at once."""
        httpx.delete(f"{self.url}/simulation/faults", headers=self.headers).raise_for_status()

    def order_of(self, package_id: str) -> dict[str, Any]:
        """Return the order that has a line for this package, {} where none has."""
        answer = httpx.get(f"{self.url}/simulation/orders", headers=self.headers, timeout=30)
        for order in answer.json()["orders"]:
            if package_id in {line["package_id"] for line in order["line_items"]}:
                return dict(order)
        return {}


def _operation(record: dict[str, Any]) -> str | None:
    body = record["body"]
    return body.get("operation_id") if isinstance(body, dict) else None


def _status(record: dict[str, Any]) -> str:
    body = record["body"]
    return str(body.get("result", {}).get("media_buy_status", "")) or str(body["status"])


def sign_in(page: Page, ready: dict[str, Any], role: str) -> None:
    """Sign in at the desk as the demo's person in this role."""
    person = next(row for row in ready["staff"] if row["role"] == role)
    page.goto(f"{ready['url']}/admin/login/")
    page.fill("[name=username]", person["username"])
    page.fill("[name=password]", person["password"])
    page.click("[type=submit]")
    page.wait_for_url(f"{ready['url']}/admin/")


def until(found: Callable[[], Found], seconds: float = ANSWER_SECONDS) -> Found:
    """Return the first true answer, asked for often; fail after the seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"Nothing came within {seconds} s.")
