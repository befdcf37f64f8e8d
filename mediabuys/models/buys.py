"""Orders and buys: what was bought, and where it stands."""

from django.contrib.postgres.indexes import BTreeIndex
from django.db import models
from django.db.models import F, Q
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys import ids
from mediabuys.models.accounts import Account, Principal
from mediabuys.models.catalog import PricingOption, Product
from mediabuys.models.channels import BuyerChannel
from mediabuys.states import (
    BUY_MOVES,
    INTERNAL_BUY_STATUSES,
    LIVE_BUY_STATUSES,
    TERMINAL_BUY_STATUSES,
    BuyStatus,
    CanceledBy,
    HoldStatus,
)
from webhooks.encryption import EncryptedTextField


class MediaBuy(ConcurrentTransitionMixin, BuyerChannel):
    """One order, from draft to the end of its flight.

    `reference` names the order from its first second, in the desk and on the ad server;
    `media_buy_id` exists once the order is accepted, and only then is it on any wire.
    """

    reference = models.CharField(max_length=64, unique=True, default=ids.order_reference)
    media_buy_id = models.CharField(max_length=64, unique=True, null=True, blank=True)
    context_id = models.CharField(max_length=64, unique=True, default=ids.context_id)
    principal = models.ForeignKey(Principal, on_delete=models.PROTECT, related_name="media_buys")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="media_buys")
    status = FSMField(choices=BuyStatus.choices, default=BuyStatus.DRAFT, protected=True)
    brand_domain = models.CharField(max_length=253)
    brand_id = models.CharField(max_length=100, blank=True)
    currency = models.CharField(max_length=3)
    total_budget = models.DecimalField(max_digits=18, decimal_places=4)
    start_time = models.DateTimeField(help_text="For “asap”, the moment of the request.")
    end_time = models.DateTimeField()
    starts_asap = models.BooleanField(default=False)
    is_held = models.BooleanField(
        default=False, help_text="The buyer paused it: it does not start until resumed."
    )
    revision = models.PositiveIntegerField(default=1)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    creative_deadline = models.DateTimeField(null=True, blank=True)
    plan_id = models.CharField(max_length=255, blank=True)
    po_number = models.CharField(max_length=255, blank=True)
    agency_estimate_number = models.CharField(max_length=100, blank=True)
    advertiser_industry = models.CharField(max_length=100, blank=True)
    buyer_ref = models.CharField(
        max_length=255, blank=True, help_text="The buyer's own name for it, on the older surface."
    )
    campaign_ref = models.CharField(
        max_length=255, blank=True, help_text="The buyer's campaign that it is one buy of."
    )
    proposal = models.ForeignKey(
        "mediabuys.Proposal",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="media_buys",
    )
    io_acceptance = models.JSONField(
        null=True, blank=True, help_text="Who accepted which insertion order, and when."
    )
    governance_context = models.TextField(blank=True)
    invoice_recipient = models.JSONField(
        null=True, blank=True, help_text="Who is invoiced for this buy alone, without bank details."
    )
    invoice_bank = EncryptedTextField(blank=True, default="", editable=False)
    request_context = models.JSONField(
        null=True, blank=True, help_text="The buyer's own context, returned as it came."
    )
    ext = models.JSONField(null=True, blank=True)
    policy = models.JSONField(
        default=dict, help_text="Which rules, versions and facts let it through or stopped it."
    )
    rejection_reason = models.CharField(max_length=500, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    canceled_by = models.CharField(max_length=10, choices=CanceledBy.choices, blank=True)
    cancellation_reason = models.CharField(max_length=500, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    archived_by = models.CharField(max_length=200, blank=True)
    flight_check_after = models.DateTimeField(
        null=True, blank=True, help_text="A buy that failed to move is tried again after this."
    )
    flight_failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("end_mediabuy", "Can reject and cancel media buys")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=BuyStatus.values), name="media_buy_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=INTERNAL_BUY_STATUSES, media_buy_id__isnull=True)
                | (~Q(status__in=INTERNAL_BUY_STATUSES) & Q(media_buy_id__isnull=False)),
                name="media_buy_id_once_accepted",
            ),
            models.CheckConstraint(
                condition=Q(end_time__gt=F("start_time")), name="media_buy_flight_forward"
            ),
            models.CheckConstraint(
                condition=Q(total_budget__gte=0), name="media_buy_budget_positive"
            ),
            models.CheckConstraint(
                condition=Q(revision__gte=1), name="media_buy_revision_positive"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=(BuyStatus.ACTIVE, BuyStatus.COMPLETED))
                | Q(confirmed_at__isnull=False),
                name="media_buy_runs_confirmed",
            ),
            models.CheckConstraint(
                condition=~Q(status=BuyStatus.CANCELED) | Q(canceled_at__isnull=False),
                name="media_buy_canceled_when",
            ),
            models.CheckConstraint(
                condition=Q(archived_at__isnull=True) | Q(status__in=TERMINAL_BUY_STATUSES),
                name="media_buy_archived_when_over",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "status", "-id"],
                name="media_buy_page",
                condition=~Q(status__in=INTERNAL_BUY_STATUSES),
            ),
            models.Index(
                fields=["account"],
                name="media_buy_drafts",
                condition=Q(status=BuyStatus.DRAFT),
            ),
            models.Index(
                fields=["account", "buyer_ref"],
                name="media_buy_buyer_ref",
                condition=~Q(buyer_ref=""),
            ),
            models.Index(
                fields=["account", "campaign_ref", "-id"],
                name="media_buy_campaign",
                condition=~Q(campaign_ref=""),
            ),
            BTreeIndex(
                fields=["start_time"],
                name="media_buy_due_start",
                condition=Q(status__in=LIVE_BUY_STATUSES[:2]),
            ),
            BTreeIndex(
                fields=["end_time"],
                name="media_buy_due_end",
                condition=Q(status__in=LIVE_BUY_STATUSES),
            ),
        ]

    def __str__(self) -> str:
        return self.media_buy_id or self.reference

    @transition(status, BUY_MOVES["accept"].sources, BUY_MOVES["accept"].target)
    def accept(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["decline"].sources, BUY_MOVES["decline"].target)
    def decline(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["make_ready"].sources, BUY_MOVES["make_ready"].target)
    def make_ready(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["activate"].sources, BUY_MOVES["activate"].target)
    def activate(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["activate_held"].sources, BUY_MOVES["activate_held"].target)
    def activate_held(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["pause"].sources, BUY_MOVES["pause"].target)
    def pause(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["resume"].sources, BUY_MOVES["resume"].target)
    def resume(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["complete"].sources, BUY_MOVES["complete"].target)
    def complete(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["reject"].sources, BUY_MOVES["reject"].target)
    def reject(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BUY_MOVES["cancel"].sources, BUY_MOVES["cancel"].target)
    def cancel(self) -> None:
        """Move only; services lock, save and record."""


class Package(ConcurrentTransitionMixin, models.Model):
    """One line of an order: a product, at a price, with a budget."""

    package_id = models.CharField(max_length=64, unique=True, default=ids.package_id)
    media_buy = models.ForeignKey(MediaBuy, on_delete=models.CASCADE, related_name="packages")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="packages")
    pricing_option = models.ForeignKey(PricingOption, on_delete=models.PROTECT)
    budget = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3)
    bid_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    unit_price = models.DecimalField(
        max_digits=18, decimal_places=4, null=True, blank=True, help_text="Agreed at the order."
    )
    rate_card_price = models.DecimalField(
        max_digits=18, decimal_places=4, null=True, blank=True, help_text="As of the order."
    )
    impressions = models.PositiveBigIntegerField(null=True, blank=True)
    pacing = models.CharField(max_length=20, blank=True)
    start_time = models.DateTimeField(null=True, blank=True)
    end_time = models.DateTimeField(null=True, blank=True)
    is_paused = models.BooleanField(default=False)
    is_canceled = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    canceled_by = models.CharField(max_length=10, choices=CanceledBy.choices, blank=True)
    cancellation_reason = models.CharField(max_length=500, blank=True)
    buyer_ref = models.CharField(max_length=255, blank=True)
    format_ids = models.JSONField(
        default=list,
        blank=True,
        help_text="Formats that the buyer chose; empty means the product's.",
    )
    targeting_overlay = models.JSONField(null=True, blank=True)
    terms = models.JSONField(
        default=dict, blank=True, help_text="Measurement terms and performance standards asked for."
    )
    agency_estimate_number = models.CharField(max_length=100, blank=True)
    request_context = models.JSONField(null=True, blank=True)
    ext = models.JSONField(null=True, blank=True)
    hold_status = FSMField(choices=HoldStatus.choices, default=HoldStatus.NONE, protected=True)
    held_impressions = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Guaranteed impressions that it holds or has taken."
    )
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="A hold that nobody has decided on counts until then."
    )

    class Meta:
        ordering = ["media_buy", "position"]
        constraints = [
            models.UniqueConstraint(fields=["media_buy", "position"], name="package_position_once"),
            models.CheckConstraint(condition=Q(budget__gte=0), name="package_budget_positive"),
            models.CheckConstraint(
                condition=Q(is_canceled=False) | Q(canceled_at__isnull=False),
                name="package_canceled_when",
            ),
            models.CheckConstraint(
                condition=Q(hold_status__in=HoldStatus.values), name="package_hold_known"
            ),
            models.CheckConstraint(
                condition=Q(hold_status=HoldStatus.NONE)
                | Q(held_impressions__isnull=False, held_until__isnull=False),
                name="package_hold_of_what",
            ),
            models.CheckConstraint(
                condition=Q(end_time__isnull=True)
                | Q(start_time__isnull=True)
                | Q(end_time__gt=F("start_time")),
                name="package_flight_forward",
            ),
        ]
        indexes = [
            models.Index(
                fields=["buyer_ref"], name="package_buyer_ref", condition=~Q(buyer_ref="")
            ),
            models.Index(
                fields=["product"],
                name="package_holds",
                condition=Q(hold_status__in=(HoldStatus.HELD, HoldStatus.CONSUMED)),
            ),
        ]

    def __str__(self) -> str:
        return self.package_id
