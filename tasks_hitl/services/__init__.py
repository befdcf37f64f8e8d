from tasks_hitl.services.bookings import book, book_at_once, booking_retry
from tasks_hitl.services.decisions import decide
from tasks_hitl.services.estimates import approval_estimate_refresh
from tasks_hitl.services.rules import rule_revise
from tasks_hitl.services.tasks import task_submit, tasks_expire

__all__ = [
    "approval_estimate_refresh",
    "book",
    "book_at_once",
    "booking_retry",
    "decide",
    "rule_revise",
    "task_submit",
    "tasks_expire",
]
