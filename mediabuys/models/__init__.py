from mediabuys.models.accounts import Account, AccountAccess, Principal, Property, Publisher
from mediabuys.models.bookings import Booking, InlineOrder
from mediabuys.models.buys import MediaBuy, Package
from mediabuys.models.catalog import CreativeFormat, PricingOption, Product
from mediabuys.models.creatives import Creative, CreativeAssignment
from mediabuys.models.events import Event

__all__ = [
    "Account",
    "AccountAccess",
    "Booking",
    "Creative",
    "CreativeAssignment",
    "CreativeFormat",
    "Event",
    "InlineOrder",
    "MediaBuy",
    "Package",
    "PricingOption",
    "Principal",
    "Product",
    "Property",
    "Publisher",
]
