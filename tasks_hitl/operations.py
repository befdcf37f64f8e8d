"""The operation behind a `context_id`: an order from its request to its end, in one query."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from django.db import connection

from mediabuys.models import Principal
from mediabuys.states import BookingStatus, BookingStep, BuyStatus, CreativeStatus
from tasks_hitl.states import WAITS_FOR_BUYER, TaskStatus, TaskType

# A context stays valid this long after its operation ended.
CONTEXT_LIFETIME = timedelta(days=30)

# Buyers repeat this read, so that its query is written once and not compiled: the context_id's
# unique index leads to the buy, and the buy's key to everything else. Single values are subqueries,
# because to plan a join of eight tables takes PostgreSQL longer than to read them.
OPERATION = """
    SELECT buy.context_id, buy.media_buy_id, buy.status, buy.currency, buy.total_budget,
           buy.start_time, buy.is_held, buy.confirmed_at, buy.creative_deadline,
           buy.rejection_reason,
           (SELECT publisher.ad_server_name
            FROM mediabuys_account account
            JOIN mediabuys_publisher publisher ON publisher.id = account.publisher_id
            WHERE account.id = buy.account_id),
           task.task_id, task.status, task.estimate, task.reason, task.error, task.completed_at,
           (SELECT successor.context_id
            FROM tasks_hitl_task successor WHERE successor.id = task.superseded_by_id),
           booking.status, booking.step, booking.queued_at, booking.settled_at,
           jsonb_array_length(booking.line_items), booking.error_code,
           (SELECT jsonb_agg(
                jsonb_build_object(
                    'product', product.name,
                    'channels', product.channels,
                    'formats', package.format_ids,
                    'due', buy.creative_deadline
                        + coalesce(package.start_time - buy.start_time, interval '0'),
                    'creatives', (
                        SELECT jsonb_agg(jsonb_build_object(
                            'status', creative.status, 'format', creative.format_key))
                        FROM mediabuys_creativeassignment assignment
                        JOIN mediabuys_creative creative ON creative.id = assignment.creative_id
                        WHERE assignment.package_id = package.id))
                ORDER BY package.position)
            FROM mediabuys_package package
            JOIN mediabuys_product product ON product.id = package.product_id
            WHERE package.media_buy_id = buy.id AND NOT package.is_canceled)
    FROM mediabuys_mediabuy buy
    JOIN mediabuys_accountaccess access
      ON access.account_id = buy.account_id AND access.principal_id = buy.principal_id
    LEFT JOIN tasks_hitl_task task
      ON task.media_buy_id = buy.id AND task.task_type = %(task_type)s
    LEFT JOIN mediabuys_booking booking ON booking.media_buy_id = buy.id
    WHERE buy.context_id = %(context_id)s AND buy.principal_id = %(principal)s
    ORDER BY task.id DESC LIMIT 1
"""
ORDER_FIELDS = (
    "context_id",
    "media_buy_id",
    "status",
    "currency",
    "total_budget",
    "start_time",
    "is_held",
    "confirmed_at",
    "creative_deadline",
    "rejection_reason",
    "ad_server",
)

ENDED_UNDONE = (TaskStatus.FAILED, TaskStatus.REJECTED, TaskStatus.CANCELED)


class Stage(Enum):
    """Where an operation stands, and who has to act."""

    WAITS_FOR_STAFF = auto()
    WAITS_FOR_BUYER = auto()
    PROCESSING = auto()
    COMPLETED = auto()
    FAILED = auto()


@dataclass(frozen=True)
class OrderLine:
    """A package that is not canceled; `creatives` has status and format of each that is synced."""

    product: str
    channels: list[str]
    formats: list[str]
    due: datetime | None
    creatives: list[tuple[str, str]]

    @property
    def is_ready(self) -> bool:
        """Whether it could serve: it has an approved creative."""
        return any(status == CreativeStatus.APPROVED for status, _ in self.creatives)


@dataclass(frozen=True)
class OrderTask:
    """The order's task; `error` has code, message and suggestion once it has one."""

    task_id: str
    status: str
    estimate: str
    reason: str
    error: dict[str, Any]
    completed_at: datetime | None
    successor: str | None


@dataclass(frozen=True)
class OrderBooking:
    """The order's way onto the ad server; `line_items` is how many it holds."""

    status: str
    step: BookingStep
    queued_at: datetime
    settled_at: datetime | None
    line_items: int
    error_code: str


@dataclass(frozen=True)
class Operation:
    """An order with its task, if a person had to look, and its booking, if it came to one.

    Money is in `currency`, times are aware.
    """

    context_id: str
    media_buy_id: str | None
    status: str
    currency: str
    total_budget: Decimal
    start_time: datetime
    is_held: bool
    confirmed_at: datetime | None
    creative_deadline: datetime | None
    rejection_reason: str
    ad_server: str
    task: OrderTask | None
    booking: OrderBooking | None
    lines: list[OrderLine]

    @property
    def stage(self) -> Stage:
        """Where it stands: the task says it until somebody decided, and then the booking."""
        task, booking = self.task, self.booking
        if task is not None and task.status == TaskStatus.SUBMITTED:
            return Stage.WAITS_FOR_STAFF
        if task is not None and task.status in WAITS_FOR_BUYER:
            return Stage.WAITS_FOR_BUYER
        if task is not None and task.status in ENDED_UNDONE:
            return Stage.FAILED
        if booking is None:
            return Stage.COMPLETED if self.confirmed_at else Stage.PROCESSING
        if booking.status == BookingStatus.FAILED:
            return Stage.FAILED
        return Stage.COMPLETED if booking.status == BookingStatus.BOOKED else Stage.PROCESSING

    @property
    def failure(self) -> dict[str, str]:
        """Why a failed operation failed: code and message, and a suggestion where there is one."""
        task = self.task
        if task is not None and task.successor:
            return {
                "code": "SUPERSEDED",
                "message": "This order was replaced by a corrected one.",
                "suggestion": f"Ask for the status of {task.successor} instead.",
            }
        if task is not None and task.error:
            spoken = ("code", "message", "suggestion")
            return {name: task.error[name] for name in spoken if task.error.get(name)}
        if task is not None and task.status == TaskStatus.CANCELED:
            return {"code": "CANCELED", "message": "The order was canceled before it was decided."}
        return self._booking_failure()

    def _booking_failure(self) -> dict[str, str]:
        if self.status == BuyStatus.CANCELED:
            return {"code": "CANCELED", "message": "The order was canceled before it was booked."}
        return {
            "code": self.booking.error_code if self.booking else "SERVICE_UNAVAILABLE",
            "message": self.rejection_reason or "The order could not be booked on the ad server.",
        }

    @property
    def ended_at(self) -> datetime | None:
        """When nothing more could happen to it; None while something may."""
        if self.task is not None:
            return self.task.completed_at
        return self.booking.settled_at if self.booking else self.confirmed_at


def operation_of(*, principal: Principal, context_id: str, now: datetime) -> Operation | None:
    """Return the agent's own operation; None for unknown, foreign and long-ended ones alike."""
    wanted: dict[str, Any] = {
        "context_id": context_id,
        "principal": principal.pk,
        "task_type": TaskType.CREATE_MEDIA_BUY.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPERATION, wanted)
        row = cursor.fetchone()
    if row is None:
        return None
    operation = _operation(row)
    ended_at = operation.ended_at
    return None if ended_at is not None and ended_at < now - CONTEXT_LIFETIME else operation


def _operation(row: tuple[Any, ...]) -> Operation:
    order, task, booking, lines = row[:11], row[11:18], row[18:24], row[24]
    return Operation(
        **dict(zip(ORDER_FIELDS, order, strict=True)),
        task=None if task[0] is None else _task(task),
        booking=None if booking[0] is None else _booking(booking),
        lines=[_line(line) for line in json.loads(lines or "[]")],
    )


def _task(row: tuple[Any, ...]) -> OrderTask:
    task_id, status, estimate, reason, error, completed_at, successor = row
    said = json.loads(error) if error else {}
    return OrderTask(task_id, status, estimate, reason, said or {}, completed_at, successor)


def _booking(row: tuple[Any, ...]) -> OrderBooking:
    status, step, queued_at, settled_at, line_items, error_code = row
    return OrderBooking(
        status, BookingStep(step), queued_at, settled_at, line_items or 0, error_code
    )


def _line(entry: dict[str, Any]) -> OrderLine:
    return OrderLine(
        product=entry["product"],
        channels=entry["channels"],
        formats=[reference["id"] for reference in entry["formats"]],
        due=datetime.fromisoformat(entry["due"]) if entry["due"] else None,
        creatives=[(row["status"], row["format"]) for row in entry["creatives"] or []],
    )
