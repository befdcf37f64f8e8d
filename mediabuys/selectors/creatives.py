"""Reads of creatives: the library as its buyers list it, and what a sync needs to know."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Count,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

from mediabuys.creative_validation import package_takes
from mediabuys.models import Account, Creative, CreativeAssignment, CreativeFormat, Principal
from mediabuys.selectors.accounts import accounts_of
from mediabuys.states import LIVE_BUY_STATUSES, BuyStatus, CreativeStatus

# A canceled or rejected buy has given its creatives back; a draft's packages are on no wire.
ASSIGNED_STATUSES = (*LIVE_BUY_STATUSES, BuyStatus.COMPLETED)

# What the protocol calls each sort key, and what it is here.
SORT_KEYS = {
    "created_date": "created_at",
    "updated_date": "updated_at",
    "name": "name",
    "status": "status",
    "assignment_count": "live_assignments_count",
}
DATE_KEYS = ("created_at", "updated_at")


@dataclass(frozen=True)
class CreativeFilter:
    """What a buyer wants to see; None and empty do not filter, except where the text says so."""

    accounts: Sequence[Account] | None = None
    creative_ids: Sequence[str] | None = None
    statuses: Sequence[str] = ()
    tags: Sequence[str] = ()
    tags_any: Sequence[str] = ()
    name_contains: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    format_keys: Sequence[str] | None = None
    package_ids: Sequence[str] | None = None
    media_buy_ids: Sequence[str] | None = None
    is_assigned: bool | None = None
    matches_nothing: bool = False


@dataclass(frozen=True)
class CreativeOrder:
    """How a list is sorted; the primary key settles what is equal."""

    field: str = "created_date"
    is_descending: bool = True

    @property
    def key(self) -> str:
        """The column or annotation behind the protocol's name."""
        return SORT_KEYS[self.field]


@dataclass(frozen=True)
class CreativePage:
    """One page, and what the whole list holds; `next_after` continues it where there is more."""

    creatives: list[Creative]
    assignments: Mapping[int, Sequence[CreativeAssignment]]
    next_after: list[Any] | None
    by_status: Mapping[str, int]
    by_format: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many creatives match, on all pages."""
        return sum(self.by_status.values())


def creative_page(
    *,
    principal: Principal,
    wanted: CreativeFilter,
    order: CreativeOrder,
    after: Sequence[Any] | None,
    limit: int,
) -> CreativePage:
    """Return one page of the agent's creatives with account and live assignments; three queries.

    Scope is the account's access. `after` is `next_after` of the page before.
    """
    creatives = _matching(principal, wanted)
    counts = list(
        creatives.order_by().values_list("status", "format_key").annotate(number=Count("pk"))
    )
    if order.key == "live_assignments_count":
        creatives = creatives.annotate(live_assignments_count=_assignment_count())
    if after is not None:
        creatives = creatives.filter(_beyond(order, after))
    sign = "-" if order.is_descending else ""
    rows = list(
        creatives.select_related("account").order_by(f"{sign}{order.key}", f"{sign}pk")[: limit + 1]
    )
    by_status, by_format = Counter[str](), Counter[str]()
    for status, format_key, number in counts:
        by_status[status] += number
        by_format[format_key] += number
    return CreativePage(
        creatives=rows[:limit],
        assignments=_assignments_of(rows[:limit]),
        next_after=_position(order, rows[limit - 1]) if len(rows) > limit else None,
        by_status=by_status,
        by_format=by_format,
    )


def _assignments_of(creatives: Sequence[Creative]) -> dict[int, list[CreativeAssignment]]:
    found: dict[int, list[CreativeAssignment]] = {creative.pk: [] for creative in creatives}
    for row in (
        live_assignments().filter(creative__in=found).select_related("package").order_by("pk")
    ):
        if row.creative_id is not None:
            found[row.creative_id].append(row)
    return found


def live_assignments() -> QuerySet[CreativeAssignment]:
    """Return the assignments that count: on packages of accepted buys that keep their creatives."""
    return CreativeAssignment.objects.filter(
        package__media_buy__status__in=ASSIGNED_STATUSES, package__is_canceled=False
    )


def _of_creative() -> QuerySet[CreativeAssignment]:
    return live_assignments().filter(creative=OuterRef("pk"))


def _assignment_count() -> Coalesce:
    counted = _of_creative().order_by().values("creative").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number")), 0, output_field=IntegerField())


def _matching(principal: Principal, wanted: CreativeFilter) -> QuerySet[Creative]:
    creatives = Creative.objects.filter(account__in=accounts_of(principal=principal))
    if wanted.matches_nothing:
        return creatives.filter(pk__in=[])
    creatives = creatives.filter(_conditions(wanted))
    if wanted.is_assigned is not None:
        assigned = Exists(_of_creative())
        creatives = creatives.filter(assigned if wanted.is_assigned else ~assigned)
    if wanted.package_ids is not None:
        on_package = _of_creative().filter(package__package_id__in=wanted.package_ids)
        creatives = creatives.filter(Exists(on_package))
    if wanted.media_buy_ids is not None:
        on_buy = _of_creative().filter(package__media_buy__media_buy_id__in=wanted.media_buy_ids)
        creatives = creatives.filter(Exists(on_buy))
    return creatives


def _conditions(wanted: CreativeFilter) -> Q:
    conditions = Q(status__in=wanted.statuses) if wanted.statuses else _not_archived()
    lookups = {
        "account__in": wanted.accounts,
        "creative_id__in": wanted.creative_ids,
        "format_key__in": wanted.format_keys,
        "name__icontains": wanted.name_contains or None,
        "tags__contains": list(wanted.tags) or None,
        "created_at__gt": wanted.created_after,
        "created_at__lt": wanted.created_before,
        "updated_at__gt": wanted.updated_after,
        "updated_at__lt": wanted.updated_before,
    }
    conditions &= Q(**{name: value for name, value in lookups.items() if value is not None})
    if wanted.tags_any:
        any_tag = Q()
        for tag in wanted.tags_any:
            any_tag |= Q(tags__contains=[tag])
        conditions &= any_tag
    return conditions


def _not_archived() -> Q:
    return ~Q(status=CreativeStatus.ARCHIVED)


def _beyond(order: CreativeOrder, after: Sequence[Any]) -> Q:
    value, pk = after
    if order.key in DATE_KEYS:
        value = datetime.fromisoformat(value)
    side = "lt" if order.is_descending else "gt"
    return Q(**{f"{order.key}__{side}": value}) | Q(**{order.key: value, f"pk__{side}": pk})


def _position(order: CreativeOrder, creative: Creative) -> list[Any]:
    value = getattr(creative, order.key)
    return [value.isoformat() if order.key in DATE_KEYS else value, creative.pk]


def formats_by_key(keys: Iterable[str]) -> dict[str, CreativeFormat]:
    """Return our formats of these ids; one query."""
    found = CreativeFormat.objects.filter(format_id__in=set(keys))
    return {creative_format.format_id: creative_format for creative_format in found}


def packages_that_refuse(wanted: Mapping[int, str]) -> set[int]:
    """Return which creatives serve a package that would not take their new format; two queries.

    `wanted` has the new format's id by the creative's primary key.
    """
    serving = (
        CreativeAssignment.objects.filter(
            creative__in=wanted,
            package__media_buy__status__in=(BuyStatus.DRAFT, *LIVE_BUY_STATUSES),
            package__is_canceled=False,
        )
        .select_related("package__product")
        .prefetch_related("package__product__formats")
    )
    return {
        row.creative_id
        for row in serving
        if row.creative_id is not None and not package_takes(row.package, wanted[row.creative_id])
    }
