"""What every adapter must do: a test for each rule of the port; `docs/ad-servers.md` explains them.

A subclass says what its ad server has, makes the adapter, and lends a `World` where there is more
than orders. What the ad server has not is tested to be answered with nothing.
"""

from tests.adservers.contract.booking import BookingRules
from tests.adservers.contract.changes import ChangeRules
from tests.adservers.contract.creatives import NoReviewRules, ReviewRules
from tests.adservers.contract.delivery import DeliveryRules, NoDeliveryRules
from tests.adservers.contract.inventory import InventoryRules, NoInventoryRules
from tests.adservers.contract.races import RaceRules


class AloneRules(
    BookingRules,
    ChangeRules,
    InventoryRules,
    NoInventoryRules,
    ReviewRules,
    NoReviewRules,
    DeliveryRules,
    NoDeliveryRules,
):
    """The rules for one caller at a time."""


class AdServerContract(AloneRules, RaceRules):
    """All rules."""
