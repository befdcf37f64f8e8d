"""What a buyer may do with a buy now, and what a request would do to it, in AdCP's words."""

from collections.abc import Iterator, Mapping
from typing import Any

from mediabuys.keywords import CHANGING_FIELDS
from mediabuys.models import MediaBuy, Package
from mediabuys.pricing import from_wire
from mediabuys.states import LIVE_BUY_STATUSES, PENDING_BUY_STATUSES, BuyStatus
from mediabuys.times import parse_time

RUNNING_ACTIONS = ("update_budget", "update_dates", "update_packages", "add_packages")

# The flat list, in the order of the user's document; `resume` joins where a hold is set.
VALID_ACTIONS: Mapping[str, tuple[str, ...]] = {
    BuyStatus.PENDING_CREATIVES: ("pause", "cancel", "sync_creatives"),
    BuyStatus.PENDING_START: ("pause", "cancel", "sync_creatives"),
    BuyStatus.ACTIVE: ("pause", "cancel", *RUNNING_ACTIONS, "sync_creatives"),
    BuyStatus.PAUSED: ("resume", "cancel", *RUNNING_ACTIONS, "sync_creatives"),
    BuyStatus.COMPLETED: (),
    BuyStatus.REJECTED: (),
    BuyStatus.CANCELED: (),
}

SELF_SERVE, RULES_DECIDE = "self_serve", "conditional_self_serve"

# Each fine action with how it is answered: at once, or as the publisher's approval rules say.
CREATIVE_ACTIONS = {
    "replace_creative": SELF_SERVE,
    "update_creative_assignments": SELF_SERVE,
    "remove_creative": SELF_SERVE,
    "sync_creatives": SELF_SERVE,
}
BOOKED_ACTIONS = {
    "extend_flight": RULES_DECIDE,
    "shorten_flight": RULES_DECIDE,
    "update_flight_dates": RULES_DECIDE,
    "increase_budget": RULES_DECIDE,
    "decrease_budget": SELF_SERVE,
    "reallocate_budget": RULES_DECIDE,
    "update_targeting": RULES_DECIDE,
    "update_frequency_caps": RULES_DECIDE,
    "update_pacing": SELF_SERVE,
    "add_packages": RULES_DECIDE,
    "remove_packages": SELF_SERVE,
    "update_budget": RULES_DECIDE,
    "update_dates": RULES_DECIDE,
    "update_packages": RULES_DECIDE,
}
COARSE_FIELDS = ("bid_price", "impressions", "paused", "start_time", "end_time", "context", "ext")


def valid_actions(buy: MediaBuy) -> list[str]:
    """Return the flat list of what the buyer may do, by status as the document has it."""
    actions = list(VALID_ACTIONS[buy.status])
    if buy.is_held and buy.status in PENDING_BUY_STATUSES:
        actions.insert(1, "resume")
    return actions


def available_actions(buy: MediaBuy) -> list[dict[str, str]]:
    """Return every action that the buy takes now, with how it is answered; AdCP's own shape."""
    if buy.status not in LIVE_BUY_STATUSES:
        return []
    actions = dict.fromkeys(("pause", "resume", "cancel"), SELF_SERVE) | CREATIVE_ACTIONS
    if buy.status == BuyStatus.PAUSED:
        del actions["pause"]
    elif not buy.is_held:
        del actions["resume"]
    if _is_booked(buy):
        actions |= BOOKED_ACTIONS
    return [{"action": action, "mode": mode} for action, mode in actions.items()]


def open_actions(buy: MediaBuy) -> frozenset[str]:
    """Return what is not refused: to pause what is paused, or resume what runs, changes nothing."""
    offered = {entry["action"] for entry in available_actions(buy)}
    return frozenset(offered | {"pause", "resume"} if offered else offered)


def _is_booked(buy: MediaBuy) -> bool:
    """Whether the ad server has the order: until then a change would miss what is being booked."""
    return buy.confirmed_at is not None


def attempted_actions(
    params: Mapping[str, Any], *, buy: MediaBuy, packages: Mapping[str, Package]
) -> Iterator[tuple[str, str]]:
    """Yield each action that a schema-valid request maps to, with the field that asks for it.

    `packages` are those of the buy by their id, and have every package that the request names.
    """
    if "paused" in params:
        yield ("pause" if params["paused"] else "resume"), "paused"
    if "start_time" in params:
        yield "update_flight_dates", "start_time"
    elif "end_time" in params:
        yield _end_moves(params["end_time"], buy), "end_time"
    budgets = _budget_action(params, packages)
    for index, line in enumerate(params.get("packages") or []):
        for action, name in _package_actions(line, packages[line["package_id"]], budgets):
            yield action, f"packages[{index}].{name}"
    if params.get("new_packages"):
        yield "add_packages", "new_packages"


def _end_moves(end_time: str, buy: MediaBuy) -> str:
    later = parse_time(end_time, "end_time") > buy.end_time
    return "extend_flight" if later else "shorten_flight"


def _budget_action(params: Mapping[str, Any], packages: Mapping[str, Package]) -> str:
    moves = [
        from_wire(line["budget"]) - packages[line["package_id"]].budget
        for line in params.get("packages") or []
        if "budget" in line and from_wire(line["budget"]).is_finite()
    ]
    if moves and sum(moves) == 0 and any(moves):
        return "reallocate_budget"
    return "increase_budget" if sum(moves) > 0 else "decrease_budget"


def _package_actions(
    line: Mapping[str, Any], package: Package, budgets: str
) -> Iterator[tuple[str, str]]:
    if line.get("canceled"):
        yield "remove_packages", "canceled"
        return
    if "budget" in line:
        yield budgets, "budget"
    if "targeting_overlay" in line:
        yield _targeting_action(line["targeting_overlay"], package), "targeting_overlay"
    for name in CHANGING_FIELDS:
        if line.get(name):
            yield "update_targeting", name
    if "pacing" in line:
        yield "update_pacing", "pacing"
    if "creative_assignments" in line:
        removes = not line["creative_assignments"]
        yield (
            ("remove_creative" if removes else "update_creative_assignments"),
            "creative_assignments",
        )
    for name in COARSE_FIELDS:
        if name in line:
            yield "update_packages", name


def _targeting_action(overlay: Mapping[str, Any], package: Package) -> str:
    before = package.targeting_overlay or {}
    moved = {key for key in {*overlay, *before} if overlay.get(key) != before.get(key)}
    return "update_frequency_caps" if moved == {"frequency_cap"} else "update_targeting"
