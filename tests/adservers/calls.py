"""Every call of the port, by its name."""

from collections.abc import Callable

from mediabuys.adservers.port import AdServer
from tests.adservers.contract.base import FIRST, LAST, PRODUCT, order
from tests.adservers.contract.creatives import creative

CALLS: dict[str, Callable[[AdServer], object]] = {
    "validate_order": lambda server: server.validate_order(order()),
    "validate_inventory": lambda server: server.validate_inventory(order()),
    "create_order": lambda server: server.create_order(order()),
    "create_line_items": lambda server: server.create_line_items(order()),
    "confirm": lambda server: server.confirm("ORD-1"),
    "find": lambda server: server.find("ORD-1"),
    "change": lambda server: server.change(order(revision=2)),
    "pause": lambda server: server.pause("ORD-1", revision=2),
    "resume": lambda server: server.resume("ORD-1", revision=2),
    "cancel": lambda server: server.cancel("ORD-1"),
    "availability": lambda server: server.availability([PRODUCT], first=FIRST, last=LAST),
    "push_creative": lambda server: server.push_creative(creative()),
    "creative_states": lambda server: server.creative_states("7"),
    "delivery": lambda server: server.delivery("7"),
    "health": lambda server: server.health(),
}
