"""Who may do what with an approval; groups get these permissions in migration 0002."""

from django.contrib.auth.models import AbstractUser

from tasks_hitl.models import Task

VIEW = "tasks_hitl.view_task"
DECIDE = "tasks_hitl.decide_task"
REVIEW_CREATIVES = "mediabuys.change_creative"
RETRY_BOOKINGS = "mediabuys.change_booking"


def may_decide(user: AbstractUser, task: Task) -> bool:  # noqa: ARG001 (four eyes will ask the task)
    """Whether this person may approve or reject this task: active staff with the permission."""
    return user.is_active and user.is_staff and user.has_perm(DECIDE)
