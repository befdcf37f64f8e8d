"""Reviewing creatives in a real Chromium: by keyboard, several at once, and on a telephone."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from mediabuys.models import Creative
from tests.creatives.library import BANNER, item, sync, wish
from tests.desk.browser import NARROW, Desk
from tests.people import Buyer, reviews_by_hand
from tests.trade.orders import booked_buy

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CLICK = {"asset_type": "url", "url": "https://acmeoutdoor.example/summer"}
COPY = {
    "asset_type": "text",
    "content": "Summer starts on the ridge. Boots that were there before.",
}


def test_a_reviewer_looks_approves_several_and_rejects_one(
    desk: Desk, buyer: Buyer, approver: User
) -> None:
    reviews_by_hand()
    package_id = booked_buy(buyer).packages.get().package_id
    assets = {"main": BANNER, "click": CLICK, "copy": COPY}
    wishes = [wish(name, package_id) for name in ("summer", "ridge")]
    sync(
        buyer,
        item("summer", name="Summer, rectangle", assets=assets),
        item("ridge", name="The ridge", assets=assets),
        item("spare", name="Spare banner"),
        assignments=wishes,
    )
    sync(buyer, item("summer", name="Summer, the rectangle with the mountain", assets=assets))

    page = desk.sign_in(approver)
    page.get_by_role("link", name="Creative review").click()
    desk.picture("creative-queue")
    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Summer, the rectangle")).to_be_visible()
    expect(page.get_by_role("img", name="Outline of 300 by 250 pixels")).to_be_visible()
    desk.picture("creative")
    page.get_by_role("link", name="Reject…").click()
    page.get_by_label("Reason").fill("The mountain is not yours.")
    page.get_by_role("button", name="Reject this creative").click()
    expect(page.get_by_text("The mountain is not yours.").first).to_be_visible()

    page.get_by_role("link", name="Next to review").click()
    expect(page.get_by_role("heading", name="The ridge")).to_be_visible()
    page.get_by_role("link", name="Creative review").first.click()
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Approve the chosen…").click()
    desk.picture("creative-approve-many")
    page.get_by_role("button", name="Approve 2 creatives").click()

    expect(page.get_by_text("2 creatives approved.")).to_be_visible()
    expect(page.get_by_text("No creative waits for review.")).to_be_visible()
    told = dict(Creative.objects.values_list("creative_id", "status"))
    assert told == {"summer": "rejected", "ridge": "approved", "spare": "approved"}


def test_the_review_fits_a_telephone(desk: Desk, buyer: Buyer, approver: User) -> None:
    reviews_by_hand()
    package_id = booked_buy(buyer).packages.get().package_id
    long_name = "A-creative-whose-name-has-no-space-at-all-" * 3
    assets = {"main": BANNER | {"width": 1920, "height": 1080}, "click": CLICK, "copy": COPY}
    sync(buyer, item(name=long_name, assets=assets), assignments=[wish("banner", package_id)])
    page = desk.page
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    desk.sign_in(approver)
    address = f"/admin/mediabuys/creative/{Creative.objects.get().pk}"

    for name, path in (
        ("queue", "/admin/creative-review/"),
        ("page", f"{address}/change/"),
        ("reject", f"{address}/reject/"),
    ):
        desk.open(path)
        desk.picture(f"narrow-creative-{name}")
        assert not desk.overflows(), path
