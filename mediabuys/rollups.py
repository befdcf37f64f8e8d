"""Rollups: the coarser words in which one buy, a campaign and an account are described.

Every word is derived from a stored status by the tables here; nothing is stored twice. Which of
several words wins is a table of the settings (`ROLLUP_PRECEDENCE`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from mediabuys.states import TERMINAL_BUY_STATUSES, AccountStatus, BuyStatus


class InterchangeStatus(StrEnum):
    """The words of the Interchange rollup, for a buy or order and for a campaign."""

    DRAFT = "DRAFT"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    INPUT_REQUIRED = "INPUT_REQUIRED"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    ARCHIVED = "ARCHIVED"


class OperationalStatus(StrEnum):
    """The words of the account rollup."""

    NO_MEDIA_BUYS = "no_media_buys"
    DRAFT = "draft"
    PENDING_CREATIVES = "pending_creatives"
    PENDING_START = "pending_start"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    ATTENTION_REQUIRED = "attention_required"


class Attention(StrEnum):
    """Why an account asks for attention."""

    PAYMENT_REQUIRED = "account_payment_required"
    SUSPENDED = "account_suspended"
    INPUT_REQUIRED = "input_required"
    ORDER_FAILED = "order_failed"
    BUY_REJECTED = "media_buy_rejected"
    BUY_IMPAIRED = "media_buy_impaired"


# Every rollup's words, by the key of its row in ROLLUP_PRECEDENCE.
VOCABULARIES: Mapping[str, type[StrEnum]] = {
    "interchange": InterchangeStatus,
    "operational_status": OperationalStatus,
}

INTERCHANGE_OF: Mapping[str, InterchangeStatus] = {
    BuyStatus.PENDING_CREATIVES: InterchangeStatus.PENDING_APPROVAL,
    BuyStatus.PENDING_START: InterchangeStatus.PENDING_APPROVAL,
    BuyStatus.ACTIVE: InterchangeStatus.ACTIVE,
    BuyStatus.PAUSED: InterchangeStatus.PAUSED,
    BuyStatus.COMPLETED: InterchangeStatus.COMPLETED,
    BuyStatus.REJECTED: InterchangeStatus.REJECTED,
    BuyStatus.CANCELED: InterchangeStatus.CANCELED,
}

OPERATIONAL_OF: Mapping[str, OperationalStatus] = {
    BuyStatus.PENDING_CREATIVES: OperationalStatus.PENDING_CREATIVES,
    BuyStatus.PENDING_START: OperationalStatus.PENDING_START,
    BuyStatus.ACTIVE: OperationalStatus.ACTIVE,
    BuyStatus.PAUSED: OperationalStatus.PAUSED,
    **{status.value: OperationalStatus.COMPLETED for status in TERMINAL_BUY_STATUSES},
}

ATTENTION_OF: Mapping[str, Attention] = {
    AccountStatus.PAYMENT_REQUIRED: Attention.PAYMENT_REQUIRED,
    AccountStatus.SUSPENDED: Attention.SUSPENDED,
}


@dataclass(frozen=True)
class OrderRollup:
    """One buy, or one order that is none yet, as the Interchange surface shows it.

    `adcp_status` and `media_buy_id` exist once it is a buy. `context_id`, the task and its error
    are shown to the agent that sent the order, and empty for others.
    """

    status: str
    account_id: str
    updated_at: datetime
    media_buy_id: str = ""
    adcp_status: str = ""
    revision: int | None = None
    campaign_ref: str = ""
    buyer_ref: str = ""
    proposal_id: str = ""
    context_id: str = ""
    task_id: str = ""
    task_status: str = ""
    error: Mapping[str, Any] | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True)
class CampaignRollup:
    """A campaign: how many members say which word, and the first of them, worst first."""

    campaign_ref: str
    status: str
    counts: Mapping[str, int]
    updated_at: datetime
    members: Sequence[OrderRollup]

    @property
    def total(self) -> int:
        """How many buys and orders the campaign has."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class AccountFacts:
    """What an account's word is made of: buys by status, what waits, what asks for attention."""

    account_id: str
    account_status: str
    buys: Mapping[str, int]
    open_orders: int = 0
    open_proposals: int = 0
    attention: Sequence[Attention] = field(default_factory=tuple)


def most_restrictive(words: Iterable[str], precedence: Sequence[str]) -> str:
    """Return the word that stands first in `precedence`; `words` has at least one."""
    return min(words, key=precedence.index)


def operational_words(facts: AccountFacts) -> set[str]:
    """Return every word that is true of the account; `no_media_buys` when no other is."""
    words: set[str] = {OPERATIONAL_OF[status] for status, count in facts.buys.items() if count}
    if facts.open_orders or facts.open_proposals:
        words.add(OperationalStatus.DRAFT)
    if facts.attention:
        words.add(OperationalStatus.ATTENTION_REQUIRED)
    return words or {OperationalStatus.NO_MEDIA_BUYS}


def precedence_faults(precedence: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what is wrong with the settings' tables, as sentences; each word stands once in its
    table.
    """
    faults = []
    for name, vocabulary in VOCABULARIES.items():
        words = list(precedence.get(name, ()))
        known = {word.value for word in vocabulary}
        faults += [f"{name}: {word} is missing." for word in sorted(known - set(words))]
        faults += [f"{name}: {word} is no such status." for word in sorted(set(words) - known)]
        twice = sorted({word for word in words if words.count(word) > 1})
        faults += [f"{name}: {word} stands in it twice." for word in twice]
    return faults
