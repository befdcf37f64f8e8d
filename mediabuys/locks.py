"""Rows locked for a change, in one order: task, account, creative, buy, booking, trafficking.

A feed of the ad server comes before all of them, and a proposal after its account and before its
buy. Products come last of all: whoever promises guaranteed inventory holds them, in primary-key
order, so that the same impressions are promised once; the rows stay readable, and packages and
inventory may still refer to them.
`of=("self",)` keeps joined rows free; every service that changes a row takes it from here.
"""

from collections.abc import Iterable

from django.db.models import QuerySet

from mediabuys.models import Account, Booking, Creative, MediaBuy, Proposal

# For the one read of availability, which asks it in the same round trip.
PRODUCTS_LOCKED = """
    SELECT FROM mediabuys_product WHERE id = ANY(%(guaranteed)s::bigint[])
    ORDER BY id FOR NO KEY UPDATE
"""


def account_held(account: Account) -> None:
    """Hold the account's row until the transaction ends, as whoever orders on it does."""
    Account.objects.select_for_update(no_key=True).values_list("pk").get(pk=account.pk)


def media_buys_locked() -> QuerySet[MediaBuy]:
    """Return buys locked in primary-key order, with account and publisher joined."""
    return (
        MediaBuy.objects.order_by("pk")
        .select_related("account__publisher", "principal")
        .select_for_update(of=("self",))
    )


def media_buy_locked(pk: int) -> MediaBuy:
    """Return one buy, locked until the transaction ends."""
    return media_buys_locked().get(pk=pk)


def draft_locked(pk: int) -> MediaBuy:
    """Return one order that is to be decided, locked, without its parties: nobody reads them."""
    return MediaBuy.objects.select_for_update().get(pk=pk)


def creatives_locked(*, account: Account, creative_ids: Iterable[str]) -> list[Creative]:
    """Return the account's creatives of these ids, locked in primary-key order."""
    return list(
        Creative.objects.filter(account=account, creative_id__in=list(creative_ids))
        .order_by("pk")
        .select_for_update()
    )


def bookings_locked() -> QuerySet[Booking]:
    """Return bookings locked in primary-key order, passing over rows that others hold."""
    return Booking.objects.order_by("pk").select_for_update(skip_locked=True, of=("self",))


def proposals_locked() -> QuerySet[Proposal]:
    """Return proposals locked in primary-key order, with their account joined."""
    return Proposal.objects.order_by("pk").select_related("account").select_for_update(of=("self",))
