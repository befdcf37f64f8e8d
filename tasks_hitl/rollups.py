"""Rollups of buys and of the orders that are none yet: what joins a buy with its task.

An accepted buy is read by every agent of its account, as everywhere. An order that is no buy yet
is read by the agent that sent it, as its task is.
"""

from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Greatest

from mediabuys.models import Account, MediaBuy, Principal, Proposal
from mediabuys.rollups import (
    ATTENTION_OF,
    AccountFacts,
    Attention,
    CampaignRollup,
    InterchangeStatus,
    OrderRollup,
    most_restrictive,
)
from mediabuys.selectors.accounts import accounts_of
from mediabuys.selectors.rollups import buys_by_status, interchange_word, trouble_of_buys
from mediabuys.states import (
    OPEN_PROPOSAL_STATUSES,
    WIRE_BUY_STATUSES,
    BuyStatus,
    ProposalStatus,
)
from tasks_hitl.models import Task
from tasks_hitl.states import OPEN_TASK_STATUSES, WAITS_FOR_BUYER, TaskStatus, TaskType

MEMBERS_SHOWN = 100

# What the task of an order says as long as, or because, there is no buy.
INTERCHANGE_OF_TASK = {
    TaskStatus.SUBMITTED: InterchangeStatus.PENDING_APPROVAL,
    TaskStatus.WORKING: InterchangeStatus.PENDING_APPROVAL,
    TaskStatus.INPUT_REQUIRED: InterchangeStatus.INPUT_REQUIRED,
    TaskStatus.AUTH_REQUIRED: InterchangeStatus.INPUT_REQUIRED,
    TaskStatus.FAILED: InterchangeStatus.FAILED,
    TaskStatus.REJECTED: InterchangeStatus.REJECTED,
    TaskStatus.CANCELED: InterchangeStatus.CANCELED,
}
ENDED_BADLY = (TaskStatus.FAILED, TaskStatus.REJECTED)


def order_rollup(*, principal: Principal, name: str, now: datetime) -> OrderRollup | None:
    """Return the buy or order of this name; None for unknown and foreign ones alike.

    `name` is a media_buy_id or, as long as there is none, the order's task_id or context_id; a
    proposal_id names the newest order of the proposal, or the proposal itself. One query, and a
    second one where nothing was ordered.
    """
    named = MediaBuy.objects.filter(media_buy_id=name).values("pk").union(
        MediaBuy.objects.filter(context_id=name, principal=principal).values("pk"),
        MediaBuy.objects.filter(proposal__proposal_id=name, principal=principal).values("pk"),
        Task.objects.filter(
            task_id=name, principal=principal, task_type=TaskType.CREATE_MEDIA_BUY
        ).values("media_buy_id"),
        all=True,
    )  # fmt: skip
    buy = _orders(principal).filter(pk__in=named).order_by("-pk").first()
    if buy is not None:
        return _rolled_up(buy, principal)
    return _unordered_proposal(principal, name, now)


def _orders(principal: Principal) -> QuerySet[Any]:
    """Return all that the agent may read, each with its word and its task's columns."""
    return (
        MediaBuy.objects.filter(
            Q(status__in=WIRE_BUY_STATUSES) | Q(principal=principal),
            account__accesses__principal=principal,
        )
        .annotate(
            order_task=FilteredRelation(
                "tasks", condition=Q(tasks__task_type=TaskType.CREATE_MEDIA_BUY)
            ),
            task_id=F("order_task__task_id"),
            task_status=F("order_task__status"),
            task_error=F("order_task__error"),
            told_at=Greatest("updated_at", "archived_at", _changed_by_task()),
            word=interchange_word(_word_of_task()),
            shown_account_id=F("account__account_id"),
            shown_proposal_id=F("proposal__proposal_id"),
        )
        .defer("policy", "push_token", "invoice_bank", "request_context", "ext")
    )


def _word_of_task() -> Case:
    return Case(
        *[
            When(order_task__status=status, then=Value(word.value))
            for status, word in INTERCHANGE_OF_TASK.items()
        ],
        default=Value(InterchangeStatus.DRAFT.value),
        output_field=CharField(),
    )


def _changed_by_task() -> Case:
    """Return when the task last moved, as long as it is what the order's word is taken from."""
    return Case(
        When(media_buy_id__isnull=True, then=F("order_task__updated_at")),
        default=None,
        output_field=DateTimeField(null=True),
    )


def _rolled_up(buy: Any, principal: Principal) -> OrderRollup:
    is_own = buy.principal_id == principal.pk
    is_buy = buy.media_buy_id is not None
    own: dict[str, Any] = {}
    if is_own:
        own = {
            "context_id": buy.context_id,
            "task_id": buy.task_id or "",
            "task_status": buy.task_status or "",
            "error": buy.task_error,
            "proposal_id": buy.shown_proposal_id or "",
        }
    return OrderRollup(
        status=buy.word,
        account_id=buy.shown_account_id,
        updated_at=buy.told_at,
        media_buy_id=buy.media_buy_id or "",
        adcp_status=buy.status if is_buy else "",
        revision=buy.revision if is_buy else None,
        campaign_ref=buy.campaign_ref,
        buyer_ref=buy.buyer_ref,
        archived_at=buy.archived_at,
        **own,
    )


def _unordered_proposal(principal: Principal, name: str, now: datetime) -> OrderRollup | None:
    proposal = (
        Proposal.objects.filter(
            Q(account__isnull=True) | Q(account__accesses__principal=principal),
            proposal_id=name,
            principal=principal,
        )
        .select_related("account")
        .first()
    )
    if proposal is None:
        return None
    is_open = proposal.status in OPEN_PROPOSAL_STATUSES and proposal.expires_at > now
    return OrderRollup(
        status=InterchangeStatus.DRAFT if is_open else InterchangeStatus.CANCELED,
        account_id=proposal.account.account_id if proposal.account else "",
        updated_at=proposal.updated_at,
        proposal_id=proposal.proposal_id,
    )


def campaign_rollup(
    *, principal: Principal, campaign_ref: str, precedence: list[str]
) -> CampaignRollup | None:
    """Return a campaign of the agent's accounts, or None when it has no member that it may read.

    Two queries, however many members: the counts, and the first `MEMBERS_SHOWN` members, those
    that decide the status first.
    """
    members = _members(principal, campaign_ref)
    counted = members.order_by().values("word").annotate(members=Count("pk"), latest=Max("told_at"))
    found = list(counted)
    if not found:
        return None
    counts = {row["word"]: row["members"] for row in found}
    rank = Case(
        *[When(word=word, then=Value(place)) for place, word in enumerate(precedence)],
        output_field=IntegerField(),
    )
    shown = members.order_by(rank, "-pk")[:MEMBERS_SHOWN]
    return CampaignRollup(
        campaign_ref=campaign_ref,
        status=most_restrictive(counts, precedence),
        counts={word: counts[word] for word in precedence if word in counts},
        updated_at=max(row["latest"] for row in found),
        members=[_rolled_up(buy, principal) for buy in shown],
    )


def _members(principal: Principal, campaign_ref: str) -> QuerySet[Any]:
    """Return the campaign's buys and orders; one that failed speaks until another is sent."""
    later = MediaBuy.objects.filter(
        account=OuterRef("account"),
        principal=OuterRef("principal"),
        campaign_ref=campaign_ref,
        pk__gt=OuterRef("pk"),
    )
    return _orders(principal).filter(
        ~Q(status=BuyStatus.DECLINED) | ~Exists(later), campaign_ref=campaign_ref
    )


def account_facts(
    *, principal: Principal, account_id: str, since: datetime, now: datetime
) -> AccountFacts | None:
    """Return what the account's word is made of, in five queries; None when it may not be read.

    What failed or was rejected before `since` asks for no attention any more.
    """
    account = accounts_of(principal=principal).filter(account_id=account_id).first()
    if account is None:
        return None
    tasks = _tasks_by_status(principal, account, since)
    attention = [
        *[reason for status, reason in ATTENTION_OF.items() if account.status == status],
        *([Attention.INPUT_REQUIRED] if any(tasks.get(s) for s in WAITS_FOR_BUYER) else []),
        *([Attention.ORDER_FAILED] if any(tasks.get(s) for s in ENDED_BADLY) else []),
        *trouble_of_buys(account, since=since, now=now),
    ]
    return AccountFacts(
        account_id=account.account_id,
        account_status=account.status,
        buys=buys_by_status(account),
        open_orders=sum(tasks.get(status, 0) for status in OPEN_TASK_STATUSES),
        open_proposals=Proposal.objects.filter(
            principal=principal,
            account=account,
            status=ProposalStatus.COMMITTED,
            expires_at__gt=now,
        ).count(),
        attention=attention,
    )


def _tasks_by_status(principal: Principal, account: Account, since: datetime) -> dict[str, int]:
    """Return how many of the agent's orders wait, by task status, and how many failed lately."""
    later = MediaBuy.objects.filter(
        account=account,
        principal=principal,
        campaign_ref=OuterRef("media_buy__campaign_ref"),
        pk__gt=OuterRef("media_buy_id"),
    ).exclude(campaign_ref="")
    counted = (
        Task.objects.filter(
            Q(status__in=OPEN_TASK_STATUSES)
            | (Q(status__in=ENDED_BADLY, completed_at__gte=since) & ~Exists(later)),
            account=account,
            principal=principal,
            task_type=TaskType.CREATE_MEDIA_BUY,
        )
        .order_by()
        .values_list("status")
        .annotate(orders=Count("pk"))
    )
    return dict(counted)
