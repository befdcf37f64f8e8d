"""What the rollups read of buys: their words, their counts, and which of them are in trouble."""

from datetime import datetime

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from mediabuys.models import Account, CreativeAssignment, CreativeReview, MediaBuy, Package
from mediabuys.rollups import INTERCHANGE_OF, Attention, InterchangeStatus
from mediabuys.states import (
    LIVE_BUY_STATUSES,
    OFFLINE_CREATIVE_STATUSES,
    REFUSING_OUTCOMES,
    WIRE_BUY_STATUSES,
    BuyStatus,
    CreativeStatus,
    ReviewOutcome,
)


def interchange_word(otherwise: Combinable) -> Case:
    """Return the Interchange word of a buy as a database expression; `otherwise` of what is none.

    The archive hides every other word.
    """
    return Case(
        When(archived_at__isnull=False, then=Value(InterchangeStatus.ARCHIVED.value)),
        *[When(status=status, then=Value(word.value)) for status, word in INTERCHANGE_OF.items()],
        default=otherwise,
        output_field=CharField(),
    )


def buys_by_status(account: Account) -> dict[str, int]:
    """Return how many buys the account has in each AdCP status, in one query."""
    counted = (
        MediaBuy.objects.filter(account=account, status__in=WIRE_BUY_STATUSES)
        .order_by()
        .values_list("status")
        .annotate(buys=Count("pk"))
    )
    return dict(counted)


def trouble_of_buys(account: Account, *, since: datetime, now: datetime) -> list[Attention]:
    """Return why the account's buys ask for attention, in one query.

    A rejected buy does so until staff archive it, or from `since` on at the latest; an impaired one
    as long as a package of it has lost its last creative that could serve.
    """
    rejected = MediaBuy.objects.filter(
        account=account,
        status=BuyStatus.REJECTED,
        archived_at__isnull=True,
        updated_at__gte=since,
    )
    found = Account.objects.filter(pk=account.pk).values_list(
        Exists(rejected), Exists(_impaired_packages(account, now))
    )
    has_rejected, has_impaired = found.get()
    return [
        reason
        for reason, is_so in (
            (Attention.BUY_REJECTED, has_rejected),
            (Attention.BUY_IMPAIRED, has_impaired),
        )
        if is_so
    ]


def _impaired_packages(account: Account, now: datetime) -> QuerySet[Package]:
    """Return the packages that `selectors.impairments` would name, found without reading buys."""
    assigned = CreativeAssignment.objects.filter(package=OuterRef("pk"))
    refused_after_approval = CreativeReview.objects.filter(
        Exists(
            CreativeReview.objects.filter(
                creative=OuterRef("creative"), outcome=ReviewOutcome.APPROVED, pk__lt=OuterRef("pk")
            )
        ),
        creative=OuterRef("creative"),
        outcome__in=REFUSING_OUTCOMES,
    )
    offline = assigned.filter(
        Exists(refused_after_approval), creative__status__in=OFFLINE_CREATIVE_STATUSES
    )
    return Package.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=now),
        Exists(offline),
        ~Exists(assigned.filter(creative__status=CreativeStatus.APPROVED)),
        media_buy__account=account,
        media_buy__status__in=LIVE_BUY_STATUSES,
        is_canceled=False,
    )
