"""The same brief, and the same finalize, asked twice at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from mediabuys.models import Product, Proposal, ProposalAllocation, ProposalEvent
from mediabuys.selectors.catalog import the_publisher
from mediabuys.services.proposals import proposals_commit
from tests.people import Buyer
from tests.trade.proposals import make_draft_proposal

ROUNDS = 20


def both_at_once(work: Callable[[int], Any]) -> list[tuple[Any, Any]]:
    """Run each round's work in two threads that start together; return what each answered."""
    barrier = Barrier(2)

    def rounds() -> list[Any]:
        answers = []
        for number in range(ROUNDS):
            barrier.wait(timeout=60)
            answers.append(work(number))
        connections.close_all()
        return answers

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(rounds), pool.submit(rounds)
        return list(zip(first.result(), second.result(), strict=True))


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

    offered = both_at_once(offer)
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

    committed = both_at_once(commit)

    assert all(mine == theirs for mine, theirs in offered)
    assert {count for (_, count), _ in offered} == {2}
    assert len(names) == ROUNDS // 2
    assert ProposalAllocation.objects.count() == 2 * len(names)
    assert all(mine == theirs and mine for mine, theirs in committed)
    assert ProposalEvent.objects.filter(action="offered").count() == len(names)
    assert ProposalEvent.objects.filter(action="committed").count() == len(names)
