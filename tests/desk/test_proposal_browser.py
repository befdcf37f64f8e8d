"""A salesperson shapes a commitment in a real Chromium."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from mediabuys.models import Product, Proposal
from tests.desk.browser import NARROW, Desk
from tests.people import Buyer
from tests.trade.proposals import make_committed_proposal, make_draft_proposal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_salesperson_shapes_a_commitment(
    desk: Desk, buyer: Buyer, rep: User, catalog: dict[str, Product]
) -> None:
    start = timezone.now() + timedelta(days=20)
    flight = {"start_time": start, "end_time": start + timedelta(days=30)}
    make_draft_proposal(
        principal=buyer.principal, account=None, products=[catalog["run-of-site"]], brief="Autumn"
    )
    committed = make_committed_proposal(
        principal=buyer.principal,
        account=buyer.account,
        products=[*catalog.values()],
        weights=[2, 1],
        brief="Launch of the spring tents, for people who plan a weekend outdoors",
        budget_max=Decimal(25_000),
        **flight,
    )

    page = desk.sign_in(rep)
    page.get_by_role("link", name="Proposals").first.click()
    desk.picture("proposals")
    page.get_by_role("link", name="Spring plan").first.click()
    page.goto(f"{desk.url}/admin/mediabuys/proposal/{committed.pk}/change/")
    expect(page.get_by_text("A commitment.")).to_be_visible()
    desk.picture("proposal")
    page.get_by_role("link", name="Edit…").click()
    expect(page.get_by_text("a signature under the former one no longer counts")).to_be_visible()
    desk.picture("proposal-edit")
    page.get_by_label("Share of Homepage in percent").fill("70")
    page.get_by_role("button", name="Save this commitment").click()
    expect(page.get_by_text("Make them sum to exactly 100.")).to_be_visible()
    page.get_by_label("Share of Run Of Site in percent").fill("30")
    page.get_by_label("Must be signed before it is ordered").check()
    page.get_by_role("button", name="Save this commitment").click()

    expect(page.locator(".timeline").get_by_text("66.6666 % → 70 %")).to_be_visible()
    expect(page.get_by_text("Must be signed", exact=True)).to_be_visible()
    again = Proposal.objects.get(pk=committed.pk)
    assert again.requires_signature is True
    assert again.io_id != committed.io_id
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    desk.picture("proposal-narrow")
    assert not desk.overflows()
