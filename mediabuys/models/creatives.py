"""Creatives and which packages they serve."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys.models.accounts import Account, Principal
from mediabuys.models.buys import Package
from mediabuys.states import (
    CREATIVE_MOVES,
    REFUSING_OUTCOMES,
    CreativeStatus,
    ReviewOutcome,
)


class Creative(ConcurrentTransitionMixin, models.Model):
    """One creative in an account's library; its id is the buyer's own."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="creatives")
    principal = models.ForeignKey(Principal, on_delete=models.PROTECT, related_name="creatives")
    creative_id = models.CharField(max_length=255)
    name = models.CharField(max_length=500)
    format_id = models.JSONField(help_text="The format reference exactly as the buyer sent it.")
    format_key = models.CharField(max_length=100, db_index=True, help_text="The format's own id.")
    assets = models.JSONField(default=dict)
    tags = models.JSONField(default=list, blank=True)
    content_digest = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(default=1)
    status = FSMField(
        choices=CreativeStatus.choices, default=CreativeStatus.PROCESSING, protected=True
    )
    rejection_reason = models.CharField(max_length=500, blank=True)
    reviewed_by = models.CharField(max_length=200, blank=True)
    passed_on_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when this revision is the ad server's to review; empty while it is ours.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "creative_id"], name="creative_id_once"),
            models.CheckConstraint(
                condition=Q(status__in=CreativeStatus.values), name="creative_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=CreativeStatus.REJECTED) | ~Q(rejection_reason=""),
                name="creative_rejected_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["updated_at"],
                name="creative_to_review",
                condition=Q(status=CreativeStatus.PENDING_REVIEW, passed_on_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_passed_on(self) -> bool:
        """Whether we approved it and the ad server reviews it now."""
        return self.status == CreativeStatus.PENDING_REVIEW and self.passed_on_at is not None

    @property
    def standing(self) -> str:
        """Where it stands, as a reviewer must know it: its status, or that it is passed on."""
        return ReviewOutcome.PASSED_ON if self.is_passed_on else self.status

    @transition(status, CREATIVE_MOVES["submit"].sources, CREATIVE_MOVES["submit"].target)
    def submit(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, CREATIVE_MOVES["approve"].sources, CREATIVE_MOVES["approve"].target)
    def approve(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, CREATIVE_MOVES["reject"].sources, CREATIVE_MOVES["reject"].target)
    def reject(self) -> None:
        """Move only; services lock, save and record."""


class CreativeReview(models.Model):
    """One entry of a creative's history, never changed: a revision sent, and what was said of it.

    `reviewer` is who did it: the buyer's agent that sent it, a person, or a named policy. `reason`
    says why it was refused, or what changed in a revision.
    """

    creative = models.ForeignKey(Creative, on_delete=models.PROTECT, related_name="reviews")
    revision = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=ReviewOutcome.choices)
    reason = models.CharField(max_length=500, blank=True)
    reviewer = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=ReviewOutcome.values), name="creative_review_outcome_known"
            ),
            models.CheckConstraint(
                condition=~Q(outcome__in=REFUSING_OUTCOMES) | ~Q(reason=""),
                name="creative_review_refused_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} by {self.reviewer}"


class CreativeAssignment(models.Model):
    """A creative on a package; `creative` is null while the id is promised but not synced."""

    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="assignments")
    creative_ref = models.CharField(max_length=255, help_text="The creative's id.")
    creative = models.ForeignKey(
        Creative, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    weight = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    assigned_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["package", "creative_ref"], name="creative_assignment_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.creative_ref} on {self.package}"
