"""What the ad server has, and has not, of an order or a creative, as the desk says it."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from mediabuys.models import MediaBuy, Trafficking


def order_in_words(buy: MediaBuy) -> str:
    """Return whether the ad server has the order as it is; empty for one that never got there.

    One query.
    """
    row = Trafficking.objects.filter(media_buy=buy).first()
    return "" if row is None else told_in_words(row, server=buy.account.publisher.ad_server_name)


def told_in_words(row: Trafficking, *, server: str) -> str:
    """Return what the ad server of that name has taken, and why not the rest."""
    if row.is_told:
        return f"{server} has this as of {_moment(row.told_at)}."
    since = f" since {_moment(row.behind_since)}" if row.behind_since else ""
    if row.error_message:
        return f"{server} has not taken {behind_in_words(row)}{since}: {row.error_message}"
    return f"{server} is being told of {behind_in_words(row)}{since}."


def behind_in_words(row: Trafficking) -> str:
    """Return what is still to be told: the whole of it, or the last changes."""
    behind = row.wanted - row.told
    if row.told == 0:
        return "this"
    return "the last change" if behind == 1 else f"the last {behind} changes"


def _moment(at: datetime | None) -> str:
    return "an unknown time" if at is None else date_format(timezone.localtime(at), "j M Y, H:i")
