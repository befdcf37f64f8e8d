"""Telling the ad server what an order, or a creative, has become: claim, call, settle."""

import logging
from datetime import datetime
from enum import Enum, auto

from django.db import transaction
from django.utils import timezone

from mediabuys.adservers.port import (
    AdServer,
    AdServerError,
    AdServerRefused,
    AdServerUnavailable,
    BookedOrder,
    CreativeState,
    OrderRequest,
    OrderState,
)
from mediabuys.adservers.profiles import profile_of
from mediabuys.adservers.registry import ad_server_for
from mediabuys.adservers.requests import creative_request, order_request
from mediabuys.locks import media_buy_locked
from mediabuys.models import Creative, Event, MediaBuy
from mediabuys.services.ad_server_reviews import creative_state_apply
from mediabuys.services.events import event_record
from mediabuys.services.trafficking import (
    TraffickingClaim,
    creatives_traffic,
    trafficking_claim,
    trafficking_failed,
    trafficking_outrun,
    trafficking_renew,
    trafficking_told,
)
from mediabuys.states import (
    ENDED_UNDELIVERED_BUY_STATUSES,
    LIVE_BUY_STATUSES,
    PENDING_BUY_STATUSES,
    BuyStatus,
    CreativeStatus,
)

logger = logging.getLogger(__name__)

# What one wake-up works off; what is left is due at the next.
TELLINGS_A_WAKEUP = 200
# Far above what an order is ever told, and far below what the column holds.
REVISION_LIMIT = 1_000_000_000


class Telling(Enum):
    """What came of one telling."""

    TOLD = auto()
    REFUSED = auto()
    UNAVAILABLE = auto()
    LOST = auto()


class ClaimLost(Exception):
    """Another worker took the row over; this one stops without a trace."""


def trafficking_drain(*, limit: int = TELLINGS_A_WAKEUP) -> int:
    """Tell the ad server everything that is due, longest first; return how much it was told.

    Failure policy: it ends with the first call that finds the ad server away, because the others
    would wait for it in vain. That row is pushed forward, and the next wake-up or sweep begins
    with another.
    """
    told = 0
    for _ in range(limit):
        outcome = trafficking_tell()
        if outcome is None or outcome is Telling.UNAVAILABLE:
            break
        told += outcome is Telling.TOLD
    return told


def trafficking_tell(*, now: datetime | None = None) -> Telling | None:
    """Tell the ad server of the longest-due order or creative; None when nothing is due.

    Claim (one transaction), read the subject as it is now and call the ad server (none), settle
    (one). What it declines or refuses stays visible with the reason, in the history of the buy
    too, and is asked again seldom; what it cannot answer now is asked again soon.
    """
    claim = trafficking_claim(now=now or timezone.now())
    if claim is None:
        return None
    try:
        if claim.media_buy_pk is not None:
            _order_tell(claim, claim.media_buy_pk)
        elif claim.creative_pk is not None:
            _creative_tell(claim, claim.creative_pk)
    except ClaimLost:
        logger.warning("Trafficking %s was taken over by another worker.", claim.trafficking_pk)
        return Telling.LOST
    except AdServerError as error:
        return _failed(claim, error)
    except Exception:
        logger.exception("Trafficking %s met an error without a name.", claim.trafficking_pk)
        return _failed(claim, AdServerUnavailable("The ad server's answer was not understood."))
    return Telling.TOLD


def _order_tell(claim: TraffickingClaim, media_buy_pk: int) -> None:
    buy = MediaBuy.objects.select_related("account__publisher").get(pk=media_buy_pk)
    server = ad_server_for(buy.account)
    held = None
    if buy.status in LIVE_BUY_STATUSES and buy.confirmed_at is not None:
        _creatives_begin(buy)
        held = _order_make_so(claim, server, buy)
    elif _is_over_early(buy):
        server.cancel(buy.reference)
    if held is None or held.revision <= claim.revision:
        trafficking_told(claim=claim, now=timezone.now())
    elif held.revision < REVISION_LIMIT:
        trafficking_outrun(claim=claim, revision=held.revision, now=timezone.now())
    else:
        raise AdServerRefused("The ad server holds a revision of the order that cannot be.")


def _is_over_early(buy: MediaBuy) -> bool:
    """Whether the ad server might go on with an order that is over for us."""
    if buy.status == BuyStatus.COMPLETED:
        return buy.end_time > timezone.now()
    return buy.status in ENDED_UNDELIVERED_BUY_STATUSES


def _creatives_begin(buy: MediaBuy) -> None:
    """Have creatives told that serve the buy, and that this ad server was never told of.

    Lines may name them before: they serve when the ad server has them.
    """
    if not profile_of(buy.account).has_delivery:
        return
    untold = Creative.objects.filter(
        account=buy.account,
        assignments__package__media_buy=buy,
        status=CreativeStatus.APPROVED,
        trafficking=None,
    )
    with transaction.atomic():
        rows = Creative.objects.filter(pk__in=untold.values("pk")).order_by("pk")
        creatives_traffic(creatives=list(rows.select_for_update()), now=timezone.now())


def _order_make_so(claim: TraffickingClaim, server: AdServer, buy: MediaBuy) -> BookedOrder:
    order = order_request(buy, revision=claim.revision)
    held = _change_or_place(claim, server, order)
    is_paused = _is_paused(buy)
    if held.is_paused == is_paused or held.revision > claim.revision:
        return held
    _renew(claim)
    move = server.pause if is_paused else server.resume
    return move(buy.reference, revision=claim.revision)


def _is_paused(buy: MediaBuy) -> bool:
    """Whether nothing of the order may deliver: paused, held, or still without a creative."""
    is_held = buy.is_held and buy.status in PENDING_BUY_STATUSES
    return is_held or buy.status in (BuyStatus.PAUSED, BuyStatus.PENDING_CREATIVES)


def _change_or_place(claim: TraffickingClaim, server: AdServer, order: OrderRequest) -> BookedOrder:
    """Change the order; one that this ad server never had is placed, as its booking would.

    A draft is what an earlier placing left behind, and is placed to its end.
    """
    try:
        return server.change(order)
    except AdServerRefused:
        _renew(claim)
        held = server.find(order.reference)
        if held is not None and held.state != OrderState.DRAFT:
            raise
    server.create_order(order)
    _renew(claim)
    server.create_line_items(order)
    return server.confirm(order.reference)


def _creative_tell(claim: TraffickingClaim, creative_pk: int) -> None:
    creative = Creative.objects.select_related("account__publisher").get(pk=creative_pk)
    state = None
    if creative.status == CreativeStatus.APPROVED or creative.is_passed_on:
        state = ad_server_for(creative.account).push_creative(creative_request(creative))
    now = timezone.now()
    with transaction.atomic():
        if state is not None and _creative_outrun(creative, state):
            trafficking_outrun(claim=claim, revision=claim.wanted + 1, now=now)
            return
        if state is not None:
            creative_state_apply(state=state, now=now, is_answer=True)
        trafficking_told(claim=claim, now=now)


def _creative_outrun(told: Creative, state: CreativeState) -> bool:
    """Catch up with an ad server that holds a newer revision than we have, and ignored ours.

    So after our database came back from a backup. False where we have that revision, too.
    """
    if state.revision <= told.revision:
        return False
    creative = Creative.objects.select_for_update().get(pk=told.pk)
    if state.revision <= creative.revision:
        return False
    if state.revision >= REVISION_LIMIT:
        raise AdServerRefused("The ad server holds a revision of the creative that cannot be.")
    creative.revision = state.revision + 1
    creative.save(update_fields=["revision"])
    return True


def _renew(claim: TraffickingClaim) -> None:
    if not trafficking_renew(claim=claim, now=timezone.now()):
        raise ClaimLost


def _failed(claim: TraffickingClaim, error: AdServerError) -> Telling:
    now = timezone.now()
    is_final = not isinstance(error, AdServerUnavailable)
    with transaction.atomic():
        buy = media_buy_locked(claim.media_buy_pk) if claim.media_buy_pk else None
        is_news = trafficking_failed(claim=claim, error=error, now=now)
        if is_news and is_final and buy is not None:
            event_record(
                buy=buy,
                action=Event.Action.AD_SERVER_REFUSED,
                from_status=buy.status,
                actor="system",
                now=now,
                summary=f"The ad server has not taken this: {error.message}",
            )
    if is_news:
        logger.warning("Trafficking %s failed: %s", claim.trafficking_pk, error.message)
    return Telling.REFUSED if is_final else Telling.UNAVAILABLE
