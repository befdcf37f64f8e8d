"""Rollups as the bodies of the Interchange surface; none of this is in an AdCP body."""

from datetime import UTC, datetime
from typing import Any

from mediabuys.rollups import AccountFacts, CampaignRollup, OrderRollup
from mediabuys.wire.buys import present


def order_rollup_body(rollup: OrderRollup) -> dict[str, Any]:
    """Return one buy, or one order that is none yet; what is absent is left out."""
    return {
        "status": rollup.status,
        **present(
            media_buy_id=rollup.media_buy_id,
            adcp_status=rollup.adcp_status,
            revision=rollup.revision,
            context_id=rollup.context_id,
            task_id=rollup.task_id,
            task_status=rollup.task_status,
            proposal_id=rollup.proposal_id,
            campaign_ref=rollup.campaign_ref,
            buyer_ref=rollup.buyer_ref,
            account_id=rollup.account_id,
            error=rollup.error,
            archived_at=_moment(rollup.archived_at),
        ),
        "updated_at": _moment(rollup.updated_at),
    }


def campaign_rollup_body(rollup: CampaignRollup) -> dict[str, Any]:
    """Return a campaign with the counts of all its members and the bodies of the first ones."""
    return {
        "campaign_ref": rollup.campaign_ref,
        "status": rollup.status,
        "status_counts": dict(rollup.counts),
        "total_count": rollup.total,
        "members": [order_rollup_body(member) for member in rollup.members],
        "has_more": rollup.total > len(rollup.members),
        "updated_at": _moment(rollup.updated_at),
    }


def account_rollup_body(facts: AccountFacts, operational_status: str) -> dict[str, Any]:
    """Return an account's word with what it is made of."""
    return {
        "account_id": facts.account_id,
        "operational_status": operational_status,
        "account_status": facts.account_status,
        "media_buy_counts": dict(sorted(facts.buys.items())),
        "open_orders": facts.open_orders,
        "open_proposals": facts.open_proposals,
        "attention": list(facts.attention),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
