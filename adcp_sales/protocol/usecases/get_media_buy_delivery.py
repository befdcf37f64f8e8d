"""get_media_buy_delivery: what buys delivered, by package, creative, country, day and window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.failures import as_adcp_error
from adcp_sales.protocol.registry import READING, Call, Reply, TaskSpec
from adcp_sales.protocol.usecases.get_media_buys import asked_statuses, unknown_ids
from mediabuys.delivery_limits import (
    BUYS_LIMIT,
    fitting,
    in_one_currency,
    late,
    refuse_too_much,
    shows_days,
    unseen,
    without_days,
    without_the_rest,
)
from mediabuys.delivery_periods import Period, midnight
from mediabuys.delivery_request import DeliveryRequest, delivery_request, untold
from mediabuys.errors import TradeError
from mediabuys.models import MediaBuy
from mediabuys.selectors.buys import BuyPage, media_buys_matching
from mediabuys.selectors.delivery import BuyDelivery, delivery_of, reported_buys
from mediabuys.selectors.snapshots import snapshots_of
from mediabuys.snapshots import Snapshot, Unavailable
from mediabuys.wire.delivery import aggregated_totals, delivery_body, period_body


@dataclass(frozen=True)
class Selection:
    """The buys that are reported on, how their packages stand, and a word on what is left out."""

    buys: list[MediaBuy]
    standings: Mapping[int, Snapshot | Unavailable]
    errors: list[dict[str, Any]]


def get_media_buy_delivery(call: Call) -> Reply:
    """Return what each buy delivered, in eight queries at most; nothing yet is zeros.

    What cannot be told is said in `errors` beside the rest. Raises where nothing that was named is
    left, where the request contradicts itself, and where its breakdown has too many rows.
    """
    asked = delivery_request(call.params, now=call.now)
    selected = _selection(call)
    refuse_too_much(selected.buys, asked, now=call.now)
    report = delivery_of(selected.buys, asked=asked, standings=selected.standings, now=call.now)
    with_days = shows_days(selected.buys, asked, now=call.now)
    bodies = [delivery_body(one, asked=asked, with_days=with_days) for one in report.buys]
    room = fitting(bodies)
    shown = report.buys[:room]
    body: dict[str, Any] = {
        "reporting_period": period_body(_period(shown, asked, call)),
        "currency": _currency(call, selected.buys),
        "aggregated_totals": aggregated_totals(shown),
        "media_buy_deliveries": bodies[:room],
    }
    advice = list(untold(call.params))
    advice += [] if with_days else [without_days()]
    advice += [without_the_rest(room)] if room < len(bodies) else []
    advice += [late(report.as_of, now=call.now)] if report.is_late else []
    if errors := [*selected.errors, *map(_told, advice)]:
        body["errors"] = errors
    if call.account is not None and call.account.sandbox:
        body["sandbox"] = True
    return Reply(body)


def _selection(call: Call) -> Selection:
    """Choose the buys: named or matching, visible, of one currency, as many as one answer holds."""
    principal, ids = call.require_principal(), call.params.get("media_buy_ids")
    matching = media_buys_matching(
        principal=principal,
        account=call.account,
        media_buy_ids=ids,
        statuses=asked_statuses(call.params),
        after=None,
        limit=BUYS_LIMIT,
    )
    listed = reported_buys(matching, limit=BUYS_LIMIT)
    errors = unknown_ids(call, BuyPage(listed, None))
    advice = [without_the_rest(BUYS_LIMIT)] if len(listed) > BUYS_LIMIT else []
    standings = snapshots_of(listed[:BUYS_LIMIT], principal=principal, now=call.now)
    visible = [buy for buy in listed[:BUYS_LIMIT] if not _is_hidden(buy, standings)]
    hidden = [buy for buy in listed[:BUYS_LIMIT] if _is_hidden(buy, standings)]
    advice += unseen(_fields(hidden, ids))
    buys, of_others = in_one_currency(visible)
    errors += map(_told, [*advice, *of_others])
    if ids and errors and not buys:
        raise AdcpError(**errors[0])
    return Selection(buys, standings, errors)


def _is_hidden(buy: MediaBuy, standings: Mapping[int, Snapshot | Unavailable]) -> bool:
    return any(
        standings.get(package.pk) == Unavailable.PERMISSION_DENIED for package in buy.packages.all()
    )


def _fields(hidden: Sequence[MediaBuy], ids: Sequence[str] | None) -> list[str]:
    """Return where the request named these buys; the account stands for those that it did not."""
    if ids is None:
        return ["account"] if hidden else []
    return [f"media_buy_ids[{ids.index(str(buy.media_buy_id))}]" for buy in hidden]


def _period(shown: Sequence[BuyDelivery], asked: DeliveryRequest, call: Call) -> Period:
    """Return what the answer is about: the period asked for, or all the flights together."""
    if asked.period:
        return asked.period
    if not shown:
        return Period(midnight(call.now.date()), call.now)
    return Period(
        min(found.period.start for found in shown), max(found.period.end for found in shown)
    )


def _currency(call: Call, buys: Sequence[MediaBuy]) -> str:
    """Return the currency of the buys; of none, that of the account or the publisher."""
    if buys:
        return buys[0].currency
    return call.account.currency if call.account else call.publisher().currency


def _told(error: TradeError) -> dict[str, Any]:
    return as_adcp_error(error).as_dict()


TASKS = [
    TaskSpec(
        name="get_media_buy_delivery",
        run=get_media_buy_delivery,
        access="read",
        summary="Read what media buys delivered, by package, creative, country, day and window.",
        schema="get_media_buy_delivery",
        account="optional",
        account_statuses=READING,
        example={"status_filter": ["active"], "start_date": "2027-03-01", "end_date": "2027-03-08"},
    )
]
