from mediabuys.models.accounts import Account, AccountAccess, Principal, Property, Publisher
from mediabuys.models.bookings import Booking, InlineOrder
from mediabuys.models.buys import MediaBuy, Package
from mediabuys.models.catalog import CreativeFormat, PricingOption, Product
from mediabuys.models.changes import MediaBuyChange
from mediabuys.models.creatives import Creative, CreativeAssignment, CreativeReview
from mediabuys.models.delivery import DeliverySnapshot
from mediabuys.models.events import Event
from mediabuys.models.proposals import Proposal, ProposalAllocation, ProposalEvent
from mediabuys.models.reports import ArtifactWebhook, ReportingWebhook

__all__ = [
    "Account",
    "AccountAccess",
    "ArtifactWebhook",
    "Booking",
    "Creative",
    "CreativeAssignment",
    "CreativeFormat",
    "CreativeReview",
    "DeliverySnapshot",
    "Event",
    "InlineOrder",
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
]
