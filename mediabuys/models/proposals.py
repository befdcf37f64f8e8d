"""Media plans that a buyer's agent is offered, and the insertion orders that firm them up."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys import ids
from mediabuys.models.accounts import Account, Principal
from mediabuys.models.catalog import PricingOption, Product
from mediabuys.states import PROPOSAL_MOVES, PaymentTerms, ProposalStatus


class Proposal(ConcurrentTransitionMixin, models.Model):
    """One plan for one agent: which products, in which shares of a budget.

    A committed one has firm prices until `expires_at`, and an insertion order (`io_id`).
    """

    proposal_id = models.CharField(max_length=64, unique=True, default=ids.proposal_id)
    principal = models.ForeignKey(Principal, on_delete=models.PROTECT, related_name="proposals")
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="proposals",
        help_text="Empty: for any account of the agent.",
    )
    status = FSMField(choices=ProposalStatus.choices, default=ProposalStatus.DRAFT, protected=True)
    plan_digest = models.CharField(
        max_length=64,
        help_text="What was asked and offered: the same request finds the same draft.",
    )
    name = models.CharField(max_length=500)
    description = models.CharField(max_length=2000, blank=True)
    brief = models.TextField(blank=True)
    brief_alignment = models.CharField(max_length=2000, blank=True)
    brand_domain = models.CharField(max_length=253, blank=True)
    currency = models.CharField(max_length=3)
    minimum_budget = models.DecimalField(max_digits=18, decimal_places=4)
    recommended_budget = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    maximum_budget = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    start_time = models.DateTimeField(null=True, blank=True)
    end_time = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="Until when it can be committed, or then ordered.")
    committed_at = models.DateTimeField(null=True, blank=True)
    io_id = models.CharField(max_length=64, unique=True, null=True, blank=True)
    requires_signature = models.BooleanField(default=False)
    payment_terms = models.CharField(
        max_length=20, choices=PaymentTerms.choices, default=PaymentTerms.NET_30
    )
    terms_url = models.URLField(max_length=500, blank=True)
    signing_url = models.URLField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ProposalStatus.values), name="proposal_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=(ProposalStatus.COMMITTED, ProposalStatus.ORDERED))
                | (Q(committed_at__isnull=False) & Q(io_id__isnull=False)),
                name="proposal_committed_with_order",
            ),
            models.CheckConstraint(
                condition=Q(minimum_budget__gte=0)
                & (
                    Q(maximum_budget__isnull=True)
                    | Q(maximum_budget__gte=models.F("minimum_budget"))
                ),
                name="proposal_budgets_in_order",
            ),
            models.UniqueConstraint(
                fields=["principal", "plan_digest"],
                condition=Q(status=ProposalStatus.DRAFT),
                name="proposal_one_draft_per_plan",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="proposal_drafts_by_expiry",
                condition=Q(status=ProposalStatus.DRAFT),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def value(self) -> Decimal:
        """What its insertion order is over: the recommended budget, else the least."""
        return self.recommended_budget or self.minimum_budget

    @transition(status, PROPOSAL_MOVES["commit"].sources, PROPOSAL_MOVES["commit"].target)
    def commit(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, PROPOSAL_MOVES["order"].sources, PROPOSAL_MOVES["order"].target)
    def order(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, PROPOSAL_MOVES["reopen"].sources, PROPOSAL_MOVES["reopen"].target)
    def reopen(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, PROPOSAL_MOVES["withdraw"].sources, PROPOSAL_MOVES["withdraw"].target)
    def withdraw(self) -> None:
        """Move only; services lock, save and record."""


class ProposalAllocation(models.Model):
    """One product's share of a proposal's budget; `unit_price` is firm once it is committed."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="allocations")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    pricing_option = models.ForeignKey(PricingOption, on_delete=models.PROTECT)
    percentage = models.DecimalField(max_digits=7, decimal_places=4)
    unit_price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    rationale = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["proposal", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "position"], name="proposal_allocation_position_once"
            ),
            models.UniqueConstraint(
                fields=["proposal", "product"], name="proposal_allocation_product_once"
            ),
            models.CheckConstraint(
                condition=Q(percentage__gt=0, percentage__lte=100),
                name="proposal_allocation_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percentage} % {self.product}"


class ProposalEvent(models.Model):
    """One entry of a proposal's history: what an agent or a salesperson did with it, and when."""

    class Action(models.TextChoices):
        OFFERED = "offered", "Offered"
        REFINED = "refined", "Refined by the agent"
        COMMITTED = "committed", "Committed"
        REVISED = "revised", "Edited"
        WITHDRAWN = "withdrawn", "Withdrawn"
        ORDERED = "ordered", "Ordered"
        REOPENED = "reopened", "Open again"

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="events")
    action = models.CharField(max_length=20, choices=Action.choices)
    actor = models.CharField(max_length=200)
    summary = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.action} {self.proposal}"
