"""Document 004: its four TypeScript scripts, verbatim, with the real SDK against our server."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from mediabuys.models import Creative, CreativeFormat, DeliverySnapshot, MediaBuy, Product
from mediabuys.models import Package as PackageRow
from tests.documents.node import Ran, Runner
from tests.documents.scenes import HOUR, running_buy
from tests.documents.test_webhook_activity import fire, send_due
from tests.people import AGENT_URL, Buyer
from tests.webhooks.conftest import Sink, make_sink, sink
from webhooks.models import Delivery
from webhooks.services import destination_upsert

__all__ = ["make_sink", "sink"]

pytestmark = pytest.mark.django_db(transaction=True)

Script = Callable[[str], Ran]
# The id in the scripts.
NAMED = "mb_12345"
REFUSED = "refused for good (409)"
LINE = {"product_id": "run-of-site", "pricing_option_id": "usd", "budget": 500}


@pytest.fixture(scope="module")
def node() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.stop()


@pytest.fixture
def script(node: Runner, live_server: LiveServer, buyer: Buyer) -> Script:
    """Runs one script of the document as the buyer."""
    return lambda name: node.run(name, url=live_server.url, token=buyer.token)


@pytest.fixture
def buy(buyer: Buyer, catalog: dict[str, Product]) -> MediaBuy:
    """The scripts' buy: active for six hours of a day, three packages, creatives approved."""
    wide = CreativeFormat.objects.create(
        format_id="display_wide", name="Wide", media="display", assets=[]
    )
    catalog["run-of-site"].formats.add(wide)
    chosen = [{"agent_url": AGENT_URL, "id": "display_main"}]
    found = running_buy(buyer, packages=[{**LINE, "format_ids": chosen}, LINE, LINE])
    MediaBuy.objects.filter(pk=found.pk).update(media_buy_id=NAMED)
    found.refresh_from_db()
    return found


def packages_of(buy: MediaBuy) -> list[PackageRow]:
    return list(buy.packages.order_by("position"))


def trouble(buy: MediaBuy) -> list[PackageRow]:
    """Let a format be missing on the first package, and the others' creatives not approved."""
    packages = packages_of(buy)
    packages[0].format_ids = [
        {"agent_url": AGENT_URL, "id": name} for name in ("display_main", "display_wide")
    ]
    packages[0].save()
    rejected, waiting = (
        Creative.objects.get(assignments__package=package) for package in packages[1:]
    )
    rejected.rejection_reason = "The logo is cut off."
    rejected.reject()
    rejected.save()
    waiting.submit()
    waiting.save()
    return packages


def test_check_creative_approval_status(script: Script, buy: MediaBuy) -> None:
    packages = trouble(buy)

    ran = script("check_creative_approval_status")

    assert ran == Ran(
        [
            f"Package {packages[0].package_id}: missing formats display_wide",
            f"Creative creative-{packages[1].package_id} rejected: The logo is cut off.",
            f"Creative creative-{packages[2].package_id} pending review",
        ],
        None,
    )


def test_campaign_readiness_check(script: Script, buy: MediaBuy) -> None:
    # given a campaign that has all it needs, and the same one in trouble
    ready = script("campaign_readiness_check")
    packages = trouble(buy)

    blocked = script("campaign_readiness_check")

    assert ready == Ran(["Campaign ready to launch"], None)
    assert blocked == Ran(
        [
            "Campaign has blocking issues:",
            f"  - Package {packages[0].package_id}: 1 format(s) not yet uploaded",
            f"  - Package {packages[1].package_id}: 1 creative(s) rejected",
        ],
        None,
    )


def test_monitor_delivery_with_snapshots(script: Script, buy: MediaBuy, settings: Settings) -> None:
    # given a package without delivery, one at half its pace, and one on track
    settings.ADSERVER = "simulated"
    packages = packages_of(buy)
    figures = [(0, Decimal(0)), (600, Decimal("62.50")), (12_345, Decimal(125))]
    for package, (impressions, spend) in zip(packages, figures, strict=True):
        DeliverySnapshot.objects.create(
            package=package, as_of=buy.start_time + 6 * HOUR, impressions=impressions,
            spend=spend, currency="USD",
        )  # fmt: skip

    ran = script("monitor_delivery_with_snapshots")

    assert ran == Ran(
        [
            f"Package {packages[0].package_id}: zero delivery (data up to 60s old)",
            f"Package {packages[1].package_id}: underpacing at 50%",
            f"Package {packages[2].package_id}: 12,345 impressions, pacing 1.00",
        ],
        None,
    )


def test_diagnose_a_webhook_delivery_problem(
    script: Script, buyer: Buyer, buy: MediaBuy, sink: Sink
) -> None:
    name = "diagnose_a_webhook_delivery_problem"
    # when no endpoint is registered, when one is, and when it took one report of three
    silent = script(name)
    owner = buyer.principal.principal_id
    buy.destination = destination_upsert(owner_key=owner, kind="signed_http", url=sink.url)
    buy.save()
    empty = script(name)
    sink.answers = [(200, {}, b""), (409, {}, b""), (503, {}, b"")]
    for number in (1, 2, 3):
        fire(buy, number)
        assert send_due() == 1
    keys = dict(Delivery.objects.values_list("sequence", "idempotency_key"))

    troubled = script(name)

    assert silent.printed == [f"{NAMED}: seller does not surface webhook activity for this buy"]
    assert empty.printed == [f"{NAMED}: no recent fires for this principal"]
    assert troubled == Ran(
        [
            f"{NAMED} {keys[3]} (scheduled seq=3): pending after 2 attempt(s) — —",
            f"{NAMED} {keys[2]} (scheduled seq=2): failed after 1 attempt(s) — {REFUSED}",
        ],
        None,
    )


def test_the_scripts_hear_of_an_unknown_buy_and_of_a_wrong_answer(
    script: Script, buyer: Buyer
) -> None:
    # No buy has the scripts' id: the answer is valid, and the error is in it.
    unknown = script("check_creative_approval_status")

    assert unknown.printed == []
    assert unknown.error is not None
    assert unknown.error.startswith('Error: Query failed: [{"code":"MEDIA_BUY_NOT_FOUND"')


def test_the_sdks_schema_does_judge_the_answer(script: Script, buy: MediaBuy) -> None:
    # A buy that is not confirmed has no `confirmed_at`, which the SDK's schema of 3.0 wants.
    MediaBuy.objects.filter(pk=buy.pk).update(
        start_time=buy.start_time + timedelta(seconds=1), status="paused", confirmed_at=None
    )

    ran = script("campaign_readiness_check")

    assert ran.printed == []
    assert ran.error is not None
    assert ran.error.startswith("ZodError")
    assert "confirmed_at" in ran.error
