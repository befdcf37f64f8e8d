"""Putting creatives on packages, and moving the buys that waited for them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q

from mediabuys.creative_placement import (
    AssignmentWish,
    deadline_passed,
    is_closed,
    placement_of,
    wrong_format,
)
from mediabuys.creative_results import AssignmentOutcome
from mediabuys.creative_validation import package_takes
from mediabuys.errors import TradeError
from mediabuys.locks import media_buys_locked
from mediabuys.models import Account, Creative, CreativeAssignment, Event, MediaBuy, Package
from mediabuys.services.events import event_record
from mediabuys.services.flights import media_buy_refresh
from mediabuys.states import (
    LIVE_BUY_STATUSES,
    PENDING_BUY_STATUSES,
    WIRE_BUY_STATUSES,
    BuyStatus,
)

OPEN_STATUSES = (BuyStatus.DRAFT, *LIVE_BUY_STATUSES)


Outcomes = dict[str, AssignmentOutcome]


def creatives_assign(
    *,
    account: Account,
    creatives: Sequence[Creative],
    wishes: Sequence[AssignmentWish],
    strict: bool,
    actor: str,
    now: datetime,
) -> tuple[Outcomes, list[MediaBuy]]:
    """Link promised assignments of `creatives`, grant the wishes, and move the buys concerned.

    Returns an outcome for each creative that a wish or a promise names, and the buys that these
    changed or moved, of which the caller has the ad server told. With `strict` nothing is recorded
    once a wish was refused: the caller takes everything back. The caller holds the creatives; this
    locks the buys, in the caller's transaction.
    """
    named = {wish.package_id for wish in wishes if wish.creative is not None}
    buys = _buys_locked(account, creatives, named)
    packages = _packages(buys, creatives, named)
    outcomes: Outcomes = {}
    arrived = {creative.creative_id: creative for creative in creatives}
    linked = _link_promised(packages, arrived, outcomes, now)
    by_id = {package.package_id: package for package in packages}
    granted = [
        assignment
        for wish in wishes
        if (assignment := _granted(wish, by_id, outcomes, now)) is not None
    ]
    if strict and any(outcome.refusals for outcome in outcomes.values()):
        return outcomes, []
    _write(granted, buys, actor, now)
    moved = _refresh(buys.values(), now)
    changed = {row.package.media_buy_id for row in (*linked, *granted)} | moved
    return outcomes, [buys[pk] for pk in sorted(changed)]


def _buys_locked(
    account: Account, creatives: Sequence[Creative], named: Collection[str]
) -> dict[int, MediaBuy]:
    """Lock the buys whose packages are named, promised one of the creatives, or wait for one."""
    if not creatives and not named:
        return {}
    promised = Q(
        assignments__creative=None,
        assignments__creative_ref__in=[creative.creative_id for creative in creatives],
        media_buy__status__in=OPEN_STATUSES,
    )
    waiting = Q(
        assignments__creative__in=[creative.pk for creative in creatives],
        media_buy__status=BuyStatus.PENDING_CREATIVES,
    )
    concerned = Package.objects.filter(
        Q(package_id__in=named, media_buy__status__in=WIRE_BUY_STATUSES) | promised | waiting,
        media_buy__account=account,
    )
    found = media_buys_locked().filter(pk__in=concerned.values("media_buy"))
    return {buy.pk: buy for buy in found}


def _packages(
    buys: Mapping[int, MediaBuy], creatives: Sequence[Creative], named: Collection[str]
) -> list[Package]:
    """Return the packages to assign to, read after their buys were locked."""
    if not buys:
        return []
    assignments = CreativeAssignment.objects.select_related("creative")
    refs = [creative.creative_id for creative in creatives]
    promised = CreativeAssignment.objects.filter(
        package=OuterRef("pk"), creative=None, creative_ref__in=refs
    )
    found = (
        Package.objects.filter(Q(package_id__in=named) | Exists(promised), media_buy__in=buys)
        .select_related("product")
        .prefetch_related("product__formats", Prefetch("assignments", assignments))
    )
    packages = list(found)
    for package in packages:
        package.media_buy = buys[package.media_buy_id]
    return packages


def _link_promised(
    packages: Iterable[Package],
    creatives: Mapping[str, Creative],
    outcomes: Outcomes,
    now: datetime,
) -> list[CreativeAssignment]:
    """Link what orders promised before the creative came, and return it.

    A draft's packages are on no wire.
    """
    linked = []
    for package in packages:
        is_known = package.media_buy.status != BuyStatus.DRAFT
        is_late = is_known and is_closed(package, now)
        for assignment in package.assignments.all():
            creative = creatives.get(assignment.creative_ref)
            if assignment.creative_id is not None or creative is None:
                continue
            outcome = outcomes.setdefault(creative.creative_id, AssignmentOutcome())
            if is_late:
                outcome.explain(package.package_id, deadline_passed("assignments"))
            elif package_takes(package, creative.format_key):
                assignment.creative = creative
                linked.append(assignment)
                if is_known:
                    outcome.accept(package.package_id)
            elif is_known:
                outcome.explain(package.package_id, wrong_format("assignments"))
    if linked:
        CreativeAssignment.objects.bulk_update(linked, ["creative"])
    return linked


def _granted(
    wish: AssignmentWish, packages: Mapping[str, Package], outcomes: Outcomes, now: datetime
) -> CreativeAssignment | None:
    """Return the assignment to write; None where it is refused or stands already."""
    outcome = outcomes.setdefault(wish.creative_id, AssignmentOutcome())
    try:
        creative, package = placement_of(wish, packages=packages, now=now)
    except TradeError as refusal:
        outcome.refuse(wish.package_id, refusal)
        return None
    outcome.errors.pop(wish.package_id, None)
    outcome.accept(wish.package_id)
    stands = any(
        row.creative_id == creative.pk and row.weight == wish.weight
        for row in package.assignments.all()
    )
    if stands:
        return None
    return CreativeAssignment(
        package=package, creative_ref=wish.creative_id, creative=creative, weight=wish.weight
    )


def _write(
    granted: Sequence[CreativeAssignment], buys: Mapping[int, MediaBuy], actor: str, now: datetime
) -> None:
    """Write the assignments, and count them as one change of each buy."""
    # The last wish for a pair wins: one statement may not write a row twice.
    rows = {(row.package_id, row.creative_ref): row for row in granted}
    if not rows:
        return
    CreativeAssignment.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["package", "creative_ref"],
        update_fields=["creative", "weight"],
    )
    counts: dict[int, int] = {}
    for row in rows.values():
        counts[row.package.media_buy_id] = counts.get(row.package.media_buy_id, 0) + 1
    for pk, count in sorted(counts.items()):
        buy = buys[pk]
        buy.revision += 1
        buy.save(update_fields=["revision", "updated_at"])
        event_record(
            buy=buy,
            action=Event.Action.CREATIVES_ASSIGNED,
            from_status=buy.status,
            actor=actor,
            now=now,
            summary=f"{count} creative{'s' if count != 1 else ''} assigned",
        )


def buys_refresh(*, creative: Creative, now: datetime) -> None:
    """Move the buys that waited for this creative; locks them in the caller's transaction."""
    waiting = Package.objects.filter(
        assignments__creative=creative, media_buy__status=BuyStatus.PENDING_CREATIVES
    )
    _refresh(media_buys_locked().filter(pk__in=waiting.values("media_buy")), now)


def _refresh(buys: Iterable[MediaBuy], now: datetime) -> set[int]:
    """Move the buys that have not begun; return the keys of those that moved."""
    moved = set()
    for buy in buys:
        before = buy.revision
        if buy.status in PENDING_BUY_STATUSES:
            media_buy_refresh(buy=buy, now=now)
        if buy.revision != before:
            moved.add(buy.pk)
    return moved
