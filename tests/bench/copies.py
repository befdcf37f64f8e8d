"""The rows that a call wrote, written again by the bare ORM: same models, same values, new keys."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import models, transaction

from adcp_sales.protocol.models import IdempotencyRecord
from mediabuys.models import Booking, Event, MediaBuy, Package
from tasks_hitl.models import Task, TaskEvent
from webhooks.models import Delivery

# In the order in which one refers to another.
MODELS: tuple[type[models.Model], ...] = (
    MediaBuy,
    Package,
    Task,
    TaskEvent,
    Event,
    Booking,
    Delivery,
    IdempotencyRecord,
)
# Unique together with others, so that each copy needs its own.
KEYS = frozenset({"key", "idempotency_key", "subject_key"})


@dataclass(frozen=True)
class RowPlan:
    """One row to insert: `links` are its columns that refer to a row of the same copy."""

    model: type[models.Model]
    original: int
    values: dict[str, Any]
    links: dict[str, tuple[type[models.Model], int]]


def rows_of(run: Callable[[], object]) -> list[models.Model]:
    """Run and return every row that it added."""
    before = {model: _last(model) for model in MODELS}
    run()
    return [
        row
        for model in MODELS
        for row in model._base_manager.filter(pk__gt=before[model]).order_by("pk")
    ]


def _last(model: type[models.Model]) -> int:
    return model._base_manager.aggregate(last=models.Max("pk"))["last"] or 0


def plan(rows: list[models.Model]) -> list[RowPlan]:
    """Return how to insert these rows once more."""
    known = {(type(row), row.pk) for row in rows}
    return [_row_plan(row, known) for row in rows]


def _row_plan(row: models.Model, known: set[tuple[type[models.Model], Any]]) -> RowPlan:
    values: dict[str, Any] = {}
    links: dict[str, tuple[type[models.Model], int]] = {}
    for field in row._meta.concrete_fields:
        if field.primary_key:
            continue
        value = getattr(row, field.attname)
        related = field.related_model
        if isinstance(related, type) and (related, value) in known:
            links[field.attname] = (related, value)
        else:
            values[field.attname] = _own_value(field, value)
    return RowPlan(type(row), row.pk, values, links)


def _own_value(field: "models.Field[Any, Any]", value: Any) -> Any:
    if value is None or not (field.unique or field.name in KEYS):
        return value
    return field.get_default() if field.has_default() else uuid.uuid4().hex


def insert_all(copies: list[list[RowPlan]]) -> None:
    """Insert each copy in a transaction of its own."""
    for plans in copies:
        insert(plans)


def insert(plans: list[RowPlan]) -> None:
    """Insert the rows in one transaction: one statement for each model, as anybody would."""
    made: dict[tuple[type[models.Model], int], int] = {}
    with transaction.atomic():
        for model, group in groupby(plans, key=lambda row: row.model):
            members = list(group)
            rows = [
                model(**row.values, **{name: made[link] for name, link in row.links.items()})
                for row in members
            ]
            if len(rows) == 1:
                rows[0].save(force_insert=True)
            else:
                model._base_manager.bulk_create(rows)
            made |= {(model, row.original): new.pk for row, new in zip(members, rows, strict=True)}
