"""The demo's proposals: two drafts, and one commitment with its insertion order."""

from adcp_sales.demo.seeding import Seeded
from mediabuys.models import Proposal
from mediabuys.states import ProposalStatus
from tests.demo.conftest import NOW


def test_plans_wait_for_their_agents(demo: Seeded) -> None:
    drafts = Proposal.objects.filter(status=ProposalStatus.DRAFT, account__name="Acme Outdoor")

    assert {draft.name for draft in drafts} == {"Balanced", "Focused"}
    for draft in drafts:
        assert draft.expires_at > NOW
        assert sum(row.percentage for row in draft.allocations.all()) == 100


def test_one_is_firm_and_waits_for_a_signature(demo: Seeded) -> None:
    committed = Proposal.objects.get(status=ProposalStatus.COMMITTED)

    assert committed.account is not None
    assert committed.account.name == "Brightline Bank"
    assert committed.requires_signature is True
    assert committed.io_id is not None
    assert committed.expires_at > NOW
    assert all(row.unit_price is not None for row in committed.allocations.all())
    assert [*committed.events.values_list("action", flat=True)] == [
        "offered",
        "committed",
        "revised",
    ]
