"""Finding buys by the buyer's own names, for the older surface alone."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from mediabuys.models import Account, MediaBuy, Package, Principal
from mediabuys.selectors.buys import accepted_media_buys, narrowed
from mediabuys.states import BuyStatus

# What did not come to be, or was given up, leaves its name free.
NAME_IS_FREE = (BuyStatus.DECLINED, BuyStatus.REJECTED, BuyStatus.CANCELED)


def buys_referred_to(
    *,
    principal: Principal,
    account: Account | None,
    buyer_refs: Sequence[str],
    media_buy_ids: Sequence[str] | None,
    statuses: Sequence[str] | None,
    after: int | None,
) -> QuerySet[MediaBuy]:
    """Return the buys that carry one of these names, on themselves or on a package.

    The other filters narrow further; None is no filter. `after` is the last buy's key of the page
    before.
    """
    buys = accepted_media_buys(principal).filter(pk__in=_keys(principal, buyer_refs))
    if media_buy_ids is not None:
        buys = buys.filter(media_buy_id__in=media_buy_ids)
    return narrowed(buys, account=account, statuses=statuses, after=after)


def _keys(principal: Principal, buyer_refs: Sequence[str]) -> QuerySet[Any, Any]:
    """Return the keys of these buys; each half of the union is read by an index of names."""
    named = MediaBuy.objects.filter(
        account__accesses__principal=principal, buyer_ref__in=buyer_refs
    ).order_by()
    packages = Package.objects.filter(buyer_ref__in=buyer_refs).order_by()
    return named.values("pk").union(packages.values("media_buy"))


def known_references(*, principal: Principal, buyer_refs: Sequence[str]) -> set[str]:
    """Return which of these names a buy that the agent may see has, or one of its packages."""
    buys = accepted_media_buys(principal)
    named = buys.filter(buyer_ref__in=buyer_refs).order_by()
    packages = Package.objects.filter(
        media_buy__in=buys.order_by().values("pk"), buyer_ref__in=buyer_refs
    ).order_by()
    found = named.values_list("buyer_ref").union(packages.values_list("buyer_ref"))
    return {reference for (reference,) in found}


def order_named(*, principal: Principal, account: Account, buyer_ref: str) -> MediaBuy | None:
    """Return the agent's newest order of this name on the account that still stands."""
    return (
        MediaBuy.objects.filter(principal=principal, account=account, buyer_ref=buyer_ref)
        .exclude(status__in=NAME_IS_FREE)
        .order_by("-pk")
        .first()
    )
