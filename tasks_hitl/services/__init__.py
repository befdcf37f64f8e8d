from tasks_hitl.services.bookings import book, book_at_once, booking_retry
from tasks_hitl.services.decisions import decide
from tasks_hitl.services.estimates import approval_estimate_refresh
from tasks_hitl.services.expiry import tasks_expire
from tasks_hitl.services.rules import rule_revise
from tasks_hitl.services.staleness import stale_changes_end
from tasks_hitl.services.submissions import change_submit, task_submit
from tasks_hitl.services.supersession import change_supersede, order_supersede

__all__ = [
    "approval_estimate_refresh",
    "book",
    "book_at_once",
    "booking_retry",
    "change_submit",
    "change_supersede",
    "decide",
    "order_supersede",
    "rule_revise",
    "stale_changes_end",
    "task_submit",
    "tasks_expire",
]
