"""Plans that the demo's agents were offered: drafts, and one that was firmed up and is signed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adcp_sales.demo.orders import Moment, ago
from adcp_sales.demo.timeline import Calendar, Story
from adcp_sales.protocol.registry import Call
from adcp_sales.protocol.usecases.get_products import get_products
from mediabuys.models import Account, Proposal
from mediabuys.services.proposal_revisions import Revision, proposal_revise
from tasks_hitl.services.events import actor_name

if TYPE_CHECKING:
    from adcp_sales.demo.stories import Scene

FINALIZED_AFTER = timedelta(minutes=35)
REVISED_AFTER = timedelta(minutes=20)


@dataclass(frozen=True)
class DemoProposal:
    """A brief; `is_finalized` commits its first plan, and a rep then puts it under signature."""

    account: str
    asked: Moment
    brief: str
    starts: int
    days: int
    budget: int
    currency: str = "USD"
    is_finalized: bool = False


PROPOSALS = (
    DemoProposal(
        "acme",
        ago(6),
        "Launch of the spring tents on connected TV and podcasts, for people who plan their "
        "weekends outdoors",
        starts=35,
        days=28,
        budget=60_000,
    ),
    DemoProposal(
        "brightline",
        ago(20),
        "Savings account for professionals: business news, video and audio",
        starts=28,
        days=42,
        budget=120_000,
        is_finalized=True,
    ),
)


def proposal_story(wanted: DemoProposal, scene: "Scene") -> Story:
    """Send the brief as its agent does; finalize and sign where the story goes on."""
    account = scene.accounts[wanted.account]
    moment = wanted.asked(scene.calendar)
    yield moment
    offered = _ask(account, _brief(wanted, scene.calendar), moment)["proposals"]
    if not wanted.is_finalized:
        return
    moment += FINALIZED_AFTER
    yield moment
    named = {"scope": "proposal", "proposal_id": offered[0]["proposal_id"]}
    entry = {**named, "action": "finalize"}
    _ask(account, {"buying_mode": "refine", "refine": [entry]}, moment)
    moment += REVISED_AFTER
    yield moment
    proposal = Proposal.objects.get(proposal_id=named["proposal_id"])
    proposal_revise(
        proposal_pk=proposal.pk,
        revision=Revision(
            fields={
                "name": "Spring for professionals",
                "requires_signature": True,
                "terms_url": "https://northernledger.example/terms/insertion-orders",
            }
        ),
        shown_at=proposal.updated_at,
        actor=actor_name(scene.staff["rep"]),
        now=moment,
    )


def _brief(wanted: DemoProposal, calendar: Calendar) -> dict[str, Any]:
    first = calendar.midnight(wanted.starts).date()
    last = first + timedelta(days=wanted.days - 1)
    return {
        "buying_mode": "brief",
        "brief": wanted.brief,
        "filters": {
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "budget_range": {"max": wanted.budget, "currency": wanted.currency},
        },
    }


def _ask(account: Account, params: dict[str, Any], moment: datetime) -> dict[str, Any]:
    return get_products(
        Call(
            task="get_products",
            called_as="get_products",
            params=params,
            principal=account.owner,
            account=account,
            now=moment,
        )
    ).body
