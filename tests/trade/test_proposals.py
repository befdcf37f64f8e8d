"""Proposals: found again, committed with firm prices, all or none."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from mediabuys.errors import TradeError
from mediabuys.models import (
    PricingOption,
    Product,
    Proposal,
    ProposalAllocation,
    ProposalEvent,
    Publisher,
)
from mediabuys.planning import firm_price, option_for, shares
from mediabuys.selectors.catalog import the_publisher
from mediabuys.services.proposal_drafts import proposals_forget
from mediabuys.services.proposals import proposals_commit
from mediabuys.states import ProposalStatus
from tests.people import Buyer
from tests.trade.proposals import make_committed_proposal, make_draft_proposal

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(catalog: dict[str, Product]) -> list[Product]:
    return [catalog["homepage"], catalog["run-of-site"]]


def commit(buyer: Buyer, *proposal_ids: str) -> list[Proposal]:
    return proposals_commit(
        principal=buyer.principal,
        account=buyer.account,
        publisher=the_publisher(),
        proposal_ids={
            name: f"refine[{index}].proposal_id" for index, name in enumerate(proposal_ids)
        },
        now=timezone.now(),
    )


def draft_of(buyer: Buyer, products: list[Product], brief: str = "spring") -> Proposal:
    return make_draft_proposal(
        principal=buyer.principal, account=buyer.account, products=products, brief=brief
    )


def test_the_same_plan_is_found_again(buyer: Buyer, both: list[Product]) -> None:
    first = draft_of(buyer, both)

    second = draft_of(buyer, both)

    assert second.pk == first.pk
    assert (Proposal.objects.count(), ProposalAllocation.objects.count()) == (1, 2)
    assert ProposalEvent.objects.count() == 1


def test_another_agents_plan_is_another_proposal(
    buyer: Buyer, stranger: Buyer, both: list[Product]
) -> None:
    mine, theirs = draft_of(buyer, both), draft_of(stranger, both)

    assert mine.pk != theirs.pk
    assert Proposal.objects.count() == 2


def test_an_expired_draft_gets_a_new_term_when_it_is_asked_for(
    buyer: Buyer, both: list[Product]
) -> None:
    draft = draft_of(buyer, both)
    Proposal.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    again = draft_of(buyer, both)

    assert again.pk == draft.pk
    assert again.expires_at > timezone.now() + timedelta(hours=71)


def test_committing_fixes_prices_and_writes_an_insertion_order(
    buyer: Buyer, both: list[Product]
) -> None:
    draft = draft_of(buyer, both)
    before = timezone.now()

    [committed] = commit(buyer, draft.proposal_id)

    assert committed.status == ProposalStatus.COMMITTED
    assert committed.proposal_id == draft.proposal_id
    assert committed.io_id is not None
    assert committed.io_id.startswith("io_")
    assert committed.committed_at is not None
    assert committed.committed_at >= before
    assert committed.expires_at == committed.committed_at + timedelta(hours=72)
    assert [line.unit_price for line in committed.allocations.all()] == [
        Decimal("10.0000"),
        Decimal("10.0000"),
    ]
    actions = committed.events.values_list("action", "actor")
    agent = f"agent:{buyer.principal.principal_id}"
    assert list(actions) == [("offered", agent), ("committed", agent)]


def test_firm_prices_survive_a_later_price_change(buyer: Buyer, both: list[Product]) -> None:
    committed = make_committed_proposal(
        principal=buyer.principal, account=buyer.account, products=both
    )
    PricingOption.objects.update(fixed_price=Decimal(99))

    [again] = commit(buyer, committed.proposal_id)

    assert [line.unit_price for line in again.allocations.all()] == [Decimal(10), Decimal(10)]
    assert (again.io_id, again.expires_at) == (committed.io_id, committed.expires_at)
    assert again.events.filter(action="committed").count() == 1


def test_all_or_none_are_committed(buyer: Buyer, both: list[Product]) -> None:
    good = draft_of(buyer, both)

    with pytest.raises(TradeError) as refused:
        commit(buyer, good.proposal_id, "prop_unknown")

    good.refresh_from_db()
    assert (refused.value.code, refused.value.field) == (
        "PROPOSAL_NOT_FOUND",
        "refine[1].proposal_id",
    )
    assert (good.status, good.io_id) == (ProposalStatus.DRAFT, None)


@pytest.mark.parametrize(
    ("threshold", "signed"), [(None, False), (Decimal("75000.01"), False), (Decimal(75_000), True)]
)
def test_large_insertion_orders_must_be_signed(
    buyer: Buyer, both: list[Product], threshold: Decimal | None, signed: bool
) -> None:
    Publisher.objects.update(signature_threshold=threshold)

    committed = make_committed_proposal(
        principal=buyer.principal,
        account=buyer.account,
        products=both,
        budget_max=Decimal(75_000),
    )

    assert committed.recommended_budget == Decimal(75_000)
    assert committed.requires_signature is signed


def test_only_drafts_that_expired_a_day_ago_are_forgotten(
    buyer: Buyer, both: list[Product]
) -> None:
    now = timezone.now()
    old, expired, current = (draft_of(buyer, both, brief) for brief in ("a", "b", "c"))
    committed = make_committed_proposal(
        principal=buyer.principal, account=buyer.account, products=both, brief="d"
    )
    long_ago = now - timedelta(days=2)
    Proposal.objects.filter(pk__in=[old.pk, committed.pk]).update(expires_at=long_ago)
    Proposal.objects.filter(pk=expired.pk).update(expires_at=now - timedelta(hours=23))

    forgotten = proposals_forget(now=now)

    assert forgotten == 1
    assert {*Proposal.objects.values_list("pk", flat=True)} == {
        expired.pk,
        current.pk,
        committed.pk,
    }
    assert ProposalAllocation.objects.count() == 6


def test_forgetting_goes_on_batch_by_batch(buyer: Buyer, both: list[Product]) -> None:
    for brief in ("a", "b", "c"):
        draft_of(buyer, both, brief)
    later = timezone.now() + timedelta(days=10)

    assert [proposals_forget(now=later, limit=2) for _ in range(3)] == [2, 1, 0]


@given(weights=st.lists(st.decimals(min_value="0.01", max_value=1000, places=2), max_size=12))
def test_shares_are_exact_whatever_the_weights(weights: list[Decimal]) -> None:
    assume(weights)

    found = shares(weights)

    assert sum(found) == Decimal(100)
    assert all(share >= 0 for share in found)
    assert all(share == share.quantize(Decimal("0.0001")) for share in found)


def test_flat_prices_count_as_a_minimum(buyer: Buyer, both: list[Product]) -> None:
    PricingOption.objects.filter(product=both[0]).update(
        pricing_model="flat_rate", fixed_price=Decimal(18_000)
    )

    draft = draft_of(buyer, both)

    assert draft.minimum_budget == Decimal(36_000)


def test_a_plan_takes_the_card_price_before_a_discount_and_a_fixed_one_before_an_auction(
    both: list[Product],
) -> None:
    product = both[0]
    for name, prices in {
        "auction": {"floor_price": Decimal(1)},
        "partner": {"fixed_price": Decimal(7), "rate_card_price": Decimal(10)},
    }.items():
        PricingOption.objects.create(
            product=product, pricing_option_id=name, pricing_model="cpm", currency="USD", **prices
        )

    chosen = option_for(product, "USD")

    assert chosen is not None
    assert chosen.pricing_option_id == "usd"
    assert option_for(product, "EUR") is None


@pytest.mark.parametrize(
    ("floor", "guidance", "expected"),
    [
        ("2", {"p50": 4.5}, "4.5"),
        ("5", {"p50": 4.5}, "5"),
        ("2", None, "2"),
        ("2", {"p50": "x"}, "2"),
    ],
)
def test_an_auctions_firm_price_is_its_usual_bid(
    floor: str, guidance: dict[str, object] | None, expected: str
) -> None:
    option = PricingOption(floor_price=Decimal(floor), price_guidance=guidance)

    assert firm_price(option) == Decimal(expected)
