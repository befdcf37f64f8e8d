"""An order as the buyer asked for it, already resolved against the catalog."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from mediabuys.models import PricingOption, Product, Proposal
from mediabuys.reporting import ArtifactRequest, ReportingRequest


@dataclass(frozen=True)
class Channel:
    """A registered webhook: the stored destination and what each notice echoes verbatim."""

    destination_id: int
    operation_id: str = ""
    push_token: str = ""


def channel_fields(channel: Channel | None) -> dict[str, Any]:
    """Return the channel as the fields of a `BuyerChannel` row."""
    return asdict(channel) if channel else {}


@dataclass(frozen=True)
class AssignmentRequest:
    """A creative that the buyer wants on a package; it may not be synced yet."""

    creative_id: str
    weight: Decimal | None = None


@dataclass(frozen=True)
class FirmTerms:
    """What a committed proposal has settled for one product, whatever the catalog says today."""

    budget: Decimal
    unit_price: Decimal | None


@dataclass(frozen=True)
class PackageRequest:
    """One line: `unit_price` is the fixed price, the bid, or the floor where no bid was made."""

    product: Product
    pricing_option: PricingOption
    budget: Decimal
    unit_price: Decimal | None
    bid_price: Decimal | None = None
    impressions: int | None = None
    pacing: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    is_paused: bool = False
    format_ids: list[dict[str, Any]] = field(default_factory=list)
    targeting_overlay: dict[str, Any] | None = None
    terms: dict[str, Any] = field(default_factory=dict)
    assignments: tuple[AssignmentRequest, ...] = ()
    agency_estimate_number: str = ""
    buyer_ref: str = ""
    context: dict[str, Any] | None = None
    ext: dict[str, Any] | None = None


@dataclass(frozen=True)
class OrderRequest:
    """A whole order, valid as far as it can be checked before anybody decides.

    `proposal` is the committed one that it executes, whose row the caller holds.
    """

    brand_domain: str
    brand_id: str
    currency: str
    total_budget: Decimal
    start_time: datetime
    end_time: datetime
    starts_asap: bool
    packages: tuple[PackageRequest, ...]
    is_held: bool = False
    plan_id: str = ""
    po_number: str = ""
    agency_estimate_number: str = ""
    advertiser_industry: str = ""
    buyer_ref: str = ""
    campaign_ref: str = ""
    governance_context: str = field(default="", repr=False)
    proposal: Proposal | None = None
    io_acceptance: dict[str, Any] | None = None
    invoice_recipient: dict[str, Any] | None = None
    invoice_bank: str = field(default="", repr=False)
    reporting: ReportingRequest | None = None
    artifacts: ArtifactRequest | None = None
    context: dict[str, Any] | None = None
    ext: dict[str, Any] | None = None
