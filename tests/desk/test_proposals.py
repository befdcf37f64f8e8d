"""Proposals at the desk: who sees them, who shapes them, and what is refused."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mediabuys.models import Product, Proposal, ProposalEvent
from mediabuys.states import ProposalStatus
from tests.people import Buyer
from tests.trade.proposals import make_committed_proposal, make_draft_proposal

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(buyer: Buyer, catalog: dict[str, Product]) -> Proposal:
    return make_draft_proposal(
        principal=buyer.principal, account=buyer.account, products=[*catalog.values()]
    )


@pytest.fixture
def committed(buyer: Buyer, catalog: dict[str, Product]) -> Proposal:
    return make_committed_proposal(
        principal=buyer.principal,
        account=buyer.account,
        products=[*catalog.values()],
        budget_max=Decimal(20_000),
    )


@pytest.fixture
def rep_client(client: Client, rep: User) -> Client:
    client.force_login(rep)
    return client


def page(proposal: Proposal) -> str:
    return reverse("admin:mediabuys_proposal_change", args=[proposal.pk])


def edit_page(proposal: Proposal) -> str:
    return reverse("admin:mediabuys_proposal_edit", args=[proposal.pk])


def filled(client: Client, proposal: Proposal, **changes: Any) -> dict[str, Any]:
    """Return the form as the page shows it, with changes."""
    form = client.get(edit_page(proposal)).context["form"]
    values = {bound.html_name: "" if bound.value() is None else bound.value() for bound in form}
    values["expires_at"] = timezone.localtime(proposal.expires_at).strftime("%Y-%m-%dT%H:%M:%S")
    if not values.pop("requires_signature"):
        changes.setdefault("requires_signature", "")
    return {**values, **changes}


def share(proposal: Proposal, position: int) -> str:
    return f"share_{proposal.allocations.get(position=position).pk}"


def test_a_viewer_looks_and_changes_nothing(
    client: Client, viewer: User, committed: Proposal
) -> None:
    client.force_login(viewer)

    shown = client.get(page(committed))
    listed = client.get(reverse("admin:mediabuys_proposal_changelist"))
    refused = [
        client.post(reverse(f"admin:mediabuys_proposal_{verb}", args=[committed.pk]), {})
        for verb in ("edit", "withdraw")
    ]

    assert (shown.status_code, listed.status_code) == (200, 200)
    assert b"Edit\xe2\x80\xa6" not in shown.content
    assert [answer.status_code for answer in refused] == [403, 403]
    assert ProposalEvent.objects.count() == 2


@pytest.mark.parametrize("name", ["change", "edit", "withdraw"])
def test_only_staff_come_in(client: Client, draft: Proposal, name: str) -> None:
    address = reverse(f"admin:mediabuys_proposal_{name}", args=[draft.pk])

    answer = client.get(address)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_the_page_says_what_it_is(rep_client: Client, committed: Proposal) -> None:
    text = rep_client.get(page(committed)).content.decode()

    assert "A commitment." in text
    assert committed.io_id is not None
    assert committed.io_id in text
    assert "$20,000" in text
    assert "Pinnacle" in text
    assert "$10,000" in text  # half of it on each product


def test_pages_cost_the_same_whatever_their_size(
    rep_client: Client, buyer: Buyer, catalog: dict[str, Product]
) -> None:
    costs = []
    for count in (1, 2):
        proposal = make_draft_proposal(
            principal=buyer.principal,
            account=buyer.account,
            products=[*catalog.values()][:count],
            brief=f"brief {count}",
        )
        spent = []
        for address in (page(proposal), reverse("admin:mediabuys_proposal_changelist")):
            rep_client.get(address)
            with CaptureQueriesContext(connection) as captured:
                rep_client.get(address)
            spent.append(len(captured))
        costs.append(spent)

    assert costs[0] == costs[1]


def test_a_rep_shapes_a_draft(rep_client: Client, draft: Proposal) -> None:
    values = filled(
        rep_client,
        draft,
        name="Spring for Acme",
        recommended_budget="12000",
        payment_terms="net_60",
        **{share(draft, 0): "75.5", share(draft, 1): "24.5"},
    )

    answer = rep_client.post(edit_page(draft), values)

    draft.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, page(draft))
    assert (draft.name, draft.recommended_budget) == ("Spring for Acme", Decimal(12_000))
    assert [row.percentage for row in draft.allocations.order_by("position")] == [
        Decimal("75.5"),
        Decimal("24.5"),
    ]
    entry = draft.events.latest("pk")
    assert (entry.action, entry.actor) == ("revised", "seller:rep")
    assert entry.summary.startswith("Name: “Spring plan” → “Spring for Acme”; Payment terms: ")
    assert "Share of Homepage: 50 % → 75.5 %; Share of Run Of Site: 50 % → 24.5 %" in entry.summary
    assert "insertion order" not in entry.summary


def test_saving_what_is_there_records_nothing(rep_client: Client, committed: Proposal) -> None:
    rep_client.post(edit_page(committed), filled(rep_client, committed))

    again = Proposal.objects.get()
    assert (again.io_id, again.updated_at) == (committed.io_id, committed.updated_at)
    assert again.events.count() == 2


def test_new_terms_of_a_commitment_are_a_new_insertion_order(
    rep_client: Client, committed: Proposal
) -> None:
    price = f"price_{committed.allocations.get(position=0).pk}"
    shown = rep_client.get(edit_page(committed)).content.decode()

    rep_client.post(edit_page(committed), filled(rep_client, committed, **{price: "8.5"}))

    again = Proposal.objects.get()
    assert "a signature under the former one no longer counts" in shown
    assert again.status == ProposalStatus.COMMITTED
    assert again.allocations.get(position=0).unit_price == Decimal("8.5")
    assert again.io_id != committed.io_id
    assert again.events.latest("pk").summary == (
        f"Price of Homepage: USD 10 → USD 8.5; New insertion order {again.io_id}"
    )


def test_a_longer_time_is_the_same_insertion_order(rep_client: Client, committed: Proposal) -> None:
    later = timezone.now() + timedelta(days=10)
    values = filled(rep_client, committed, expires_at=f"{later:%Y-%m-%dT%H:%M:%S}")

    rep_client.post(edit_page(committed), values)

    again = Proposal.objects.get()
    assert again.expires_at == later.replace(microsecond=0)
    assert again.io_id == committed.io_id


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"share": "60"}, 409, "The shares are 110 % together."),
        ({"share": "0"}, 409, "Every share is more than zero."),
        ({"share": "x"}, 422, "Enter a number."),
        ({"share": "NaN"}, 422, "Enter a number."),
        ({"minimum_budget": "30000"}, 409, "is not between the least and the largest"),
        ({"maximum_budget": "-1"}, 422, "greater than or equal to 0"),
        ({"minimum_budget": "9", "maximum_budget": "8"}, 409, "is under the least one"),
        ({"expires_at": "2020-01-01T00:00:00"}, 409, "This time is over."),
        ({"payment_terms": "never"}, 422, "Select a valid choice"),
        ({"terms_url": "javascript:alert(1)"}, 422, "Write an https address."),
        ({"signing_url": "http://sign.example/"}, 422, "Write an https address."),
        ({"name": ""}, 422, "This field is required."),
        ({"shown_at": "yesterday"}, 422, "Open the page again."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    rep_client: Client, committed: Proposal, changes: dict[str, Any], status: int, words: str
) -> None:
    if "share" in changes:
        changes = {share(committed, 0): changes["share"]}
    before = Proposal.objects.values().get(), [*committed.allocations.values()]

    answer = rep_client.post(edit_page(committed), filled(rep_client, committed, **changes))

    assert answer.status_code == status
    assert words in answer.content.decode()
    assert (Proposal.objects.values().get(), [*committed.allocations.values()]) == before
    assert ProposalEvent.objects.count() == 2


def test_who_saw_an_older_one_does_not_overwrite_it(
    rep_client: Client, committed: Proposal
) -> None:
    first = filled(rep_client, committed, name="First")
    second = filled(rep_client, committed, name="Second")
    rep_client.post(edit_page(committed), first)

    answer = rep_client.post(edit_page(committed), second)

    assert answer.status_code == 409
    assert "changed while you were looking" in answer.content.decode()
    assert Proposal.objects.get().name == "First"


def test_withdrawing_asks_once_more(rep_client: Client, committed: Proposal) -> None:
    address = reverse("admin:mediabuys_proposal_withdraw", args=[committed.pk])
    asked = rep_client.get(address)
    without_reason = rep_client.post(address, {"reason": " "})
    assert Proposal.objects.get().status == ProposalStatus.COMMITTED

    done = rep_client.post(address, {"reason": "Sold out"})
    again = rep_client.post(address, {"reason": "Sold out"})
    edited = rep_client.get(edit_page(committed))

    assert (asked.status_code, without_reason.status_code) == (200, 200)
    assert (done.status_code, again.status_code) == (302, 409)
    assert Proposal.objects.get().status == ProposalStatus.WITHDRAWN
    entry = ProposalEvent.objects.latest("pk")
    assert (entry.action, entry.actor, entry.summary) == ("withdrawn", "seller:rep", "Sold out")
    assert b"Save" not in edited.content


@pytest.mark.parametrize("address", ["0", "999999", "x", "9" * 30])
def test_there_is_no_such_page(rep_client: Client, address: str) -> None:
    assert rep_client.get(f"/admin/mediabuys/proposal/{address}/change/").status_code == 404
