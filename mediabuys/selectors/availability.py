"""How much of what a line wants is free: the ad server's figures, without what we have sold since.

Written by hand, because it must be one statement however many lines there are: it is asked inside
decisions. The ad server tells a day for everywhere at once (no country), for countries, or both:
a line without countries is asked of everywhere, one with countries of theirs. What a line takes is
spread evenly over its flight, and over its countries as the product's own inventory is. A waiting
order that wants more than there is at all can never be had, and so holds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from mediabuys.adservers.profiles import publishers_profile
from mediabuys.demand import Demand
from mediabuys.locks import PRODUCTS_LOCKED
from mediabuys.models import MediaBuy

# How often all figures are read anew; the job looks every minute whether it is time.
FIGURES_CYCLE = timedelta(minutes=10)

AVAILABILITY = """
    WITH line AS (
        SELECT position, product_id, starts, ends, string_to_array(countries, ',') AS countries,
            takes
        FROM unnest(
            %(positions)s::int[], %(products)s::bigint[], %(starts)s::timestamptz[],
            %(ends)s::timestamptz[], %(countries)s::text[], %(takes)s::bigint[]
        ) AS given (position, product_id, starts, ends, countries, takes)
    ),
    cell AS (
        SELECT line.position, line.countries, inventory.country, count(*) AS days,
            min(inventory.as_of) AS as_of, sum(inventory.capacity * part.share) AS capacity,
            sum(inventory.capacity_low * part.share) AS capacity_low,
            sum(inventory.capacity_high * part.share) AS capacity_high,
            sum(inventory.reserved * part.share) AS reserved,
            sum(greatest(inventory.capacity - inventory.reserved, 0) * part.share) AS free
        FROM line
        JOIN mediabuys_inventoryday inventory ON inventory.product_id = line.product_id
            AND inventory.day >= line.starts::date
            AND inventory.day <= (line.ends - interval '1 microsecond')::date
        CROSS JOIN LATERAL (
            SELECT extract(epoch FROM
                least(line.ends, (inventory.day + 1)::timestamptz)
                - greatest(line.starts, inventory.day::timestamptz)
            )::float8 / 86400 AS share
        ) part
        GROUP BY line.position, line.countries, inventory.country
    ),
    place AS (
        SELECT cell.*, countries <> '{}' AND bool_or(country <> '') OVER line_cells AS is_part,
            CASE
                WHEN countries <> '{}' AND bool_or(country <> '') OVER line_cells
                    THEN country = ANY(countries)
                WHEN bool_or(country = '') OVER line_cells THEN country = ''
                ELSE true
            END AS is_wanted
        FROM cell WINDOW line_cells AS (PARTITION BY position)
    ),
    told AS (
        SELECT position, bool_or(is_part) AS is_part, max(days) AS days, min(as_of) AS as_of,
            coalesce(sum(capacity) FILTER (WHERE is_wanted), 0) AS capacity,
            coalesce(sum(capacity_low) FILTER (WHERE is_wanted), 0) AS capacity_low,
            coalesce(sum(capacity_high) FILTER (WHERE is_wanted), 0) AS capacity_high,
            coalesce(sum(reserved) FILTER (WHERE is_wanted), 0) AS reserved,
            coalesce(least(
                sum(free) FILTER (WHERE is_wanted), sum(free) FILTER (WHERE country = '')
            ), 0) AS free,
            coalesce(sum(capacity) FILTER (WHERE country = ''), sum(capacity)) AS whole
        FROM place GROUP BY position
    ),
    taken AS (
        SELECT package.product_id, package.hold_status AS kind,
            package.held_impressions AS impressions,
            greatest(coalesce(package.start_time, buy.start_time), %(now)s) AS starts,
            coalesce(package.end_time, buy.end_time) AS ends,
            ARRAY(
                SELECT jsonb_array_elements_text(package.targeting_overlay -> 'geo_countries')
            ) AS countries,
            booking.settled_at, 0 AS position
        FROM mediabuys_package package
        JOIN mediabuys_mediabuy buy ON buy.id = package.media_buy_id
        LEFT JOIN mediabuys_booking booking ON booking.media_buy_id = buy.id
        WHERE package.product_id = ANY(%(products)s)
            AND package.hold_status IN ('held', 'consumed')
            AND package.held_until > %(now)s AND NOT package.is_canceled
            AND buy.id <> %(own)s
        UNION ALL
        SELECT product_id, 'own', takes, starts, ends, countries, NULL, position
        FROM line WHERE takes > 0
    ),
    part AS (
        SELECT line.position, taken.kind, told.capacity * span.part AS capacity,
            taken.impressions * span.share * CASE
                WHEN told.is_part THEN coalesce(common.share, 0) ELSE 1
            END AS impressions
        FROM line
        JOIN taken ON taken.product_id = line.product_id AND taken.position <> line.position
            AND taken.starts < line.ends AND taken.ends > line.starts
        LEFT JOIN told ON told.position = line.position
        CROSS JOIN LATERAL (
            SELECT (extract(epoch FROM
                least(line.ends, taken.ends) - greatest(line.starts, taken.starts)
            ) / nullif(extract(epoch FROM taken.ends - taken.starts), 0))::float8 AS share,
            (extract(epoch FROM
                least(line.ends, taken.ends) - greatest(line.starts, taken.starts)
            ) / nullif(extract(epoch FROM line.ends - line.starts), 0))::float8 AS part
        ) span
        CROSS JOIN LATERAL (
            SELECT sum(place.capacity) FILTER (
                WHERE place.is_wanted
                    AND (taken.countries = '{}' OR place.country = ANY(taken.countries))
            ) / nullif(CASE
                WHEN taken.countries = '{}' THEN told.whole
                ELSE sum(place.capacity) FILTER (WHERE place.country = ANY(taken.countries))
            END, 0) AS share
            FROM place WHERE place.position = line.position
        ) common
        WHERE taken.kind <> 'consumed' OR taken.settled_at IS NULL OR told.as_of IS NULL
            OR taken.settled_at > told.as_of
    ),
    claim AS (
        SELECT position, kind, sum(impressions) AS impressions FROM part
        WHERE kind <> 'held' OR capacity IS NULL OR impressions <= capacity
        GROUP BY position, kind
    )
    SELECT
        told.as_of, coalesce(told.days, 0)
            > (line.ends - interval '1 microsecond')::date - line.starts::date,
        coalesce(told.capacity, 0), coalesce(told.capacity_low, 0),
        coalesce(told.capacity_high, 0), coalesce(told.reserved, 0), coalesce(told.free, 0),
        coalesce(sum(claim.impressions) FILTER (WHERE claim.kind = 'consumed'), 0),
        coalesce(sum(claim.impressions) FILTER (WHERE claim.kind = 'held'), 0),
        coalesce(sum(claim.impressions) FILTER (WHERE claim.kind = 'own'), 0)
    FROM line
    LEFT JOIN told ON told.position = line.position
    LEFT JOIN claim ON claim.position = line.position
    GROUP BY line.position, line.starts, line.ends, told.as_of, told.days, told.capacity,
        told.capacity_low, told.capacity_high, told.reserved, told.free
    ORDER BY line.position
"""


@dataclass(frozen=True)
class Availability:
    """What of a line's demand can be delivered, in impressions.

    `capacity` is what the ad server expects in the flight, between `low` and `high`, and None of
    them is known while `as_of` is None; `is_complete` says that it told of every day. `reserved`
    is what confirmed orders take of it, `sold` what we have sold since `as_of`, `held` what orders
    hold that wait, and `own` what other lines of the same order want.
    """

    demand: Demand
    as_of: datetime | None
    is_complete: bool
    capacity: int
    low: int
    high: int
    reserved: int
    unreserved: int
    sold: int
    held: int
    own: int

    @property
    def wanted(self) -> int | None:
        """What the line wants; None where its price does not say."""
        return self.demand.impressions

    @property
    def is_known(self) -> bool:
        """Whether the ad server has told anything of these days."""
        return self.as_of is not None

    @property
    def free(self) -> int:
        """What a person may still give this line, waiting orders left aside."""
        return max(0, self.unreserved - self.sold - self.own)

    @property
    def available(self) -> int:
        """What may be given to it without anybody looking: nothing that a waiting order holds."""
        return max(0, self.free - self.held)

    @property
    def fits(self) -> bool | None:
        """Whether all that it wants is free; None where that is not known."""
        if self.wanted is None or self.as_of is None:
            return None
        if self.wanted <= self.free:
            return True
        return False if self.is_complete else None

    @property
    def short_by(self) -> int:
        """How many impressions are missing; 0 where it fits or nothing is known."""
        return (self.wanted or 0) - self.free if self.fits is False else 0

    @property
    def is_contended(self) -> bool:
        """Whether it fits, but not beside all the orders that wait for the same."""
        return bool(self.fits) and (self.wanted or 0) > self.available

    @property
    def blocks(self) -> bool:
        """Whether its order cannot be promised: it is guaranteed and does not fit."""
        return self.demand.is_guaranteed and self.fits is False


def availability_of(
    demands: Sequence[Demand],
    *,
    now: datetime,
    other_than: MediaBuy | None = None,
    locked: bool = False,
) -> tuple[Availability, ...]:
    """Return the availability of each demand, in their order; one statement.

    Empty without a statement where the ad server tells nothing of its inventory.

    The demands of one call are one order's, and the guaranteed ones among them compete with one
    another. `other_than` is the order itself where it is written already. With `locked`, the
    guaranteed products' rows are locked first, in primary-key order and until the transaction
    ends, so that what is read stands until the order is written; in the same round trip, as a
    statement of its own that waits before the other one looks.
    """
    if not demands or not publishers_profile().has_inventory:
        return ()
    sql = f"{PRODUCTS_LOCKED};{AVAILABILITY}" if locked else AVAILABILITY
    with connection.cursor() as cursor:
        cursor.execute(sql, _parameters(demands, now, other_than))
        if locked:
            cursor.nextset()
        found = cursor.fetchall()
    return tuple(
        Availability(demand, as_of, is_complete, *(round(number) for number in numbers))
        for demand, (as_of, is_complete, *numbers) in zip(demands, found, strict=True)
    )


def _parameters(
    demands: Sequence[Demand], now: datetime, other_than: MediaBuy | None
) -> dict[str, Any]:
    return {
        "positions": list(range(1, len(demands) + 1)),
        "products": [demand.product_pk for demand in demands],
        "guaranteed": [demand.product_pk for demand in demands if demand.is_guaranteed],
        # What is over can no longer be delivered; a flight that is over keeps its own last moment.
        "starts": [min(max(demand.starts, now), demand.ends) for demand in demands],
        "ends": [demand.ends for demand in demands],
        "countries": [",".join(demand.countries) for demand in demands],
        "takes": [demand.impressions or 0 if demand.is_guaranteed else 0 for demand in demands],
        "now": now,
        "own": other_than.pk if other_than else 0,
    }
