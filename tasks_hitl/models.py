"""What waits for a person, who decided, and why it had to wait."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from mediabuys.ids import new_id
from mediabuys.models import Account, MediaBuy, MediaBuyChange, Principal
from mediabuys.models.channels import BuyerChannel
from tasks_hitl.states import (
    EXPIRING_QUEUE_STATES,
    OPEN_TASK_STATUSES,
    TASK_MOVES,
    TERMINAL_TASK_STATUSES,
    Outcome,
    QueueState,
    RejectionReason,
    RuleKind,
    TaskStatus,
    TaskType,
)


def new_task_id() -> str:
    return new_id("task")


class Task(ConcurrentTransitionMixin, BuyerChannel):
    """An operation that did not end in its own answer: the buyer polls it or is told of its end.

    `request_digest` with `version` is what a decision is bound to: both are on the decision page,
    and a decision on anything else is refused.
    """

    task_id = models.CharField(max_length=64, unique=True, default=new_task_id)
    task_type = models.CharField(max_length=40, choices=TaskType.choices)
    status = FSMField(choices=TaskStatus.choices, default=TaskStatus.SUBMITTED, protected=True)
    queue_state = models.CharField(
        max_length=20, choices=QueueState.choices, default=QueueState.PENDING_MANUAL
    )
    version = models.PositiveIntegerField(default=1, help_text="Counts every change of the task.")
    principal = models.ForeignKey(Principal, on_delete=models.PROTECT, related_name="tasks")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="tasks")
    media_buy = models.ForeignKey(MediaBuy, on_delete=models.PROTECT, related_name="tasks")
    change = models.OneToOneField(
        MediaBuyChange, on_delete=models.PROTECT, null=True, blank=True, related_name="task"
    )
    superseded_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="supersedes"
    )
    context_id = models.CharField(max_length=64, db_index=True)
    request = models.JSONField(help_text="The buyer's request, without credentials.")
    request_digest = models.CharField(max_length=64)
    request_context = models.JSONField(null=True, blank=True)
    title = models.CharField(max_length=300)
    reason = models.CharField(max_length=500, help_text="Why it waits, in words for the buyer.")
    estimate = models.CharField(max_length=100)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    result = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    message = models.CharField(max_length=2000, blank=True)
    expiry_failures = models.PositiveSmallIntegerField(default=0)
    expiry_check_after = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "approval"
        ordering = ["due_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=TaskStatus.values), name="task_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL_TASK_STATUSES, completed_at__isnull=False)
                | Q(status__in=OPEN_TASK_STATUSES, completed_at__isnull=True),
                name="task_terminal_when",
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskStatus.FAILED) | Q(error__isnull=False),
                name="task_failed_why",
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskStatus.COMPLETED) | Q(result__isnull=False),
                name="task_completed_what",
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskStatus.SUBMITTED)
                | Q(queue_state=QueueState.PENDING_MANUAL),
                name="task_submitted_is_queued",
            ),
            models.CheckConstraint(
                condition=Q(task_type=TaskType.UPDATE_MEDIA_BUY, change__isnull=False)
                | (~Q(task_type=TaskType.UPDATE_MEDIA_BUY) & Q(change__isnull=True)),
                name="task_update_has_change",
            ),
            models.UniqueConstraint(
                fields=["media_buy", "task_type"],
                condition=Q(status__in=OPEN_TASK_STATUSES),
                name="task_one_open_per_buy",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="task_queue",
                condition=Q(queue_state=QueueState.PENDING_MANUAL),
            ),
            models.Index(
                fields=["expires_at"],
                name="task_expiry",
                condition=Q(queue_state__in=EXPIRING_QUEUE_STATES),
            ),
            models.Index(fields=["principal", "-id"], name="task_page"),
        ]
        permissions = [("decide_task", "Can approve and reject")]

    def __str__(self) -> str:
        return self.title

    @transition(status, TASK_MOVES["start"].sources, TASK_MOVES["start"].target)
    def start(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, TASK_MOVES["request_input"].sources, TASK_MOVES["request_input"].target)
    def request_input(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, TASK_MOVES["complete"].sources, TASK_MOVES["complete"].target)
    def complete(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, TASK_MOVES["fail"].sources, TASK_MOVES["fail"].target)
    def fail(self) -> None:
        """Move only; services lock, save and record."""

    @transition(status, TASK_MOVES["cancel"].sources, TASK_MOVES["cancel"].target)
    def cancel(self) -> None:
        """Move only; services lock, save and record."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in TERMINAL_TASK_STATUSES


class RuleVersion(models.Model):
    """One version of one approval rule. Editing a rule adds a version; none is ever changed."""

    rule_key = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=30, choices=RuleKind.choices)
    name = models.CharField(max_length=200, help_text="What staff and buyers read.")
    parameters = models.JSONField(default=dict, blank=True)
    is_enabled = models.BooleanField(default=True)
    is_current = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "approval rule"
        ordering = ["rule_key", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["rule_key", "version"], name="rule_version_once"),
            models.UniqueConstraint(
                fields=["rule_key"], condition=Q(is_current=True), name="rule_one_current"
            ),
            models.CheckConstraint(condition=Q(kind__in=RuleKind.values), name="rule_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class Approval(models.Model):
    """One person's vote on a task."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="approvals")
    voter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approvals"
    )
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "voter"], name="approval_one_vote_each")
        ]

    def __str__(self) -> str:
        return f"{self.voter}: {self.outcome}"


class Decision(models.Model):
    """The one decision on a task: who or which named policy, on what they were shown, and why."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
    )
    policy_name = models.CharField(max_length=100, blank=True)
    shown_digest = models.CharField(max_length=64)
    shown_version = models.PositiveIntegerField()
    form_token = models.UUIDField(unique=True, help_text="A second click finds the first decision.")
    reason_code = models.CharField(max_length=30, choices=RejectionReason.choices, blank=True)
    note = models.CharField(max_length=2000, blank=True)
    suggestion = models.CharField(
        max_length=500, blank=True, help_text="What the buyer should do, when asked for a change."
    )
    internal_note = models.CharField(max_length=2000, blank=True)
    decided_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["task"],
                condition=Q(withdrawn_at__isnull=True),
                name="decision_one_standing_per_task",
            ),
            models.CheckConstraint(
                condition=(Q(decided_by__isnull=False) & Q(policy_name=""))
                | (Q(decided_by__isnull=True) & ~Q(policy_name="")),
                name="decision_has_one_author",
            ),
            models.CheckConstraint(
                condition=~Q(outcome=Outcome.REJECTED) | ~Q(reason_code=""),
                name="decision_rejected_why",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="decision_outcome_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} by {self.author}"

    @property
    def author(self) -> str:
        """The person's name, or the policy's."""
        if self.decided_by is None:
            return self.policy_name
        return self.decided_by.get_full_name() or self.decided_by.get_username()


class TaskEvent(models.Model):
    """What happened to a task, in order, never changed; every status change has exactly one."""

    class Action(models.TextChoices):
        SUBMITTED = "submitted", "Submitted"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired"
        BOOKED = "booked", "Booked"
        BOOKING_FAILED = "booking_failed", "Booking failed"
        BOOKING_RETRIED = "booking_retried", "Booking retried"
        CHANGE_ASKED = "change_asked", "Asked for a change"
        APPLIED = "applied", "Applied"
        STALE = "stale", "Refused as stale"
        SUPERSEDED = "superseded", "Superseded"
        CANCELED = "canceled", "Canceled"

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="events")
    action = models.CharField(max_length=30, choices=Action.choices)
    from_status = models.CharField(max_length=50, blank=True)
    to_status = models.CharField(max_length=50)
    version = models.PositiveIntegerField()
    actor = models.CharField(max_length=200)
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.action} {self.task}"
