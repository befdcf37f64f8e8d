"""Delivery in the rows, through the real import, and the report that a buyer reads of it."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from mediabuys.adservers.port import DeliveredHour
from mediabuys.models import MediaBuy
from mediabuys.services.delivery_import import delivery_import
from tests.delivery.scripted import ScriptedAdServer
from tests.people import Buyer
from tests.protocol.conftest import ask


def imported(
    ad_server: ScriptedAdServer, *rows: DeliveredHour, as_of: datetime | None = None
) -> None:
    """Let the ad server tell these rows, and the worker import them; `as_of` is else now."""
    ad_server.tell(*rows)
    # Not when the tests were collected: figures of then would be too old by now.
    ad_server.as_of = as_of or timezone.now()
    ad_server.clock = ad_server.as_of
    delivery_import(now=ad_server.as_of)


def report(buyer: Buyer, **asked: Any) -> dict[str, Any]:
    """Return the answer of get_media_buy_delivery, which the strict schema has judged too."""
    answer = ask("get_media_buy_delivery", asked, buyer.token)
    assert answer.status == 200, answer.body
    return answer.body


def entry(buyer: Buyer, buy: MediaBuy, **asked: Any) -> dict[str, Any]:
    """Return the one entry of this buy."""
    (found,) = report(buyer, media_buy_ids=[buy.media_buy_id], **asked)["media_buy_deliveries"]
    return found


def refusal(buyer: Buyer, **asked: Any) -> tuple[int, str, str]:
    """Return HTTP status, code and field of a report that is refused."""
    answer = ask("get_media_buy_delivery", asked, buyer.token)
    return answer.status, answer.error["code"], answer.error.get("field", "")


def advice(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and field of each word in the errors of an answer."""
    return [(error["code"], error.get("field", "")) for error in body.get("errors", [])]
