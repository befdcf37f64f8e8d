"""Booking an order on the ad server, and the orders that the inline adapter keeps."""

from django.db import models
from django.db.models import Q
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys import ids
from mediabuys.models.buys import MediaBuy
from mediabuys.states import BOOKING_MOVES, BookingStatus, BookingStep


class Booking(ConcurrentTransitionMixin, models.Model):
    """One order's way onto the ad server: claimed, called, settled; each step is persisted.

    The lease token fences a worker that was taken for dead: what it settles late changes nothing.
    """

    booking_id = models.CharField(max_length=64, unique=True, default=ids.booking_id)
    media_buy = models.OneToOneField(MediaBuy, on_delete=models.PROTECT, related_name="booking")
    status = FSMField(choices=BookingStatus.choices, default=BookingStatus.QUEUED, protected=True)
    step = models.CharField(
        max_length=30, choices=BookingStep.choices, default=BookingStep.ORDER_VALIDATION
    )
    attempt_count = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    order_id = models.CharField(max_length=100, blank=True, help_text="The ad server's own id.")
    line_items = models.JSONField(default=list, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=BookingStatus.values), name="booking_status_known"
            ),
            models.CheckConstraint(
                condition=Q(step__in=BookingStep.values), name="booking_step_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=BookingStatus.BOOKED) | ~Q(order_id=""),
                name="booking_booked_with_order",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=(BookingStatus.BOOKED, BookingStatus.FAILED))
                | Q(settled_at__isnull=False),
                name="booking_settled_when",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="booking_due",
                condition=Q(status__in=(BookingStatus.QUEUED, BookingStatus.BOOKING)),
            )
        ]

    def __str__(self) -> str:
        return self.booking_id

    @transition(status, BOOKING_MOVES["claim"].sources, BOOKING_MOVES["claim"].target)
    def claim(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BOOKING_MOVES["requeue"].sources, BOOKING_MOVES["requeue"].target)
    def requeue(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BOOKING_MOVES["finish"].sources, BOOKING_MOVES["finish"].target)
    def finish(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, BOOKING_MOVES["fail"].sources, BOOKING_MOVES["fail"].target)
    def fail(self) -> None:
        """Move only; services lock, save and record."""


class InlineOrder(models.Model):
    """An order on the inline adapter: it keeps orders by reference in this table."""

    reference = models.CharField(max_length=64, unique=True)
    order_id = models.CharField(max_length=64, unique=True)
    advertiser = models.CharField(max_length=253)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()
    line_items = models.JSONField(default=list)
    revision = models.PositiveIntegerField(default=1, db_default=1)
    is_paused = models.BooleanField(default=False, db_default=False)
    canceled_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.order_id
