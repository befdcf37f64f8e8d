"""Keeping what the ad server says of its inventory: all of it now and then, or one order's now."""

import logging
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from mediabuys.adservers.port import AdServer, AdServerError, AdServerUnavailable, ProductDay
from mediabuys.adservers.profiles import publishers_profile
from mediabuys.adservers.registry import publishers_ad_server
from mediabuys.models import AdServerFeed, InventoryDay, MediaBuy, Product, Publisher
from mediabuys.selectors.availability import FIGURES_CYCLE
from mediabuys.selectors.catalog import products_for_sale
from mediabuys.services.feeds import (
    FeedClaim,
    feed_advance,
    feed_claim,
    feed_failed,
    feed_locked,
    feed_release,
)

logger = logging.getLogger(__name__)

# How far ahead the import looks; beyond it nothing is known.
HORIZON_DAYS = 180
# One call's answer stays well under what an answer may be, with a dozen countries a product.
PRODUCTS_PER_CALL = 5
# One import asks this often and leaves the rest to the next; after so many failures in a row the
# ad server is taken for down.
CALLS, FAILED_CALLS = 400, 3
# A person who decides reads figures that are no older, if the ad server answers in time.
FRESH = timedelta(minutes=1)
PATIENCE_SECONDS = 1.5
# More than all the world's people see in a day.
IMPRESSIONS_A_DAY = 10**13
NOT_UNDERSTOOD = "What it tells of its inventory was not understood."

UPSERT = """
    INSERT INTO mediabuys_inventoryday
        (product_id, day, country, capacity, capacity_low, capacity_high, reserved, as_of)
    SELECT told.*, %s FROM unnest(
        %s::bigint[], %s::date[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]
    ) AS told
    ON CONFLICT (product_id, day, country) DO UPDATE SET
        capacity = excluded.capacity, capacity_low = excluded.capacity_low,
        capacity_high = excluded.capacity_high, reserved = excluded.reserved,
        as_of = excluded.as_of
    WHERE mediabuys_inventoryday.as_of <= excluded.as_of
"""


def inventory_import(*, now: datetime) -> int:
    """Read the inventory of every product on sale, once a cycle; return how many days were told.

    A few products a call, each written in a transaction of its own; days that are over are
    forgotten. Does nothing where the ad server tells no inventory, or while another worker reads.

    Failure policy: products that could not be read keep what is known of them, which says how old
    it is; the others are read all the same, those behind them first where it was given up, and the
    feed shows the failure until all were read from the first to the last.
    """
    publisher = Publisher.objects.first()
    if publisher is None or not publishers_profile().has_inventory:
        return 0
    read = AdServerFeed.objects.filter(
        name=AdServerFeed.Name.INVENTORY, read_at__gt=now - FIGURES_CYCLE
    )
    if read.filter(failing_since=None).exists():
        return 0
    claim = feed_claim(name=AdServerFeed.Name.INVENTORY, now=now)
    if claim is None:
        return 0
    InventoryDay.objects.filter(day__lt=now.date()).delete()
    reader = _Reader(publishers_ad_server(publisher), claim, now)
    reader.read()
    return reader.day_count


class _Reader:
    """One import: the claimed feed, what was counted, and what went wrong last."""

    def __init__(self, ad_server: AdServer, claim: FeedClaim, now: datetime) -> None:
        self.ad_server = ad_server
        self.claim = claim
        self.day_count = 0
        self._first = now.date()
        self._products = products_for_sale(now=now).order_by("pk")
        self._error: AdServerError | None = None
        self._failed_calls = 0

    def read(self) -> None:
        cursor = self.claim.cursor
        for _ in range(CALLS):
            some = list(self._products.filter(pk__gt=int(cursor or 0))[:PRODUCTS_PER_CALL])
            is_last = len(some) < PRODUCTS_PER_CALL
            cursor = "" if is_last else str(some[-1].pk)
            if not self._step(some, cursor):
                return
            if is_last or self._failed_calls == FAILED_CALLS:
                break
        if self._error is None:
            feed_release(claim=self.claim)
        else:
            feed_failed(claim=self.claim, error=self._error, now=timezone.now(), cursor=cursor)

    def _step(self, some: Sequence[Product], cursor: str) -> bool:
        """Ask for some products and write them; False when the claim was lost."""
        as_of, last = timezone.now(), self._first + timedelta(days=HORIZON_DAYS - 1)
        try:
            days = _told(self.ad_server, some, self._first, last)
        except AdServerError as error:
            self._error, self._failed_calls = error, self._failed_calls + 1
            return True
        self._failed_calls = 0
        with transaction.atomic():
            feed = feed_locked(claim=self.claim)
            if feed is None:
                return False
            _write(some, days, first=self._first, last=last, as_of=as_of)
            self.day_count += len(days)
            # A pass with a failure in it, in an earlier import too, does not end as a good one.
            failed_before = feed.failing_since is not None and self.claim.cursor != ""
            is_well = cursor == "" and self._error is None and not failed_before
            feed_advance(
                feed=feed,
                cursor=cursor,
                now=as_of,
                more=not is_well,
                as_of=as_of,
                is_well=is_well,
            )
        return True


def inventory_refresh(*, buy: MediaBuy, now: datetime) -> str:
    """Ask the ad server again for the inventory that an order wants; return what went wrong.

    Only where what is known is older than `FRESH`, and for as long as a person waits for a page.
    Empty where nothing went wrong or nothing was to be asked. Never inside a transaction; reads
    the order's account and publisher.

    Failure policy: what is known stays, and says how old it is.
    """
    if buy.account.sandbox or not publishers_profile().has_inventory:
        return ""
    products = list(Product.objects.filter(packages__media_buy=buy).distinct().order_by("pk"))
    first = max(buy.start_time, now).date()
    last = min(buy.end_time.date(), now.date() + timedelta(days=HORIZON_DAYS - 1))
    known = InventoryDay.objects.filter(product__in=products, day__range=(first, last))
    oldest = known.aggregate(as_of=Min("as_of"))["as_of"]
    if first > last or (oldest is not None and now - oldest < FRESH):
        return ""
    ad_server = publishers_ad_server(buy.account.publisher, patience=PATIENCE_SECONDS)
    as_of = timezone.now()
    try:
        days = _told(ad_server, products, first, last)
    except AdServerError as error:
        logger.info("The inventory of %s could not be asked for: %s", buy, error.message)
        return error.message
    AdServerFeed.objects.get_or_create(name=AdServerFeed.Name.INVENTORY)
    with transaction.atomic():
        feeds = AdServerFeed.objects.select_for_update(skip_locked=True)
        # Somebody who writes at this very moment has as good figures.
        if feeds.filter(name=AdServerFeed.Name.INVENTORY).first() is not None:
            _write(products, days, first=first, last=last, as_of=as_of)
    return ""


def _told(
    ad_server: AdServer, products: Sequence[Product], first: date, last: date
) -> tuple[ProductDay, ...]:
    """Return what the ad server says of these products, or raise an `AdServerError`."""
    asked = {product.product_id for product in products}
    days = ad_server.availability(sorted(asked), first=first, last=last) if asked else ()
    if not all(one.product_id in asked and _makes_sense(one, first, last) for one in days):
        raise AdServerUnavailable(NOT_UNDERSTOOD)
    return days


def _makes_sense(one: ProductDay, first: date, last: date) -> bool:
    numbers = (0, one.low, one.capacity, one.high, IMPRESSIONS_A_DAY)
    return (
        first <= one.day <= last
        and list(numbers) == sorted(numbers)
        and 0 <= one.reserved <= IMPRESSIONS_A_DAY
        and (one.country == "" or (len(one.country) == 2 and one.country.isalpha()))
    )


def _write(
    products: Collection[Product],
    days: Sequence[ProductDay],
    *,
    first: date,
    last: date,
    as_of: datetime,
) -> None:
    """Write the days, and forget those of these products that were not told. Two statements.

    The caller holds the feed's row, so that nobody else writes. What somebody asked for later
    stays.
    """
    keys = {product.product_id: product.pk for product in products}
    told = {(keys[one.product_id], one.day, one.country): one for one in days}
    rows = [
        (*key, one.capacity, one.low, one.high, one.reserved) for key, one in sorted(told.items())
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(UPSERT, [as_of, *(list(column) for column in zip(*rows, strict=True))])
    InventoryDay.objects.filter(
        product__in=products, day__range=(first, last), as_of__lt=as_of
    ).delete()
