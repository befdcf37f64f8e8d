"""Short ways to creatives: what a buyer sends, and the calls that send it."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from mediabuys.creative_results import SyncedCreative
from mediabuys.models import Account
from mediabuys.services.creatives import creatives_sync
from tests.people import AGENT_URL, Buyer
from tests.protocol.conftest import ask

BANNER = {
    "asset_type": "image",
    "url": "https://assets.acmeoutdoor.example/banner.jpg",
    "width": 300,
    "height": 250,
}


def item(creative_id: str = "banner", **changes: Any) -> dict[str, Any]:
    """Return a valid creative in the display format of the tests' catalog."""
    return {
        "creative_id": creative_id,
        "name": "Banner",
        "format_id": {"agent_url": AGENT_URL, "id": "display_main"},
        "assets": {"main": dict(BANNER)},
        **changes,
    }


def wish(creative_id: str, package_id: str, **changes: Any) -> dict[str, Any]:
    """Return an assignment of a creative to a package."""
    return {"creative_id": creative_id, "package_id": package_id, **changes}


def sync(buyer: Buyer, *items: dict[str, Any], **changes: Any) -> list[SyncedCreative]:
    """Sync in a transaction of its own."""
    arguments: dict[str, Any] = {
        "account": Account.objects.select_related("publisher").get(pk=buyer.account.pk),
        "principal": buyer.principal,
        "items": items,
        "agent_url": AGENT_URL,
        "now": timezone.now(),
        **changes,
    }
    with transaction.atomic():
        return creatives_sync(**arguments)


def sync_body(buyer: Buyer, *items: dict[str, Any], key: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the body of a `sync_creatives` call."""
    return {
        "idempotency_key": f"sync-{key:016d}",
        "account": {"account_id": buyer.account.account_id},
        "creatives": list(items),
        **changes,
    }


def call(task: str, body: dict[str, Any], buyer: Buyer) -> tuple[int, dict[str, Any]]:
    """Call one task over REST; return the HTTP status and the answer."""
    answer = ask(task, body, buyer.token)
    return answer.status, answer.body
