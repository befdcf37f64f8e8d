"""The review queue of creatives, its decisions, and the page of one creative."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mediabuys.models import Creative, CreativeReview, MediaBuy, Publisher
from mediabuys.selectors.creative_queue import ReviewView, review_page
from mediabuys.services.creatives import creative_review
from mediabuys.states import BuyStatus, CreativeStatus
from tests.creatives.library import BANNER, item, sync, wish
from tests.people import Buyer, in_wire
from tests.trade.orders import booked_buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reviewing")]

QUEUE = "/admin/creative-review/"
APPROVE = "/admin/creative-review/approve/"
# session, person, permissions (2), publisher; keys, creatives, places, formats, when sent, counts;
# badges (3)
QUERIES = 14


def starting(buyer: Buyer, key: int, start: datetime) -> MediaBuy:
    """Return a buy that starts then, and so has its creatives due a day earlier."""
    return booked_buy(
        buyer,
        idempotency_key=f"key-{key:016}",
        start_time=in_wire(start),
        end_time=in_wire(start + timedelta(days=10)),
    )


def waiting(buyer: Buyer, creative_id: str, *buys: MediaBuy, **changes: Any) -> Creative:
    """Return a creative that waits for review on the first package of each buy."""
    wishes = [wish(creative_id, buy.packages.get().package_id) for buy in buys]
    sync(buyer, item(creative_id, **changes), assignments=wishes)
    return Creative.objects.get(creative_id=creative_id)


def door(creative: Creative, verb: str = "change") -> str:
    return f"/admin/mediabuys/creative/{creative.pk}/{verb}/"


def names(response: Any) -> list[str]:
    return [row.creative.creative_id for row in response.context["page"].rows]


def statuses() -> dict[str, str]:
    return dict(Creative.objects.order_by("pk").values_list("creative_id", "status"))


def test_the_creative_that_is_due_first_is_on_top(
    staff_client: Client, buyer: Buyer, stranger: Buyer
) -> None:
    now = timezone.now()
    far = starting(buyer, 1, now + timedelta(days=9))
    near = starting(stranger, 2, now + timedelta(days=2))
    waiting(buyer, "on-no-buy")
    waiting(buyer, "due-late", far)
    waiting(stranger, "due-soon", near)
    waiting(buyer, "never-mind-approved", far)
    approved = Creative.objects.get(creative_id="never-mind-approved")
    creative_review(creative_pk=approved.pk, approve=True, reason="", reviewer="seller:rep")

    response = staff_client.get(QUEUE)

    assert names(response) == ["due-soon", "due-late", "on-no-buy"]
    [first, _, last] = response.context["page"].rows
    assert first.due_at == near.creative_deadline
    assert [place.package.media_buy for place in first.places] == [near]
    assert (last.due_at, last.places) == (None, ())


def test_a_package_that_starts_later_is_due_later(staff_client: Client, buyer: Buyer) -> None:
    start = timezone.now() + timedelta(days=4)
    line = {
        "product_id": "run-of-site",
        "pricing_option_id": "usd",
        "budget": 1000,
        "start_time": in_wire(start + timedelta(days=3)),
        "end_time": in_wire(start + timedelta(days=9)),
    }
    buy = booked_buy(
        buyer,
        start_time=in_wire(start),
        end_time=in_wire(start + timedelta(days=10)),
        packages=[line],
    )
    waiting(buyer, "banner", buy)

    [row] = staff_client.get(QUEUE).context["page"].rows

    assert buy.creative_deadline is not None
    assert row.due_at == buy.creative_deadline + timedelta(days=3)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("all", ["over", "soon", "later", "nowhere"]),
        ("overdue", ["over"]),
        ("soon", ["soon"]),
        ("unassigned", ["nowhere"]),
        ("nonsense", ["over", "soon", "later", "nowhere"]),
    ],
)
def test_views_narrow_the_queue_and_count(
    staff_client: Client, buyer: Buyer, view: str, expected: list[str]
) -> None:
    now = timezone.now()
    for number, (name, deadline) in enumerate([("over", -1), ("soon", 20), ("later", 30)], start=1):
        buy = starting(buyer, number, now + timedelta(days=5))
        waiting(buyer, name, buy)
        MediaBuy.objects.filter(pk=buy.pk).update(creative_deadline=now + timedelta(hours=deadline))
    waiting(buyer, "nowhere")

    response = staff_client.get(QUEUE, {"view": view})

    assert names(response) == expected
    counts = response.context["counts"]
    assert [counts[one] for one in ReviewView] == [4, 1, 1, 1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("spring", ["first"]),
        ("KESTREL", ["second"]),
        ("first", ["first"]),
        ("acmeoutdoor", ["first", "second"]),
        ("nobody\x00", []),
    ],
)
def test_search_finds_by_name_id_and_buyer(
    staff_client: Client, buyer: Buyer, stranger: Buyer, words: str, expected: list[str]
) -> None:
    waiting(buyer, "first", name="Spring banner")
    waiting(stranger, "second", name="Autumn banner")

    assert names(staff_client.get(QUEUE, {"q": words})) == expected


def test_pages_go_on_where_the_last_one_ended(buyer: Buyer) -> None:
    now = timezone.now()
    buys = [starting(buyer, number, now + timedelta(days=number)) for number in (3, 5, 7)]
    for number, buy in enumerate(buys):
        waiting(buyer, f"due-{number}", buy)
    for number in range(3):
        waiting(buyer, f"free-{number}")

    seen, cursor = [], ""
    for _ in range(3):
        page = review_page(view=ReviewView.ALL, words="", after=cursor, now=now, size=2)
        seen.append([row.creative.creative_id for row in page.rows])
        cursor = page.next_cursor

    assert seen == [["due-0", "due-1"], ["due-2", "free-0"], ["free-1", "free-2"]]
    assert cursor == ""


@pytest.mark.parametrize(
    "cursor", ["x", "-", "1-", "9" * 30 + "-1", "1-" + "9" * 19, "\u0661-\u0661"]
)
def test_what_is_no_cursor_is_ignored(staff_client: Client, buyer: Buyer, cursor: str) -> None:
    waiting(buyer, "banner")

    assert names(staff_client.get(QUEUE, {"after": cursor})) == ["banner"]


def test_the_queue_costs_the_same_however_long(
    staff_client: Client, buyer: Buyer, django_assert_num_queries: Any
) -> None:
    waiting(buyer, "first", booked_buy(buyer))
    staff_client.get(QUEUE)
    with django_assert_num_queries(QUERIES):
        staff_client.get(QUEUE)

    buy = booked_buy(buyer, idempotency_key="key-0000000000000002")
    sync(
        buyer,
        *[item(f"banner-{number}") for number in range(60)],
        assignments=[
            wish(f"banner-{number}", buy.packages.get().package_id) for number in range(60)
        ],
    )

    with django_assert_num_queries(QUERIES):
        page = staff_client.get(QUEUE)
    assert len(page.context["page"].rows) == 50
    assert 'rel="next"' in page.content.decode()


def test_the_menu_says_how_many_wait(staff_client: Client, buyer: Buyer) -> None:
    waiting(buyer, "one")
    waiting(buyer, "two")

    response = staff_client.get(QUEUE)

    [desk] = [
        group for group in response.context["sidebar_navigation"] if group["title"] == "Sales desk"
    ]
    badges = {entry["title"]: entry.get("badge") for entry in desk["items"]}
    assert (badges["Creative review"], badges["Creatives"]) == ("2", None)


def test_nothing_of_a_buyers_host_is_loaded(staff_client: Client, buyer: Buyer) -> None:
    creative = waiting(buyer, "banner", booked_buy(buyer))

    for page in (staff_client.get(QUEUE), staff_client.get(door(creative))):
        text = page.content.decode()
        assert "assets.acmeoutdoor.example" not in text.replace(
            f'<a href="{BANNER["url"]}" rel="noreferrer noopener" target="_blank">', ""
        ).replace(f"{BANNER['url']}</a>", "")
        assert "<iframe" not in text
    assert "Outline of 300 by 250 pixels" in text


def test_what_a_buyer_wrote_is_text(staff_client: Client, buyer: Buyer) -> None:
    creative = waiting(
        buyer,
        "banner",
        name="<script>alert(1)</script>",
        assets={
            "main": BANNER,
            "copy": {"asset_type": "text", "content": "<img src=x onerror=alert(2)>"},
            "click": {"asset_type": "url", "url": "https://acmeoutdoor.example/summer"},
            "odd": {"asset_type": "url", "url": "javascript:alert(3)"},
        },
    )

    for page in (staff_client.get(QUEUE), staff_client.get(door(creative))):
        text = page.content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "javascript:alert" not in text
        assert "acmeoutdoor.example" in text


def test_the_page_shows_content_places_and_history(staff_client: Client, buyer: Buyer) -> None:
    buy = booked_buy(buyer)
    creative = waiting(buyer, "banner", buy)
    creative_review(
        creative_pk=creative.pk, approve=False, reason="Cut off.", reviewer="seller:rep"
    )
    sync(buyer, item(name="Whole banner"))

    response = staff_client.get(door(creative))

    page = response.content.decode()
    assert buy.packages.get().package_id in page
    told = [
        (line["entry"].get_outcome_display(), line["entry"].revision, line["who"])
        for line in response.context["history"]
    ]
    assert told == [("Sent", 2, "Pinnacle"), ("Rejected", 1, "rep"), ("Sent", 1, "Pinnacle")]
    assert response.context["history"][0]["entry"].reason == "Changed: name"


def test_the_page_costs_the_same_however_many_places(
    staff_client: Client, buyer: Buyer, django_assert_num_queries: Any
) -> None:
    creative = waiting(buyer, "banner", booked_buy(buyer))
    staff_client.get(door(creative))

    # session, person, permissions (2), publisher; creative, places, formats, when sent, history,
    # next; badges (3)
    with django_assert_num_queries(14):
        staff_client.get(door(creative))
    for number in range(2, 6):
        buy = booked_buy(buyer, idempotency_key=f"key-{number:016}")
        sync(buyer, item(), assignments=[wish("banner", buy.packages.get().package_id)])
    with django_assert_num_queries(14):
        page = staff_client.get(door(creative))
    assert len(page.context["row"].places) == 5


@pytest.mark.parametrize("pk", ["0", "999999", "x", "9" * 30])
def test_a_page_of_nothing_is_not_found(
    staff_client: Client, publisher: Publisher, pk: str
) -> None:
    assert staff_client.get(f"/admin/mediabuys/creative/{pk}/change/").status_code == 404


def test_an_approved_creative_can_only_be_revoked(staff_client: Client, buyer: Buyer) -> None:
    creative = waiting(buyer, "banner")
    before = [choice["verb"] for choice in staff_client.get(door(creative)).context["choices"]]

    staff_client.post(door(creative, "approve"), {"shown_revision": 1})

    after = [choice["verb"] for choice in staff_client.get(door(creative)).context["choices"]]
    assert (before, after) == (["Approve", "Reject"], ["Revoke"])


def test_revoking_needs_a_reason_and_keeps_who_did_it(
    staff_client: Client, buyer: Buyer, approver: User
) -> None:
    creative = waiting(buyer, "banner")
    staff_client.post(door(creative, "approve"), {"shown_revision": 1})

    without = staff_client.post(door(creative, "revoke"), {"shown_revision": 1})
    still = statuses()
    done = staff_client.post(
        door(creative, "revoke"), {"shown_revision": 1, "reason": "The brand withdrew it."}
    )

    assert (without.status_code, still) == (200, {"banner": "approved"})
    assert (done.status_code, statuses()) == (302, {"banner": "rejected"})
    review = CreativeReview.objects.first()
    assert review is not None
    assert (review.outcome, review.reviewer, review.reason) == (
        "revoked",
        "seller:approver",
        "The brand withdrew it.",
    )


def test_a_rejection_that_comes_second_does_not_revoke(staff_client: Client, buyer: Buyer) -> None:
    creative = waiting(buyer, "banner")
    creative_review(creative_pk=creative.pk, approve=True, reason="", reviewer="seller:first")

    late = staff_client.post(door(creative, "reject"), {"shown_revision": 1, "reason": "No."})

    assert late.status_code == 409
    assert "Somebody was first" in late.content.decode()
    assert statuses() == {"banner": CreativeStatus.APPROVED}
    assert CreativeReview.objects.filter(outcome="revoked").count() == 0


def test_the_decision_stays_bound_to_the_page_that_was_read(
    staff_client: Client, buyer: Buyer
) -> None:
    creative = waiting(buyer, "banner")
    [approve, _] = staff_client.get(door(creative)).context["choices"]
    sync(buyer, item(name="Another banner"))

    form = staff_client.get(approve["address"]).context["form"]
    answer = staff_client.post(door(creative, "approve"), form.initial)

    assert form.initial == {"shown_revision": 1, "shown_standing": "pending_review"}
    assert answer.status_code == 409
    assert statuses() == {"banner": "pending_review"}


def test_several_are_approved_after_one_more_look(
    staff_client: Client, buyer: Buyer, approver: User
) -> None:
    buy = booked_buy(buyer)
    creatives = [waiting(buyer, "one", buy), waiting(buyer, "two"), waiting(buyer, "three")]
    picks = [f"{creative.pk}-1" for creative in creatives[:2]]

    asked = staff_client.post(APPROVE, {"pick": picks})
    untouched = statuses()
    done = staff_client.post(APPROVE, {"pick": picks, "confirmed": "yes"}, follow=True)

    assert "Approve 2 creatives?" in asked.content.decode()
    assert set(untouched.values()) == {"pending_review"}
    assert "2 creatives approved." in done.content.decode()
    assert statuses() == {"one": "approved", "two": "approved", "three": "pending_review"}
    buy.refresh_from_db()
    assert buy.status == BuyStatus.PENDING_START
    approved = CreativeReview.objects.filter(outcome="approved")
    assert set(approved.values_list("reviewer", flat=True)) == {"seller:approver"}


def test_one_that_moved_meanwhile_does_not_keep_the_others(
    staff_client: Client, buyer: Buyer
) -> None:
    good, changed, decided = [waiting(buyer, name) for name in ("good", "changed", "decided")]
    sync(buyer, item("changed", name="Changed banner"))
    creative_review(creative_pk=decided.pk, approve=False, reason="No.", reviewer="seller:first")
    picks = [f"{one.pk}-1" for one in (changed, decided, good)] + ["0-1"]

    page = staff_client.post(APPROVE, {"pick": picks, "confirmed": "yes"}, follow=True)

    text = page.content.decode()
    assert "1 creative approved." in text
    assert "“Changed banner” is not approved: The buyer has sent another version" in text
    assert "“Banner” is not approved: Somebody was first" in text
    assert statuses() == {"good": "approved", "changed": "pending_review", "decided": "rejected"}


@pytest.mark.parametrize("picks", [[], ["x"], ["1"], ["1-2-3"], ["1-99999999999"]])
def test_nothing_chosen_approves_nothing(
    staff_client: Client, buyer: Buyer, picks: list[str]
) -> None:
    waiting(buyer, "banner")

    page = staff_client.post(APPROVE, {"pick": picks, "confirmed": "yes"}, follow=True)

    assert "Choose the creatives" in page.content.decode()
    assert statuses() == {"banner": "pending_review"}


def test_a_viewer_looks_and_does_not_decide(client: Client, buyer: Buyer, viewer: User) -> None:
    creative = waiting(buyer, "banner")
    client.force_login(viewer)

    queue, page = client.get(QUEUE), client.get(door(creative))
    told = [
        client.post(APPROVE, {"pick": f"{creative.pk}-1", "confirmed": "yes"}).status_code,
        *[
            client.post(door(creative, verb), {"shown_revision": 1, "reason": "x"}).status_code
            for verb in ("approve", "reject", "revoke")
        ],
    ]

    assert names(queue) == ["banner"]
    assert 'name="pick"' not in queue.content.decode()
    assert page.context["choices"] == []
    assert told == [403] * 4
    assert statuses() == {"banner": "pending_review"}


def test_strangers_to_the_desk_see_nothing(client: Client, buyer: Buyer) -> None:
    creative = waiting(buyer, "banner")
    nobody = User.objects.create_user("nobody", password="x", is_staff=True)

    anonymous = [client.get(path).status_code for path in (QUEUE, door(creative))]
    client.force_login(nobody)
    staff = [client.get(path).status_code for path in (QUEUE, door(creative))]

    assert (anonymous, staff) == ([302, 302], [403, 403])


def test_a_look_approves_nothing(staff_client: Client, buyer: Buyer) -> None:
    creative = waiting(buyer, "banner")

    assert staff_client.get(APPROVE, {"pick": f"{creative.pk}-1"}).status_code == 405
    assert statuses() == {"banner": "pending_review"}
