"""Judging the items of a sync against the library, and writing what is new or changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mediabuys.adservers.profiles import profile_of
from mediabuys.creative_placement import deadline_passed
from mediabuys.creative_results import SyncedCreative
from mediabuys.creative_standing import is_passed_on_when_approved
from mediabuys.creative_validation import CreativeRequest, creative_from_item
from mediabuys.errors import InvalidRequest, InvalidState, TradeError
from mediabuys.models import Account, Creative, MediaBuy, Principal
from mediabuys.selectors.creative_deadlines import late_packages
from mediabuys.selectors.creatives import formats_by_key, packages_that_refuse
from mediabuys.services.creative_history import AUTO_APPROVER, submissions_record
from mediabuys.services.events import agent_actor
from mediabuys.services.trafficking import creatives_traffic, order_traffic
from mediabuys.states import (
    CREATIVE_MOVES,
    SERVICEABLE_CREATIVE_STATUSES,
    CreativeApprovalMode,
    CreativeStatus,
)

CONTENT_FIELDS = ("name", "format_id", "assets", "tags")
UPDATED_FIELDS = (
    *CONTENT_FIELDS,
    "format_key",
    "content_digest",
    "revision",
    "status",
    "passed_on_at",
    "rejection_reason",
    "reviewed_by",
    "updated_at",
)


# The rows of a request, by their path in it.
Numbered = dict[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SyncContext:
    """Who syncs, and under which rules."""

    account: Account
    principal: Principal
    strict: bool
    agent_url: str
    now: datetime


@dataclass
class SyncEntry:
    """One item on its way: what is asked for, and the row that it becomes."""

    path: str
    result: SyncedCreative
    request: CreativeRequest | None = None
    creative: Creative | None = None
    served_before: bool = False


def entries_checked(
    sync: SyncContext, items: Numbered, known: Mapping[str, Creative]
) -> list[SyncEntry]:
    """Judge each item alone, then against the row that it would change; writes nothing."""
    formats = formats_by_key(
        item["format_id"]["id"] for item in items.values() if "format_id" in item
    )
    entries = []
    seen: set[str] = set()
    for path, item in items.items():
        entry = SyncEntry(path, SyncedCreative(item["creative_id"]))
        entries.append(entry)
        try:
            _check_once(item["creative_id"], seen, path)
            entry.request = creative_from_item(
                item, path=path, formats=formats, agent_url=sync.agent_url
            )
            entry.creative = known.get(entry.request.creative_id)
            _check_open(entry)
        except TradeError as refusal:
            entry.result.errors.append(refusal)
    _check_new_formats(entries)
    _check_deadlines(entries, sync.now)
    return entries


def _check_once(creative_id: str, seen: set[str], path: str) -> None:
    if creative_id in seen:
        raise InvalidRequest(
            "The request has this creative twice.",
            code="VALIDATION_ERROR",
            field=f"{path}.creative_id",
            suggestion="Send each creative_id once.",
        )
    seen.add(creative_id)


def _is_changed(entry: SyncEntry) -> bool:
    return (
        entry.creative is not None
        and entry.request is not None
        and entry.creative.content_digest != entry.request.digest
    )


def _check_open(entry: SyncEntry) -> None:
    creative = entry.creative
    if creative is None or not _is_changed(entry):
        return
    if creative.status not in CREATIVE_MOVES["submit"].sources:
        raise InvalidState(
            f"This creative is {creative.status}; it cannot be changed.",
            field=f"{entry.path}.creative_id",
            suggestion="Send the content as a new creative, with another creative_id.",
        )


def _check_new_formats(entries: Sequence[SyncEntry]) -> None:
    """Refuse another format for a creative that serves packages which do not take it."""
    wanted = {
        entry.creative.pk: entry.request.format_key
        for entry in entries
        if not entry.result.errors
        and entry.request is not None
        and entry.creative is not None
        and entry.creative.format_key != entry.request.format_key
    }
    refusing = packages_that_refuse(wanted) if wanted else {}
    for entry in entries:
        if entry.creative is not None and entry.creative.pk in refusing and not entry.result.errors:
            entry.result.errors.append(
                InvalidRequest(
                    "A package that this creative is assigned to does not take this format.",
                    code="VALIDATION_ERROR",
                    field=f"{entry.path}.format_id",
                    suggestion="Send it as a new creative, with another creative_id.",
                )
            )


def _check_deadlines(entries: Sequence[SyncEntry], now: datetime) -> None:
    """Refuse new content after the deadline, where the old one serves or is being reviewed."""
    changed = {
        entry.creative.pk: entry
        for entry in entries
        if entry.creative is not None
        and entry.creative.status in SERVICEABLE_CREATIVE_STATUSES
        and not entry.result.errors
        and _is_changed(entry)
    }
    late = late_packages(changed, now=now) if changed else {}
    for pk, package_ids in late.items():
        refusal = deadline_passed(f"{changed[pk].path}.creative_id")
        refusal.details = {"package_ids": package_ids}
        changed[pk].result.errors.append(refusal)


def entries_write(sync: SyncContext, entries: Sequence[SyncEntry]) -> None:
    """Write what is new and what changed: three statements, whatever the number of creatives."""
    created: list[Creative] = []
    updated: list[Creative] = []
    changes: dict[int, str] = {}
    for entry in entries:
        if entry.result.errors or entry.request is None:
            entry.creative = None
            continue
        entry.result.warnings += entry.request.warnings
        if entry.creative is None:
            entry.creative = Creative(
                account=sync.account,
                principal=sync.principal,
                creative_id=entry.request.creative_id,
            )
            entry.result.action = "created"
            created.append(_with_content(entry.creative, entry.request, sync))
        elif _is_changed(entry):
            entry.result.action = "updated"
            entry.result.changes = _changes(entry.creative, entry.request)
            entry.creative.revision += 1
            entry.served_before = entry.creative.status == CreativeStatus.APPROVED
            changes[entry.creative.pk] = f"Changed: {', '.join(entry.result.changes)}"
            updated.append(_with_content(entry.creative, entry.request, sync))
        else:
            entry.result.action = "unchanged"
        entry.result.status = entry.creative.status
    # In one order everywhere, so that twins wait for each other and never deadlock.
    Creative.objects.bulk_create(sorted(created, key=lambda creative: creative.creative_id))
    if updated:
        Creative.objects.bulk_update(updated, UPDATED_FIELDS)
    if created or updated:
        submissions_record(
            creatives=[*created, *updated],
            changed=changes,
            actor=agent_actor(sync.principal),
            now=sync.now,
        )


def _changes(creative: Creative, request: CreativeRequest) -> list[str]:
    return [name for name in CONTENT_FIELDS if getattr(creative, name) != getattr(request, name)]


def _with_content(creative: Creative, request: CreativeRequest, sync: SyncContext) -> Creative:
    """Give the row its content and its first review: new content is never approved unseen."""
    for name in CONTENT_FIELDS:
        setattr(creative, name, getattr(request, name))
    creative.format_key = request.format_key
    creative.content_digest = request.digest
    creative.rejection_reason = creative.reviewed_by = ""
    creative.passed_on_at = None
    creative.updated_at = sync.now
    # Read once for all of them.
    creative.account = sync.account
    creative.submit()
    if _is_approved_at_once(sync):
        creative.reviewed_by = AUTO_APPROVER
        if is_passed_on_when_approved(creative):
            creative.passed_on_at = sync.now
        else:
            creative.approve()
    return creative


def _is_approved_at_once(sync: SyncContext) -> bool:
    return sync.account.publisher.creative_approval_mode == CreativeApprovalMode.AUTO_APPROVE


def entries_traffic(
    sync: SyncContext, entries: Sequence[SyncEntry], changed: Sequence[MediaBuy]
) -> None:
    """Have the ad server told of what was written: creatives that it needs, orders that differ.

    `changed` are the buys whose creatives are not those of before. After everything else, because
    these rows are locked last; no statement on the inline adapter, unless a creative began or
    ceased to serve.
    """
    written = [
        (entry, entry.creative)
        for entry in entries
        if entry.result.action in ("created", "updated") and entry.creative is not None
    ]
    if written and _is_approved_at_once(sync) and profile_of(sync.account).has_delivery:
        creatives_traffic(creatives=[creative for _, creative in written], now=sync.now)
    moved = [
        creative
        for entry, creative in written
        if entry.result.action == "updated"
        and entry.served_before != (creative.status == CreativeStatus.APPROVED)
    ]
    order_traffic(buys=changed, creatives=moved, now=sync.now)
