"""A buy's buttons: archive, reject, cancel, for the roles that may, on pages that ask first."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mediabuys.models import Event, MediaBuy
from mediabuys.services.archive import media_buy_archive
from mediabuys.services.orders import media_buy_reject
from tests.people import Buyer, make_staff
from tests.trade.orders import booked_buy, waiting_task

pytestmark = pytest.mark.django_db

LIST = "/admin/mediabuys/mediabuy/"
BUTTON = re.compile(r"/admin/mediabuys/mediabuy/\d+/(archive|unarchive|reject|cancel)/?")


def page(buy: MediaBuy, verb: str) -> str:
    return reverse(f"admin:mediabuys_mediabuy_{verb}_buy", args=[buy.pk])


def over(buyer: Buyer, number: int = 1) -> MediaBuy:
    buy = booked_buy(buyer, key=f"key-{number:016}")
    media_buy_reject(buy=buy, actor="system", reason="Not bookable.", now=timezone.now())
    return buy


def buttons(client: Client, buy: MediaBuy) -> list[str]:
    html = client.get(reverse("admin:mediabuys_mediabuy_change", args=[buy.pk])).content.decode()
    return sorted(set(BUTTON.findall(html)))


def listed(client: Client, **query: str) -> list[int]:
    return [row.pk for row in client.get(LIST, query).context["cl"].result_list]


def test_a_page_shows_the_buttons_that_its_status_leaves(
    staff_client: Client, buyer: Buyer
) -> None:
    live, ended = booked_buy(buyer), over(buyer, 2)
    draft = waiting_task(buyer, idempotency_key="key-0000000000000003").media_buy

    assert buttons(staff_client, live) == ["cancel", "reject"]
    assert buttons(staff_client, ended) == ["archive"]
    assert buttons(staff_client, draft) == []
    media_buy_archive(media_buy_pk=ended.pk, actor="seller:rep", reason="", now=timezone.now())
    assert buttons(staff_client, ended) == ["unarchive"]


@pytest.mark.parametrize(
    ("role", "archives", "ends"),
    [
        ("viewer", False, False),
        ("rep", True, False),
        ("approver", True, True),
        ("director", True, True),
    ],
)
def test_who_may_do_what(
    client: Client, buyer: Buyer, role: str, archives: bool, ends: bool
) -> None:
    live, ended = booked_buy(buyer), over(buyer, 2)
    client.force_login(make_staff("somebody", role))
    form = {"reason": "Because.", "shown_revision": live.revision}

    assert buttons(client, ended) == (["archive"] if archives else [])
    assert buttons(client, live) == (["cancel", "reject"] if ends else [])
    codes = [
        client.post(page(ended, "archive"), form).status_code,
        client.post(f"{LIST}several/unarchive/?ids={ended.pk}", form).status_code,
        client.post(page(live, "cancel"), form).status_code,
    ]

    assert codes == [302 if it else 403 for it in (archives, archives, ends)]
    live.refresh_from_db()
    assert live.status == ("canceled" if ends else "pending_creatives")
    archived = Event.objects.filter(action="archived").count()
    assert archived == (1 if archives else 0)


@pytest.mark.parametrize("verb", ["archive", "unarchive", "reject", "cancel"])
def test_looking_at_a_page_changes_nothing(staff_client: Client, buyer: Buyer, verb: str) -> None:
    buy = booked_buy(buyer)
    before = MediaBuy.objects.values().get()

    answer = staff_client.get(page(buy, verb))

    assert answer.status_code == 200
    if verb in ("reject", "cancel"):
        assert "$1,000 for Acme Outdoor via Pinnacle, " in answer.content.decode()
    assert MediaBuy.objects.values().get() == before


def test_a_buy_is_rejected_with_a_reason(staff_client: Client, buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    answer = staff_client.post(
        page(buy, "reject"), {"reason": "Sold out.", "shown_revision": buy.revision}, follow=True
    )

    buy.refresh_from_db()
    assert (buy.status, buy.rejection_reason) == ("rejected", "Sold out.")
    assert Event.objects.latest("pk").actor == "seller:approver"
    assert "rejected; the buyer is told." in answer.content.decode()


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"reason": "", "shown_revision": 1}, 200, "This field is required."),
        ({"reason": "Sold out.", "shown_revision": 9}, 409, "has changed since you opened it"),
    ],
)
def test_a_refused_ending_says_why(
    staff_client: Client, buyer: Buyer, form: dict[str, Any], status: int, said: str
) -> None:
    buy = booked_buy(buyer)

    answer = staff_client.post(page(buy, "cancel"), form)

    assert (answer.status_code, said in answer.content.decode()) == (status, True)
    buy.refresh_from_db()
    assert buy.status == "pending_creatives"


def test_archiving_what_is_live_is_refused_in_words(staff_client: Client, buyer: Buyer) -> None:
    buy = booked_buy(buyer)

    shown = staff_client.get(page(buy, "archive")).content.decode()
    answer = staff_client.post(page(buy, "archive"), {"reason": ""})

    assert "It is pending creatives: this cannot be done." in shown
    assert answer.status_code == 409
    assert "only what is over is archived" in answer.content.decode()
    buy.refresh_from_db()
    assert buy.archived_at is None


def test_the_list_hides_the_archive_unless_asked(staff_client: Client, buyer: Buyer) -> None:
    live, ended = booked_buy(buyer), over(buyer, 2)
    media_buy_archive(media_buy_pk=ended.pk, actor="seller:rep", reason="", now=timezone.now())

    assert listed(staff_client) == [live.pk]
    assert listed(staff_client, archive="only") == [ended.pk]
    assert listed(staff_client, archive="with") == [ended.pk, live.pk]
    assert "Not archived, unless searched for" in staff_client.get(LIST).content.decode()


def test_a_search_finds_the_archive_and_says_so(staff_client: Client, buyer: Buyer) -> None:
    ended = over(buyer)
    media_buy_archive(media_buy_pk=ended.pk, actor="seller:rep", reason="", now=timezone.now())

    assert listed(staff_client, q=str(ended.media_buy_id)) == [ended.pk]
    assert listed(staff_client, q="nobody.example") == []
    page = staff_client.get(LIST, {"q": str(ended.media_buy_id)}).content.decode()
    assert "Rejected, archived" in page


def test_several_are_archived_at_once_and_each_refusal_is_named(
    staff_client: Client, buyer: Buyer
) -> None:
    first, second, live = over(buyer), over(buyer, 2), booked_buy(buyer, key="key-0000000000000003")
    chosen = [buy.pk for buy in (first, second, live)]

    answer = staff_client.post(
        LIST, {"action": "archive_selected", "_selected_action": chosen}, follow=True
    )
    [(address, _)] = answer.redirect_chain
    shown = answer.content.decode()
    assert "Archive 3 media buys?" in shown
    assert "This can be done to 2 of the 3" in shown
    assert MediaBuy.objects.filter(archived_at__isnull=False).count() == 0

    done = staff_client.post(address, {"reason": "Billed."}, follow=True).content.decode()

    assert "2 media buys put into the archive." in done
    assert f"{live}: It is pending creatives, and only what is over is archived." in done
    archived = MediaBuy.objects.filter(archived_at__isnull=False)
    assert set(archived.values_list("pk", flat=True)) == {first.pk, second.pk}
    assert set(Event.objects.filter(action="archived").values_list("actor", "summary")) == {
        ("seller:approver", "Billed.")
    }


def test_several_leave_the_archive_at_once(staff_client: Client, buyer: Buyer) -> None:
    ended = over(buyer)
    media_buy_archive(media_buy_pk=ended.pk, actor="seller:rep", reason="", now=timezone.now())

    staff_client.post(f"{LIST}several/unarchive/?ids={ended.pk}", {"reason": ""})

    ended.refresh_from_db()
    assert ended.archived_at is None


@pytest.mark.parametrize("ids", ["", "x", "0", "²", "9" * 30, ",".join(["1"] * 101)])
def test_too_few_and_too_many_are_refused(staff_client: Client, ids: str) -> None:
    answer = staff_client.post(f"{LIST}several/archive/?ids={ids}", {"reason": ""}, follow=True)

    assert "Choose between one and 100 media buys." in answer.content.decode()
    assert Event.objects.count() == 0


@pytest.mark.parametrize("number", ["987654", "²", "9" * 30])
def test_there_is_nothing_behind_an_unknown_number(
    staff_client: Client, approver: User, number: str
) -> None:
    for verb in ("archive", "cancel"):
        assert staff_client.get(f"{LIST}{number}/{verb}").status_code in (301, 302, 404)
        assert (
            staff_client.get(
                reverse(f"admin:mediabuys_mediabuy_{verb}_buy", args=[number])
            ).status_code
            == 404
        )
