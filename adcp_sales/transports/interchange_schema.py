"""How OpenAPI describes the Interchange surface."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drf_spectacular.openapi import AutoSchema

from adcp_sales.transports.openapi import described_responses
from mediabuys.rollups import Attention, InterchangeStatus, OperationalStatus
from mediabuys.states import WIRE_BUY_STATUSES, AccountStatus
from tasks_hitl.states import TaskStatus

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
MOMENT = {"type": "string", "format": "date-time"}
INTERCHANGE = {"enum": [word.value for word in InterchangeStatus]}
ADCP = {"enum": [status.value for status in WIRE_BUY_STATUSES]}
COUNTS = {"type": "object", "additionalProperties": COUNT}
REFUSALS = {
    "401": "No token, or one that is not accepted.",
    "403": "The agent is suspended or blocked.",
    "404": "There is nothing of this name that the agent may read.",
    "405": "These addresses are only read, by GET.",
    "503": "Temporarily unavailable; Retry-After says when to come back.",
}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


ORDER = _object(
    ["status", "updated_at"],
    status=INTERCHANGE,
    media_buy_id=TEXT,
    adcp_status=ADCP,
    revision={"type": "integer", "minimum": 1},
    context_id=TEXT,
    task_id=TEXT,
    task_status={"enum": list(TaskStatus.values)},
    proposal_id=TEXT,
    campaign_ref=TEXT,
    buyer_ref=TEXT,
    account_id=TEXT,
    error={"$ref": "#/components/schemas/Error"},
    archived_at=MOMENT,
    updated_at=MOMENT,
)
CAMPAIGN = _object(
    [
        "campaign_ref",
        "status",
        "status_counts",
        "total_count",
        "members",
        "has_more",
        "updated_at",
    ],
    campaign_ref=TEXT,
    status=INTERCHANGE,
    status_counts=COUNTS,
    total_count=COUNT,
    members={"type": "array", "maxItems": 100, "items": ORDER},
    has_more={"type": "boolean"},
    updated_at=MOMENT,
)
ACCOUNT = _object(
    [
        "account_id",
        "operational_status",
        "account_status",
        "media_buy_counts",
        "open_orders",
        "open_proposals",
        "attention",
    ],
    account_id=TEXT,
    operational_status={"enum": [word.value for word in OperationalStatus]},
    account_status={"enum": list(AccountStatus.values)},
    media_buy_counts=COUNTS,
    open_orders=COUNT,
    open_proposals=COUNT,
    attention={"type": "array", "items": {"enum": [reason.value for reason in Attention]}},
)


@dataclass(frozen=True)
class ReadDescription:
    """One read: what it answers, and what names its object."""

    title: str
    summary: str
    name: str
    schema: Mapping[str, Any]


READS: Mapping[str, ReadDescription] = {
    "media_buy": ReadDescription(
        "InterchangeMediaBuy",
        "The Interchange status of a buy, with the AdCP status that it is derived from.",
        "A media_buy_id; the task_id or context_id of an order that is no buy yet; a proposal_id.",
        ORDER,
    ),
    "campaign": ReadDescription(
        "InterchangeCampaign",
        "The most restrictive status of a campaign's buys and open orders.",
        "The campaign reference that its orders carried.",
        CAMPAIGN,
    ),
    "account": ReadDescription(
        "InterchangeAccount",
        "The operational status of an account.",
        "An account_id.",
        ACCOUNT,
    ),
}


class ReadSchema(AutoSchema):
    """Describes one read from its `ReadDescription`."""

    def get_operation(
        self,
        path: str,
        path_regex: str,  # noqa: ARG002 (drf-spectacular's signature)
        path_prefix: str,  # noqa: ARG002
        method: str,
        registry: Any,  # noqa: ARG002
    ) -> dict[str, Any] | None:
        """Return the operation of GET; HEAD needs no description of its own."""
        if method != "GET":
            return None
        read: ReadDescription = self.view.description  # type: ignore[attr-defined]  # always set
        return {
            "operationId": path.replace("/{name}", "").strip("/").replace("/", "_"),
            "summary": read.summary,
            "description": f"{read.summary} Outside AdCP, and never in an AdCP body.",
            "tags": ["interchange"],
            "security": [{"bearer": []}],
            "parameters": [
                {
                    "name": "name",
                    "in": "path",
                    "required": True,
                    "description": read.name,
                    "schema": TEXT,
                }
            ],
            "responses": described_responses(read.schema, says="Found.", refusals=REFUSALS),
        }
