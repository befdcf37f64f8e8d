"""The outbox: where messages go, what they say, and what became of each attempt."""

import secrets

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from webhooks.encryption import EncryptedTextField
from webhooks.states import AttemptOutcome, DeliveryStatus, DestinationKind, Scheme


def new_destination_id() -> str:
    return f"dst_{secrets.token_hex(20)}"


def new_delivery_id() -> str:
    return f"dlv_{secrets.token_hex(20)}"


class Destination(models.Model):
    """One address of one owner, reached in one way with one secret.

    What the dispatcher knows of its health is kept here; it is paused by a person or by a 410.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_destination_id)
    owner_key = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=DestinationKind.choices)
    url = models.TextField()
    url_digest = models.CharField(max_length=64, editable=False)
    scheme = models.CharField(max_length=20, choices=Scheme.choices, default=Scheme.NONE)
    credentials = EncryptedTextField(blank=True, default="", editable=False)
    credentials_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    created_at = models.DateTimeField(db_default=Now())
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=200, blank=True, default="")
    consecutive_failures = models.PositiveIntegerField(default=0)
    circuit_open_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner_key", "kind", "url_digest", "scheme", "credentials_digest"],
                name="destination_once_per_owner",
            ),
            models.CheckConstraint(
                condition=(Q(scheme=Scheme.NONE) & Q(credentials_digest=""))
                | (~Q(scheme=Scheme.NONE) & ~Q(credentials_digest="")),
                name="destination_secret_iff_legacy_scheme",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.owner_key}"


class Delivery(models.Model):
    """One message for one destination: written with the change that it tells of, bytes frozen.

    A claimed row is due again when its lease ends, so that a worker's death needs no repair.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_delivery_id)
    idempotency_key = models.CharField(max_length=255, unique=True)
    owner_key = models.CharField(max_length=200)
    subject_key = models.CharField(max_length=200)
    destination = models.ForeignKey(
        Destination, on_delete=models.PROTECT, related_name="deliveries"
    )
    kind = models.CharField(max_length=60)
    sequence = models.PositiveIntegerField()
    body = models.BinaryField()
    content_type = models.CharField(max_length=100, default="application/json")
    status = models.CharField(
        max_length=12, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    stopped_because = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(db_default=Now())
    attempt_count = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    first_attempt_at = models.DateTimeField(null=True, blank=True)
    horizon_at = models.DateTimeField(
        null=True, blank=True, help_text="No attempt is made after this."
    )
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "subject_key", "kind", "sequence"],
                name="delivery_once_per_event",
            ),
            models.CheckConstraint(
                condition=Q(status=DeliveryStatus.PENDING, settled_at__isnull=True)
                | (~Q(status=DeliveryStatus.PENDING) & Q(settled_at__isnull=False)),
                name="delivery_settled_iff_not_pending",
            ),
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True, leased_until__isnull=True)
                | Q(
                    lease_token__isnull=False,
                    leased_until__isnull=False,
                    status=DeliveryStatus.PENDING,
                ),
                name="delivery_leased_only_while_pending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["destination", "next_attempt_at"],
                condition=Q(status=DeliveryStatus.PENDING),
                name="delivery_due",
            ),
            models.Index(
                fields=["destination", "leased_until"],
                condition=Q(lease_token__isnull=False),
                name="delivery_in_flight",
            ),
            models.Index(
                fields=["horizon_at"],
                condition=Q(status=DeliveryStatus.PENDING, horizon_at__isnull=False),
                name="delivery_horizon",
            ),
            models.Index(fields=["subject_key", "created_at"], name="delivery_subject"),
            models.Index(fields=["owner_key", "created_at"], name="delivery_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sequence} of {self.subject_key}"


class Attempt(models.Model):
    """One try at one delivery, written before the socket opens."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=20, choices=AttemptOutcome.choices, default=AttemptOutcome.PENDING
    )
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(
        max_length=500, blank=True, default="", help_text="What went wrong, never the peer's words."
    )
    response_headers = models.JSONField(default=dict, blank=True)
    response_excerpt = models.TextField(blank=True, default="")
    payload_bytes = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_once"),
            models.CheckConstraint(
                condition=Q(outcome=AttemptOutcome.PENDING, completed_at__isnull=True)
                | (~Q(outcome=AttemptOutcome.PENDING) & Q(completed_at__isnull=False)),
                name="attempt_completed_iff_not_pending",
            ),
        ]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"Attempt {self.number}"
