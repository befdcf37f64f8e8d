"""What a task is about, in money."""

from mediabuys.models import MediaBuy, MediaBuyChange
from mediabuys.pricing import in_words


def amount_in_words(buy: MediaBuy, change: MediaBuyChange | None) -> str:
    """Return the buy's budget, and what a change would make of it: `$50,000 → $75,000`."""
    now = in_words(buy.total_budget, buy.currency)
    if change is None or change.budget_after == buy.total_budget:
        return now
    return f"{now} → {in_words(change.budget_after, buy.currency)}"
