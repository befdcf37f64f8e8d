"""The same brief, and the same finalize, asked twice at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from mediabuys.models import Account, Product, Proposal, ProposalAllocation, ProposalEvent
from mediabuys.selectors.catalog import the_publisher
from mediabuys.services.proposal_orders import proposal_take
from mediabuys.services.proposals import proposals_commit
from tests.concurrency import in_rounds
from tests.people import Buyer
from tests.trade.proposals import make_draft_proposal

ROUNDS = 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_twins_find_one_draft_and_one_commitment(buyer: Buyer, catalog: dict[str, Product]) -> None:
    products = [*catalog.values()]
    publisher = the_publisher()

    def offer(number: int) -> tuple[str, int]:
        draft = make_draft_proposal(
            principal=buyer.principal,
            account=buyer.account,
            products=products,
            brief=f"brief {number % (ROUNDS // 2)}",
        )
        return draft.proposal_id, len(draft.allocations.all())

    offered = in_rounds(ROUNDS, offer, offer)
    names = [*Proposal.objects.order_by("pk").values_list("proposal_id", flat=True)]

    def commit(number: int) -> str | None:
        name = names[number % len(names)]
        [committed] = proposals_commit(
            principal=buyer.principal,
            account=buyer.account,
            publisher=publisher,
            proposal_ids={name: "refine[0].proposal_id"},
            now=timezone.now(),
        )
        return committed.io_id

    committed = in_rounds(ROUNDS, commit, commit)

    assert all(mine == theirs for mine, theirs in offered)
    assert {count for (_, count), _ in offered} == {2}
    assert len(names) == ROUNDS // 2
    assert ProposalAllocation.objects.count() == 2 * len(names)
    assert all(mine == theirs and mine for mine, theirs in committed)
    assert ProposalEvent.objects.filter(action="offered").count() == len(names)
    assert ProposalEvent.objects.filter(action="committed").count() == len(names)


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_a_commitment_for_an_account_waits_for_the_order_that_holds_it(
    buyer: Buyer, catalog: dict[str, Product]
) -> None:
    draft = make_draft_proposal(
        principal=buyer.principal, account=None, products=[*catalog.values()]
    )
    publisher = the_publisher()

    def commit() -> str | None:
        try:
            [committed] = proposals_commit(
                principal=buyer.principal,
                account=buyer.account,
                publisher=publisher,
                proposal_ids={draft.proposal_id: "refine[0].proposal_id"},
                now=timezone.now(),
            )
        finally:
            connections.close_all()
        return committed.io_id

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Account.objects.select_for_update().get(pk=buyer.account.pk)
        finalized = pool.submit(commit)
        somebody_waits()
        chosen = proposal_take(
            principal=buyer.principal, account=buyer.account, proposal_id=draft.proposal_id
        )

    assert chosen.proposal.status == "draft"
    assert finalized.result(timeout=60) == Proposal.objects.get().io_id
    assert Proposal.objects.get().account == buyer.account


def somebody_waits() -> None:
    """Return once another connection waits for what this one holds."""
    deadline = monotonic() + 30
    while monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.rowcount:
                return
    raise AssertionError("Nobody waits.")
