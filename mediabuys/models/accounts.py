"""Who sells, who buys, and on whose account."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys import ids
from mediabuys.states import (
    ACCOUNT_MOVES,
    AccountStatus,
    CreativeApprovalMode,
    PrincipalStatus,
)


class Publisher(models.Model):
    """The one publisher of this deployment, and the settings that its staff edit."""

    singleton = models.BooleanField(default=True, unique=True, editable=False)
    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253)
    description = models.TextField(blank=True)
    currency = models.CharField(max_length=3, default="USD")
    timezone = models.CharField(max_length=64, default="UTC")
    ad_server_name = models.CharField(max_length=100, default="the house ad server")
    approval_budget_threshold = models.DecimalField(
        max_digits=18,
        decimal_places=4,
        default=Decimal(10_000),
        help_text="Orders above this wait for a person, unless the account has its own threshold.",
    )
    business_day_start = models.TimeField(default="09:00")
    business_day_end = models.TimeField(default="18:00")
    approval_due_business_hours = models.PositiveSmallIntegerField(default=4)
    approval_expiry_business_days = models.PositiveSmallIntegerField(default=5)
    default_approval_estimate = models.CharField(
        max_length=100, default="2-4 hours during business hours"
    )
    measured_approval_estimate = models.CharField(
        max_length=100, blank=True, editable=False, help_text="From past decisions, once enough."
    )
    creative_approval_mode = models.CharField(
        max_length=20,
        choices=CreativeApprovalMode.choices,
        default=CreativeApprovalMode.AUTO_APPROVE,
    )
    creative_deadline_hours = models.PositiveSmallIntegerField(
        default=24, help_text="Creatives are due this many hours before a flight starts."
    )
    proposal_validity_hours = models.PositiveSmallIntegerField(
        default=72, help_text="A committed proposal's prices stand this long."
    )
    signature_threshold = models.DecimalField(
        max_digits=18,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Insertion orders from this amount on must be signed; empty: none must.",
    )
    allows_legacy_account_filter = models.BooleanField(
        default=True, help_text="Whether the older get_media_buys may be narrowed by account_id."
    )
    staff_notice_emails = models.CharField(
        max_length=500, blank=True, help_text="Who hears of a new approval, comma-separated."
    )
    staff_destination = models.ForeignKey(
        "webhooks.Destination",
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )

    class Meta:
        verbose_name_plural = "publisher"
        constraints = [
            models.CheckConstraint(condition=Q(singleton=True), name="publisher_is_one_row"),
            models.CheckConstraint(
                condition=Q(approval_budget_threshold__gte=0), name="publisher_threshold_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def approval_estimate(self) -> str:
        """How long an answer takes: as measured, else as configured."""
        return self.measured_approval_estimate or self.default_approval_estimate


class Property(models.Model):
    """A place where the publisher shows advertising: a site, an app, a channel, a stream."""

    class Type(models.TextChoices):
        WEBSITE = "website", "Website"
        MOBILE_APP = "mobile_app", "Mobile app"
        CTV_APP = "ctv_app", "CTV app"
        RADIO = "radio", "Radio"
        STREAMING_AUDIO = "streaming_audio", "Streaming audio"
        PODCAST = "podcast", "Podcast"

    property_id = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    property_type = models.CharField(max_length=20, choices=Type.choices)
    publisher_domain = models.CharField(max_length=253)
    identifiers = models.JSONField(default=list, blank=True)
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name_plural = "properties"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Principal(models.Model):
    """A buyer's agent: who authenticates."""

    principal_id = models.CharField(max_length=64, unique=True, default=ids.principal_id)
    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, blank=True)
    status = models.CharField(
        max_length=20, choices=PrincipalStatus.choices, default=PrincipalStatus.ACTIVE
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "buyer agent"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Account(ConcurrentTransitionMixin, models.Model):
    """Who is billed: a brand bought for by an operator, as its owning agent declared it.

    The natural key is unique for each owning agent, so that naming another buyer's brand never
    reaches that buyer's account.
    """

    account_id = models.CharField(max_length=64, unique=True, default=ids.account_id)
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT)
    owner = models.ForeignKey(Principal, on_delete=models.PROTECT, related_name="owned_accounts")
    principals = models.ManyToManyField(Principal, through="AccountAccess", related_name="accounts")
    name = models.CharField(max_length=200)
    brand_domain = models.CharField(max_length=253)
    brand_id = models.CharField(max_length=100, blank=True)
    operator_domain = models.CharField(max_length=253)
    sandbox = models.BooleanField(default=False)
    status = FSMField(choices=AccountStatus.choices, default=AccountStatus.ACTIVE, protected=True)
    billing = models.CharField(max_length=20, default="operator")
    billing_entity = models.JSONField(null=True, blank=True)
    payment_terms = models.CharField(max_length=20, default="net_30")
    currency = models.CharField(max_length=3, default="USD")
    credit_limit = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    approval_budget_threshold = models.DecimalField(
        max_digits=18, decimal_places=4, null=True, blank=True
    )
    governance_agents = models.JSONField(
        default=list,
        blank=True,
        help_text='The buyer\'s governance agents: [{"url": "https://…"}].',
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "brand_domain", "brand_id", "operator_domain", "sandbox"],
                name="account_natural_key",
            ),
            models.CheckConstraint(
                condition=Q(status__in=AccountStatus.values), name="account_status_known"
            ),
            models.CheckConstraint(
                condition=Q(credit_limit__isnull=True) | Q(credit_limit__gte=0),
                name="account_credit_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @transition(status, ACCOUNT_MOVES["approve"].sources, ACCOUNT_MOVES["approve"].target)
    def approve(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, ACCOUNT_MOVES["reject"].sources, ACCOUNT_MOVES["reject"].target)
    def reject(self) -> None:
        """Move only; services lock, save and record."""

    @transition(
        status, ACCOUNT_MOVES["require_payment"].sources, ACCOUNT_MOVES["require_payment"].target
    )
    def require_payment(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, ACCOUNT_MOVES["suspend"].sources, ACCOUNT_MOVES["suspend"].target)
    def suspend(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, ACCOUNT_MOVES["reinstate"].sources, ACCOUNT_MOVES["reinstate"].target)
    def reinstate(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, ACCOUNT_MOVES["close"].sources, ACCOUNT_MOVES["close"].target)
    def close(self) -> None:
        """Move only; services lock, save and record."""


class AccountAccess(models.Model):
    """Which agent may act on which account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="accesses")
    principal = models.ForeignKey(Principal, on_delete=models.CASCADE, related_name="accesses")
    may_see_delivery = models.BooleanField(
        default=True, help_text="Whether the agent sees impressions and spend of this account."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "account accesses"
        constraints = [
            models.UniqueConstraint(fields=["account", "principal"], name="account_access_once")
        ]

    def __str__(self) -> str:
        return f"{self.principal} on {self.account}"
