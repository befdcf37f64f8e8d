"""Changes of a buy that wait for a person."""

from django.db import models
from django.db.models import Q
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys import ids
from mediabuys.models.accounts import Principal
from mediabuys.models.buys import MediaBuy
from mediabuys.states import CHANGE_MOVES, ChangeStatus
from webhooks.encryption import EncryptedTextField


class MediaBuyChange(ConcurrentTransitionMixin, models.Model):
    """What a buyer asked to change, parked until somebody decides; at most one waits for each buy.

    `base_revision` is the buy's revision that it was asked of: once the buy has moved on, the
    change is stale and is never applied.
    """

    change_id = models.CharField(max_length=64, unique=True, default=ids.change_id)
    media_buy = models.ForeignKey(MediaBuy, on_delete=models.PROTECT, related_name="changes")
    principal = models.ForeignKey(Principal, on_delete=models.PROTECT, related_name="changes")
    status = FSMField(choices=ChangeStatus.choices, default=ChangeStatus.WAITING, protected=True)
    base_revision = models.PositiveIntegerField()
    patch = models.JSONField(help_text="The fields of the request that change the buy.")
    sealed = EncryptedTextField(
        blank=True,
        default="",
        editable=False,
        help_text="The fields of the request that carry secrets, as JSON.",
    )
    differences = models.JSONField(
        default=list, help_text="In words, as it was asked: label, before and after."
    )
    policy = models.JSONField(default=dict, help_text="Which rules, versions and facts stopped it.")
    budget_after = models.DecimalField(max_digits=18, decimal_places=4)
    applied_revision = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ChangeStatus.values), name="media_buy_change_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status=ChangeStatus.WAITING, settled_at__isnull=True)
                | (~Q(status=ChangeStatus.WAITING) & Q(settled_at__isnull=False)),
                name="media_buy_change_settled_when",
            ),
            models.CheckConstraint(
                condition=Q(status=ChangeStatus.APPLIED, applied_revision__isnull=False)
                | (~Q(status=ChangeStatus.APPLIED) & Q(applied_revision__isnull=True)),
                name="media_buy_change_applied_as",
            ),
            models.UniqueConstraint(
                fields=["media_buy"],
                condition=Q(status=ChangeStatus.WAITING),
                name="media_buy_change_one_waits",
            ),
        ]

    def __str__(self) -> str:
        return self.change_id

    @transition(status, CHANGE_MOVES["apply"].sources, CHANGE_MOVES["apply"].target)
    def apply(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, CHANGE_MOVES["refuse"].sources, CHANGE_MOVES["refuse"].target)
    def refuse(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, CHANGE_MOVES["outdate"].sources, CHANGE_MOVES["outdate"].target)
    def outdate(self) -> None:
        """Move only; services lock, save and record."""
