"""What no rule of the publisher's can switch off: nobody is promised what is not free."""

from dataclasses import replace
from datetime import datetime

from mediabuys.demand import demands_of
from mediabuys.models import Account
from mediabuys.requests import OrderRequest
from mediabuys.selectors.availability import Availability, availability_of
from tasks_hitl.models import RuleVersion
from tasks_hitl.rules import INVENTORY, Evaluation, Verdict


def inventory_checked(
    *, evaluation: Evaluation, request: OrderRequest, account: Account, now: datetime
) -> Evaluation:
    """Return the evaluation with one answer more where nobody would look at a guaranteed order.

    It stops an order whose inventory is not free, or held by orders that wait: a machine takes
    nothing from a person's choice. The guaranteed products stay locked until the transaction ends,
    so that two orders at once are not promised the same. One statement, and none for what waits
    anyway, for a sandbox account, and where nothing is guaranteed or the ad server tells nothing.
    """
    demands = demands_of(request, request.packages)
    is_promised = any(demand.is_guaranteed for demand in demands)
    if evaluation.must_wait or account.sandbox or not is_promised:
        return evaluation
    names = [line.product.name for line in request.packages]
    known = [
        (name, found)
        for name, found in zip(names, availability_of(demands, now=now, locked=True), strict=False)
        if found.demand.is_guaranteed and found.is_known
    ]
    if not known:
        return evaluation
    return replace(evaluation, verdicts=(*evaluation.verdicts, _verdict(known)))


def _verdict(known: list[tuple[str, Availability]]) -> Verdict:
    return Verdict(
        rule=RuleVersion(rule_key=INVENTORY, version=1, kind=INVENTORY, name="Free inventory"),
        stopped=any(_is_taken(found) for _, found in known),
        explanation="; ".join(_in_words(name, found) for name, found in known),
        facts={
            "wanted": [found.wanted for _, found in known],
            "free": [found.free for _, found in known],
            "held_by_waiting_orders": [found.held for _, found in known],
            "as_of": min(str(found.as_of) for _, found in known),
        },
    )


def _is_taken(found: Availability) -> bool:
    return found.is_complete and (found.wanted or 0) > found.available


def _in_words(name: str, found: Availability) -> str:
    if found.wanted is None:
        return f"{name}: the price says nothing of impressions"
    held = f", {found.held:,} of them held by orders that wait" if found.held else ""
    return f"{name}: {found.wanted:,} of {found.free:,} free{held}"
