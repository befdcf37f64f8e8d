"""At the desk: creatives that the ad server reviews after us."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mediabuys.models import Creative, Trafficking
from tests.creatives.ad_server import creative_of, pass_on, say, word
from tests.creatives.library import item, sync
from tests.people import Buyer, reviews_by_hand

pytestmark = pytest.mark.django_db

QUEUE = "/admin/creative-review/"


@pytest.fixture
def creative(buyer: Buyer, settings: Any) -> Creative:
    """A creative that waits for us, and will wait for the ad server."""
    reviews_by_hand()
    settings.ADSERVER = "simulated"
    sync(buyer, item())
    return creative_of()


def door(creative: Creative, verb: str = "change") -> str:
    return f"/admin/mediabuys/creative/{creative.pk}/{verb}/"


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def verbs(client: Client, creative: Creative) -> list[str]:
    return [choice["verb"] for choice in client.get(door(creative)).context["choices"]]


def test_the_reviewer_reads_what_an_approval_means(
    staff_client: Client, creative: Creative
) -> None:
    asked = words(staff_client.get(door(creative, "approve")))
    decided = staff_client.post(door(creative, "approve"), {"shown_revision": 1}, follow=True)

    assert "Passes it on to Ledger Ad Server, which reviews it too before it serves." in asked
    assert "“Banner” is approved here; Ledger Ad Server reviews it now." in words(decided)
    assert creative_of().reviewed_by == "seller:approver"


def test_the_page_says_where_it_is(staff_client: Client, creative: Creative) -> None:
    pass_on()

    sending = words(staff_client.get(door(creative)))
    row = Trafficking.objects.get()
    row.error_message = "It takes no files over 2 MB."
    row.save()
    refused = words(staff_client.get(door(creative)))
    row.told, row.error_message = row.wanted, ""
    row.save()
    there = words(staff_client.get(door(creative)))

    assert "<strong>Under review at Ledger Ad Server</strong> since" in sending
    assert "It is being sent." in sending
    assert "It has not taken this revision: It takes no files over 2 MB." in refused
    assert "It is being sent." not in there
    assert "Approved here, under review at the ad server</strong>, revision 1, by rep" in there


def test_it_leaves_the_queue_and_can_only_be_rejected(
    staff_client: Client, creative: Creative
) -> None:
    before = (verbs(staff_client, creative), len(staff_client.get(QUEUE).context["page"].rows))

    pass_on()

    assert before == (["Approve", "Reject"], 1)
    assert verbs(staff_client, creative) == ["Reject"]
    assert staff_client.get(QUEUE).context["page"].rows == ()
    assert staff_client.get("/admin/").context["home"].to_review.number == 0
    late = staff_client.post(door(creative, "approve"), {"shown_revision": 1})
    assert late.status_code == 409
    assert "is under review at Ledger Ad Server now" in words(late)


def test_a_rejection_of_what_a_colleague_has_passed_on_must_have_seen_it(
    staff_client: Client, creative: Creative
) -> None:
    as_ours = {"shown_revision": 1, "shown_standing": "pending_review", "reason": "No."}
    pass_on()

    unaware = staff_client.post(door(creative, "reject"), as_ours)
    untouched = creative_of().status
    [choice] = staff_client.get(door(creative)).context["choices"]
    form = staff_client.get(choice["address"]).context["form"]
    aware = staff_client.post(door(creative, "reject"), {**form.initial, "reason": "No."})

    assert (unaware.status_code, untouched) == (409, "pending_review")
    assert form.initial == {"shown_revision": 1, "shown_standing": "passed_on"}
    assert (aware.status_code, creative_of().status) == (302, "rejected")


def test_several_are_passed_on_together(
    staff_client: Client, creative: Creative, buyer: Buyer
) -> None:
    sync(buyer, item("other"))
    picks = [f"{one.pk}-1" for one in Creative.objects.all()]

    asked = staff_client.post(f"{QUEUE}approve/", {"pick": picks})
    done = staff_client.post(f"{QUEUE}approve/", {"pick": picks, "confirmed": "yes"}, follow=True)

    assert "Passes them on to Ledger Ad Server" in words(asked)
    assert "2 creatives approved; Ledger Ad Server reviews them now." in words(done)
    assert {one.standing for one in Creative.objects.all()} == {"passed_on"}
    assert Trafficking.objects.count() == 2


def test_what_the_ad_server_said_is_in_the_history(
    staff_client: Client, creative: Creative
) -> None:
    pass_on()
    say(word("rejected"))

    page = words(staff_client.get(door(creative)))

    assert "Rejected</strong>, revision 1, by Ledger Ad Server" in page
    assert "Ledger Ad Server refused it. It comes back when" in page
    assert "<strong>The buyer reads:</strong> It flashes." in page


def test_the_list_tells_whose_review_it_is(
    staff_client: Client, creative: Creative, buyer: Buyer
) -> None:
    sync(buyer, item("ours"))
    pass_on()

    address = "/admin/mediabuys/creative/"
    rows = {}
    for view in ("", "ours", "ad_server"):
        found = staff_client.get(address, {"review": view} if view else {})
        rows[view] = [one.creative_id for one in found.context["cl"].result_list]

    assert rows == {"": ["ours", "banner"], "ours": ["ours"], "ad_server": ["banner"]}
    assert "Under review at the ad server" in words(staff_client.get(address))


def test_the_page_of_one_costs_one_query_more_while_it_is_there(
    staff_client: Client, creative: Creative, django_assert_num_queries: Any
) -> None:
    staff_client.get(door(creative))
    with django_assert_num_queries(ONE_CREATIVE):
        staff_client.get(door(creative))
    pass_on(now=timezone.now())

    with django_assert_num_queries(ONE_CREATIVE + 1):
        staff_client.get(door(creative))


# session, person, permissions (2), publisher; creative, places, format, when sent, history, the
# next to review; badges (3)
ONE_CREATIVE = 14
