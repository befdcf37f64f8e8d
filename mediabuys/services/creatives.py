"""A buyer's creative library: synced, reviewed, and moved on to the buys that wait for it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from mediabuys.creative_placement import AssignmentWish, weight_of
from mediabuys.creative_results import AssignmentOutcome, SyncedCreative
from mediabuys.creative_standing import (
    is_passed_on_when_approved,
    may_be_approved,
    may_be_refused,
)
from mediabuys.errors import CreativeNotFound, InvalidRequest, InvalidState, TradeError
from mediabuys.locks import creatives_locked
from mediabuys.models import Account, Creative, Principal
from mediabuys.services.creative_assignments import creatives_assign
from mediabuys.services.creative_outcomes import (
    creative_approve,
    creative_pass_on,
    creative_refuse,
)
from mediabuys.services.creative_writes import (
    Numbered,
    SyncContext,
    entries_checked,
    entries_traffic,
    entries_write,
)
from mediabuys.services.events import agent_actor

# Each round loses to a twin that has just inserted the same new id, and then finds its row.
SYNC_ROUNDS = 5


def creatives_sync(
    *,
    account: Account,
    principal: Principal,
    items: Sequence[Mapping[str, Any]],
    assignments: Sequence[Mapping[str, Any]] = (),
    only: Collection[str] | None = None,
    dry_run: bool = False,
    strict: bool = True,
    agent_url: str,
    now: datetime,
) -> list[SyncedCreative]:
    """Create or update creatives, assign them, and move the buys that waited for them.

    One result for each item, in order, then one for each other creative that is only assigned;
    `only` leaves out every creative_id but its own. With `strict` a single refusal leaves
    everything as it was; otherwise the good ones are applied. `dry_run` does the same work and
    takes it back. Joins the caller's transaction; locks creatives, then buys. Raises CONFLICT
    when twins keep inserting the same ids.
    """
    sync = SyncContext(account, principal, strict, agent_url, now)
    wanted = _numbered("creatives", items, only)
    wishes = _numbered("assignments", assignments, only)
    for _ in range(SYNC_ROUNDS):
        try:
            with transaction.atomic():
                results = _synced(sync, wanted, wishes)
                is_refused = strict and any(result.errors for result in results)
                if dry_run or is_refused:
                    transaction.set_rollback(True)
        except IntegrityError as error:
            if _constraint(error) != "creative_id_once":
                raise
            continue
        return _all_failed(results) if is_refused else results
    raise TradeError(
        "Another call is syncing the same creatives right now.",
        code="CONFLICT",
        suggestion="Send the same request again, with the same idempotency_key.",
    )


def _numbered(
    name: str, rows: Sequence[Mapping[str, Any]], only: Collection[str] | None
) -> Numbered:
    """Return the rows in scope by their path in the request."""
    return {
        f"{name}[{index}]": row
        for index, row in enumerate(rows)
        if only is None or row["creative_id"] in only
    }


def _constraint(error: IntegrityError) -> str | None:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)


def _all_failed(results: Iterable[SyncedCreative]) -> list[SyncedCreative]:
    """Failure policy: strict is all or nothing, and an item without fault of its own says so."""
    not_applied = TradeError(
        "Not applied: another creative or assignment of this request was refused.",
        code="VALIDATION_ERROR",
        suggestion="Correct what was refused, or send validation_mode lenient.",
    )
    return [
        replace(
            result,
            action="failed",
            status=None,
            changes=[],
            errors=result.errors or [not_applied],
            outcome=AssignmentOutcome(errors=result.outcome.errors),
        )
        for result in results
    ]


def _synced(sync: SyncContext, items: Numbered, assignments: Numbered) -> list[SyncedCreative]:
    ids = {row["creative_id"] for row in (*items.values(), *assignments.values())}
    rows = creatives_locked(account=sync.account, creative_ids=ids)
    known = {creative.creative_id: creative for creative in rows}
    entries = entries_checked(sync, items, known)
    results = [entry.result for entry in entries]
    if sync.strict and any(result.errors for result in results):
        return results
    entries_write(sync, entries)
    library: dict[str, Creative] = known | {
        e.creative.creative_id: e.creative for e in entries if e.creative is not None
    }
    by_id = {result.creative_id: result for result in reversed(results)}
    failed = {key for key, result in by_id.items() if result.errors}
    outcomes, changed = creatives_assign(
        account=sync.account,
        creatives=[entry.creative for entry in entries if entry.creative is not None],
        wishes=_wishes(assignments, library, failed),
        strict=sync.strict,
        actor=agent_actor(sync.principal),
        now=sync.now,
    )
    entries_traffic(sync, entries, changed)
    for creative_id, outcome in outcomes.items():
        result = by_id.get(creative_id)
        if result is None:
            result = by_id[creative_id] = _only_assigned(creative_id, library)
            results.append(result)
        result.outcome = outcome
        if sync.strict or creative_id not in library:
            result.errors += outcome.refusals
    return results


def _wishes(
    assignments: Numbered, library: Mapping[str, Creative], failed: set[str]
) -> list[AssignmentWish]:
    return [
        AssignmentWish(
            creative_id=row["creative_id"],
            creative=None if row["creative_id"] in failed else library.get(row["creative_id"]),
            is_refused=row["creative_id"] in failed,
            package_id=row["package_id"],
            weight=weight_of(row),
            has_placements=bool(row.get("placement_ids")),
            path=path,
        )
        for path, row in assignments.items()
    ]


def _only_assigned(creative_id: str, library: Mapping[str, Creative]) -> SyncedCreative:
    creative = library.get(creative_id)
    if creative is None:
        return SyncedCreative(creative_id)
    return SyncedCreative(creative_id, action="unchanged", status=creative.status)


def creative_review(
    *,
    creative_pk: int,
    approve: bool,
    reason: str,
    reviewer: str,
    shown_revision: int | None = None,
    shown_standing: str | None = None,
    now: datetime | None = None,
) -> Creative:
    """Approve or reject a creative, and move the buys that waited for it, in one transaction.

    Where the account's ad server reviews creatives too, an approval passes it on: it stays
    `pending_review` until the ad server has said its own. Rejecting what was approved revokes it:
    it serves no longer, live buys keep their status, and their history says so. `reason` is what
    the buyer reads of a rejection; an approval has none. Every decision is kept as a
    CreativeReview. Raises CreativeNotFound; InvalidRequest for a rejection without a reason;
    InvalidState where it stands so that it allows no such decision, or where the buyer has sent
    another version, or somebody has decided, since it was shown (`shown_*`). Locks the creative,
    then its buys.
    """
    now = now or timezone.now()
    reason = "" if approve else reason.strip()[:500]
    if not approve and not reason:
        raise InvalidRequest("A rejection needs a reason.", field="reason", suggestion="Say why.")
    with transaction.atomic():
        creative = _locked(creative_pk)
        _check_shown(creative, shown_revision, shown_standing)
        _check_open(creative, approve=approve)
        if not approve:
            # A person has the last word: what the ad server says of this revision is void.
            creative.passed_on_at = None
            creative_refuse(creative=creative, reason=reason, reviewer=reviewer, now=now)
        elif is_passed_on_when_approved(creative):
            creative_pass_on(creative=creative, reviewer=reviewer, now=now)
        else:
            creative_approve(creative=creative, reviewer=reviewer, now=now)
    return creative


def _locked(creative_pk: int) -> Creative:
    creatives = Creative.objects.select_related("account__publisher")
    creative = creatives.select_for_update(of=("self",)).filter(pk=creative_pk).first()
    if creative is None:
        raise CreativeNotFound("There is no such creative.")
    return creative


def _check_shown(creative: Creative, revision: int | None, standing: str | None) -> None:
    if revision is not None and creative.revision != revision:
        raise InvalidState(
            "The buyer has sent another version of this creative since you opened it.",
            suggestion="Look at the new version and decide again.",
        )
    if standing is not None and creative.standing != standing:
        raise InvalidState(
            f"Somebody was first: this creative is {_in_words(creative)} now.",
            suggestion="Look at it again before you decide.",
        )


def _check_open(creative: Creative, *, approve: bool) -> None:
    if (may_be_approved if approve else may_be_refused)(creative):
        return
    raise InvalidState(
        f"This creative is {_in_words(creative)}; it cannot be "
        f"{'approved' if approve else 'rejected'}.",
        suggestion="Reload the page to see where it stands.",
    )


def _in_words(creative: Creative) -> str:
    if creative.is_passed_on:
        return f"under review at {creative.account.publisher.ad_server_name}"
    return str(creative.status)
