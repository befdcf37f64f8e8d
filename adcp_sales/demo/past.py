"""The weeks before the demo's first start, as its simulated ad server would have lived them.

The worker tells it of the orders that run. Those that are over are placed here, and then its clock
is set back and forward again: what it delivers on the way is imported like everything else.
"""

import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import QuerySet

from mediabuys.adservers.port import AdServer
from mediabuys.adservers.registry import publishers_ad_server
from mediabuys.adservers.requests import creative_request, order_request
from mediabuys.adservers.simulated_exchange import Exchange
from mediabuys.models import Creative, MediaBuy, Publisher, Trafficking
from mediabuys.states import BuyStatus, CreativeStatus

TELLING_SECONDS = 180
LOOK_AGAIN_SECONDS = 1
# Of one call, which may have to deliver months.
ANSWER_SECONDS = 120
RAN = (BuyStatus.ACTIVE, BuyStatus.PAUSED, BuyStatus.COMPLETED)


def past_live(*, now: datetime) -> bool:
    """Let the simulator live the demo's past; False where the running orders do not reach it.

    Only once in the life of its file: hours that it lives twice count twice. Makes network calls,
    each bounded, and waits for the worker before.
    """
    if not _running_orders_are_told():
        return False
    ran = MediaBuy.objects.filter(
        status__in=RAN, account__sandbox=False, start_time__lt=now
    ).select_related("account__publisher")
    server = publishers_ad_server(Publisher.objects.get())
    simulation = Exchange(settings.ADSERVER_URL, settings.ADSERVER_TOKEN, ANSWER_SECONDS)
    for buy in ran.filter(status=BuyStatus.COMPLETED):
        _place(server, buy)
    for creative in _shown(ran):
        state = server.push_creative(creative_request(creative))
        path = f"/simulation/creatives/{quote(state.reference, safe='')}"
        simulation.ask("POST", path, body={"review": "approved"})
    _live_from(simulation, min(buy.start_time for buy in ran))
    return True


def _running_orders_are_told() -> bool:
    """Wait until the worker has told everything that was due."""
    deadline = time.monotonic() + TELLING_SECONDS
    while Trafficking.objects.exclude(behind_since=None).exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_SECONDS)
    return True


def _place(server: AdServer, buy: MediaBuy) -> None:
    order = order_request(buy)
    if server.find(order.reference) is None:
        server.create_order(order)
        server.create_line_items(order)
        server.confirm(order.reference)


def _shown(buys: QuerySet[MediaBuy]) -> QuerySet[Creative]:
    """Return the creatives that these buys have shown."""
    return (
        Creative.objects.filter(
            status=CreativeStatus.APPROVED, assignments__package__media_buy__in=buys
        )
        .select_related("account")
        .distinct()
    )


def _live_from(simulation: Exchange, moment: datetime) -> None:
    clock: Any = simulation.ask("GET", "/simulation/clock")
    simulation.ask("POST", "/simulation/clock", body={"now": moment.isoformat()})
    simulation.ask("POST", "/simulation/clock", body={"now": clock["now"]})
    # The answer waits until all is delivered.
    simulation.ask("GET", "/simulation/orders")
