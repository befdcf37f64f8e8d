from mediabuys.models.accounts import Account, AccountAccess, Principal, Property, Publisher
from mediabuys.models.bookings import Booking, InlineOrder
from mediabuys.models.buys import MediaBuy, Package
from mediabuys.models.catalog import CreativeFormat, PricingOption, Product
from mediabuys.models.changes import MediaBuyChange
from mediabuys.models.creatives import Creative, CreativeAssignment, CreativeReview
from mediabuys.models.delivery import (
    DeliveryRevision,
    DeliveryRow,
    DeliverySnapshot,
    StrayDelivery,
)
from mediabuys.models.events import Event
from mediabuys.models.inventory import InventoryDay
from mediabuys.models.proposals import Proposal, ProposalAllocation, ProposalEvent
from mediabuys.models.reports import ArtifactWebhook, ReportingWebhook
from mediabuys.models.trafficking import AdServerFeed, Trafficking

__all__ = [
    "Account",
    "AccountAccess",
    "AdServerFeed",
    "ArtifactWebhook",
    "Booking",
    "Creative",
    "CreativeAssignment",
    "CreativeFormat",
    "CreativeReview",
    "DeliveryRevision",
    "DeliveryRow",
    "DeliverySnapshot",
    "Event",
    "InlineOrder",
    "InventoryDay",
    "MediaBuy",
    "MediaBuyChange",
    "Package",
    "PricingOption",
    "Principal",
    "Product",
    "Property",
    "Proposal",
    "ProposalAllocation",
    "ProposalEvent",
    "Publisher",
    "ReportingWebhook",
    "StrayDelivery",
    "Trafficking",
]
